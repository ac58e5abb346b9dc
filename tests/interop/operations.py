"""Every operation that each client has, by password and by key, over both framings.

Where the other files ask for a rule and take whichever client is at hand, this one walks through a client's own
list: what its classes and its command line offer is called at least once in each way of coming in.
"""

import asyncio
import concurrent.futures
import contextlib
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import warnings

from lxml import etree
from ncclient.devices.default import DefaultDeviceHandler
from ncclient.operations import MissingCapabilityError, RaiseMode
from ncclient.operations.rpc import RPCError
from ncclient.transport.errors import AuthenticationError
from ncclient.xml_ import new_ele, sub_ele, sub_ele_ns, to_ele
from netconf_client.connect import connect_ssh
from netconf_client.error import RpcError
from netconf_client.ncclient import Manager
from scrapli_netconf.driver import AsyncNetconfDriver, NetconfDriver

import clients
import harness as h
from protocol import config, image
from scenarios import refusal

CASES = []
UNKNOWN = ("operation-not-supported", "unknown-element", "unknown-namespace")


def check(function):
    """Makes a case of a function; its docstring's first line is the name."""
    CASES.append((f"operations: {function.__doc__.splitlines()[0].rstrip('.')}", function))
    return function


def each(name, ways):
    """Makes a case for each way of coming in."""

    def add(function):
        for way in ways:
            CASES.append((f"operations: {name}, {', '.join(way)}", lambda server, way=way: function(server, *way)))
        return function

    return add


def cases():
    """All of them."""
    return CASES


def apart(chosen):
    """The same in parts that need not share a server: they wait more than they work."""
    parts = {}
    for name, function in chosen:
        client = name.split(": ")[1].split(",")[0]
        parts.setdefault(client if client != "ncclient" else name, []).append((name, function))
    return list(parts.values())


class Base10(DefaultDeviceHandler):
    """ncclient, offering base:1.0 alone."""

    def get_capabilities(self):
        return [each for each in super().get_capabilities() if not each.endswith("base:1.1")]


def names(data):
    """The values of the leaves `name` in our data."""
    node = etree.fromstring(data.encode() if isinstance(data, str) else data) if not etree.iselement(data) else data
    return [leaf.text for leaf in node.iter(f"{{{h.ESC}}}name")]


def credentials(server, auth):
    """What ncclient logs in with."""
    if auth == "password":
        return {"key_filename": None, "password": server.password}
    return {"key_filename": server.keys[auth]}


def gone(name, operation="delete"):
    """The deletion of an image."""
    return config(image(name, None, f' nc:operation="{operation}"'))


def asks_for(name, attribute=""):
    """The subtree that selects one image."""
    return f'<esc_datamodel xmlns="{h.ESC}"><images{attribute}><image><name>{name}</name></image></images></esc_datamodel>'


# ----------------------------------------------------------------- ncclient


@each("ncclient", [(auth, version) for auth in ("password", "ed25519") for version in ("1.1", "1.0")])
def ncclient_walk(server, auth, version):
    more = {"device_params": {"handler": Base10}} if version == "1.0" else {}
    with server.connect(**credentials(server, auth), **more) as m:
        h.expect_equal(m._session._base, {"1.1": 2, "1.0": 1}[version], "framing")
        reads(m, f"walk-{auth}-{version}")
        edits(m, f"walk-{auth}-{version}")
        modes(m)
        locks(server, m, auth, more)
        hears(server, m, auth, more)


def reads(m, name):
    """get, get_config, get_schema, dispatch and rpc, with every form of filter that ncclient builds."""
    m.discard_changes()
    m.edit_config(target="running", config=config(image(name, "http://images.example/ü")))
    tree = asks_for(name)
    xpath = f'/esc_datamodel/images/image[name="{name}"]'
    filters = (
        ("subtree", tree),
        [tree],
        [tree, '<nacm xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-acm"/>'],
        f'<filter type="subtree">{tree}</filter>',
        f'<filter xmlns="{h.BASE}">{tree}</filter>',
        to_ele(f'<filter xmlns="{h.BASE}" type="subtree">{tree}</filter>'),
        ("xpath", xpath),
        ("xpath", xpath[1:]),
        ("xpath", ({"e": h.ESC}, f'/e:esc_datamodel/e:images/e:image[e:name="{name}"]')),
        f'<filter type="xpath" select=\'{xpath}\'/>',
    )
    refusal(lambda: m.get(filter=f'<filter xmlns="{h.NOTIFICATION}">{tree}</filter>'), *UNKNOWN)
    for wanted in filters:
        for reply in (m.get(filter=wanted), m.get_config("running", filter=wanted), m.get_config(source="candidate", filter=wanted)):
            found = names(reply.data_xml)
            h.expect(found.count(name) == 1, f"{wanted}: {reply.data_xml[:300]}")
            h.expect(reply.ok and reply.error is None and reply.errors == [] and reply.data_ele is not None, "the reply")
    for mode in ("report-all", "report-all-tagged", "trim", "explicit"):
        h.expect(name in names(m.get(with_defaults=mode, filter=("subtree", tree)).data_xml), mode)
        h.expect(name in names(m.get_config("running", with_defaults=mode, filter=("xpath", xpath)).data_xml), mode)
    h.expect(names(m.get().data_xml).count(name) >= 1 and names(m.get_config("running").data_xml).count(name) == 1, "the whole")
    for arguments in (("esc",), ("esc", None, "yang"), ("ietf-netconf", "2011-06-01"), ("ietf-netconf-monitoring", "2010-10-04", "yang")):
        h.expect("module " + arguments[0] in m.get_schema(*arguments).data, f"{arguments}")
    refusal(lambda: m.get_schema("esc", format="yin"), "invalid-value")
    refusal(lambda: m.get_schema("esc", version=""), "invalid-value")
    for call in (m.dispatch, m.rpc):
        h.expect(name in call("get-config", source="running", filter=("subtree", tree)).xml, "by name")
        h.expect(name in call(to_ele(f'<get xmlns="{h.BASE}"><filter>{tree}</filter></get>')).xml, "by element")
        h.expect(name in call("get", filter=("xpath", xpath)).xml, "by name, xpath")
        # As Ansible's netconf_rpc does it.
        h.expect(name in call(etree.fromstring("<get-config><source><running/></source></get-config>")).xml, "by element, unqualified")
        refusal(lambda call=call: call("clear-arp-table"), *UNKNOWN)
        refusal(lambda call=call: call(to_ele('<paint xmlns="urn:example:foreign"/>')), *UNKNOWN)
    h.expect("<ok/>" in m.rpc("edit-config", target="running", config=gone(name)).xml, "rpc with target and config")
    refusal(m.get_configuration_of_nobody, *UNKNOWN)
    for source in ("startup", "intended"):
        refusal(lambda source=source: m.get_config(source), "invalid-value", "unknown-element", "bad-element", "operation-not-supported")


