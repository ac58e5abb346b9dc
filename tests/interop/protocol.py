"""What RFC 6241, 6242, 5277, 6022 and 6243 ask of the server, through clients and to the letter.

These checks hold locks and break framing, so they have a server of their own and
run one after the other.
"""

import concurrent.futures
import datetime
import re
import socket
import subprocess
import time

import paramiko
from lxml import etree
from ncclient.operations.rpc import RPCError
from ncclient.xml_ import to_ele

import clients
import harness as h
from scenarios import refusal

CASES = []
ERROR = ("error-type", "error-tag", "error-severity", "error-app-tag", "error-path", "error-message", "error-info")


def check(function):
    """Makes a case of a function; its docstring's first line is the name."""
    CASES.append((f"protocol: {function.__doc__.splitlines()[0].rstrip('.')}", function))
    return function


def cases():
    """All of them."""
    return CASES


def image(name, src="http://images.example/a", operation="", more=""):
    return f"<images><image{operation}><name>{name}</name>{h.leaf('src', src)}{more}</image></images>"


def config(content, extra=""):
    """A <config> with content below esc_datamodel."""
    return f'<config xmlns="{h.BASE}" xmlns:nc="{h.BASE}"><esc_datamodel xmlns="{h.ESC}"{extra}>{content}</esc_datamodel></config>'


def images(session, source="running"):
    """Names of the configured images."""
    wanted = ("subtree", f'<esc_datamodel xmlns="{h.ESC}"><images><image><name/></image></images></esc_datamodel>')
    data = session.get_config(source=source, filter=wanted).data_xml
    return sorted(node.text for node in etree.fromstring(data.encode()).iter(f"{{{h.ESC}}}name"))


def errors_of(reply):
    """rpc-errors of a raw reply; checks the order of their children."""
    found = etree.fromstring(reply.encode()).findall(f"{{{h.BASE}}}rpc-error")
    for error in found:
        names = [etree.QName(child).localname for child in error]
        h.expect_equal(names, [name for name in ERROR if name in names], "order in rpc-error")
        h.expect("error-type" in names and "error-tag" in names and "error-severity" in names, f"{names}")
    return found


def expect_error(reply, tag, kind=None, **info):
    """A raw reply holds exactly one rpc-error with this tag, type and info."""
    found = errors_of(reply)
    h.expect_equal(len(found), 1, f"rpc-errors in {reply[:600]}")

    def text(name):
        return found[0].findtext(f".//{{{h.BASE}}}{name}")

    tags = tag if isinstance(tag, tuple) else (tag,)
    h.expect(text("error-tag") in tags, f"error-tag {text('error-tag')}, wanted {tag}: {reply[:600]}")
    if kind:
        h.expect_equal(text("error-type"), kind, f"error-type of {reply[:600]}")
    for name, value in info.items():
        h.expect_equal(text(name.replace("_", "-")), value, f"{name} of {reply[:600]}")
    return found[0]


class Raw:
    """A raw session as a context."""

    def __init__(self, server, version="1.1"):
        self.session = clients.OpenSsh(server, version)

    def __enter__(self):
        return self.session

    def __exit__(self, *_):
        self.session.process.kill()
        self.session.process.wait()


def raw_rpc(session, operation):
    """One request; returns the reply whatever it says."""
    session.send(operation)
    return session.receive()


# -------------------------------------------------------------------- hello


@check
def hello(server):
    """The hello offers what clients look for."""
    with server.connect() as session:
        offered = set(session.server_capabilities)
        h.expect(session.session_id.isdigit(), f"session-id {session.session_id}")
    plain = {capability.split("?")[0] for capability in offered}
    for name in (
        "base:1.0", "base:1.1", "capability:writable-running:1.0", "capability:candidate:1.0", "capability:validate:1.1",
        "capability:rollback-on-error:1.0", "capability:xpath:1.0", "capability:with-defaults:1.0",
        "capability:notification:1.0", "capability:interleave:1.0", "capability:yang-library:1.1",
    ):
        h.expect(f"urn:ietf:params:netconf:{name}" in plain, f"the hello lacks {name}")
    h.expect(any("capability:with-defaults:1.0?basic-mode=" in item for item in offered), "no basic-mode")
    h.expect(not any(":startup:" in item or ":url:" in item for item in offered), "startup or url is offered")


@check
def monitoring(server):
    """netconf-state agrees with the hello, and lists the session."""
    with server.connect() as session:
        reply = session.get(filter=("subtree", f'<netconf-state xmlns="{h.MONITORING}"/>'))
        data = etree.fromstring(reply.data_xml.encode())
        listed = {node.text for node in data.iter(f"{{{h.MONITORING}}}capability")}
        h.expect_equal(listed ^ set(session.server_capabilities), set(), "capabilities in netconf-state and hello")
        ids = [node.findtext(f"{{{h.MONITORING}}}session-id") for node in data.iter(f"{{{h.MONITORING}}}session")]
        h.expect(session.session_id in ids, f"session {session.session_id} not among {ids}")


