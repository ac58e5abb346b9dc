"""Confirmed commits (RFC 6241 section 8.4) through the clients that know them.

One waits for its confirmation at a time, and running belongs to it: these checks
have a server of their own.
"""

import time

from lxml import etree

import clients
import harness as h
from protocol import config, image, images
from scenarios import refusal

CASES = []
NOTIFICATIONS = "urn:ietf:params:xml:ns:yang:ietf-netconf-notifications"


def check(function):
    """Makes a case of a function; its docstring's first line is the name."""
    CASES.append((f"confirmed: {function.__doc__.splitlines()[0].rstrip('.')}", function))
    return function


def cases():
    """All of them."""
    return CASES


def put(session, name):
    """Adds an image to the candidate."""
    session.edit_config(target="candidate", config=config(image(name)))


def clear(session):
    """Leaves no image behind."""
    if images(session):
        session.edit_config(target="running", config=config('<images nc:operation="delete"/>'))


@check
def ncclient_all(server):
    """ncclient: time-out, follow-up, confirmation, cancel, another session."""
    with server.connect() as session, server.connect() as other:
        h.expect(":confirmed-commit:1.1" in session.server_capabilities, "the capability")
        put(session, "a")
        session.commit(confirmed=True, timeout="1")
        h.expect_equal(images(other), ["a"], "at once")
        h.until(lambda: images(other) == [], "taken back in time", 10)
        put(session, "a")
        session.commit(confirmed=True, timeout="1")
        put(session, "b")
        session.commit(confirmed=True)
        time.sleep(1.8)
        h.expect_equal(images(other), ["a", "b"], "the follow-up's time")
        refusal(other.commit, "in-use")
        refusal(lambda: other.lock("running"), "lock-denied")
        refusal(lambda: other.edit_config(target="running", config=config(image("c"))), "in-use")
        refusal(other.cancel_commit, "operation-failed")
        session.cancel_commit()
        h.expect_equal(images(other), [], "cancelled")
        refusal(session.cancel_commit, "operation-failed")
        put(session, "a")
        session.commit(confirmed=True, timeout="1")
        session.commit()
        time.sleep(1.8)
        h.expect_equal(images(other), ["a"], "confirmed")
        clear(session)


@check
def ncclient_persist(server):
    """ncclient: persist and persist-id, over the end of the session."""
    with server.connect() as other:
        for confirm in (True, False):
            with server.connect() as session:
                put(session, "a")
                session.commit(confirmed=True, timeout="120", persist="token")
            h.expect_equal(images(other), ["a"], "over the end of its session")
            refusal(lambda: other.commit(persist_id="wrong"), "invalid-value")
            refusal(lambda: other.cancel_commit(persist_id="wrong"), "invalid-value")
            other.commit(confirmed=True, persist_id="token")
            if confirm:
                other.commit(persist_id="token")
                h.expect_equal(images(other), ["a"], "confirmed by another session")
                clear(other)
            else:
                other.cancel_commit(persist_id="token")
                h.expect_equal(images(other), [], "cancelled by another session")
        with server.connect() as session:
            put(session, "a")
            session.commit(confirmed=True)
        h.until(lambda: images(other) == [], "without persist it ends with its session", 10)


@check
def ncclient_events(server):
    """ncclient hears what the server tells of itself."""
    session = server.connect()
    with server.connect() as listener:
        listener.create_subscription(stream_name="NETCONF")
        put(session, "a")
        session.commit(confirmed=True, timeout="60")
        session.cancel_commit()

        def heard():
            while True:
                taken = listener.take_notification(timeout=h.PATIENCE)
                h.expect(taken, "an event is missing")
                content = etree.fromstring(taken.notification_xml.encode())[1]
                name = etree.QName(content)
                if name.namespace == NOTIFICATIONS and name.localname != "netconf-session-start":
                    return name.localname, content

        found = []
        for _ in range(4):
            name, content = heard()
            who = content.findtext(f".//{{{NOTIFICATIONS}}}session-id")
            h.expect_equal(who, session.session_id, f"who in {name}")
            event = content.findtext(f"{{{NOTIFICATIONS}}}confirm-event")
            target = content.findtext(f"{{{NOTIFICATIONS}}}edit/{{{NOTIFICATIONS}}}target")
            found.append(event or target)
        path = "/esc:esc_datamodel/esc:images/esc:image[esc:name='a']"
        h.expect_equal(found, [path, "start", path, "cancel"], "events")
        number = session.session_id
        session.close_session()
        name, content = heard()
        h.expect_equal(name, "netconf-session-end", "the last event")
        h.expect_equal(content.findtext(f"{{{NOTIFICATIONS}}}session-id"), number, "whose")
        h.expect_equal(content.findtext(f"{{{NOTIFICATIONS}}}termination-reason"), "closed", "its reason")