def edits(m, name):
    """edit_config with every option, copy_config, validate, commit, discard, and what needs a capability that is off."""
    for target in ("running", "candidate"):
        for options in (
            {},
            {"default_operation": "merge", "test_option": "set", "error_option": "continue-on-error"},
            {"default_operation": "none", "test_option": "test-then-set", "error_option": "rollback-on-error"},
            {"error_option": "stop-on-error"},
        ):
            operation = ' nc:operation="merge"' if "default_operation" in options else ""
            h.expect(m.edit_config(config(image(name, operation=operation)), target=target, **options).ok, f"{options}")
        h.expect(name in names(m.get_config(target).data_xml), target)
        m.edit_config(config=gone(name), target=target, test_option="test-only")
        h.expect(name in names(m.get_config(target).data_xml), "test-only")
        m.edit_config(config=gone(name), target=target)
    # As text, as an element, without the base namespace, and built with the library's own functions.
    inner = f'<esc_datamodel xmlns="{h.ESC}"><images><image><name>{name}</name></image></images></esc_datamodel>'
    built = new_ele("config")
    sub_ele(sub_ele(sub_ele(sub_ele_ns(built, "esc_datamodel", h.ESC), "images"), "image"), "name").text = name
    for wanted in (f"<config>{inner}</config>", f'<nc:config xmlns:nc="{h.BASE}">{inner}</nc:config>', to_ele(f'<config xmlns="{h.BASE}">{inner}</config>'), built):
        m.edit_config(target="running", config=wanted)
        h.expect(name in names(m.get_config("running").data_xml), "written")
        m.edit_config(target="running", config=gone(name, "remove"))
    m.edit_config(config(image(name)))  # to the candidate
    m.validate()
    m.validate("candidate")
    m.validate(source="running")
    m.validate(to_ele(f'<config xmlns="{h.BASE}">{inner}</config>'))
    m.commit()
    h.expect(name in names(m.get_config("running").data_xml), "committed")
    m.edit_config(gone(name))
    m.discard_changes()
    h.expect(name in names(m.get_config("candidate").data_xml), "discarded")
    m.copy_config(source="running", target="candidate")
    source = f'<source xmlns="{h.BASE}"><config>{inner}</config></source>'
    for whole in (source, to_ele(source), f"<source><config>{inner}</config></source>"):
        m.copy_config(source=whole, target="candidate")
        h.expect_equal(names(m.get_config("candidate").data_xml), [name], "copy-config of a whole configuration")
    m.edit_config(gone(name))
    m.commit(confirmed=True, timeout="60")
    m.cancel_commit()
    m.discard_changes()
    m.edit_config(gone(name))
    m.commit(confirmed=True, timeout="60", persist="walk")
    m.commit(persist_id="walk")
    h.expect(name not in names(m.get_config("running").data_xml), "confirmed")
    for refused in (lambda: m.copy_config(source="running", target="startup"), lambda: m.delete_config("startup"), lambda: m.delete_config("running"), lambda: m.delete_config("candidate")):
        refusal(refused, "operation-not-supported", "invalid-value", "unknown-element", "bad-element", "operation-failed")
    refusal(m.cancel_commit, "operation-failed")
    refusal(lambda: m.validate("startup"), "invalid-value", "unknown-element", "bad-element", "operation-not-supported")
    refusal(lambda: m.edit_config("set system", format="text", target="running"), "unknown-element", "missing-element", "bad-element")
    for local in (
        lambda: m.edit_config("http://images.example/config", format="url"),
        lambda: m.copy_config(source="running", target="ftp://images.example/a"),
        lambda: m.delete_config("file:///tmp/a"),
        lambda: m.get_config("file:///tmp/a"),
        m.poweroff_machine,
        m.reboot_machine,
    ):
        try:
            local()
        except MissingCapabilityError:
            continue
        raise h.Failure("ncclient took a capability for granted")


def modes(m):
    """Asynchronous requests, the raise modes, huge trees, time-outs, and what the manager tells of itself."""
    m.async_mode = True
    try:
        sent = [m.get_config("running") for _ in range(10)] + [m.dispatch("clear-arp-table")]
        for rpc in sent:
            h.expect(rpc.event.wait(h.PATIENCE), "an answer to an asynchronous request")
            h.expect(rpc.error is None and rpc.reply is not None and rpc.id in rpc.reply.xml, "reply and id")
        h.expect(all(rpc.reply.ok for rpc in sent[:-1]) and not sent[-1].reply.ok, "ok of each")
        h.expect(sent[-1].reply.error.tag in UNKNOWN, sent[-1].reply.error.tag)
    finally:
        m.async_mode = False
    bad = config("<flavors><flavor><name>bad</name><vcpus>many</vcpus></flavor></flavors>")
    m.raise_mode = RaiseMode.NONE
    reply = m.edit_config(target="running", config=bad)
    h.expect_equal((reply.ok, len(reply.errors), reply.error.tag), (False, 1, "invalid-value"), "without raising")
    for mode in (RaiseMode.ERRORS, RaiseMode.ALL):
        m.raise_mode = mode
        error = refusal(lambda: m.edit_config(target="running", config=bad), "invalid-value")
        h.expect_equal((error.type, error.severity), ("application", "error"), "type and severity")
        h.expect(error.path and error.message and error.to_dict()["tag"] == "invalid-value", f"{error.to_dict()}")
    m.huge_tree = True
    m.get()
    m.huge_tree = False
    h.expect(m.connected and m.session_id.isdigit() and m.timeout, "the manager")
    h.expect(len(list(m.client_capabilities)) > 5 and ":candidate" in m.server_capabilities, "capabilities")
    h.expect("candidate" in "".join(m.server_capabilities), "capabilities")