@check
def schemas(server):
    """Every listed schema can be had."""
    with server.connect() as session:
        wanted = f'<netconf-state xmlns="{h.MONITORING}"><schemas/></netconf-state>'
        data = etree.fromstring(session.get(filter=("subtree", wanted)).data_xml.encode())
        names = []
        for node in data.iter(f"{{{h.MONITORING}}}schema"):
            identifier, version = (node.findtext(f"{{{h.MONITORING}}}{name}") for name in ("identifier", "version"))
            text = session.get_schema(identifier, version=version or None, format="yang").data
            h.expect(re.match(r"\s*(//.*\s+|/\*.*?\*/\s*)*(sub)?module\s+\"?" + re.escape(identifier), text, re.S), f"{identifier}: {text[:80]!r}")
            h.expect(not version or f"revision {version}" in text or f'revision "{version}"' in text, f"{identifier}: no revision {version}")
            names.append(identifier)
        for name in ("esc", "lifeline", "lifeline-sim", "ietf-netconf-monitoring", "ietf-yang-library", "notifications"):
            h.expect(name in names, f"{name} is not listed in {names}")
        refusal(lambda: session.get_schema("no-such-module"), "invalid-value")
        refusal(lambda: session.get_schema("esc", version="1999-01-01"), "invalid-value")


@check
def streams(server):
    """Both streams are listed with their replay times."""
    with server.connect() as session:
        data = etree.fromstring(session.get(filter=("subtree", f'<netconf xmlns="{h.NETMOD}"><streams/></netconf>')).data_xml.encode())
        found = {}
        for stream in data.iter(f"{{{h.NETMOD}}}stream"):
            found[stream.findtext(f"{{{h.NETMOD}}}name")] = stream
        h.expect({"escEvent", "NETCONF"} <= set(found), f"streams {sorted(found)}")
        for name, stream in found.items():
            h.expect_equal(stream.findtext(f"{{{h.NETMOD}}}replaySupport"), "true", f"{name}: replaySupport")
            h.expect(stream.findtext(f"{{{h.NETMOD}}}replayLogCreationTime"), f"{name}: no replayLogCreationTime")


# -------------------------------------------------------- locks, candidate


@check
def locks(server):
    """Locks keep others out and end with their session."""
    with server.connect() as other:
        holder = server.connect()
        holder.lock("running")
        error = refusal(lambda: other.lock("running"), "lock-denied")
        h.expect(f">{holder.session_id}<" in str(error.info), f"lock-denied without the holder: {error.info}")
        refusal(lambda: holder.lock("running"), "lock-denied")
        refusal(lambda: other.edit_config(target="running", config=config(image("locked-out"))), "in-use", "lock-denied")
        refusal(lambda: other.unlock("running"), "operation-failed")
        holder.edit_config(target="running", config=config(image("by-holder")))
        holder.edit_config(target="running", config=config(image("by-holder", None, ' nc:operation="delete"')))
        holder.close_session()
        other.lock("running")
        other.unlock("running")
        refusal(lambda: other.unlock("running"), "operation-failed")
        # A dropped connection frees its locks too, without close-session.
        dropped = server.connect()
        dropped.lock("candidate")
        dropped._session._transport.close()

        def free():
            try:
                other.lock("candidate")
                return True
            except RPCError:
                return False

        h.until(free, "the lock of a dropped session is freed", 10)
        other.unlock("candidate")
        # A killed one as well.
        victim = server.connect()
        victim.lock("running")
        other.kill_session(victim.session_id)
        other.lock("running")
        other.unlock("running")
        h.until(lambda: not victim.connected, "the killed session ends", 10)
        refusal(lambda: other.kill_session(other.session_id), "invalid-value")
        refusal(lambda: other.kill_session("999999"), "invalid-value")


@check
def candidate(server):
    """Candidate is apart from running until it is committed."""
    with server.connect() as session:
        session.discard_changes()
        with session.locked("candidate"):
            session.edit_config(target="candidate", config=config(image("cand-1")))
            h.expect("cand-1" in images(session, "candidate"), "not in candidate")
            h.expect("cand-1" not in images(session), "in running before commit")
            session.validate("candidate")
            session.commit()
            h.expect("cand-1" in images(session), "not in running after commit")
            session.edit_config(target="candidate", config=config(image("cand-2")))
            session.discard_changes()
            h.expect("cand-2" not in images(session, "candidate"), "in candidate after discard")
        session.edit_config(target="candidate", config=config(image("cand-3")))
        with server.connect() as other:
            refusal(lambda: other.lock("candidate"), "lock-denied")
            session.discard_changes()
            other.lock("candidate")
            other.edit_config(target="candidate", config=config(image("cand-4")))
        h.until(lambda: "cand-4" not in images(session, "candidate"), "candidate is discarded with its lock holder", 10)
        session.edit_config(target="candidate", config=config(image("cand-1", None, ' nc:operation="delete"')))
        session.commit()
        h.expect("cand-1" not in images(session), "in running after its deletion")


