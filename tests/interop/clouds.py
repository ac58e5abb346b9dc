"""The VIMs over which the scenario table is told.

`Embedded` is the simulated VIM inside the server. Every other one is a cloud of its own, `lifeline sim`, with the
server's driver at one of its faces; its guests answer at addresses of their own on this machine. What a scenario
asks of a VIM is the same for all; what a VIM does in a way of its own stands in its entry of `FACES`.
"""

import dataclasses
import re

import clients
import faces
import harness as h

# Tenants of the scenarios: in some clouds accounts that exist are used, and none are made.
TENANTS = ["works", "acme", *(f"story-{number}" for number in range(len(clients.ALL)))]

# What is in every one, and takes as long as in the embedded VIM.
CLOUD = """
[cloud]
images = ["edge-os", "edge-os-2"]

[cloud.latency]
create-ms = {create}
boot-ms = {boot}
reboot-ms = 300
delete-ms = 200
start-ms = 200
stop-ms = 200
resize-ms = 400
"""

# A driver that looks often, and gives up what hangs before its check does. The bounds are those of a cloud on a
# loopback address.
BRISK = """
[probe]
tcp-port = {port}
spread-ms = {spread}

[vim-{name}]
request-timeout-ms = 1500
backoff-base-ms = 50
backoff-max-ms = 200
down-pause-ms = 200
landing-bound-ms = 2500
poll-ms = 100
"""


@dataclasses.dataclass(frozen=True)
class Face:
    """How a driver reaches its face, and what is peculiar to it."""

    kind: str
    # The face, as `lifeline sim` calls it.
    at: str
    # Path of the API at the face's address.
    path: str
    user: str
    tenant: str
    secret: str
    properties: tuple = ()
    # More of them, by which a request's target says what it is for.
    wire: tuple = ()
    # Settings of `lifeline sim`.
    sim: str = ""
    # Whether a user can make tenants in it.
    makes_tenants: bool = False
    # Whether a user can make networks in it; where not, there is one, `lan`.
    makes_networks: bool = True
    # Whether a connector has one tenant, its own.
    one_tenant: bool = False
    # Whether its sessions can expire.
    has_sessions: bool = True
    # Requests by what they do: method and a part of the target.
    create: tuple = ("POST", "")
    remove: tuple = ("POST", "")
    reboot: tuple = ("POST", "")
    look: tuple = ("GET", "")
    # Faults that have the same effect there under another name.
    faults: dict = dataclasses.field(default_factory=dict)


def accounts():
    """CloudStack's accounts are made by its administrators."""
    table = '[[cloudstack.accounts]]\nname = "{0}"\napi-key = "{0}-key"\nsecret-key = "{0}-secret"\nadmin = {1}\n'
    return "".join(table.format(name, str(name == "admin").lower()) for name in ["admin", *TENANTS])


FACES = {
    "openstack": Face(
        kind="OPENSTACK",
        at="nova",
        path="/identity/v3",
        user="admin",
        tenant="admin",
        secret="lifeline",
        makes_tenants=True,
        create=("POST", "/servers"),
        remove=("DELETE", "/servers"),
        reboot=("POST", "/action"),
        look=("GET", "/servers"),
    ),
    "cloudstack": Face(
        kind="CLOUDSTACK",
        at="cloudstack",
        path="/client/api",
        user="admin-key",
        tenant="admin",
        secret="admin-secret",
        sim=accounts(),
        has_sessions=False,
        wire=(("http_method", "get"),),
        create=("GET", "command=deployVirtualMachine"),
        remove=("GET", "command=destroyVirtualMachine"),
        # of a VM that crashed
        reboot=("GET", "command=startVirtualMachine"),
        look=("GET", "command=listVirtualMachines"),
        # A VM that crashed is stopped there, and rebooted by a start.
        faults={"reboot-fails": "start-fails"},
    ),
    "vcloud": Face(
        kind="VCLOUD",
        at="vcloud",
        path="",
        user="admin",
        tenant="admin",
        secret="lifeline",
        sim='[[cloud.networks]]\nname = "lan"\nsubnets = [{ name = "lan-subnet", cidr = "LAN" }]\n',
        makes_networks=False,
        one_tenant=True,
        create=("POST", "/instantiateVAppTemplate"),
        remove=("DELETE", "/vApp/"),
        reboot=("POST", "/power/action/"),
        # As in CloudStack.
        faults={"reboot-fails": "start-fails"},
    ),
}
NAMES = ["sim", *FACES]