def locks(server, m, auth, more):
    """lock, unlock, locked, kill_session."""
    for target in ("running", "candidate"):
        h.expect(m.lock(target).ok and m.unlock(target).ok, target)
        with m.locked(target):
            refusal(lambda: m.lock(target), "lock-denied")
    m.lock()
    m.unlock()
    refusal(lambda: m.lock("startup"), "invalid-value", "unknown-element", "bad-element", "operation-not-supported")
    victim = server.connect(**credentials(server, auth), **more)
    h.expect(m.kill_session(victim.session_id).ok, "kill")
    h.until(lambda: not victim.connected, "the killed session ends", 10)
    refusal(lambda: m.kill_session("no number"), "invalid-value")


def hears(server, m, auth, more):
    """create_subscription with every argument, take_notification with and without waiting."""
    start = h.now()
    m.edit_config(target="running", config=config(image("heard")))
    m.edit_config(target="running", config=gone("heard"))
    h.expect(m.take_notification(block=False) is None, "a notification without subscription")
    refusal(lambda: m.create_subscription(stream_name="nowhere"), "invalid-value", "bad-element", "operation-failed")
    for filter in (
        None,
        ("subtree", f'<escEvent xmlns="{h.ESC}"/>'),
        [f'<escEvent xmlns="{h.ESC}"/>'],
        ("xpath", "/escEvent"),
        ("xpath", ({"e": h.ESC}, "/e:escEvent[e:event/e:type]")),
        f'<filter xmlns="{h.NOTIFICATION}" type="subtree"><escEvent xmlns="{h.ESC}"/></filter>',
    ):
        for stream in ("NETCONF", "escEvent", None):
            with server.connect(**credentials(server, auth), **more) as reader:
                reader.create_subscription(filter=filter, stream_name=stream, start_time=start)
                taken = reader.take_notification(timeout=h.PATIENCE)
                h.expect(taken is not None and taken.notification_ele.tag.endswith("notification"), f"{filter}, {stream}")
                reader.get_config("running", filter=("subtree", asks_for("heard")))
    m.create_subscription(stream_name="escEvent", filter=("xpath", '/escEvent[event/type="NOTHING"]'))
    m.edit_config(target="running", config=config(image("heard")))
    m.edit_config(target="running", config=gone("heard"))
    h.expect(m.take_notification(block=True, timeout=0.3) is None and m.take_notification(block=False) is None, "an event that the filter does not choose")


# -------------------------------------------------------------- ways of coming in


def host_keys(server):
    """A known_hosts file, and the keys in it."""
    known = server.home / "known_hosts"
    scan = subprocess.run(["ssh-keyscan", "-p", str(server.port), server.host], capture_output=True, text=True, check=True, timeout=60)
    keys = sorted(line.split(" ", 1)[1] for line in scan.stdout.splitlines() if line and not line.startswith("#"))
    h.expect_equal([key.split()[0] for key in keys], ["ecdsa-sha2-nistp256", "ssh-ed25519", "ssh-rsa"], "host keys")
    known.write_text("".join(f"[{server.host}]:{server.port} {key}\n" for key in keys))
    return known, keys


@contextlib.contextmanager
def agent(key):
    """A running ssh-agent that has a key, in the environment."""
    done = subprocess.run(["ssh-agent", "-s"], capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL)
    found = dict(re.findall(r"(SSH_\w+)=([^;]+);", done.stdout))
    before = {name: os.environ.get(name) for name in found}
    os.environ.update(found)
    try:
        subprocess.run(["ssh-add", "-q", key], check=True, stdin=subprocess.DEVNULL)
        yield
    finally:
        os.kill(int(found["SSH_AGENT_PID"]), signal.SIGTERM)
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