@check
def invalid_candidate(server):
    """Candidate may be invalid for a while; running may not."""
    group = h.group().replace("<bootup_time>8</bootup_time>", "")
    bad = h.deployment("invalid", "invalid", group)
    with server.connect() as session:
        refusal(lambda: session.edit_config(target="running", config=bad), "data-missing", "missing-element", "operation-failed")
        session.edit_config(target="candidate", config=bad, test_option="set")
        refusal(lambda: session.validate("candidate"), "data-missing", "missing-element", "operation-failed")
        refusal(session.commit, "data-missing", "missing-element", "operation-failed")
        h.expect("invalid" not in session.get_config("running").data_xml, "in running")
        session.discard_changes()
        session.validate("running")


@check
def edit_options(server):
    """test-option, error-option and default-operation."""
    with server.connect() as session:
        session.edit_config(target="running", config=config(image("only-tested")), test_option="test-only")
        h.expect("only-tested" not in images(session), "test-only changed something")
        bad = config(image("half") + "<flavors><flavor><name>bad</name><vcpus>many</vcpus></flavor></flavors>")
        refusal(lambda: session.edit_config(target="running", config=bad, error_option="rollback-on-error"), "invalid-value")
        h.expect("half" not in images(session), "rollback-on-error left something")
        refusal(lambda: session.edit_config(target="running", config=config(image("nothing")), default_operation="none"), "data-missing")
        session.edit_config(target="running", config=config(image("opt-a") + ""))
        replaced = config("<images nc:operation=\"replace\"><image><name>opt-b</name><src>http://x.example/</src></image></images>")
        session.edit_config(target="running", config=replaced, default_operation="none")
        h.expect_equal(images(session), ["opt-b"], "images after a replace")
        session.edit_config(target="running", config=config(image("opt-b", None, ' nc:operation="remove"')))
        h.expect_equal(images(session), [], "images after a remove")


@check
def edit_operations(server):
    """create, delete, remove, and keys in any spelling."""
    with server.connect() as session:

        def edit(content):
            session.edit_config(target="running", config=config(content))

        edit(image("op", operation=' nc:operation="create"'))
        error = refusal(lambda: edit(image("op", operation=' nc:operation="create"')), "data-exists")
        h.expect_equal(error.type, "application", "error-type of data-exists")
        h.expect("image" in (error.path or ""), f"error-path {error.path}")
        edit(image("op", None, ' nc:operation="delete"'))
        refusal(lambda: edit(image("op", None, ' nc:operation="delete"')), "data-missing")
        edit(image("op", None, ' nc:operation="remove"'))
        tenant = "keys"
        interface = "<interface><nicid>{}</nicid><network>lan</network><model>{}</model></interface>"

        def nic(number, model):
            return h.deployment(tenant, "d", f"<vm_group><name>g</name><interfaces>{interface.format(number, model)}</interfaces></vm_group>")

        session.edit_config(target="candidate", config=h.deployment(tenant, "d", h.group("g")))
        session.edit_config(target="candidate", config=nic("+0", "e1000"))
        session.edit_config(target="candidate", config=nic("00", "virtio"))
        data = etree.fromstring(session.get_config("candidate").data_xml.encode())
        h.expect_equal([node.text for node in data.iter(f"{{{h.ESC}}}nicid") if node.getparent().tag.endswith("}interface")], ["0"], "one interface")
        session.discard_changes()


@check
def copy_and_delete(server):
    """copy-config and delete-config."""
    with server.connect() as session:
        session.edit_config(target="candidate", config=config(image("to-be-lost")))
        session.copy_config(source="running", target="candidate")
        h.expect("to-be-lost" not in images(session, "candidate"), "copy-config did not overwrite")
        refusal(lambda: session.copy_config(source="running", target="running"), "invalid-value")
        refusal(lambda: session.delete_config("running"), "operation-not-supported", "invalid-value", "operation-failed")
        with Raw(server) as raw:
            whole = f"<copy-config><target><candidate/></target><source>{config(image('whole'))}</source></copy-config>"
            h.expect("<ok/>" in raw_rpc(raw, whole), "copy-config of an inline <config>")
        h.expect_equal(images(session, "candidate"), ["whole"], "images in candidate")
        session.discard_changes()


# ------------------------------------------------------------------ filters


@check
def subtree_filters(server):
    """Subtree filters."""
    with server.connect() as session:
        for name in ("f-one", "f-two"):
            session.edit_config(target="running", config=config(image(name, f"http://images.example/{name}")))

        def got(content, root="esc_datamodel", space=h.ESC):
            return etree.fromstring(session.get_config("running", ("subtree", f'<{root} xmlns="{space}">{content}</{root}>')).data_xml.encode())

        def names(data):
            return sorted(node.text for node in data.iter(f"{{{h.ESC}}}name"))

        h.expect_equal(names(got("<images/>")), ["f-one", "f-two"], "containment")
        one = got("<images><image><name>f-one</name></image></images>")
        h.expect_equal((names(one), len(list(one.iter(f"{{{h.ESC}}}src")))), (["f-one"], 1), "content match")
        selected = got("<images><image><name>f-one</name><disk_format/></image></images>")
        h.expect_equal(len(list(selected.iter(f"{{{h.ESC}}}src"))), 0, "selection beside a content match")
        both = got("<images><image><name>f-one</name></image><image><name>f-two</name></image></images>")
        h.expect_equal(names(both), ["f-one", "f-two"], "two filters side by side")
        h.expect_equal(len(got("<images><image><name>absent</name></image></images>")), 0, "no match")
        h.expect_equal(len(got("<images/>", space="urn:example:foreign")), 0, "foreign namespace")
        with Raw(server) as raw:
            reply = raw_rpc(raw, '<get-config><source><running/></source><filter type="subtree"/></get-config>')
            h.expect_equal(len(etree.fromstring(reply.encode())[0]), 0, "empty filter")


