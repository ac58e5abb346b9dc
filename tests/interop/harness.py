"""What every interop check stands on: a real server, users, events, requests.

Nothing here knows a client library but ncclient, which records the events of a
whole run; the other clients are in clients.py.
"""

import contextlib
import dataclasses
import datetime
import os
import pathlib
import re
import select
import shutil
import signal
import subprocess
import tempfile
import threading
import time

from lxml import etree
from ncclient import manager

BASE = "urn:ietf:params:xml:ns:netconf:base:1.0"
NOTIFICATION = "urn:ietf:params:xml:ns:netconf:notification:1.0"
NETMOD = "urn:ietf:params:xml:ns:netmod:notification"
MONITORING = "urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring"
ESC = "http://www.cisco.com/esc/esc"
LIFELINE = "urn:lifeline:yang:lifeline"
SIM = "urn:lifeline:yang:lifeline-sim"

# How long anything may take that should take a second or two; the machine may be busy.
PATIENCE = 40


class Failure(AssertionError):
    """A check that did not hold."""


def expect(condition, message):
    """Fails with `message` unless `condition` holds."""
    if not condition:
        raise Failure(message)


def expect_equal(got, wanted, what):
    """Fails unless both are equal, and shows both."""
    if got != wanted:
        raise Failure(f"{what}:\n      got    {got}\n      wanted {wanted}")


def until(condition, what, patience=PATIENCE, pause=0.05):
    """Waits until `condition()` is true and returns its value."""
    deadline = time.monotonic() + patience
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Failure(f"waited {patience} s in vain: {what}")
        time.sleep(pause)


def now():
    """The present as a startTime or stopTime."""
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="microseconds")


# ---------------------------------------------------------------- the server