@check
def ncclient_connects(server):
    """ncclient: every argument of connect."""
    known, keys = host_keys(server)
    ssh_config = server.home / "ssh_config_ncclient"
    ssh_config.write_text(
        f"Host target\n  HostName {server.host}\n  User {server.user}\n  IdentityFile {server.key}\n  UserKnownHostsFile {known}\n  Compression yes\n  ConnectTimeout 20\n"
    )
    ways = {
        "ssh_config": dict(host="target", username=None, key_filename=None, ssh_config=str(ssh_config), hostkey_verify=True),
        "bind_addr": dict(bind_addr="127.0.0.1"),
        "keepalive": dict(keepalive=1),
        "several keys": dict(key_filename=[str(server.home / "absent"), server.keys["rsa"]]),
        "unknown_host_cb": dict(hostkey_verify=True, unknown_host_cb=lambda host, fingerprint: True),
        "nc_params": dict(nc_params={"capabilities": ["urn:example:capability"]}),
        "manager_params": dict(manager_params={"timeout": 20}),
        "errors_params": dict(errors_params={"ignore_errors": ["*"], "raise_mode": 0}),
        "environment": dict(environment={"LANG": "C"}),
        "key, then password": dict(key_filename=None, password=server.password, look_for_keys=True, allow_agent=True),
    }
    # Of an RSA key ncclient knows only the name `ssh-rsa`, which is SHA-1, and is not spoken here.
    for key in [key for key in keys if not key.startswith("ssh-rsa")]:
        ways[f"hostkey_b64 {key.split()[0]}"] = dict(hostkey_verify=True, hostkey_b64=key.split()[1])
    for way, arguments in ways.items():
        try:
            with server.connect(**arguments) as session:
                h.expect(session.get_config("running").ok, way)
        except Exception as error:
            raise h.Failure(f"{way}: {type(error).__name__} {error}") from error
    try:
        server.connect(hostkey_verify=True).close_session()
    except Exception as error:
        h.expect("nknown" in f"{type(error).__name__}", f"{error!r}")
    else:
        raise h.Failure("an unknown host was taken for known")
    # Its own agent, sockets that are open already, and a way out of the manager without a word.
    with agent(server.keys["ecdsa"]), server.connect(key_filename=None, allow_agent=True) as session:
        h.expect(session.get_config("running").ok, "a key of an agent")
    for name in ("sock", "sock_fd"):
        with socket.create_connection((server.host, server.port)) as opened:
            with server.connect(host="", **{name: opened if name == "sock" else opened.fileno()}) as session:
                h.expect(session.get_config("running").ok, name)
    sessions = [server.connect(keepalive=1) for _ in range(4)]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        h.expect(all(pool.map(lambda session: session.get_config("running").ok, sessions * 3)), "managers in threads")
    for session in sessions:
        session._session.close()
    for wrong in (dict(key_filename=server.keys["rsa"], username="nobody"), dict(key_filename=None, password="wrong")):
        try:
            server.connect(**wrong).close_session()
        except AuthenticationError:
            continue
        raise h.Failure("a stranger came in")


# What the handlers of ncclient call, each once; a request that is a vendor's own is to be refused in so many words.
VENDOR = {
    "junos": {
        "rpc": lambda m: m.rpc("<get-software-information/>"),
        "get_configuration": lambda m: m.get_configuration(),
        "get_configuration, text": lambda m: m.get_configuration(format="text"),
        "load_configuration": lambda m: m.load_configuration(action="set", config="set system host-name a"),
        "compare_configuration": lambda m: m.compare_configuration(rollback=1),
        "command": lambda m: m.command("show version", format="text"),
        "reboot": lambda m: m.reboot(),
        "halt": lambda m: m.halt(),
        "commit": lambda m: m.commit(comment="a", check=True),
        "commit, confirmed": lambda m: m.commit(confirmed=True, timeout="120"),
        "rollback": lambda m: m.rollback(rollback=1),
    },
    "nexus": {"exec_command": lambda m: m.exec_command(["show version"])},
    "iosxe": {"save_config": lambda m: m.save_config()},
    "huawei": {"cli": lambda m: m.cli("<cmd><id>1</id><cmdline>display version</cmdline></cmd>"), "action": lambda m: m.action("<reset/>")},
    "h3c": {
        "get_bulk": lambda m: m.get_bulk(),
        "get_bulk_config": lambda m: m.get_bulk_config("running"),
        "cli": lambda m: m.cli("<Execution>display version</Execution>"),
        "action": lambda m: m.action("<top/>"),
        "save": lambda m: m.save("a"),
        "load": lambda m: m.load("a"),
        "rollback": lambda m: m.rollback("a"),
    },
    "hpcomware": {
        "cli_display": lambda m: m.cli_display(["display version"]),
        "cli_config": lambda m: m.cli_config(["vlan 1"]),
        "action": lambda m: m.action("<top/>"),
        "save": lambda m: m.save("a"),
        "rollback": lambda m: m.rollback("a"),
    },
    "sros": {"md_cli_raw_command": lambda m: m.md_cli_raw_command("show version"), "commit": lambda m: m.commit(comment="a")},
    # Its other two are subtree filters on elements of the base namespace, which select nothing.
    "alu": {
        "load_configuration, cli": lambda m: m.load_configuration(format="cli", config="port 1"),
    },
    **{name: {} for name in ("default", "iosxr", "csr", "huaweiyang", "ciena", "ericsson")},
}