@check
def xpath_filters(server):
    """XPath filters, with and without prefixes."""
    with server.connect() as session:

        def got(path):
            data = session.get_config("running", ("xpath", path)).data_xml
            return [node.text for node in etree.fromstring(data.encode()).iter(f"{{{h.ESC}}}name")]

        spaces = {"esc": h.ESC}
        for path in (
            '/esc_datamodel/images/image[name="f-one"]',
            'esc_datamodel/images/image[name="f-one"]/src',
            "//image[src='http://images.example/f-one']",
            (spaces, '/esc:esc_datamodel/esc:images/esc:image[esc:name="f-one"]'),
        ):
            h.expect_equal(got(path), ["f-one"], f"{path}")
        h.expect_equal(got('/esc_datamodel/images/image[name="absent"]'), [], "no match")
        for bad in ("/esc_datamodel[", "/nowhere:x"):
            refusal(lambda bad=bad: got(bad), "invalid-value", "bad-element", "operation-failed", "unknown-namespace")
        with Raw(server) as raw:
            reply = raw_rpc(raw, '<get><filter type="xpath"/></get>')
            expect_error(reply, "missing-attribute", bad_attribute="select")
        for name in ("f-one", "f-two"):
            session.edit_config(target="running", config=config(image(name, None, ' nc:operation="delete"')))


@check
def with_defaults(server):
    """with-defaults."""
    with server.connect() as session:
        session.edit_config(target="running", config=h.in_tenant("defaults", f"<networks>{h.network('n')}</networks>"))
        path = ("xpath", '/esc_datamodel/tenants/tenant[name="defaults"]')

        def got(mode):
            return session.get_config("running", path, with_defaults=mode).data_xml

        h.expect("managed_resource" in got("report-all"), "report-all lacks managed_resource")
        h.expect("managed_resource" not in got("explicit"), "explicit shows what was not set")
        h.expect("ipversion" in got("explicit") and "ipversion" not in got("trim"), "explicit or trim of a set default")
        h.expect("default=" in got("report-all-tagged"), "report-all-tagged tags nothing")
        with Raw(server) as raw:
            space = "urn:ietf:params:xml:ns:yang:ietf-netconf-with-defaults"
            expect_error(raw_rpc(raw, f'<get><with-defaults xmlns="{space}">some</with-defaults></get>'), "invalid-value")
        session.edit_config(target="running", config=h.in_tenant("defaults", "", ' nc:operation="delete"'))


@check
def texts_come_back(server):
    """Any text comes back as it was sent, in both framings."""
    text = "naïve ☃ 𝄞 &amp; &lt;tag&gt; ]]&gt;]]&gt; #"
    body = f"<extensions><extension><name>notes</name><properties><property><name>a</name><value>{text}</value></property></properties></extension></extensions>"
    wanted = "naïve ☃ 𝄞 & <tag> ]]>]]> #"
    for version in ("1.1", "1.0"):
        with Raw(server, version) as raw:
            edit = h.in_tenant("notes", body)
            h.expect("<ok/>" in raw_rpc(raw, f"<edit-config><target><running/></target>{edit}</edit-config>"), "edit")
            reply = raw_rpc(raw, "<get-config><source><running/></source></get-config>")
            found = [node.text for node in etree.fromstring(reply.encode()).iter(f"{{{h.ESC}}}value")]
            h.expect_equal(found, [wanted], f"text in base:{version}")
    with server.connect() as session:
        h.expect(wanted in [n.text for n in etree.fromstring(session.get_config("running").data_xml.encode()).iter(f"{{{h.ESC}}}value")], "ncclient")
        session.edit_config(target="running", config=h.in_tenant("notes", "", ' nc:operation="delete"'))


# ------------------------------------------------------------------- errors


