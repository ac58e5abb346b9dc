"""Stands in for Neutron: as much of its API v2.0 as Nova and its clients ask for. Networks, subnets and ports with
addresses are there; every other collection is there and empty. It carries nothing: the fake hypervisor gives the
addresses of guests that run to the loopback interface.
"""

import http.server
import ipaddress
import json
import threading
import urllib.parse
import urllib.request
import uuid

import cloud

KINDS = {"networks": "network", "subnets": "subnet", "ports": "port"}
EXTENSIONS = ("binding", "security-group", "quotas", "external-net", "provider")
NETWORK = {"admin_state_up": True, "shared": False, "router:external": False, "mtu": 1500, "tags": []}
SUBNET = {"enable_dhcp": True, "dns_nameservers": [], "host_routes": []}
PORT = {
    "admin_state_up": True, "device_id": "", "device_owner": "", "security_groups": [], "tags": [],
    "allowed_address_pairs": [], "extra_dhcp_opts": [], "binding:vnic_type": "normal", "binding:profile": {},
    "binding:vif_type": "ovs", "binding:vif_details": {}, "binding:host_id": "",
}


PROJECTS = {}


def project_of(token):
    """The project a token is for, by Keystone: what is made belongs to it."""
    if token not in PROJECTS:
        request = urllib.request.Request(
            f"{cloud.AT['keystone']}/v3/auth/tokens", headers={"X-Auth-Token": token, "X-Subject-Token": token}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            PROJECTS[token] = json.loads(answer.read())["token"]["project"]["id"]
    return PROJECTS[token]


class Store:
    """Everything there is, while the process lives."""

    def __init__(self):
        self.lock = threading.RLock()
        self.things = {kind: {} for kind in KINDS}

    def create(self, kind, wanted, token):
        project = wanted.get("tenant_id") or wanted.get("project_id") or project_of(token)
        with self.lock:
            thing = {"id": str(uuid.uuid4()), "name": "", **wanted, "project_id": project, "tenant_id": project}
            {"networks": self.network, "subnets": self.subnet, "ports": self.port}[kind](thing)
            self.things[kind][thing["id"]] = thing
            return thing

    def network(self, network):
        for key, value in NETWORK.items():
            network.setdefault(key, value)
        network.update(status="ACTIVE", subnets=[])

    def subnet(self, subnet):
        net = ipaddress.ip_network(subnet["cidr"])
        for key, value in SUBNET.items():
            subnet.setdefault(key, value)
        subnet.setdefault("ip_version", net.version)
        subnet.setdefault("gateway_ip", str(net[1]))
        subnet.setdefault("allocation_pools", [{"start": str(net[2]), "end": str(net[-2])}])
        self.things["networks"][subnet["network_id"]]["subnets"].append(subnet["id"])

    def port(self, port):
        number = uuid.UUID(port["id"]).int
        parts = tuple(number >> shift & 255 for shift in (0, 8, 16))
        port.setdefault("mac_address", "fa:16:3e:%02x:%02x:%02x" % parts)
        for key, value in PORT.items():
            port.setdefault(key, value)
        port["status"] = "ACTIVE"
        known = [self.things["subnets"][key] for key in self.things["networks"][port["network_id"]]["subnets"]]
        fixed = []
        for one in port.get("fixed_ips") or [{}]:
            address = one.get("ip_address")
            for subnet in known:
                other = one.get("subnet_id") not in (None, subnet["id"])
                if other or (address and ipaddress.ip_address(address) not in ipaddress.ip_network(subnet["cidr"])):
                    continue
                fixed.append({"subnet_id": subnet["id"], "ip_address": address or self.free(subnet, fixed)})
                break
        port["fixed_ips"] = fixed

    def free(self, subnet, more):
        taken = {ip["ip_address"] for port in self.things["ports"].values() for ip in port["fixed_ips"]}
        taken |= {ip["ip_address"] for ip in more} | {subnet["gateway_ip"]}
        pool = subnet["allocation_pools"][0]
        first, last = (int(ipaddress.ip_address(pool[end])) for end in ("start", "end"))
        addresses = (str(ipaddress.ip_address(at)) for at in range(first, last + 1))
        return next(address for address in addresses if address not in taken)

    def delete(self, kind, key):
        with self.lock:
            thing = self.things[kind].pop(key)
            if kind == "subnets":
                self.things["networks"][thing["network_id"]]["subnets"].remove(key)


class Neutron(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    store = Store()

    def log_message(self, *args):
        pass

    def answer(self):
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
        path, _, query = self.path.partition("?")
        parts = [urllib.parse.unquote(part).removesuffix(".json") for part in path.split("/") if part]
        if parts[:1] != ["v2.0"]:
            link = {"rel": "self", "href": f"http://127.0.0.1:{self.server.server_port}/v2.0/"}
            status, reply = 200, {"versions": [{"id": "v2.0", "status": "CURRENT", "links": [link]}]}
        else:
            kind, key, *_ = [*parts[1:], None, None]
            try:
                status, reply = self.act(kind or "", key, body, urllib.parse.parse_qs(query))
            except (KeyError, StopIteration) as missing:
                words = f"{kind} {key or missing} could not be found."
                status, reply = 404, {"NeutronError": {"type": "NotFound", "message": words, "detail": ""}}
        text = b"" if reply is None else json.dumps(reply).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = do_PUT = do_DELETE = answer

    def act(self, kind, key, body, query):
        if kind == "extensions":
            return 200, {"extensions": [{"alias": name, "name": name} for name in EXTENSIONS]}
        if kind == "quotas":
            return 200, {"quota": {name: -1 for name in KINDS}}
        if kind not in KINDS:
            return 200, {kind.replace("-", "_"): []}
        word, things = KINDS[kind], self.store.things[kind]
        if self.command == "POST":
            return 201, {word: self.store.create(kind, body[word], self.headers.get("X-Auth-Token", ""))}
        if self.command == "DELETE":
            self.store.delete(kind, key)
            return 204, None
        if self.command == "PUT":
            things[key].update(body[word])
        if key:
            return 200, {word: things[key]}

        def fits(thing):
            asked = ((thing[name], values) for name, values in query.items() if name in thing)
            return all(str(value).lower() in [one.lower() for one in values] for value, values in asked)

        with self.store.lock:
            return 200, {kind: [thing for thing in things.values() if fits(thing)]}


def serve(port):
    http.server.ThreadingHTTPServer(("127.0.0.1", port), Neutron).serve_forever()
