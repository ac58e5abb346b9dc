"""Serves Keystone or Placement, or a Neutron that has nothing: serve.py keystone|placement|neutron PORT."""

import http.server
import json
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


class Empty(http.server.BaseHTTPRequestHandler):
    """Every collection is there and empty."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def answer(self):
        parts = [part for part in self.path.split("?")[0].split("/") if part]
        if not parts:
            address = f"http://127.0.0.1:{self.server.server_port}/v2.0/"
            body = {"versions": [{"id": "v2.0", "status": "CURRENT", "links": [{"rel": "self", "href": address}]}]}
        else:
            body = {parts[-1].removesuffix(".json").replace("-", "_"): []}
        text = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = answer


def main():
    which, port = sys.argv[1], int(sys.argv[2])
    # What the services read from their own command line is not ours.
    sys.argv = sys.argv[:1]
    if which == "neutron":
        http.server.ThreadingHTTPServer(("127.0.0.1", port), Empty).serve_forever()
    if which == "keystone":
        from keystone.server.wsgi import initialize_public_application
        application = initialize_public_application()
    else:
        from placement.wsgi import init_application
        application = init_application()
    simple_server.make_server("127.0.0.1", port, application, Threads, Quiet).serve_forever()


main()