@check
def data_errors(server):
    """Errors in configuration data carry tag, type, path and info."""
    with Raw(server) as raw:

        def edit(content, more=""):
            whole = f"<edit-config><target><running/></target>{more}{content}</edit-config>"
            return raw_rpc(raw, whole)

        expect_error(edit(config("<imagez/>")), "unknown-element", "application", bad_element="imagez")
        foreign = f'<config xmlns="{h.BASE}"><top xmlns="urn:example:foreign"/></config>'
        expect_error(edit(foreign), "unknown-namespace", "application", bad_element="top", bad_namespace="urn:example:foreign")
        flavor = "<flavors><flavor><name>e</name><vcpus>many</vcpus></flavor></flavors>"
        error = expect_error(edit(config(flavor)), "invalid-value", "application")
        path = error.findtext(f"{{{h.BASE}}}error-path") or ""
        h.expect(path.endswith("vcpus") and "flavor" in path, f"error-path {path!r}")
        keyless = "<images><image><src>http://x.example/</src></image></images>"
        expect_error(edit(config(keyless)), "missing-element", "application", bad_element="name")
        expect_error(edit(config(image("x", operation=' nc:operation="paint"'))), "bad-attribute", bad_attribute="operation")
        expect_error(edit(config(image("x")), "<default-operation>paint</default-operation>"), ("invalid-value", "bad-element"))
        state = "<opdata><status>OPER_UP</status></opdata>"
        expect_error(edit(config(state)), ("unknown-element", "invalid-value", "bad-element", "operation-failed"))
        # A collector on an interface that is not there: a leafref without its target.
        group = h.group("g").replace("<type>ICMPPing</type><nicid>0</nicid>", "<type>ICMPPing</type><nicid>7</nicid>")
        error = expect_error(edit(h.deployment("t", "d", group)), "data-missing", "application")
        h.expect_equal(error.findtext(f"{{{h.BASE}}}error-app-tag"), "instance-required", "error-app-tag")
        reply = raw_rpc(raw, "<get-config><source><running/></source></get-config>")
        h.expect("<flavor>" not in reply and "<deployment>" not in reply, "a refused edit left something")


@check
def envelope_errors(server):
    """Errors in the envelope and in parameters."""
    with Raw(server) as raw:
        expect_error(raw_rpc(raw, '<paint xmlns="urn:example:foreign"/>'), ("operation-not-supported", "unknown-namespace"))
        expect_error(raw_rpc(raw, "<paint/>"), ("operation-not-supported", "unknown-element"))
        expect_error(raw_rpc(raw, ""), ("missing-element", "operation-not-supported", "malformed-message"))
        expect_error(raw_rpc(raw, "<get-config/>"), "missing-element", "protocol", bad_element="source")
        expect_error(raw_rpc(raw, "<edit-config><config/></edit-config>"), "missing-element", "protocol", bad_element="target")
        expect_error(raw_rpc(raw, "<kill-session/>"), "missing-element", "protocol", bad_element="session-id")
        expect_error(raw_rpc(raw, "<discard-changes><paint/></discard-changes>"), "unknown-element", "protocol", bad_element="paint")
        expect_error(raw_rpc(raw, "<get-config><source><startup/></source></get-config>"), ("invalid-value", "unknown-element", "bad-element", "operation-not-supported"))
        raw._write(f'<rpc xmlns="{h.BASE}"><get/></rpc>')
        expect_error(raw.receive(), "missing-attribute", "rpc", bad_attribute="message-id", bad_element="rpc")
        raw._write(f'\n  <?xml version="1.0"?><!-- c --><nc:rpc xmlns:nc="{h.BASE}" message-id="a&amp;&quot;ü" xmlns:x="urn:x" x:y="1"><nc:discard-changes/></nc:rpc>')
        reply = raw.receive()
        root = etree.fromstring(reply.encode())
        h.expect_equal((root.get("message-id"), root.get("{urn:x}y")), ('a&"ü', "1"), "attributes echoed")
        raw._write("<rpc><broken")
        reply = raw.replies.get(timeout=h.PATIENCE)
        if reply is not None:
            expect_error(reply, "malformed-message", "rpc")
    with Raw(server) as raw:
        raw._write(f'<!DOCTYPE rpc [<!ENTITY e SYSTEM "file:///etc/hostname">]><rpc xmlns="{h.BASE}" message-id="1"><get>&e;</get></rpc>')
        reply = raw.replies.get(timeout=h.PATIENCE)
        h.expect(reply is None or "rpc-error" in reply, f"a DOCTYPE was served: {reply}")
    with server.connect() as session:
        h.expect(session.connected, "the server lives")


@check
def pipelining(server):
    """Twenty-five requests in one write are answered in order."""
    with Raw(server) as raw:
        sent = [raw.send("<get-config><source><running/></source></get-config>") for _ in range(25)]
        got = [re.search(r'message-id="(\d+)"', raw.receive())[1] for _ in sent]
        h.expect_equal(got, sent, "message-ids of the replies")


@check
def framing_errors(server):
    """Broken framing closes the session."""
    rpc = f'<rpc xmlns="{h.BASE}" message-id="1"><get/></rpc>'.encode()
    size = len(rpc)
    for name, octets in {
        "size 0": b"\n#0\n\n##\n",
        "leading zero": b"\n#0%d\n%s\n##\n" % (size, rpc),
        "sign": b"\n#+%d\n%s\n##\n" % (size, rpc),
        "too large": b"\n#4294967296\n%s\n##\n" % rpc,
        "no chunk": b"\n##\n",
        "CRLF": b"\r\n#%d\r\n%s\r\n##\r\n" % (size, rpc),
        "EOM after base:1.1": rpc + b"]]>]]>",
        "too small a size": b"\n#%d\n%s\n##\n" % (size - 3, rpc),
    }.items():
        with Raw(server) as raw:
            raw.process.stdin.write(octets)
            raw.process.stdin.flush()
            try:
                raw.process.wait(10)
            except subprocess.TimeoutExpired:
                raise h.Failure(f"{name}: the session stays open") from None
            served = [text for text in raw.arrived if "<data" in text]
            h.expect_equal(served, [], f"{name}: served")
    with Raw(server) as raw:
        for byte in b"\n#%d\n%s\n#%d\n%s\n##\n" % (10, rpc[:10], size - 10, rpc[10:]):
            raw.process.stdin.write(bytes([byte]))
            raw.process.stdin.flush()
        h.expect("<data" in raw.receive(), "octet by octet")


