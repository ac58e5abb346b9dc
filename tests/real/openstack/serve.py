"""Serves Keystone or Placement, or what stands in for Neutron: serve.py keystone|placement|neutron PORT."""

import socketserver
import sys
from wsgiref import simple_server


class Threads(socketserver.ThreadingMixIn, simple_server.WSGIServer):
    daemon_threads = True
    request_queue_size = 128


class Quiet(simple_server.WSGIRequestHandler):
    def log_message(self, *args):
        pass

    def address_string(self):
        return self.client_address[0]


def main():
    which, port = sys.argv[1], int(sys.argv[2])
    # What the services read from their own command line is not ours.
    sys.argv = sys.argv[:1]
    if which == "neutron":
        import neutron
        neutron.serve(port)
    if which == "keystone":
        from keystone.server.wsgi import initialize_public_application
        application = initialize_public_application()
    else:
        from placement.wsgi import init_application
        application = init_application()
    simple_server.make_server("127.0.0.1", port, application, Threads, Quiet).serve_forever()


main()