@each("ncclient's device handler", [(name,) for name in sorted(VENDOR)])
def device_handler(server, name):
    """Legal requests are served in whatever form the handler sends them; vendors' own are refused cleanly."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        session = server.connect(device_params={"name": name})
    tree = asks_for(f"handled-{name}")
    with session as m:
        written = config(image(f"handled-{name}"))
        m.edit_config(target="running", config=written)
        m.edit_config(target="running", config=f'<config><esc_datamodel xmlns="{h.ESC}">{image(f"handled-{name}")}</esc_datamodel></config>')
        for reply in (
            m.get(filter=("subtree", tree)),
            m.get_config(source="running", filter=("xpath", f'/esc_datamodel/images/image[name="handled-{name}"]')),
            m.get_config("running", filter=("xpath", ({"e": h.ESC}, "/e:esc_datamodel/e:images/e:image/e:name")), with_defaults="explicit"),
        ):
            text = getattr(reply, "data_xml", None) or reply.tostring.decode()
            h.expect(f"handled-{name}" in text, f"{name}: {text[:300]}")
        with m.locked("candidate"):
            m.edit_config(target="candidate", config=gone(f"handled-{name}"))
            m.validate("candidate")
            if name == "junos":
                m.discard_changes()
            else:
                m.commit()
        schema = m.get_schema("esc")
        h.expect("module esc" in (getattr(schema, "data", None) or schema.tostring.decode()), "get_schema")
        for what, request in VENDOR[name].items():
            try:
                request(m)
            except RPCError as error:
                h.expect(error.tag in UNKNOWN, f"{what}: {error.tag} {error}")
            else:
                raise h.Failure(f"{what} was served")
        if name == "alu":
            for reply in (m.show_cli("show version"), m.get_configuration(content="cli", filter=["port"])):
                h.expect_equal(len(reply.xpath("/rpc-reply/data")[0]), 0, "what an unknown element selects")
        h.expect(m.connected, "the session goes on")
        m.edit_config(target="running", config=gone(f"handled-{name}", "remove"))
        if not m._device_handler.perform_qualify_check():
            return  # ncclient itself takes an event for a reply then, and ends the session
        m.create_subscription(stream_name="escEvent")
        m.edit_config(target="running", config=written)
        h.expect(m.take_notification(timeout=h.PATIENCE), "an event")
        m.edit_config(target="running", config=gone(f"handled-{name}"))


# --------------------------------------------------------- netconf-console2


def console(server, auth):
    """The command with its way of coming in."""
    client = clients.NetconfConsole2(server)
    if auth == "ssh-config":
        path = server.home / "ssh_config_console"
        known, _ = host_keys(server)
        path.write_text(f"Host target\n  HostName {server.host}\n  User {server.user}\n  IdentityFile {server.key}\n  UserKnownHostsFile {known}\n")
        client.command = [client.command[0], "--ssh-config", str(path), "--hostkey-verify", "--host", "target", "--port", str(server.port), "-r", str(h.PATIENCE)]
    elif auth == "privKeyFile":
        locked = server.home / "key-locked"
        if not locked.exists():
            shutil.copy(server.keys["ed25519"], locked)
            subprocess.run(["ssh-keygen", "-q", "-p", "-P", "", "-N", "pass phrase", "-f", str(locked)], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        at = client.command.index("-p")
        client.command[at : at + 2] = ["--privKeyFile", str(locked), "-p", "pass phrase"]
    return client


def denied(run, *tags):
    """A command fails with one of these error-tags."""
    try:
        run()
    except clients.Refused as error:
        h.expect(error.tag in tags, f"{error}")
        return
    raise h.Failure(f"not refused, {tags}")


@check
def console_walk(server):
    """netconf-console2, password: every command and every option of its help."""
    c = console(server, "password")
    name, esc = "console-password", ["--ns", f"esc={h.ESC}"]
    one = f'/esc:esc_datamodel/esc:images/esc:image[esc:name="{name}"]'
    tree = f'<esc_datamodel xmlns="{h.ESC}"><images><image><name>{name}</name></image></images></esc_datamodel>'
    file, other = c._file(tree), c._file(f'<nacm xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-acm"><groups><group><name>{name}</name></group></groups></nacm>')
    nothing = c._file(f'<nacm xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-acm" xmlns:nc="{h.BASE}"><groups><group nc:operation="remove"><name>{name}</name></group></groups></nacm>')
    try:
        h.expect("base:1.1" in c.run("--hello"), "hello")
        out = c.run(
            "--edit-config", file, other, "--get-config", "--get-config", one, "--get", one, "--get", "--validate", "candidate", "--lock", "--unlock", "--discard-changes", *esc
        )
        h.expect(out.count(f"<name>{name}</name>") >= 4, out[:400])
        for options in (
            ["-x", one, "--with-defaults", "report-all", "--huge-tree"],
            ["--filter", one, "--with-defaults", "report-all-tagged", "--with-inactive"],
            ["--with-defaults", "trim", "-s", "plain", "noaaa"],
        ):
            out = c.run("--get-config", "--get", *options, *esc, "-v", "1.0")
            h.expect(out.count(f"<name>{name}</name>") >= 2, f"{options}: {out[:300]}")
        out = c.run("--edit-config", nothing, "-t", "test-then-set", "--delete", one, "--del-operation", "delete", "--get-config", *esc)
        h.expect(f"<name>{name}</name>" not in out, "deleted")
        # --set, --create and --delete build their own tree, one or several at a time.
        src = one + "/esc:src"
        made = f"{one}/esc:disk_format=qcow2"
        out = c.run("--create", one, "--set", f"{src}=http://images.example/a", f"{src}=http://images.example/b", made, "-o", "replace", "--get-config", one, *esc)
        h.expect("images.example/b" in out and "qcow2" in out, "--set")
        denied(lambda: c.run("--create", one, *esc), "data-exists")
        c.run("--delete", src, "--delete", one, one.replace(name, "absent"), *esc, "-t", "set")
        denied(lambda: c.run("--delete", one, "--del-operation", "delete", *esc), "data-missing")
        h.expect(name not in c.run("--set", f"{src}=http://images.example/c", "-t", "test-only", "--get-config", *esc), "test-only")
        # A session on the candidate, in the order given.
        wrapped = c._file(f"<config>{tree}</config>")
        whole = c._file(f'<config xmlns="{h.BASE}">{tree}</config>')
        c.run("--db", "candidate", "--lock", "--edit-config1", wrapped, "--validate", "candidate", "--commit", "confirmed", "--timeout", "30", "--commit", "--unlock")
        out = c.run("--get", one, "--db", "candidate", "--delete", one, "--discard-changes", "--validate", whole, "--copy-config", file, "--discard-changes", *esc)
        h.expect(f"<name>{name}</name>" in out, "committed")
        denied(lambda: c.run("--copy-running-to-startup"), "operation-not-supported", "invalid-value", "unknown-element", "bad-element")
        out = c.run("--get-schema", "esc", "--get-schema", "ietf-netconf-monitoring/2010-10-04", "--get-schema", "ietf-netconf-acm/2018-02-14/yang")
        h.expect(all(f"module {schema} " in out for schema in ("esc", "ietf-netconf-monitoring", "ietf-netconf-acm")), "schemas")
        denied(lambda: c.run("--get-schema", "absent"), "invalid-value")
        # Requests of one's own.
        out = c.run("--rpc", c._file(f'<discard-changes xmlns="{h.BASE}"/>'), "--run-rpc", "/nc:discard-changes", "--ns", f"nc={h.BASE}")
        h.expect(len(re.findall("<(?:[a-z0-9]+:)?ok\\b", out)) == 2, f"--rpc and --run-rpc: {out}")
        denied(lambda: c.run("--action", one + "/esc:restart", *esc), "unknown-element", "operation-not-supported", "bad-element", "data-missing")
        denied(lambda: c.run("--run-rpc", "/e:paint", "--ns", "e=urn:example:foreign"), *UNKNOWN)
        with server.connect() as victim:
            h.expect("ok" in c.run("--kill-session", victim.session_id), "--kill-session")
            h.until(lambda: not victim.connected, "the killed session ends", 10)
            victim.close_session = lambda: None
        denied(lambda: c.run("--kill-session", "4000000000"), "invalid-value")
        # Old forms: a file of messages, an expression, the prompt.
        hello = f'<hello xmlns="{h.BASE}"><capabilities><capability>urn:ietf:params:netconf:base:1.0</capability></capabilities></hello>'
        asked = "".join(f'<rpc xmlns="{h.BASE}" message-id="{n}"><get-config><source><running/></source></get-config></rpc>]]>]]>' for n in ("1", "a b"))
        out = c.run(c._file(f'{hello}]]>]]>{asked}<rpc xmlns="{h.BASE}" message-id="3"><close-session/></rpc>]]>]]>'))
        h.expect('message-id="1"' in out and 'message-id="a b"' in out, out[:300])
        h.expect(name in c.run("-e", f"get-config -x {one}".replace('"', "'"), *esc), "-e")
        h.expect("base:1.1" in c.run("--raw", "--hello"), "--raw")
        h.expect("get-config" in c.run("--dry", "--get-config"), "--dry")
        # Events, with and without a stream and a filter.
        for arguments in (["--create-subscription"], ["--create-subscription", "NETCONF"], ["--create-subscription", "escEvent", "-x", "/esc:escEvent", *esc]):
            out = c.run("--rpc", c._file(gone_rpc(name)), *arguments, "--rpc", c._file(made_rpc(name)), "--rpc", c._file(gone_rpc(name)), "--sleep", "0.5")
            h.expect("CREATE_IMAGE" in out and "DELETE_IMAGE" in out, f"{arguments}: {out[-600:]}")
    finally:
        c.close()


def made_rpc(name):
    """The request that adds an image."""
    return f'<edit-config xmlns="{h.BASE}"><target><running/></target>{config(image(name))}</edit-config>'


def gone_rpc(name):
    """The request that takes it away."""
    return f'<edit-config xmlns="{h.BASE}"><target><running/></target>{gone(name, "remove")}</edit-config>'


@each("netconf-console2", [("ssh-config",), ("privKeyFile",)])
def console_prompt(server, auth):
    """The same commands in one session at the prompt, with a key."""
    c = console(server, auth)
    name = f"console-{auth}"
    one = f"/esc:esc_datamodel/esc:images/esc:image[esc:name='{name}']"
    file = c._file(f'<esc_datamodel xmlns="{h.ESC}"><images><image><name>{name}</name></image></images></esc_datamodel>')
    whole = c._file(f'<config xmlns="{h.BASE}">{pathlib.Path(file).read_text()}</config>')
    # (command, what stands in its answer)
    victim = server.connect()
    lines = (
        ("hello", "base:1.1"),
        ("lock --db candidate", "ok"),
        ("lock --db candidate", "lock-denied"),
        (f"edit-config --db candidate -t test-then-set {file}", "ok"),
        ("validate candidate", "ok"),
        (f"validate {whole}", "ok"),
        ("commit confirmed --timeout 30", "ok"),
        ("commit", "ok"),
        ("unlock --db candidate", "ok"),
        (f"get-config -x {one}", name),
        (f"get -x {one} --with-defaults report-all-tagged -s plain noaaa", name),
        (f"get {one}", name),
        (f"create --db running {one}", "data-exists"),
        (f"set {one}/esc:src=http://images.example/a {one}/esc:disk_format=qcow2 -o create", "ok"),
        (f"edit-config1 {whole}", "ok"),
        (f"delete {one} --db candidate --del-operation delete", "ok"),
        ("discard-changes", "ok"),
        (f"copy-config --db candidate {file}", "ok"),
        ("discard-changes", "ok"),
        ("copy-running-to-startup", "rpc-error"),
        ("get-schema esc", "module esc"),
        ("get-schema absent", "invalid-value"),
        (f"rpc {c._file(f'<get-config xmlns=%s><source><running/></source></get-config>' % repr(h.BASE))}", name),
        (f"action {one}/esc:restart", "rpc-error"),
        ("run-rpc /esc:paint", "rpc-error"),
        (f"kill-session {victim.session_id}", "ok"),
        ("create-subscription escEvent -x /esc:escEvent", "ok"),
        (f"delete {one}", "ok"),
        ("sleep 0.5", "DELETE_IMAGE"),
    )
    try:
        run = [*c.command, "--ns", f"esc={h.ESC}", "-i"]
        # What each answers ends where the next begins: an answer to `hello`.
        script = "".join(f"{line}\nhello\n" for line, _ in lines)
        done = subprocess.run(run, input=script, capture_output=True, text=True, timeout=h.PATIENCE * 2, check=False)
        h.expect_equal(done.returncode, 0, f"exit, {done.stdout[-500:]}{done.stderr}")
        answers = re.split(r"<nc:hello.*?</nc:hello>", done.stdout, flags=re.S)
        answers = [done.stdout] + answers[2:]
        for (line, wanted), answer in zip(lines, answers, strict=False):
            h.expect(wanted in answer, f"{line}: {answer[:600]}")
        h.until(lambda: not victim.connected, "the killed session ends", 10)
    finally:
        c.close()


# ------------------------------------------------------------------ scrapli


class Awaited:
    """scrapli's asynchronous driver, called like the other."""

    def __init__(self, **arguments):
        self.loop = asyncio.new_event_loop()
        self.driver = AsyncNetconfDriver(**arguments)

    def __getattr__(self, name):
        found = getattr(self.driver, name)
        return (lambda *a, **b: self.loop.run_until_complete(found(*a, **b))) if asyncio.iscoroutinefunction(found) else found