# ------------------------------------------------------------ notifications


@check
def subscription_errors(server):
    """What create-subscription refuses."""
    earlier = "2020-01-01T00:00:00Z"
    future = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)).isoformat()
    for parameters, tags, info in (
        ("<stream>nowhere</stream>", ("invalid-value", "bad-element", "unknown-element", "operation-failed", "data-missing"), {}),
        (f"<stopTime>{earlier}</stopTime>", "missing-element", {"bad_element": "startTime"}),
        (f"<startTime>{h.now()}</startTime><stopTime>{earlier}</stopTime>", "bad-element", {"bad_element": "stopTime"}),
        (f"<startTime>{future}</startTime>", "bad-element", {"bad_element": "startTime"}),
        ("<startTime>yesterday</startTime>", ("invalid-value", "bad-element"), {}),
    ):
        with Raw(server) as raw:
            reply = raw_rpc(raw, f'<create-subscription xmlns="{h.NOTIFICATION}">{parameters}</create-subscription>')
            expect_error(reply, tags, **info)
    with Raw(server) as raw:
        raw.subscribe("escEvent")
        expect_error(raw_rpc(raw, clients.subscription("escEvent")), ("in-use", "operation-failed"))


@check
def interleave(server):
    """Requests are served while notifications come."""
    with server.connect() as session:
        session.create_subscription(stream_name="escEvent")
        session.edit_config(target="running", config=config(image("event")))
        event = h.Event.parse(session.take_notification(timeout=h.PATIENCE).notification_xml)
        event.check_shape()
        h.expect_equal((event.type, event.text("image")), ("CREATE_IMAGE", "event"), "the event")
        session.edit_config(target="running", config=config(image("event", None, ' nc:operation="delete"')))
        event = h.Event.parse(session.take_notification(timeout=h.PATIENCE).notification_xml)
        h.expect_equal(event.type, "DELETE_IMAGE", "the event")


@check
def filtered_subscriptions(server):
    """Filters choose events, and never the marks of a replay."""
    subtree = f'<escEvent xmlns="{h.ESC}"><event><type>DELETE_IMAGE</type></event></escEvent>'
    spaces = {"esc": h.ESC}
    start = h.now()
    with server.connect() as session:
        session.edit_config(target="running", config=config(image("sieve")))
        session.edit_config(target="running", config=config(image("sieve", None, ' nc:operation="delete"')))

        def both():
            with server.connect() as reader:
                reader.create_subscription(stream_name="escEvent", start_time=start, stop_time=h.now())
                return read(reader)[0] == ["CREATE_IMAGE", "DELETE_IMAGE"]

        def read(reader):
            words, marks = [], []
            while "notificationComplete" not in marks:
                taken = reader.take_notification(timeout=h.PATIENCE)
                h.expect(taken, "no notificationComplete")
                event = h.Event.parse(taken.notification_xml)
                if event:
                    words.append(event.type)
                else:
                    marks.append(h.kind(taken.notification_xml))
            return words, marks

        h.until(both, "both events are in the log", pause=0.3)
        for wanted in (
            ("subtree", subtree),
            ("xpath", '/escEvent[event/type="DELETE_IMAGE"]'),
            ("xpath", (spaces, '/esc:escEvent/esc:event[esc:type="DELETE_IMAGE"]')),
        ):
            with server.connect() as reader:
                reader.create_subscription(filter=wanted, stream_name="escEvent", start_time=start, stop_time=h.now())
                h.expect_equal(read(reader), (["DELETE_IMAGE"], ["replayComplete", "notificationComplete"]), f"{wanted}")
                # The session is an ordinary one again.
                reader.get_config("running")
                reader.create_subscription(stream_name="escEvent")


@check
def replay_before_the_log(server):
    """A replay from before the log gives what there is; both streams agree."""
    logs = []
    for stream in ("escEvent", "NETCONF"):
        with server.connect() as session:
            session.create_subscription(stream_name=stream, start_time="2001-01-01T00:00:00Z", stop_time=h.now())
            events = []
            while True:
                taken = session.take_notification(timeout=h.PATIENCE)
                h.expect(taken, "no replayComplete")
                if event := h.Event.parse(taken.notification_xml):
                    events.append((event.time, event.type))
                elif h.kind(taken.notification_xml) == "replayComplete":
                    break
            logs.append(events)
    h.expect(logs[0], "an empty log")
    h.expect_equal(logs[0], logs[1], "events of escEvent and NETCONF")
    times = [time for time, _ in logs[0]]
    h.expect(times == sorted(set(times)), "eventTime does not increase strictly")