@check
def console(server):
    """netconf-console2: --commit confirmed --timeout."""
    console = clients.NetconfConsole2(server)
    try:
        path = console._file(f'<esc_datamodel xmlns="{h.ESC}">{image("console")}</esc_datamodel>')
        edit = ("--db", "candidate", "--edit-config", path)
        with server.connect() as other:
            # Its session ends with the process.
            console.run(*edit, "--commit", "confirmed", "--timeout", "60")
            h.until(lambda: images(other) == [], "taken back with its session", 10)
            console.run("-e", f"edit-config {path} --db candidate", "-e", "commit confirmed --timeout 60", "-e", "commit")
            h.expect_equal(images(other), ["console"], "confirmed by the same session")
            clear(other)
    finally:
        console.close()


@check
def netconf_client(server):
    """netconf-client: confirmed, persist, cancel."""
    client = clients.NetconfClient(server)
    with server.connect() as other:
        manager = client.session
        manager.edit_config(config(image("a")), target="candidate")
        manager.commit(confirmed=True, confirm_timeout=60)
        h.expect_equal(images(other), ["a"], "at once")
        manager.cancel_commit()
        h.expect_equal(images(other), [], "cancelled")
        manager.edit_config(config(image("a")), target="candidate")
        manager.commit(confirmed=True, persist="token")
        client.close()
        client = clients.NetconfClient(server)
        client.session.commit(persist_id="token")
        h.expect_equal(images(other), ["a"], "confirmed")
        clear(other)
    client.close()


@check
def scrapli(server):
    """scrapli: confirmed, persist, persist-id."""
    with server.connect() as other:
        client = clients.ScrapliParamiko(server)
        driver = client.driver
        client._check(driver.edit_config(config=config(image("scrapli")), target="candidate"))
        client._check(driver.commit(confirmed=True, timeout=60))
        h.expect_equal(images(other), ["scrapli"], "at once")
        # It leaves without close-session.
        client.close()
        h.until(lambda: images(other) == [], "taken back with its session", 10)
        client = clients.ScrapliParamiko(server)
        driver = client.driver
        client._check(driver.edit_config(config=config(image("scrapli")), target="candidate"))
        client._check(driver.commit(confirmed=True, timeout=60, persist="token"))
        h.expect(driver.commit(persist_id="wrong").failed, "a wrong token")
        client._check(driver.commit(persist_id="token"))
        h.expect_equal(images(other), ["scrapli"], "confirmed")
        client.close()
        clear(other)


@check
def restarts(server):
    """A restart and a kill -9 take back what nobody confirmed, VMs and all."""
    with server.session() as session:
        recorder = h.Recorder(server)
        session.edit_config(target="running", config=h.CATALOGUE)
        session.edit_config(target="running", config=h.in_tenant("trial", f"<networks>{h.network('lan')}</networks>"))
        recorder.close()
    for number, end in enumerate((server.terminate, server.kill)):
        name = f"trial-{number}"
        with server.session() as session:
            before = session.get_config("running").data_xml
            recorder = h.Recorder(server)
            session.edit_config(target="candidate", config=h.deployment("trial", name, h.group()))
            session.commit(confirmed=True, timeout="600", persist="token")
            h.Thread(recorder, name).take("VM_DEPLOYED", "VM_ALIVE", "SERVICE_ALIVE")
            recorder.close()
            end()
        server.start()
        with server.session() as session:
            h.expect_equal(session.get_config("running").data_xml, before, "running afterwards")
            refusal(lambda: session.commit(persist_id="token"), "invalid-value")
            h.until(lambda: h.opdata(session, "trial", name) is None, f"{name} is undeployed", 30, 0.3)
            with server.session() as reader:
                reader.create_subscription(stream_name="escEvent", start_time="2001-01-01T00:00:00Z", stop_time=h.now())
                words = []
                while True:
                    taken = reader.take_notification(timeout=h.PATIENCE)
                    h.expect(taken, "no replayComplete")
                    event = h.Event.parse(taken.notification_xml)
                    if event and event.text("depname") == name:
                        words.append(event.word)
                    elif h.kind(taken.notification_xml) == "replayComplete":
                        break
            deployed = ["VM_DEPLOYED", "VM_ALIVE", "SERVICE_ALIVE"]
            h.expect_equal(words, [*deployed, "VM_UNDEPLOYED", "SERVICE_UNDEPLOYED"], f"events of {name}")
