"""A restart, orderly or not, loses nothing and doubles nothing."""

import time

from ncclient.xml_ import to_ele

import harness as h

CASES = []


def check(function):
    """Makes a case of a function; its docstring's first line is the name."""
    CASES.append((f"restart: {function.__doc__.splitlines()[0].rstrip('.')}", function))
    return function


def cases():
    """All of them."""
    return CASES


def log_of(server, stream="escEvent"):
    """The whole replayable log."""
    with server.session() as session:
        session.create_subscription(stream_name=stream, start_time="2001-01-01T00:00:00Z", stop_time=h.now())
        events = []
        while True:
            taken = session.take_notification(timeout=h.PATIENCE)
            h.expect(taken, "no replayComplete")
            event = h.Event.parse(taken.notification_xml)
            if event:
                events.append(event)
            elif h.kind(taken.notification_xml) == "replayComplete":
                return events


def words(events, name):
    return [event.word for event in events if event.text("depname") == name]


def deploy(server, tenant, *names, group=None):
    """Deploys under one tenant and returns opdata by name."""
    with server.session() as session:
        recorder = h.Recorder(server)
        content = "".join(f"<deployment><name>{name}</name>{group or h.group()}</deployment>" for name in names)
        inner = f"<networks>{h.network('lan')}</networks><deployments>{content}</deployments>"
        session.edit_config(target="running", config=h.CATALOGUE)
        session.edit_config(target="running", config=h.in_tenant(tenant, inner))
        for name in names:
            h.Thread(recorder, name).take("VM_DEPLOYED", "VM_ALIVE", "SERVICE_ALIVE")
        recorder.close()
        return {name: h.opdata(session, tenant, name) for name in names}


def state(server, tenant, names):
    """All that must outlive a restart."""
    with server.session() as session:
        config = session.get_config("running").data_xml
        return config, {name: h.opdata(session, tenant, name) for name in names}


@check
def orderly(server):
    """SIGTERM ends it with 0; configuration, VMs, users and the log come back."""
    names = ["calm-1", "calm-2"]
    deploy(server, "calm", *names)
    before, log = state(server, "calm", names), [event.raw for event in log_of(server)]
    with server.session() as session:
        session.edit_config(target="candidate", config=h.in_tenant("candidate-only", ""))
        start = time.monotonic()
        h.expect_equal(server.terminate(), 0, "exit code after SIGTERM")
        h.expect(time.monotonic() - start < 10, "SIGTERM took long")
    server.start()
    after = state(server, "calm", names)
    h.expect_equal(after, before, "configuration and opdata over a restart")
    h.expect_equal([event.raw for event in log_of(server)][: len(log)], log, "the log over a restart")
    # And it goes on: a failure after the restart is seen.
    recorder = h.Recorder(server)
    thread = h.Thread(recorder, "calm-1")
    with server.session() as session:
        session.dispatch(to_ele(h.inject("crash", vm=before[1]["calm-1"].vm.name)))
        thread.take("VM_RECOVERY_INIT", "VM_RECOVERY_REBOOT", "VM_RECOVERY_COMPLETE")
    recorder.close()


@check
def power_cut_when_idle(server):
    """kill -9 of an idle server."""
    before, log = state(server, "calm", ["calm-1", "calm-2"]), [event.raw for event in log_of(server)]
    server.kill()
    server.start()
    h.expect_equal(state(server, "calm", ["calm-1", "calm-2"]), before, "configuration and opdata")
    h.expect_equal([event.raw for event in log_of(server)], log, "the log")


@check
def power_cut_after_ok(server):
    """An edit that was answered with ok survives a kill -9 at once, and is carried out."""
    with server.session() as session:
        session.edit_config(target="running", config=h.deployment("calm", "promised", h.group()))
        server.kill()
    server.start()
    h.until(lambda: "SERVICE_ALIVE" in words(log_of(server), "promised"), "the promised deployment", pause=0.5)
    h.expect_equal(words(log_of(server), "promised"), ["VM_DEPLOYED", "VM_ALIVE", "SERVICE_ALIVE"], "its events")


@check
def power_cut_in_a_recovery(server):
    """kill -9 after each event of a recovery: the story ends as it should, once."""
    story = [
        "VM_RECOVERY_INIT", "VM_RECOVERY_REBOOT FAILURE", "VM_RECOVERY_UNDEPLOYED", "VM_RECOVERY_DEPLOYED",
        "VM_RECOVERY_COMPLETE",
    ]
    for number, cut in enumerate(story[:-1]):
        name = f"cut-{number}"
        vm = deploy(server, "cuts", name)[name].vm
        recorder = h.Recorder(server)
        with server.session() as session:
            session.dispatch(to_ele(h.inject("reboot-fails", vm=vm.name)))
            session.dispatch(to_ele(h.inject("crash", vm=vm.name)))
            recorder.wait(cut, lambda: cut in [event.word for event in recorder.of(name)])
            server.kill()
        recorder.close()
        heard = [event.raw for event in recorder.of(name)]
        server.start()
        h.until(lambda: words(log_of(server), name)[-1] == story[-1], f"the end of a story cut at {cut}", pause=0.3)
        whole = [event for event in log_of(server) if event.text("depname") == name]
        h.expect_equal([event.word for event in whole][3:], story, f"events of a story cut at {cut}")
        h.expect_equal([event.raw for event in whole if event.raw in heard], heard, "events heard before the cut")
        with server.session() as session:
            seen = h.opdata(session, "cuts", name)
            h.expect_equal([(v.name, v.state) for v in seen.vms], [(vm.name, "VM_ALIVE_STATE")], "VMs afterwards")


@check
def long_downtime(server):
    """A start after a downtime longer than bootup_time looks at a booting VM before it judges."""
    with server.session() as session:
        recorder = h.Recorder(server)
        session.edit_config(target="running", config=h.CATALOGUE)
        session.edit_config(target="running", config=h.in_tenant("calm", f"<networks>{h.network('lan')}</networks>"))
        session.edit_config(target="running", config=h.deployment("calm", "patient", h.group(bootup=4)))
        h.Thread(recorder, "patient").take("VM_DEPLOYED")
        server.kill()
    recorder.close()
    time.sleep(6)
    server.start()
    h.until(lambda: "SERVICE_ALIVE" in words(log_of(server), "patient"), "the deployment is alive", pause=0.5)
    h.expect_equal(words(log_of(server), "patient"), ["VM_DEPLOYED", "VM_ALIVE", "SERVICE_ALIVE"], "its events")


@check
def second_server(server):
    """Two servers cannot share a data directory."""
    done = server.cli("serve", "--data-dir", str(server.data), "--netconf", "127.0.0.1:0", check=False)
    h.expect(done.returncode != 0 and done.stderr.strip(), f"exit {done.returncode}: {done.stderr!r}")