@check
def killed_subscriber(server):
    """A subscribed session can be killed."""
    with server.connect() as session:
        victim = server.connect()
        victim.create_subscription(stream_name="escEvent")
        session.kill_session(victim.session_id)
        h.until(lambda: not victim.connected, "the killed session ends", 10)


# -------------------------------------------------------------------- users


@check
def logins(server):
    """Passwords and keys of all kinds open the door; anything else does not."""
    for key in server.keys.values():
        server.connect(key_filename=key).close_session()
    server.connect(key_filename=None, password=server.password).close_session()
    stranger = server.home / "stranger"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(stranger)], check=True)
    for wrong in (
        {"key_filename": None, "password": "wrong"},
        {"key_filename": None, "password": ""},
        {"key_filename": str(stranger)},
        {"key_filename": None, "username": "nobody", "password": server.password},
        {"key_filename": None, "username": "admin", "password": "admin"},
    ):
        try:
            server.connect(**wrong).close_session()
        except Exception as error:
            h.expect("uthentication" in f"{type(error).__name__} {error}", f"{wrong}: {type(error).__name__} {error}")
        else:
            raise h.Failure(f"let in: {wrong}")


@check
def login_attempts(server):
    """A second attempt on the same connection (paramiko asks for the service again before each)."""
    wrong = lambda transport: transport.auth_password(server.user, "wrong", fallback=False)
    right = lambda transport: transport.auth_password(server.user, server.password, fallback=False)
    stranger = paramiko.ECDSAKey.generate()
    for what, *attempts in (
        ("password", wrong, right),
        ("key, password", lambda transport: transport.auth_publickey(server.user, stranger), right),
        ("none, password", lambda transport: transport.auth_none(server.user), right),
        ("three", wrong, wrong, right),
    ):
        transport = paramiko.Transport((server.host, server.port))
        try:
            transport.auth_timeout = 10
            transport.start_client(timeout=10)
            for attempt in attempts[:-1]:
                try:
                    attempt(transport)
                except paramiko.SSHException as error:
                    h.expect(transport.is_active(), f"{what}: {error!r}")
                else:
                    raise h.Failure(f"{what}: let in too early")
            attempts[-1](transport)
            h.expect(transport.is_authenticated(), what)
        finally:
            transport.close()
    # Six fail; a seventh is not answered any more.
    transport = paramiko.Transport((server.host, server.port))
    try:
        transport.start_client(timeout=10)
        refused = 0
        for _ in range(8):
            try:
                wrong(transport)
            except paramiko.SSHException:
                refused += transport.is_active()
        h.expect(refused <= 6 and not transport.is_active(), f"{refused} attempts were answered")
    finally:
        transport.close()


@check
def users_while_serving(server):
    """Users come and go while the server runs."""
    where = ["--data-dir", str(server.data)]
    server.cli("user", "add", "guest", *where, "--password-stdin", stdin="guest house 9\n")
    h.expect("guest" in server.cli("user", "list", *where).stdout, "not listed")
    guest = server.connect(username="guest", key_filename=None, password="guest house 9")
    # Who is in no group reads and changes nothing (RFC 8341's defaults), until the group says otherwise.
    guest.get_config("running")
    change = lambda: guest.edit_config(target="running", config=config(image("by-guest")))
    refusal(change, "access-denied")
    server.cli("user", "groups", "guest", "--group", "admin", *where)
    change()
    guest.edit_config(target="running", config=config(image("by-guest", None, ' nc:operation="delete"')))
    server.cli("user", "groups", "guest", "--none", *where)
    refusal(change, "access-denied")
    guest.close_session()
    server.cli("user", "remove", "guest", *where)
    try:
        server.connect(username="guest", key_filename=None, password="guest house 9").close_session()
    except Exception as error:
        h.expect("uthentication" in f"{type(error).__name__} {error}", f"{error}")
    else:
        raise h.Failure("a removed user gets in")
    for arguments in (("user", "remove", "nobody", *where), ("user", "add", "x", *where), ("serve", "--data-dir", str(server.data))):
        done = server.cli(*arguments, check=False)
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        h.expect(done.returncode != 0 and lines, f"{arguments}: exit {done.returncode}, {done.stderr!r}")


@check
def only_netconf(server):
    """SSH gives the subsystem netconf and nothing else."""
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(server.host, server.port, server.user, server.password, look_for_keys=False, allow_agent=False)
    transport = client.get_transport()
    try:
        for what, request in {
            "exec": lambda channel: channel.exec_command("id"),
            "shell": lambda channel: channel.invoke_shell(),
            "sftp": lambda channel: channel.invoke_subsystem("sftp"),
        }.items():
            try:
                request(transport.open_session(timeout=10))
            except (paramiko.SSHException, EOFError):
                continue
            raise h.Failure(f"{what} was granted")
        try:
            transport.open_channel("direct-tcpip", ("127.0.0.1", server.port), ("127.0.0.1", 1), timeout=10)
        except paramiko.SSHException:
            pass
        else:
            raise h.Failure("forwarding was granted")
    finally:
        client.close()