class Server:
    """One `lifeline serve` with its own data directory and users."""

    user, password = "operator", "correct horse 7"

    def __init__(self, binary, name):
        self.binary = os.path.abspath(binary)
        self.home = pathlib.Path(tempfile.mkdtemp(prefix=f"lifeline-{name}-"))
        self.data = self.home / "data"
        self.log = self.home / "server.log"
        self.config = None
        # The VIM of its deployments, where a check is told over several; see clouds.py.
        self.vim = None
        self.process = None
        self.host, self.port = "127.0.0.1", 0
        # Port of SOL003 over HTTP; None: not served, 0: any. And more arguments.
        self.http, self.arguments = None, []
        self.keys = {}
        for kind in ("ed25519", "ecdsa", "rsa"):
            path = self.home / f"key-{kind}"
            # paramiko's PKey.from_path reads ecdsa keys in this form only.
            form = ["-m", "PEM"] if kind != "ed25519" else []
            subprocess.run(
                ["ssh-keygen", "-q", "-t", kind, *form, "-N", "", "-C", "", "-f", str(path)],
                check=True,
                stdin=subprocess.DEVNULL,
            )
            self.keys[kind] = str(path)

    @property
    def key(self):
        """The private key file used unless a check is about keys."""
        return self.keys["ed25519"]

    def cli(self, *arguments, stdin="", check=True):
        """Runs the binary to its end and returns what it did."""
        done = subprocess.run(
            [self.binary, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if check and done.returncode != 0:
            raise Failure(f"lifeline {' '.join(arguments)}: exit {done.returncode}: {done.stderr.strip()}")
        return done

    def add_users(self):
        """Adds the user that every check logs in as, by password and by key."""
        keys = [part for key in self.keys.values() for part in ("--authorized-key", key + ".pub")]
        self.cli(
            "user", "add", self.user, "--data-dir", str(self.data), "--password-stdin", *keys,
            stdin=self.password + "\n",
        )

    def start(self):
        """Starts serving and waits for the ready line."""
        command = [self.binary, "serve", "--data-dir", str(self.data), "--netconf", f"127.0.0.1:{self.port}"]
        if self.config:
            path = self.home / "lifeline.toml"
            path.write_text(self.config)
            command += ["--config", str(path)]
        if self.http is not None:
            command += ["--http", f"127.0.0.1:{self.http}"]
        command += self.arguments
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + 60
        self.port = self._ready("netconf", deadline)
        if self.http is not None:
            self.http = self._ready("http", deadline)
        return self

    def _ready(self, what, deadline):
        """Reads a ready line and returns the port it names."""
        line = b""
        while not line.endswith(b"\n"):
            ready, _, _ = select.select([self.process.stdout], [], [], max(0, deadline - time.monotonic()))
            byte = os.read(self.process.stdout.fileno(), 1) if ready else b""
            if not byte:
                raise Failure(f"the server did not get ready: {line!r}\n{self.tail()}")
            line += byte
        match = re.fullmatch(rf"listening {what} (\S+):(\d+)\n", line.decode())
        expect(match, f"ready line: {line!r}")
        return int(match[2])

    def terminate(self, patience=20):
        """Asks for an orderly end and returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(patience)
        except subprocess.TimeoutExpired:
            raise Failure(f"SIGTERM: still running after {patience} s\n{self.tail()}") from None
        self.process.stdout.close()
        return code

    def kill(self):
        """Ends it as a power cut would."""
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def dispose(self, keep=False):
        """Ends it whatever it does, and removes its files."""
        if self.process and self.process.poll() is None:
            self.kill()
        if not keep:
            shutil.rmtree(self.home, ignore_errors=True)

    @property
    def ended(self):
        """How it ended, if it did."""
        return self.process and self.process.poll()

    def tail(self, lines=25):
        """The end of its log."""
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def connect(self, **more):
        """A session of ncclient."""
        arguments = {
            "host": self.host,
            "port": self.port,
            "username": self.user,
            "key_filename": self.key,
            "hostkey_verify": False,
            "allow_agent": False,
            "look_for_keys": False,
            "timeout": PATIENCE,
        }
        arguments.update(more)
        return manager.connect(**{name: value for name, value in arguments.items() if value is not None})


    @contextlib.contextmanager
    def session(self):
        """A session of ncclient that may find the server gone when it closes."""
        session = self.connect()
        try:
            yield session
        finally:
            part(session)


def part(session):
    """Closes a session of ncclient whose server may be gone, or may have ended it."""
    # Without an answer ncclient waits for its whole timeout, even when the connection is lost.
    session.timeout = 3
    try:
        session.close_session()
    except Exception:  # nobody is there
        pass


# ------------------------------------------------------------------- events

ORDER = (
    "status status_code status_message network subnet image flavor depname tenant tenant_id "
    "svcid depid vm_group vm_source vm_target event"
).split()
INTERFACE_ORDER = "nicid type port_id network subnet ip_address mac_address netmask gateway".split()
# Where interfaces stand, and in which of the two VMs.
INTERFACES = {
    "VM_DEPLOYED": "vm_source",
    "VM_RECOVERY_DEPLOYED": "vm_target",
    "VM_RECOVERY_COMPLETE": "vm_target",
    "VM_SCALE_OUT_DEPLOYED": "vm_target",
    "VM_SCALE_OUT_COMPLETE": "vm_target",
}
RESOURCE = re.compile(r"(CREATE|DELETE)_(TENANT|NETWORK|SUBNET|IMAGE|FLAVOR)")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.(\d{3}|\d{6})\+00:00")


@dataclasses.dataclass
class Event:
    """One escEvent as a client received it."""

    raw: str
    time: str
    node: etree._Element

    @classmethod
    def parse(cls, raw):
        """Reads a notification; None when it is no escEvent."""
        root = etree.fromstring(raw.encode() if isinstance(raw, str) else raw)
        node = root.find(f"{{{ESC}}}escEvent")
        if node is None:
            return None
        return cls(clean(raw), root.findtext(f"{{{NOTIFICATION}}}eventTime"), node)

    def text(self, path):
        """Text of a descendant, or None."""
        return self.node.findtext("/".join(f"{{{ESC}}}{part}" for part in path.split("/")))

    @property
    def type(self):
        return self.text("event/type")

    @property
    def word(self):
        """Type, and FAILURE when it is one: what the tables of the checks are written in."""
        return self.type if self.text("status") == "SUCCESS" else f"{self.type} {self.text('status')}"

    @property
    def source(self):
        return self.text("vm_source/vmid")

    @property
    def target(self):
        return self.text("vm_target/vmid")

    def check_shape(self):
        """Order of the elements, codes, and where interfaces stand."""
        here = f"{self.type} at {self.time}"
        names = [etree.QName(child).localname for child in self.node if etree.QName(child).namespace == ESC]
        expect_equal(names, [name for name in ORDER if name in names], f"{here}: order of elements")
        for name in ("status", "status_code", "status_message", "vm_source", "vm_target", "event"):
            expect(name in names, f"{here}: no <{name}>")
        if not RESOURCE.fullmatch(self.type):
            for name in ("depname", "tenant", "tenant_id", "svcid", "depid"):
                expect(name in names, f"{here}: no <{name}>")
            expect_equal(self.text("svcid"), "NULL", f"{here}: svcid")
        if self.type.startswith("VM_"):
            expect(self.text("vm_group"), f"{here}: no <vm_group>")
        expect(TIME.fullmatch(self.time), f"{here}: eventTime {self.time}")
        wanted = {"SUCCESS": ("200", "204"), "FAILURE": ("500",)}.get(self.text("status"))
        expect(wanted and self.text("status_code") in wanted, f"{here}: code {self.text('status_code')}")
        if self.type == "VM_RECOVERY_UNDEPLOYED" and self.text("status") == "SUCCESS":
            expect_equal(self.text("status_code"), "204", here)
        for side in ("vm_source", "vm_target"):
            vm = self.node.find(f"{{{ESC}}}{side}")
            inside = [etree.QName(child).localname for child in vm]
            wanted = [name for name in ("vmid", "hostid", "hostname", "interfaces") if name in inside]
            expect_equal(inside, wanted, f"{here}: {side}")
            if "interfaces" in inside:
                expect_equal(INTERFACES.get(self.type), side, f"{here}: interfaces stand in {side}")
                for interface in vm.iter(f"{{{ESC}}}interface"):
                    got = [etree.QName(child).localname for child in interface]
                    expect_equal(got, [n for n in INTERFACE_ORDER if n in got], f"{here}: interface")
            elif inside and INTERFACES.get(self.type) == side and self.text("status") == "SUCCESS":
                raise Failure(f"{here}: no interfaces in {side}")
        if etree.QName(self.node).namespace == ESC:
            foreign = [child.tag for child in self.node.iter(etree.Element) if etree.QName(child).namespace != ESC]
            expect_equal(foreign, [], f"{here}: elements that ESC does not know")


def clean(raw):
    """A notification without XML declaration and surrounding white space."""
    text = raw.decode() if isinstance(raw, bytes) else raw
    return re.sub(r"^\s*<\?xml[^>]*\?>\s*", "", text).strip()


def kind(raw):
    """Local name of what a notification holds besides its time."""
    root = etree.fromstring(clean(raw).encode())
    return [etree.QName(child).localname for child in root if etree.QName(child).localname != "eventTime"][0]


class Recorder:
    """A subscriber that keeps every event of a run and lets checks wait for theirs."""

    def __init__(self, server, stream="escEvent", start=None):
        self.stream = stream
        self.session = server.connect()
        self.events, self.other = [], []
        self.changed = threading.Condition()
        self.closed = False
        self.session.create_subscription(stream_name=stream, start_time=start)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        while not self.closed:
            notification = self.session.take_notification(block=True, timeout=0.5)
            if notification is None:
                continue
            raw = notification.notification_xml
            event = Event.parse(raw)
            with self.changed:
                (self.other if event is None else self.events).append(event or clean(raw))
                self.changed.notify_all()

    def of(self, deployment):
        """Events of one deployment so far."""
        with self.changed:
            return [event for event in self.events if event.text("depname") == deployment]

    def wait(self, what, test, patience=PATIENCE):
        """Waits until `test()` is true; called whenever an event came."""
        deadline = time.monotonic() + patience
        with self.changed:
            while not test():
                left = deadline - time.monotonic()
                if left <= 0:
                    raise Failure(f"waited {patience} s in vain for {what}")
                self.changed.wait(left)

    def close(self):
        self.closed = True
        part(self.session)


class Thread:
    """The events of one deployment, read one after the other."""

    def __init__(self, recorder, deployment):
        self.recorder, self.deployment, self.at = recorder, deployment, 0
        # What was taken, as it is whatever the VIM; see `Told`.
        self.told = Told()

    def pending(self):
        """Events that came and were not read yet."""
        return self.recorder.of(self.deployment)[self.at :]

    def take(self, *words, patience=PATIENCE):
        """Waits for exactly these events in this order and returns them.

        A word that ends in `?` may be missing; a tuple of words may come in any order.
        """
        got = []
        for word in words:
            if isinstance(word, tuple):
                wanted, came = list(word), []
                while wanted:
                    event = self._next(" or ".join(wanted), patience)
                    if event.word not in wanted:
                        raise self._unexpected(event, " or ".join(wanted))
                    wanted.remove(event.word)
                    came.append(self._accept(event))
                self.told.add_any_order(came)
                got += came
            elif word.endswith("?"):
                # Only known to be missing once another event stands in its place.
                event = self._next(word, patience)
                if event.word == word[:-1]:
                    got.append(self._accept(event))
            else:
                event = self._next(word, patience)
                if event.word != word:
                    raise self._unexpected(event, word)
                got.append(self._accept(event))
                self.told.add(event)
        return got

    def maybe(self, word, wait=1.5):
        """Takes one more event if it comes within `wait` seconds."""
        try:
            event = self._next(word, wait)
        except Failure:
            return None
        if event.word != word:
            return None
        return self._accept(event)

    def quiet(self, seconds):
        """Fails when anything comes within `seconds`."""
        time.sleep(seconds)
        came = [event.word for event in self.pending()]
        expect_equal(came, [], f"{self.deployment}: {seconds} s of quiet")

    def _next(self, word, patience):
        def there():
            return len(self.recorder.of(self.deployment)) > self.at

        try:
            self.recorder.wait("", there, patience)
        except Failure:
            before = [event.word for event in self.recorder.of(self.deployment)]
            raise Failure(f"{self.deployment}: waited {patience} s in vain for {word}; so far {before}") from None
        return self.recorder.of(self.deployment)[self.at]

    def _accept(self, event):
        self.at += 1
        event.check_shape()
        return event

    def _unexpected(self, event, word):
        before = [event.word for event in self.recorder.of(self.deployment)[: self.at]]
        return Failure(
            f"{self.deployment}: wanted {word} after {before},\n      got {event.word}: {event.text('status_message')}"
        )


class Told:
    """Events without what differs from VIM to VIM and from run to run.

    Ids stand for themselves as #1, #2 in the order they came; of a failure's history the first line is kept, which
    is ours, and the rest is left out, which is the VIM's.
    """

    def __init__(self):
        self.lines, self.ids = [], {}
        self.stopped = False

    def stop(self):
        """What follows depends on what a VIM can do."""
        self.stopped = True

    def add(self, event):
        """The next event."""
        if not self.stopped:
            self.lines.append(self._line(event))

    def add_any_order(self, events):
        """Events whose order nobody promises."""
        if not self.stopped:
            self.lines += sorted(self._line(event, ids=False) for event in events)

    def _line(self, event, ids=True):
        def vm(side):
            vmid = event.text(f"{side}/vmid")
            number = (self.ids.setdefault(vmid, f"#{len(self.ids) + 1}") if ids else "#") if vmid else "-"
            count = sum(1 for _ in event.node.find(f"{{{ESC}}}{side}").iter(f"{{{ESC}}}interface"))
            return f"{number}/{count}"

        message = event.text("status_message")
        if message.startswith("Error Messages: "):
            message = message.split("; ")[0]
        message = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "*", message)
        message = re.sub(r"ID: \[[^]]*\]", "ID: [*]", message)
        where = "/".join(str(event.text(name)) for name in ("depname", "vm_group", "network", "subnet"))
        return f"{event.word} {event.text('status_code')} {where} {vm('vm_source')} {vm('vm_target')} {message}"


# ----------------------------------------------------------------- requests


def leaf(name, value):
    return "" if value is None else f"<{name}>{value}</{name}>"


def group(
    name="fw",
    image="edge-os",
    flavor="small",
    network="lan",
    bootup=8,
    wait=0,
    policy="REBOOT_THEN_REDEPLOY",
    kind="AUTO",
    retries=None,
    active=1,
    monitored=True,
    recover=True,
    poll=1,
    truths=1,
):
    """A vm_group as an operator writes it; `truths`: answers in a row that make it alive."""
    kpi = f"""
      <kpi_data><enabled>true</enabled><kpi>
        <event_name>VM_ALIVE</event_name>
        <metric_value>1</metric_value><metric_cond>GT</metric_cond><metric_type>UINT32</metric_type>
        <metric_occurrences_true>{truths}</metric_occurrences_true><metric_occurrences_false>1</metric_occurrences_false>
        <metric_collector>
          <type>ICMPPing</type><nicid>0</nicid><poll_frequency>{poll}</poll_frequency>
          <polling_unit>seconds</polling_unit><continuous_alarm>false</continuous_alarm>
        </metric_collector>
      </kpi></kpi_data>
      <rules><admin_rules><rule>
        <event_name>VM_ALIVE</event_name>
        <action>ALWAYS log</action><action>TRUE servicebooted.sh</action>
        {"<action>FALSE recover autohealing</action>" if recover else ""}
      </rule></admin_rules></rules>"""
    return f"""
    <vm_group>
      <name>{name}</name><image>{image}</image><flavor>{flavor}</flavor>
      <bootup_time>{bootup if monitored else -1}</bootup_time><recovery_wait_time>{wait}</recovery_wait_time>
      <recovery_policy>
        <recovery_type>{kind}</recovery_type><action_on_recovery>{policy}</action_on_recovery>
        {leaf("max_retries", retries)}
      </recovery_policy>
      <interfaces><interface><nicid>0</nicid><network>{network}</network></interface></interfaces>
      {kpi if monitored else ""}
      <scaling><min_active>{active}</min_active><max_active>{max(active, 4)}</max_active><elastic>true</elastic></scaling>
    </vm_group>"""


def network(name, subnet="10.77.0.0"):
    """A network with one subnet."""
    gateway = subnet.rsplit(".", 1)[0] + ".1"
    return f"""
    <network><name>{name}</name><shared>false</shared><admin_state>true</admin_state>
      <subnet><name>{name}-subnet</name><ipversion>ipv4</ipversion><dhcp>true</dhcp>
        <address>{subnet}</address><netmask>255.255.255.0</netmask><gateway>{gateway}</gateway></subnet>
    </network>"""


def in_tenant(tenant, content, operation=""):
    """A <config> with content inside one tenant."""
    return f"""<config xmlns="{BASE}" xmlns:nc="{BASE}"><esc_datamodel xmlns="{ESC}"><tenants>
      <tenant{operation}><name>{tenant}</name>{content}</tenant>
    </tenants></esc_datamodel></config>"""


def deployment(tenant, name, *groups, networks="", operation=""):
    """A <config> with one deployment."""
    inner = f"<networks>{networks}</networks>" if networks else ""
    return in_tenant(
        tenant,
        f"<deployments><deployment{operation}><name>{name}</name>{inner}{''.join(groups)}</deployment></deployments>",
    )


def undeployment(tenant, name):
    """A <config> that deletes one deployment."""
    return deployment(tenant, name, operation=' nc:operation="delete"')


CATALOGUE = f"""<config xmlns="{BASE}"><esc_datamodel xmlns="{ESC}">
  <images>
    <image><name>edge-os</name><src>http://images.example/edge-os.qcow2</src><disk_format>qcow2</disk_format></image>
    <image><name>edge-os-2</name><src>http://images.example/edge-os-2.qcow2</src><disk_format>qcow2</disk_format></image>
  </images>
  <flavors>
    <flavor><name>small</name><vcpus>1</vcpus><memory_mb>512</memory_mb><root_disk_mb>1024</root_disk_mb></flavor>
    <flavor><name>large</name><vcpus>2</vcpus><memory_mb>1024</memory_mb><root_disk_mb>1024</root_disk_mb></flavor>
  </flavors>
</esc_datamodel></config>"""


def inject(fault, vm=None, host=None, times=None, messages=(), duration=None):
    """The RPC that makes the simulated VIM misbehave."""
    lines = "".join(f"<message>{line}</message>" for line in messages)
    return (
        f'<inject xmlns="{SIM}">{leaf("vm-name", vm)}{leaf("host", host)}<fault>{fault}</fault>'
        f"{leaf('times', times)}{lines}{leaf('duration', duration)}</inject>"
    )


def clear(vm=None):
    """The RPC that makes it behave again."""
    return f'<clear xmlns="{SIM}">{leaf("vm-name", vm)}</clear>'


def service_action(action, tenant, name):
    return (
        f'<serviceAction xmlns="{ESC}"><actionType>{action}</actionType><tenantName>{tenant}</tenantName>'
        f"<depName>{name}</depName><serviceName>-</serviceName><serviceVersion>-</serviceVersion></serviceAction>"
    )


def vm_action(action, vm):
    return f'<vmAction xmlns="{ESC}"><actionType>{action}</actionType><vmName>{vm}</vmName></vmAction>'


def recovery_action(action, vm):
    return f'<recoveryVmAction xmlns="{ESC}"><actionType>{action}</actionType><vmName>{vm}</vmName></recoveryVmAction>'


# ------------------------------------------------------------------- opdata


def opdata_path(tenant, name):
    """The path as clients of ESC send it: no prefixes."""
    return f'/esc_datamodel/opdata/tenants/tenant[name="{tenant}"]/deployments[deployment_name="{name}"]'


@dataclasses.dataclass
class Vm:
    name: str
    id: str
    group: str
    host: str
    state: str
    addresses: list


@dataclasses.dataclass
class Opdata:
    """What opdata says of one deployment."""

    state: str
    deployment_id: str
    vms: list

    @classmethod
    def parse(cls, data, name):
        """Reads a reply's <data>; None when the deployment is not there."""

        def q(path):
            return "/".join(f"{{{ESC}}}{part}" for part in path.split("/"))

        for node in data.iter(f"{{{ESC}}}deployments"):
            if node.findtext(q("deployment_name")) != name:
                continue
            states = {
                machine.findtext(q("vm_name")): machine.findtext(q("state"))
                for machine in node.iter(f"{{{ESC}}}vm_state_machine")
            }
            vms = []
            for vm_group in node.findall(q("vm_group")):
                for vm in vm_group.findall(q("vm_instance")):
                    vm_name = vm.findtext(q("name"))
                    vms.append(
                        Vm(
                            vm_name,
                            vm.findtext(q("vm_id")),
                            vm_group.findtext(q("name")),
                            vm.findtext(q("hostname")),
                            states.get(vm_name),
                            [found.text for found in vm.iter(f"{{{ESC}}}ip_address")],
                        )
                    )
            expect(
                {vm.name for vm in vms} <= set(states),
                f"{name}: VMs {[vm.name for vm in vms]} but state machines {sorted(states)}",
            )
            return cls(node.findtext(q("state_machine/state")), node.findtext(q("deployment_id")), vms)
        return None

    @property
    def vm(self):
        expect_equal(len(self.vms), 1, "number of VMs")
        return self.vms[0]


def opdata(session, tenant, name):
    """Asks for opdata with ncclient."""
    reply = session.get(filter=("xpath", opdata_path(tenant, name)))
    return Opdata.parse(etree.fromstring(reply.data_xml.encode()), name)
