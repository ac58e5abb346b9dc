"""The story: a VM fails, its reboot fails, it is redeployed, and every subscriber sees it.

Told once through each client, all at the same time, each in a tenant of its own.
"""

import datetime
import time

from lxml import etree

import clients
import harness as h

# The driver's own words for the reboot that fails.
COMPLAINT = "VIM Driver: VM powered on but in unexpected state:null"


def cases(vim):
    """One case for each client."""
    prefix = "" if vim == "sim" else f"{vim} "
    return [(f"{prefix}story: {client.name}", lambda run, client=client: tell(run, client)) for client in clients.ALL]


def tell(run, kind):
    """The whole story through one client."""
    number = clients.ALL.index(kind)
    tenant, name = run.vim.tenant(f"story-{number}"), f"gateway-{number}"
    lan = h.network("lan", run.vim.subnet(f"10.80.{number}.0", "10.77.0.0"))
    control = kind(run.server)
    listener = kind(run.server) if kind.notifies else None
    heard = []
    try:
        if listener:
            listener.subscribe("escEvent")
        events = run.thread(name)

        # One request makes tenant, network and deployment.
        control.edit(
            run.vim.dress(
                h.in_tenant(
                    tenant,
                    f"<networks>{lan}</networks><deployments><deployment>"
                    f"<name>{name}</name>{h.group(retries=1)}</deployment></deployments>",
                )
            )
        )
        deployed, alive, _ = events.take("VM_DEPLOYED", "VM_ALIVE", "SERVICE_ALIVE")
        before = see(control, tenant, name)
        h.expect_equal((before.state, before.vm.state), ("SERVICE_ACTIVE_STATE", "VM_ALIVE_STATE"), "opdata, deployed")
        h.expect_equal({deployed.source, alive.source}, {before.vm.id}, "VM id in events and opdata")
        h.expect_equal(deployed.text("depid"), before.deployment_id, "deployment id in event and opdata")
        vm = before.vm.name
        h.expect(vm.startswith(f"{name}_fw_0_"), f"VM name {vm}")

        run.vim.inject(control.rpc, "reboot-fails", vm=vm, messages=[COMPLAINT])
        run.vim.inject(control.rpc, "crash", vm=vm)
        init, reboot, gone, again, complete = events.take(
            "VM_RECOVERY_INIT",
            "VM_RECOVERY_REBOOT FAILURE",
            "VM_RECOVERY_UNDEPLOYED",
            "VM_RECOVERY_DEPLOYED",
            "VM_RECOVERY_COMPLETE",
        )
        check_recovery(run.vim, before, vm, init, reboot, gone, again, complete)
        after = see(control, tenant, name)
        h.expect_equal((after.state, after.vm.state), ("SERVICE_ACTIVE_STATE", "VM_ALIVE_STATE"), "opdata, recovered")
        h.expect_equal((after.vm.name, after.vm.id), (vm, complete.target), "name and id after a redeploy")
        h.expect_equal(after.vm.addresses, before.vm.addresses, "addresses after a redeploy")

        control.edit(h.undeployment(tenant, name))
        events.take("VM_UNDEPLOYED", "SERVICE_UNDEPLOYED")
        h.expect(see(control, tenant, name) is None, "an undeployed deployment is still in opdata")

        if listener:
            wanted = [event.raw for event in run.recorder.of(name)]
            heard = hear(listener, name, len(wanted))
            ours = [event.raw for event in heard if event.text("depname") == name]
            h.expect_equal([squeeze(raw) for raw in ours], [squeeze(raw) for raw in wanted], "what two clients heard")
            replay(run, kind, heard)
    finally:
        for client in (control, listener):
            if client:
                client.close()


def check_recovery(vim, before, vm, init, reboot, gone, again, complete):
    """Codes, messages, source and target of the seed's sequence."""
    old = before.vm.id
    for event, code in ((init, "200"), (reboot, "500"), (gone, "204"), (again, "200"), (complete, "200")):
        h.expect_equal((event.type, event.text("status_code")), (event.type, code), "code")
        h.expect_equal(event.source, old, f"{event.type}: source")
    for event in (init, reboot, gone):
        h.expect_equal(event.target, None, f"{event.type}: target")
    h.expect(complete.target and complete.target != old, "the replacement has the old VM's id")
    h.expect_equal(again.target, complete.target, "target of DEPLOYED and COMPLETE")
    h.expect_equal(
        init.text("status_message"),
        f"Recovery event for VM [{vm}] triggered. Processing Auto healing. Proceeding with Recovery.",
        "message of INIT",
    )
    vim.check_history(
        reboot.text("status_message"),
        [
            f"Error Messages: VM [{vm}] failed to be rebooted.",
            COMPLAINT,
            f"VIM Driver: VM successfully created, VM Name: [{vm}]",
        ],
        "message of REBOOT",
    )
    h.expect_equal(gone.text("status_message"), f"VM [{vm}] has been undeployed.", "message of UNDEPLOYED")
    h.expect_equal(
        complete.text("status_message"), f"Recovery: Successfully recovered VM [{vm}].", "message of COMPLETE"
    )


def see(client, tenant, name):
    """opdata through the client."""
    return h.Opdata.parse(client.get(h.opdata_path(tenant, name)), name)


def moment(text):
    """A time as a number that compares."""
    return datetime.datetime.fromisoformat(text)


def squeeze(raw):
    """A notification as canonical XML: clients hand over their own spelling."""
    return etree.tostring(etree.fromstring(raw.encode()), method="c14n").decode()


def hear(listener, name, count):
    """Events from the listener until `count` of one deployment came."""
    heard = []
    while sum(event.text("depname") == name for event in heard) < count:
        event = h.Event.parse(clients.wait_notification(listener))
        h.expect(event is not None, "a live subscription got something that is no escEvent")
        heard.append(event)
    times = [event.time for event in heard]
    h.expect(times == sorted(set(times)), f"eventTime does not increase strictly: {times}")
    return heard


def replay(run, kind, heard):
    """What was heard live comes again, the same and in the same order, and then the two ends."""
    client = kind(run.server)
    try:
        time.sleep(0.01)
        stop = h.now()
        client.subscribe("escEvent", start=heard[0].time, stop=stop)
        if not getattr(client, "marks", True):
            for live in heard:
                h.expect_equal(squeeze(clients.wait_notification(client)), squeeze(live.raw), "replayed event")
            return
        again, marks = [], []
        while "notificationComplete" not in marks:
            raw = clients.wait_notification(client)
            if event := h.Event.parse(raw):
                # One stamped before stopTime may have become durable just after the subscription.
                h.expect(not marks or moment(event.time) <= moment(stop), f"after {marks}, stopTime {stop}: {raw[:300]}")
                again.append(raw)
            else:
                marks.append(h.kind(raw))
        h.expect_equal(marks, ["replayComplete", "notificationComplete"], "marks of a replay")
        h.expect(len(again) >= len(heard), f"replayed {len(again)} of {len(heard)} events")
        for live, repeated in zip(heard, again):
            h.expect_equal(squeeze(repeated), squeeze(live.raw), "replayed event")
        h.expect(client.next(0.3) is None, "something came after notificationComplete")
    finally:
        client.close()