@check
def many_sessions(server):
    """Forty sessions at once."""
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        sessions = list(pool.map(lambda _: server.connect(), range(40)))
        ids = {session.session_id for session in sessions}
        h.expect_equal(len(ids), 40, "distinct session-ids")
        list(pool.map(lambda session: session.get_config("running"), sessions))
        list(pool.map(lambda session: session.close_session(), sessions))


@check
def silent_peers(server):
    """Peers that say nothing are no burden for others."""
    sockets = [socket.create_connection((server.host, server.port)) for _ in range(3)]
    try:
        start = time.monotonic()
        server.connect().close_session()
        h.expect(time.monotonic() - start < 5, "a login took long beside silent peers")
    finally:
        for each in sockets:
            each.close()


# ------------------------------------------------------- other clients' ways


@check
def large_replies(server):
    """A reply of a megabyte reaches every client whole."""
    blob = "".join(image(f"large-{n:04}", f"http://images.example/{'x' * 1000}").replace("<images>", "").replace("</images>", "") for n in range(1000))
    with server.connect() as session:
        session.edit_config(target="running", config=config(f"<images>{blob}</images>"))
    path = "/esc_datamodel/images"
    for kind in (clients.Ncclient, clients.NetconfClient, clients.OpenSsh11, clients.OpenSsh10, clients.ScrapliParamiko,
                 clients.ScrapliSystem, clients.OwnCommands):
        client = kind(server)
        try:
            names = [node.text for node in client.get(path).iter(f"{{{h.ESC}}}name")]
            ours = [name for name in names if name.startswith("large-")]
            h.expect_equal(ours, [f"large-{n:04}" for n in range(1000)], f"{kind.name}: images")
        finally:
            client.close()
    with server.connect() as session:
        session.edit_config(target="running", config=config('<images nc:operation="delete"/>'))


@check
def console_candidate(server):
    """netconf-console2: lock, edit, validate, commit, unlock in one session."""
    console = clients.NetconfConsole2(server)
    try:
        path = console._file(f'<esc_datamodel xmlns="{h.ESC}">{image("console")}</esc_datamodel>')
        console.run("--db", "candidate", "--lock", "--edit-config", path, "--validate", "candidate", "--commit", "--unlock")
        found = console.run("--get-config", "--db", "running", "-x", '/esc_datamodel/images/image[name="console"]')
        h.expect("console" in found, found)
        found = console.run("--get-config", "--filter", "/esc:esc_datamodel/esc:images", "--ns", f"esc={h.ESC}")
        h.expect("console" in found, found)
        h.expect("base:1.1" in console.run("--hello"), "hello")
        h.expect("module esc" in console.run("--get-schema", "esc"), "get-schema")
        console.run("--delete", '/esc:esc_datamodel/esc:images/esc:image[name="console"]', "--del-operation", "delete", "--ns", f"esc={h.ESC}")
        try:
            console.run("--delete", '/esc:esc_datamodel/esc:images/esc:image[name="console"]', "--del-operation", "delete", "--ns", f"esc={h.ESC}")
        except clients.Refused as error:
            h.expect_equal(error.tag, "data-missing", "deleting twice")
        else:
            raise h.Failure("deleted twice")
    finally:
        console.close()


@check
def console_with_a_key(server):
    """netconf-console2 with a key from an ssh configuration file."""
    path = server.home / "ssh_config"
    path.write_text(f"Host target\n  HostName {server.host}\n  Port {server.port}\n  User {server.user}\n  IdentityFile {server.key}\n")
    console = clients.NetconfConsole2(server)
    try:
        console.command = [console.command[0], "--ssh-config", str(path), "--host", "target", "--port", str(server.port)]
        h.expect("base:1.1" in console.run("--hello"), "hello")
    finally:
        console.close()


@check
def scrapli_candidate(server):
    """scrapli: lock, edit, validate, commit, unlock; a close without close-session frees the locks."""
    client = clients.ScrapliParamiko(server)
    driver = client.driver
    for reply in (
        driver.lock(target="candidate"),
        driver.edit_config(config=config(image("scrapli")), target="candidate"),
        driver.validate(source="candidate"),
        driver.commit(),
    ):
        client._check(reply)
    h.expect("scrapli" in driver.get_config(source="running").result, "not in running")
    h.expect(driver.edit_config(config=config(image("scrapli", operation=' nc:operation="create"')), target="candidate").failed, "created twice")
    client.close()
    with server.connect() as session:

        def free():
            try:
                session.lock("candidate")
                return True
            except RPCError:
                return False

        h.until(free, "scrapli's lock is freed", 10)
        session.unlock("candidate")
        session.edit_config(target="running", config=config(image("scrapli", None, ' nc:operation="delete"')))


@check
def close_session(server):
    """close-session is answered, and the channel then ends."""
    for version in ("1.1", "1.0"):
        with Raw(server, version) as raw:
            raw.close()
    with server.session() as session:
        session.dispatch(to_ele(f'<close-session xmlns="{h.BASE}"/>'))
        h.until(lambda: not session.connected, "the session ends", 10)