TRANSPORTS = ("system", "paramiko", "ssh2", "asyncssh")


@each("scrapli", [(transport, auth, version) for transport in TRANSPORTS for auth in ("password", "key") for version in ("1.1", "1.0")])
def scrapli_walk(server, transport, auth, version):
    """Every operation, also those that the driver warns of."""
    # Its paramiko transport reads RSA keys in PEM form only.
    pem = server.home / "key-rsa-pem"
    if not pem.exists():
        shutil.copy(server.keys["rsa"], pem)
        subprocess.run(["ssh-keygen", "-q", "-p", "-m", "PEM", "-P", "", "-N", "", "-f", str(pem)], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    came = {"auth_password": server.password, "auth_strict_key": False}
    if auth == "key":
        # Outside OpenSSH it looks a host up by its name alone, and has one key for it: the one that is agreed on. With
        # asyncssh it compares it in another form, and finds none.
        known, (ecdsa, ed25519, _) = host_keys(server)
        if transport != "system":
            known = server.home / f"known_hosts-{transport}"
            known.write_text(f"{server.host} {ecdsa if transport == 'ssh2' else ed25519}\n")
        came = {"auth_private_key": str(pem) if transport == "paramiko" else server.key, "auth_strict_key": transport != "asyncssh", "ssh_known_hosts_file": str(known)}
    driver = (Awaited if transport == "asyncssh" else NetconfDriver)(
        host=server.host, port=server.port, auth_username=server.user, transport=transport, timeout_ops=h.PATIENCE, timeout_transport=h.PATIENCE,
        # Without enable_rsa2 it signs with SHA-1, which is not spoken here.
        transport_options={"enable_rsa2": True} if transport == "paramiko" else {},
        timeout_socket=h.PATIENCE, preferred_netconf_version=version, use_compressed_parser=version == "1.1", channel_lock=True, strip_namespaces=auth == "key", **came,
    )
    name = f"scrapli-{transport}-{auth}-{version}"
    tree, xpath = asks_for(name), f"/esc_datamodel/images/image[name=\"{name}\"]"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        driver.open()

        def ok(reply):
            h.expect(not reply.failed, f"{reply.channel_input}: {reply.result[:600]}")
            return reply.result

        def refused(reply, *tags):
            h.expect(reply.failed and any(f"<error-tag>{tag}<" in reply.result for tag in tags), f"{reply.channel_input}: {reply.result[:600]}")

        try:
            h.expect_equal(driver.netconf_version.value, version, "framing")
            h.expect({"running", "candidate"} <= set(driver.readable_datastores) & set(driver.writeable_datastores), "datastores")
            h.expect("startup" not in driver.readable_datastores and len(driver.server_capabilities) > 10, "capabilities")
            ok(driver.discard())
            ok(driver.edit_config(config(image(name)), target="running"))
            for filter, kind in ((tree, "subtree"), (tree + '<nacm xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-acm"/>', "subtree"), (f"<filter>{tree}</filter>", "subtree"), (xpath, "xpath")):
                h.expect(ok(driver.get(filter, filter_type=kind)).count(name) == 1, f"get {filter}")
                h.expect(ok(driver.get_config(source="running", filter_=filter, filter_type=kind)).count(name) == 1, f"get_config {filter}")
            for mode in ("report-all", "trim", "explicit", "report-all-tagged"):
                h.expect(name in ok(driver.get_config("candidate", default_type=mode)), mode)
            h.expect(name in ok(driver.get_config()), "the whole")
            refused(driver.get("/esc_datamodel[", filter_type="xpath"), "invalid-value", "bad-attribute")
            for target in ("candidate", "running"):
                ok(driver.lock(target))
                refused(driver.lock(target), "lock-denied")
                ok(driver.unlock(target))
            ok(driver.edit_config(gone(name).replace(f' xmlns="{h.BASE}"', "", 1), target="candidate"))
            ok(driver.validate("candidate"))
            ok(driver.validate("running"))
            ok(driver.commit())
            refused(driver.edit_config(gone(name), target="running"), "data-missing")
            ok(driver.edit_config(config(image(name)), target="candidate"))
            ok(driver.commit(confirmed=True, timeout=60, persist="walk"))
            refused(driver.commit(persist_id="other"), "invalid-value")
            ok(driver.commit(persist_id="walk"))
            ok(driver.edit_config(gone(name), target="candidate"))
            ok(driver.commit(confirmed=True, timeout=60))
            ok(driver.commit())
            ok(driver.copy_config(source="running", target="candidate"))
            ok(driver.discard())
            refused(driver.copy_config(source="running", target="startup"), "operation-not-supported", "invalid-value", "unknown-element", "bad-element")
            for target in ("candidate", "running", "startup"):
                refused(driver.delete_config(target), "operation-not-supported", "invalid-value", "unknown-element", "bad-element", "operation-failed")
            h.expect("module esc" in ok(driver.rpc(f'<get-schema xmlns="{h.MONITORING}"><identifier>esc</identifier></get-schema>')), "get-schema")
            h.expect("<ok/>" in ok(driver.rpc(etree.fromstring("<discard-changes/>"))), "rpc with an element")
            refused(driver.rpc("<paint/>"), *UNKNOWN)
            with server.connect() as victim:
                ok(driver.rpc(f"<kill-session><session-id>{victim.session_id}</session-id></kill-session>"))
                h.until(lambda: not victim.connected, "the killed session ends", 10)
                victim.close_session = lambda: None
            reply = driver.get(f'<netconf-state xmlns="{h.MONITORING}"><capabilities/></netconf-state>')
            h.expect(reply.xml_result is not None and reply.get_xml_elements(), "the parsed reply")
            ok(driver.rpc("<close-session/>"))
        finally:
            driver.close()


# ----------------------------------------------------------- netconf-client


@each("netconf-client", [("password",), ("ed25519",), ("ecdsa",), ("rsa",)])
def netconf_client_walk(server, auth):
    """Every method of its Manager; it speaks base:1.1 alone."""
    came = {"password": server.password} if auth == "password" else {"key_filename": server.keys[auth]}
    name = f"nc-client-{auth}"
    tree, xpath = asks_for(name), f'/esc_datamodel/images/image[name="{name}"]'

    def connect():
        return Manager(connect_ssh(host=server.host, port=server.port, username=server.user, initial_timeout=h.PATIENCE, general_timeout=h.PATIENCE, **came), timeout=h.PATIENCE)

    def refused(request, *tags):
        try:
            request()
        except RpcError as error:
            h.expect(error.tag in tags, f"{error.tag}: {error}")
            return error
        raise h.Failure(f"not refused, {tags}")

    with connect() as m:
        m.set_rpc_timeout(h.PATIENCE)
        h.expect(m.session_id > 0 and len(m.session.server_capabilities) > 10 and m.session.mode == "1.1", "session")
        m.discard_changes()
        m.edit_config(config(image(name)))
        filters = (f"<filter>{tree}</filter>", f'<filter type="subtree">{tree}</filter>', ("subtree", tree), f"<filter type='xpath' select='{xpath}'/>")
        for filter in filters:
            for reply in (m.get(filter), m.get_config(filter=filter), m.get_config("candidate", filter, with_defaults="report-all"), m.get(filter, with_defaults="trim")):
                h.expect_equal(names(reply.data_ele).count(name), 1, f"{filter}")
                h.expect(reply.raw_reply and name.encode() in reply.data_xml, "reply")
        for mode in ("report-all", "report-all-tagged", "trim", "explicit"):
            h.expect(name in names(m.get_config(with_defaults=mode).data_ele), mode)
        for arguments in (dict(target="candidate", default_operation="merge", test_option="test-then-set", error_option="rollback-on-error"), dict(target="candidate", test_option="set", error_option="continue-on-error"), dict(test_option="test-only", error_option="stop-on-error")):
            m.edit_config(gone(name, "remove"), **arguments)
        m.validate("candidate")
        m.validate(etree.fromstring(f'<config xmlns="{h.BASE}"/>'))
        m.commit()
        refused(lambda: m.edit_config(gone(name)), "data-missing")
        m.copy_config(target="candidate", source=f'<config xmlns="{h.BASE}"><esc_datamodel xmlns="{h.ESC}">{image(name)}</esc_datamodel></config>')
        m.copy_config(target="candidate", source="running", with_defaults="report-all")
        m.discard_changes()
        for target in ("running", "candidate"):
            m.lock(target)
            error = refused(lambda: m.lock(target), "lock-denied")
            h.expect(error.reply_raw and error.severity == "error" and error.info is not None, "the error")
            m.unlock(target)
        m.edit_config(config(image(name)), target="candidate")
        m.commit(confirmed=True, confirm_timeout=60)
        m.cancel_commit()
        m.edit_config(config(image(name)), target="candidate")
        m.commit(confirmed=True, confirm_timeout=60, persist="walk")
        refused(lambda: m.cancel_commit(persist_id="other"), "invalid-value")
        m.commit(confirmed=True, persist_id="walk")
        m.commit(persist_id="walk")
        h.expect(name in names(m.get_config().data_ele), "committed")
        for request in (lambda: m.copy_config(target="startup", source="running"), lambda: m.delete_config("startup"), lambda: m.delete_config("running"), lambda: m.delete_config("candidate")):
            refused(request, "operation-not-supported", "invalid-value", "unknown-element", "bad-element", "operation-failed")
        # RFC 8526 is not served.
        refused(lambda: m.get_data("ds:running"), *UNKNOWN)
        refused(lambda: m.get_data(max_depth=3, config_filter=True, with_origin=True, origin_filters=["or:intended"]), *UNKNOWN)
        refused(lambda: m.dispatch("<paint/>"), *UNKNOWN)
        h.expect(b"module esc" in m.dispatch(f'<get-schema xmlns="{h.MONITORING}"><identifier>esc</identifier></get-schema>').xml, "dispatch")
        h.expect(b"<ok/>" in m.dispatch(etree.fromstring("<discard-changes/>")).xml, "dispatch of an element")
        victim = connect()
        m.kill_session(victim.session_id)
        h.until(lambda: not victim.session.thread.is_alive(), "the killed session ends", 10)
        refused(lambda: m.kill_session(victim.session_id), "invalid-value")
        start = h.now()
        for arguments in ({}, {"stream": "NETCONF"}, {"stream": "escEvent", "filter": f'<filter type="subtree"><escEvent xmlns="{h.ESC}"/></filter>'}, {"stream": "escEvent", "filter": '<filter type="xpath" select="/escEvent"/>', "start_time": start}):
            with connect() as reader:
                reader.create_subscription(**arguments)
                early = reader.take_notification(block=False)
                # The session before may still be ending.
                told = h.kind(early.notification_xml) if early else "netconf-session-end"
                h.expect(told == "netconf-session-end" or "start_time" in arguments, f"an event too early: {told}")
                m.edit_config(gone(name, "remove"))
                m.edit_config(config(image(name)))
                taken = reader.take_notification(timeout=h.PATIENCE)
                h.expect(taken is not None and taken.notification_xml and len(taken.notification_ele) == 2, f"{arguments}")
        m.create_subscription(stream="escEvent", start_time=start, stop_time=h.now())
        kinds = []
        while "notificationComplete" not in kinds:
            taken = m.take_notification(timeout=h.PATIENCE)
            h.expect(taken, f"no end of the replay after {kinds}")
            kinds.append(h.kind(taken.notification_xml))
        h.expect("escEvent" in kinds and "replayComplete" in kinds, f"{kinds}")
        m.edit_config(gone(name))
        m.close_session()