class Embedded:
    """The simulated VIM inside the server."""

    name = "sim"
    config = None
    connector = None
    ended = None

    @staticmethod
    def dispose(_keep=False):
        """Ends with its server."""

    @staticmethod
    def dress(config):
        """A request as it is sent to a server with this VIM."""
        return config

    @staticmethod
    def address(text):
        """An address as it is written in such a request."""
        return text

    @staticmethod
    def tenant(name):
        """A tenant's name, as it is written in such a request."""
        return name

    @staticmethod
    def subnet(wanted, _shared):
        """The subnet of a tenant's network `lan`: a tenant's own, or the one that all share."""
        return wanted

    @staticmethod
    def inject(ask, fault, vm=None, host=None, times=None, messages=(), duration=None):
        ask(h.inject(fault, vm=vm, host=host, times=times, messages=messages, duration=duration))

    @staticmethod
    def clear(ask, vm=None):
        ask(h.clear(vm))

    @staticmethod
    def check_history(got, wanted, what):
        """A failure's message, line by line."""
        h.expect_equal(got, "; ".join(wanted), what)


class Cloud:
    """A cloud of its own, and the driver that leads to it."""

    def __init__(self, binary, name, create=300, boot=300, spread=3000, lan="127.77.0.0/24", wire=False):
        self.name, self.face = name, FACES[name]
        self.properties = self.face.properties + (self.face.wire if wire else ())
        settings = CLOUD.format(create=create, boot=boot) + self.face.sim.replace("LAN", lan)
        self.site = faces.Cloud(binary, (self.face.at, "control", "guests"), settings)
        port = self.site.address["guests"].rsplit(":", 1)[1]
        self.config = BRISK.format(port=port, name=name, spread=spread)
        self.secret = self.site.home / "secret"
        self.secret.write_text(self.face.secret + "\n")

    @property
    def connector(self):
        """Makes it the VIM of every deployment that names none."""
        face = self.face
        properties = "".join(
            f"<property><name>{name}</name><value>{value}</value></property>" for name, value in self.properties
        )
        return f"""<config xmlns="{h.BASE}"><esc_datamodel xmlns="{h.ESC}" xmlns:ll="{h.LIFELINE}">
          <vim_connectors><vim_connector><id>{self.name}</id><type>{face.kind}</type>
            <properties>{properties}</properties>
            <ll:url>http://{self.site.address[face.at]}{face.path}</ll:url>
            <ll:user>{face.user}</ll:user><ll:tenant>{face.tenant}</ll:tenant>
            <ll:password-file>{self.secret}</ll:password-file>
          </vim_connector></vim_connectors>
          <default_vim_connector>{self.name}</default_vim_connector>
        </esc_datamodel></config>"""

    def dress(self, config):
        """A request as it is sent to a server with this VIM: guests live where they can be reached."""
        config = config.replace("<type>ICMPPing</type>", "<type>TCPConnect</type>")
        if self.face.one_tenant:
            config = re.sub(r"(<tenant[ >][^<]*<name>)[^<]*", rf"\g<1>{self.face.tenant}", config)
        return re.sub(r"<(address|gateway)>10\.", r"<\1>127.", config)

    @staticmethod
    def address(text):
        return re.sub(r"^10\.", "127.", text)

    def tenant(self, name):
        return self.face.tenant if self.face.one_tenant else name

    def subnet(self, wanted, shared):
        return shared if self.face.one_tenant else wanted

    def inject(self, _ask, fault, vm=None, host=None, times=None, messages=(), duration=None):
        wanted = {"fault": self.face.faults.get(fault, fault), "vm": vm, "host": host, "times": times}
        wanted |= {"messages": list(messages), "duration-ms": duration and int(duration * 1000)}
        self.site.control("POST", "faults", {key: value for key, value in wanted.items() if value})

    def clear(self, _ask, vm=None):
        self.site.control("DELETE", "faults" + (f"?vm={vm}" if vm else ""))

    @staticmethod
    def check_history(got, wanted, what):
        """A failure's message: where the embedded VIM says one sentence, a cloud gives its words and its record."""
        lines, at = got.split("; "), 0
        h.expect(lines[0] == wanted[0] and lines[-1] == wanted[-1], f"{what}: {got}")
        for sentence in wanted:
            # the embedded driver's way to quote
            sentence = sentence.removeprefix("VIM Driver: ")
            found = next((place for place in range(at, len(lines)) if sentence in lines[place]), None)
            h.expect(found is not None, f"{what}: no {sentence!r} in its place in {got}")
            at = found + 1

    def truth(self, deployment=""):
        """The VMs of a deployment, or all there are, whatever the API knows of them."""
        vms = self.site.control("GET", "vms")["vms"]
        return [vm for vm in vms if not deployment or re.match(f"{deployment}[_-]", vm["name"])]

    def breaches(self):
        """How often a copy of a VM came to run beside another."""
        return self.site.control("GET", "")["breaches"]

    @property
    def log(self):
        return self.site.log

    @property
    def ended(self):
        """How it ended, if it did."""
        return self.site.ended

    def tail(self):
        return self.site.tail()

    def dispose(self, keep=False):
        self.site.dispose(keep)


def vim(binary, name, **more):
    """A VIM by its name."""
    return Embedded() if name == "sim" else Cloud(binary, name, **more)
