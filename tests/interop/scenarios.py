"""Every row of "order per scenario" that this release has, on one server at the same time."""

import re
import time

from ncclient.operations.rpc import RPCError
from ncclient.xml_ import to_ele

import clouds
import harness as h

ALIVE = ("SERVICE_ACTIVE_STATE", "VM_ALIVE_STATE")
CASES = []


# Those that cannot be told where users make no tenants, or no networks.
MAKES_TENANTS, MAKES_NETWORKS = set(), set()


def scenario(function):
    """Makes a case of a function; its docstring's first line is the name."""
    CASES.append((f"scenario: {function.__doc__.splitlines()[0].rstrip('.')}", function))
    return function


def makes_tenants(function):
    """The same for one that makes a tenant of its own, and takes it away."""
    MAKES_TENANTS.add(function)
    return scenario(function)


def makes_networks(function):
    """The same for one whose network is made with it."""
    MAKES_NETWORKS.add(function)
    return scenario(function)


def cases(vim):
    """Those that can be told over a VIM."""
    if vim == "sim":
        return CASES
    face = clouds.FACES[vim]
    left_out = (set() if face.makes_tenants else MAKES_TENANTS) | (set() if face.makes_networks else MAKES_NETWORKS)
    return [(f"{vim} {name}", function) for name, function in CASES if function not in left_out]


TENANT = "works"


def prepare(run):
    """The tenant and network that the scenarios share."""
    config = h.in_tenant(TENANT, f"<networks>{h.network('lan')}</networks>")
    run.session.edit_config(target="running", config=run.vim.dress(config))


class Stage:
    """One deployment, one session, and the events of the former."""

    def __init__(self, run, name, *groups, alive=True, networks=""):
        self.run, self.name, self.tenant = run, name, run.vim.tenant(TENANT)
        self.session = run.server.connect()
        self.events = run.thread(name)
        self.edit(h.deployment(TENANT, name, *(groups or [h.group()]), networks=networks))
        if alive:
            self.events.take("VM_DEPLOYED", "VM_ALIVE", "SERVICE_ALIVE")
            self.check(*ALIVE)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        try:
            if kind is None and self.seen():
                self.undeploy()
        finally:
            self.session.close_session()

    def edit(self, config):
        self.session.edit_config(target="running", config=self.run.vim.dress(config))

    def update(self, *groups):
        self.edit(h.deployment(TENANT, self.name, *groups))

    def ask(self, rpc):
        return self.session.dispatch(to_ele(rpc)).xml

    def inject(self, fault, vm=None, **more):
        self.run.vim.inject(self.ask, fault, vm=vm or self.vm.name, **more)

    def clear(self, vm):
        self.run.vim.clear(self.ask, vm)

    def seen(self):
        return h.opdata(self.session, self.tenant, self.name)

    @property
    def vm(self):
        return self.seen().vm

    def check(self, service, *vms):
        """States as opdata has them right now: whoever saw an event reads a state that is not older."""
        seen = self.seen()
        h.expect(seen, f"{self.name}: not in opdata")
        h.expect_equal((seen.state, *[vm.state for vm in seen.vms]), (service, *vms), f"{self.name}: states")
        return seen

    def undeploy(self, *words):
        """Deletes it, and sees it disappear."""
        count = len(self.seen().vms)
        self.edit(h.undeployment(TENANT, self.name))
        self.events.take(*(words or [("VM_UNDEPLOYED",) * count]), "SERVICE_UNDEPLOYED")
        h.expect(self.seen() is None, f"{self.name}: undeployed, and still in opdata")


def refusal(request, *tags):
    """Runs a request that must be refused with one of the tags."""
    try:
        request()
    except RPCError as error:
        h.expect(error.tag in tags, f"error-tag {error.tag}, wanted {tags}: {error.message}")
        h.expect(error.message, "a refusal without a sentence")
        return error
    raise h.Failure(f"accepted, but wanted {tags}")


# ----------------------------------------------------------------- recovery


@scenario
def reboot_works(run):
    """A reboot that works."""
    with Stage(run, "reboots") as stage:
        vm = stage.vm
        stage.inject("crash")
        init, reboot, complete = stage.events.take("VM_RECOVERY_INIT", "VM_RECOVERY_REBOOT", "VM_RECOVERY_COMPLETE")
        h.expect_equal({init.source, reboot.source, complete.source, complete.target}, {vm.id}, "ids over a reboot")
        h.expect_equal(reboot.text("status_message"), f"VM [{vm.name}] is rebooted.", "message of REBOOT")
        stage.check(*ALIVE)
        h.expect_equal(stage.vm, vm, "the VM after its reboot")


@scenario
def history_reaches_back(run):
    """A failing reboot tells the VM's history back to its creation."""
    with Stage(run, "history") as stage:
        name = stage.vm.name
        stage.inject("crash")
        stage.events.take("VM_RECOVERY_INIT", "VM_RECOVERY_REBOOT", "VM_RECOVERY_COMPLETE")
        words = "VIM Driver: VM powered on but in unexpected state:null"
        stage.inject("reboot-fails", messages=[words])
        stage.inject("crash")
        _, reboot, *_ = stage.events.take(
            "VM_RECOVERY_INIT", "VM_RECOVERY_REBOOT FAILURE", "VM_RECOVERY_UNDEPLOYED", "VM_RECOVERY_DEPLOYED",
            "VM_RECOVERY_COMPLETE",
        )
        run.vim.check_history(
            reboot.text("status_message"),
            [
                f"Error Messages: VM [{name}] failed to be rebooted.",
                words,
                f"VM [{name}] is rebooted.",
                "VIM Driver: VM successfully rebooted.",
                f"VIM Driver: VM successfully created, VM Name: [{name}]",
            ],
            "the history",
        )


@scenario
def reboot_only_fails(run):
    """REBOOT_ONLY fails."""
    with Stage(run, "reboot-only", h.group(policy="REBOOT_ONLY")) as stage:
        stage.inject("reboot-fails")
        stage.inject("crash")
        stage.events.take("VM_RECOVERY_INIT", "VM_RECOVERY_REBOOT FAILURE", "VM_RECOVERY_COMPLETE FAILURE")
        stage.events.maybe("VM_MANUAL_RECOVERY_NEEDED")
        stage.check("SERVICE_ERROR_STATE", "VM_ERROR_STATE")


@scenario
def redeploy_only(run):
    """REDEPLOY_ONLY."""
    with Stage(run, "redeploy-only", h.group(policy="REDEPLOY_ONLY")) as stage:
        old = stage.vm
        stage.inject("crash")
        _, _, deployed, complete = stage.events.take(
            "VM_RECOVERY_INIT", "VM_RECOVERY_UNDEPLOYED", "VM_RECOVERY_DEPLOYED", "VM_RECOVERY_COMPLETE"
        )
        h.expect_equal((deployed.source, complete.source), (old.id, old.id), "sources")
        stage.check(*ALIVE)
        h.expect_equal((stage.vm.name, stage.vm.id), (old.name, complete.target), "the new VM")


@scenario
def retries_exhausted(run):
    """Redeploys fail until the retries are used up; a person recovers it."""
    with Stage(run, "exhausted", h.group(retries=2)) as stage:
        name = stage.vm.name
        stage.inject("reboot-fails")
        stage.inject("create-fails", times=5, messages=["VIM Driver: no host has room for it"])
        stage.inject("crash")
        taken = stage.events.take(
            "VM_RECOVERY_INIT", "VM_RECOVERY_REBOOT FAILURE", "VM_RECOVERY_UNDEPLOYED", "VM_RECOVERY_DEPLOYED FAILURE"
        )
        h.expect("no host has room for it" in taken[-1].text("status_message"), taken[-1].text("status_message"))
        # The second try has nothing to undeploy, and may say so or not.
        stage.events.take("VM_RECOVERY_UNDEPLOYED?", "VM_RECOVERY_DEPLOYED FAILURE")
        stage.events.take("VM_RECOVERY_COMPLETE FAILURE", "VM_MANUAL_RECOVERY_NEEDED")
        seen = stage.seen()
        h.expect_equal(seen.state, "SERVICE_ERROR_STATE", "service after the last retry")
        stage.events.quiet(2)
        stage.clear(name)
        stage.ask(h.recovery_action("DO", name))
        stage.events.take("VM_RECOVERY_INIT")
        # Some VIMs reboot what a failed create left, others cannot.
        stage.events.told.stop()
        done = None
        while done is None or done.type != "VM_RECOVERY_COMPLETE":
            stage.run.recorder.wait("recovery by hand", stage.events.pending)
            done = stage.events.pending()[0]
            stage.events.at += 1
        h.expect_equal(done.word, "VM_RECOVERY_COMPLETE", "recovery by hand")
        stage.check(*ALIVE)


@scenario
def manual(run):
    """MANUAL: a person is called, and recovers it; a VM that returns by itself cancels."""
    with Stage(run, "manual", h.group(kind="MANUAL", wait=1)) as stage:
        name = stage.vm.name
        stage.inject("crash")
        stage.events.take("VM_MANUAL_RECOVERY_NEEDED")
        stage.events.quiet(1.5)
        stage.ask(h.recovery_action("DO", name))
        stage.events.take("VM_RECOVERY_INIT", "VM_RECOVERY_REBOOT", "VM_RECOVERY_COMPLETE")
        stage.check(*ALIVE)
        stage.inject("freeze", duration=5)
        stage.events.take("VM_MANUAL_RECOVERY_NEEDED", "VM_RECOVERY_CANCELLED")
        stage.check(*ALIVE)


@scenario
def returns_while_waiting(run):
    """A VM that returns while its recovery waits."""
    with Stage(run, "returns", h.group(wait=10)) as stage:
        vm = stage.vm
        stage.inject("freeze", duration=3)
        stage.events.take("VM_RECOVERY_INIT", "VM_RECOVERY_CANCELLED")
        stage.events.quiet(1.5)
        stage.check(*ALIVE)
        h.expect_equal(stage.vm, vm, "the VM that returned")


@scenario
def cancelled_by_hand(run):
    """A waiting recovery is cancelled by recoveryVmAction CANCEL."""
    with Stage(run, "cancelled", h.group(wait=20)) as stage:
        stage.inject("freeze", duration=60)
        stage.events.take("VM_RECOVERY_INIT")
        stage.ask(h.recovery_action("CANCEL", stage.vm.name))
        stage.events.take("VM_RECOVERY_CANCELLED")


@scenario
def freeze_is_cured(run):
    """A frozen VM is rebooted."""
    with Stage(run, "frozen") as stage:
        stage.inject("freeze", duration=120)
        stage.events.take("VM_RECOVERY_INIT", "VM_RECOVERY_REBOOT", "VM_RECOVERY_COMPLETE")


@scenario
def one_of_two(run):
    """One VM of two groups fails; the other is left alone."""
    groups = [h.group("left"), h.group("right")]
    with Stage(run, "two-groups", *groups, alive=False) as stage:
        stage.events.take(("VM_DEPLOYED", "VM_DEPLOYED", "VM_ALIVE", "VM_ALIVE"), "SERVICE_ALIVE")
        left, right = sorted(stage.seen().vms, key=lambda vm: vm.group)
        stage.inject("crash", vm=left.name)
        taken = stage.events.take("VM_RECOVERY_INIT", "VM_RECOVERY_REBOOT", "VM_RECOVERY_COMPLETE")
        h.expect_equal({event.text("vm_group") for event in taken}, {"left"}, "group of the events")
        h.expect(right in stage.seen().vms, "the other VM changed")
        stage.undeploy()


@scenario
def reply_lost(run):
    """The VIM's answer to a create is lost; what landed is adopted."""
    with Stage(run, "adopted", h.group(policy="REDEPLOY_ONLY")) as stage:
        stage.inject("reply-lost")
        stage.inject("crash")
        *_, complete = stage.events.take(
            "VM_RECOVERY_INIT", "VM_RECOVERY_UNDEPLOYED", "VM_RECOVERY_DEPLOYED", "VM_RECOVERY_COMPLETE"
        )
        h.expect_equal([vm.id for vm in stage.seen().vms], [complete.target], "VMs after an adoption")


@scenario
def unwatched(run):
    """A group without monitor is alive once deployed, and nothing recovers it."""
    with Stage(run, "unwatched", h.group(monitored=False)) as stage:
        stage.inject("crash")
        stage.events.quiet(4)
        stage.clear(stage.vm.name)


@scenario
def no_recover_rule(run):
    """Without a recover rule nothing is recovered."""
    with Stage(run, "no-rule", h.group(recover=False)) as stage:
        stage.inject("crash")
        time.sleep(4)
        came = [event.type for event in stage.events.pending() if "RECOVERY" in event.type]
        h.expect_equal(came, [], "recovery events")
        stage.events.at = len(stage.run.recorder.of(stage.name))


# ------------------------------------------------------------------- deploy


@scenario
def never_alive(run):
    """A VM that never gets alive is recovered inside the deploy."""
    # it has to answer for some seconds: time enough to make it fail
    with Stage(run, "never-alive", h.group(bootup=9, truths=5), alive=False) as stage:
        stage.events.take("VM_DEPLOYED")
        stage.inject("crash")
        stage.check("SERVICE_INERT_STATE", "VM_INERT_STATE")
        stage.events.take(
            "VM_RECOVERY_INIT", "VM_RECOVERY_REBOOT", "VM_RECOVERY_COMPLETE", "VM_ALIVE?", "SERVICE_ALIVE"
        )
        stage.check(*ALIVE)


@scenario
def failing_deploy(run):
    """A deploy that fails, and is deleted."""
    with Stage(run, "fails", h.group(image="nobody-knows-it"), alive=False) as stage:
        failed, _ = stage.events.take("VM_DEPLOYED FAILURE", "SERVICE_ALIVE FAILURE")
        h.expect_equal(failed.text("vm_group"), "fw", "vm_group of a failed VM_DEPLOYED")
        h.expect_equal(stage.seen().state, "SERVICE_ERROR_STATE", "service after a failed deploy")
        stage.edit(h.undeployment(TENANT, stage.name))
        stage.events.take("VM_UNDEPLOYED?", "SERVICE_UNDEPLOYED")
        h.expect(stage.seen() is None, "the failed deployment is still in opdata")


@makes_networks
def ephemeral_network(run):
    """A deployment's own network comes and goes with it, in order."""
    group = h.group(network="private")
    with Stage(run, "own-network", group, alive=False, networks=h.network("private", "10.99.0.0")) as stage:
        stage.events.take("CREATE_NETWORK", "CREATE_SUBNET", "VM_DEPLOYED", "VM_ALIVE", "SERVICE_ALIVE")
        h.expect(stage.vm.addresses[0].startswith(run.vim.address("10.99.0.")), f"address {stage.vm.addresses}")
        stage.undeploy("VM_UNDEPLOYED", "DELETE_SUBNET", "DELETE_NETWORK")


@scenario
def several_vms(run):
    """min_active VMs are made, and an edit of it adds and removes them."""
    with Stage(run, "several", h.group(active=2), alive=False) as stage:
        stage.events.take(("VM_DEPLOYED", "VM_DEPLOYED", "VM_ALIVE", "VM_ALIVE"), "SERVICE_ALIVE")
        before = stage.check(ALIVE[0], *[ALIVE[1]] * 2)
        stage.update(h.group(active=3))
        stage.events.take("VM_DEPLOYED", "VM_ALIVE", "SERVICE_UPDATED")
        grown = stage.check(ALIVE[0], *[ALIVE[1]] * 3)
        h.expect({vm.id for vm in before.vms} < {vm.id for vm in grown.vms}, "VMs were replaced by a larger min_active")
        stage.update(h.group(active=1))
        stage.events.take(("VM_UNDEPLOYED", "VM_UNDEPLOYED"), "SERVICE_UPDATED")
        left = stage.check(*ALIVE)
        h.expect("_fw_0_" in left.vm.name, f"left is {left.vm.name}")


@scenario
def update_groups(run):
    """An update adds a group and removes it."""
    with Stage(run, "regrouped") as stage:
        stage.update(h.group("extra"))
        stage.events.take("VM_DEPLOYED", "VM_ALIVE", "SERVICE_UPDATED")
        stage.check(ALIVE[0], *[ALIVE[1]] * 2)
        stage.edit(
            h.deployment(TENANT, stage.name, '<vm_group nc:operation="delete"><name>extra</name></vm_group>')
        )
        stage.events.take("VM_UNDEPLOYED", "SERVICE_UPDATED")
        stage.check(*ALIVE)


@scenario
def new_image(run):
    """Another image replaces the VM."""
    with Stage(run, "reimaged") as stage:
        old = stage.vm
        stage.update(h.group(image="edge-os-2"))
        stage.events.take("VM_UNDEPLOYED", "VM_DEPLOYED", "VM_ALIVE", "SERVICE_UPDATED")
        stage.check(*ALIVE)
        h.expect(stage.vm.id != old.id, "the same VM with another image")


@scenario
def new_flavor(run):
    """Another flavor resizes the VM."""
    with Stage(run, "resized") as stage:
        stage.update(h.group(flavor="large"))
        stage.events.take("VM_UPDATED", "VM_ALIVE", "SERVICE_UPDATED")
        stage.check(*ALIVE)


@scenario
def undeploy_preempts(run):
    """An undeploy ends a recovery that is under way."""
    with Stage(run, "preempted", h.group(wait=30)) as stage:
        stage.inject("freeze", duration=60)
        stage.events.take("VM_RECOVERY_INIT")
        stage.edit(h.undeployment(TENANT, stage.name))
        stage.events.take("VM_RECOVERY_CANCELLED?", "VM_UNDEPLOYED", "SERVICE_UNDEPLOYED")
        h.expect(stage.seen() is None, "still in opdata")


@scenario
def delete_retried(run):
    """An undeploy whose delete fails is tried again until nothing is left."""
    with Stage(run, "stubborn") as stage:
        stage.inject("delete-fails", times=2)
        stage.undeploy()


@scenario
def undeploy_at_once(run):
    """A deployment that is deleted right after it was made leaves nothing."""
    with Stage(run, "short-lived", alive=False) as stage:
        stage.edit(h.undeployment(TENANT, stage.name))

        def over():
            return any(event.type == "SERVICE_UNDEPLOYED" for event in stage.run.recorder.of(stage.name))

        stage.run.recorder.wait("SERVICE_UNDEPLOYED", over)
        h.expect(stage.seen() is None, "still in opdata")
        stage.events.at = len(stage.run.recorder.of(stage.name))
        stage.events.quiet(1.5)


@scenario
def same_name_again(run):
    """A deployment may be made again under its old name, without a pause."""
    with Stage(run, "phoenix") as stage:
        first = stage.seen()
        stage.undeploy()
        stage.edit(h.deployment(TENANT, stage.name, h.group()))
        stage.events.take("VM_DEPLOYED", "VM_ALIVE", "SERVICE_ALIVE")
        second = stage.check(*ALIVE)
        h.expect(first.vm.id != second.vm.id and first.deployment_id != second.deployment_id, "old ids came back")


# ------------------------------------------------------------------ actions


@scenario
def service_actions(run):
    """serviceAction STOP, START, REBOOT, DISABLE_MONITOR, ENABLE_MONITOR."""
    with Stage(run, "service-acts") as stage:
        vm = stage.vm

        def act(action, *words):
            reply = stage.ask(h.service_action(action, stage.tenant, stage.name))
            h.expect("<ok/>" in reply, f"{action}: the reply holds no literal <ok/>: {reply}")
            stage.events.take(*words)

        act("STOP", "VM_STOPPED", "SERVICE_STOPPED")
        stage.check("SERVICE_STOPPED_STATE", "VM_SHUTOFF_STATE")
        stage.events.quiet(2.5)
        act("START", "VM_STARTED", "VM_ALIVE", "SERVICE_ALIVE")
        stage.check(*ALIVE)
        act("REBOOT", "VM_REBOOTED", "VM_ALIVE", "SERVICE_ALIVE")
        stage.check(*ALIVE)
        act("DISABLE_MONITOR", "VM_MONITOR_UNSET", "SERVICE_MONITOR_UNSET")
        h.expect(stage.vm.state in ("VM_MONITOR_UNSET_STATE", "VM_MONITOR_DISABLED_STATE"), stage.vm.state)
        stage.inject("freeze", duration=3)
        stage.events.quiet(4)
        act("ENABLE_MONITOR", "VM_ALIVE", "SERVICE_ALIVE")
        stage.check(*ALIVE)
        h.expect_equal(stage.vm, vm, "the VM after all that")


@scenario
def vm_actions(run):
    """vmAction STOP, START, REBOOT, DISABLE_MONITOR, ENABLE_MONITOR."""
    with Stage(run, "vm-acts") as stage:
        name = stage.vm.name

        def act(action, *words):
            reply = stage.ask(h.vm_action(action, name))
            h.expect("<ok/>" in reply, f"{action}: the reply holds no literal <ok/>: {reply}")
            stage.events.take(*words)

        act("STOP", "VM_STOPPED")
        h.expect_equal(stage.vm.state, "VM_SHUTOFF_STATE", "after STOP")
        stage.events.quiet(2.5)
        act("START", "VM_STARTED", "VM_ALIVE")
        stage.check(*ALIVE)
        act("REBOOT", "VM_REBOOTED", "VM_ALIVE")
        stage.check(*ALIVE)
        act("DISABLE_MONITOR", "VM_MONITOR_UNSET")
        h.expect(stage.vm.state in ("VM_MONITOR_UNSET_STATE", "VM_MONITOR_DISABLED_STATE"), stage.vm.state)
        act("ENABLE_MONITOR", "VM_MONITOR_SET", "VM_ALIVE")
        stage.check(*ALIVE)


@scenario
def yang_actions(run):
    """The actions of the operational data, by path; each tells the operation that it is."""
    with Stage(run, "by-path") as stage:
        seen = stage.seen()

        def act(where, action, inner=""):
            reply = stage.ask(
                f'<action xmlns="urn:ietf:params:xml:ns:yang:1"><esc_datamodel xmlns="{h.ESC}"><opdata><tenants><tenant>'
                f"<name>{stage.tenant}</name><deployments><deployment_name>{stage.name}</deployment_name>"
                f"<service_name>-</service_name><service_version>-</service_version>"
                f'{where[0]}<{action} xmlns="{h.LIFELINE}">{inner}</{action}>{where[1]}'
                "</deployments></tenant></tenants></opdata></esc_datamodel></action>"
            )
            found = re.search(f'<operation-id xmlns="{h.LIFELINE}">([0-9a-f-]{{36}})</operation-id>', reply)
            h.expect(found, f"{action}: the reply names no operation: {reply}")
            return found[1]

        service = ("", "")
        vm = (
            f"<vm_group><name>{seen.vm.group}</name><vm_instance><vm_id>{seen.vm.id}</vm_id>",
            "</vm_instance></vm_group>",
        )
        first = act(service, "operate", "<action-type>REBOOT</action-type>")
        stage.events.take("VM_REBOOTED", "VM_ALIVE", "SERVICE_ALIVE")
        shown = stage.session.get(filter=("xpath", f'//*[local-name()="operation"][*="{first}"]')).data_xml
        h.expect(first in shown, f"operation {first} is not in opdata: {shown}")
        second = act(vm, "operate", "<action-type>STOP</action-type>")
        stage.events.take("VM_STOPPED")
        h.expect(first != second, "two operations")
        act(vm, "operate", "<action-type>START</action-type>")
        stage.events.take("VM_STARTED", "VM_ALIVE")
        stage.check(*ALIVE)


@scenario
def failing_start(run):
    """A START that fails says so for the VM and the service."""
    with Stage(run, "no-start") as stage:
        stage.ask(h.service_action("STOP", stage.tenant, stage.name))
        stage.events.take("VM_STOPPED", "SERVICE_STOPPED")
        stage.inject("start-fails", messages=["VIM Driver: no"])
        stage.ask(h.service_action("START", stage.tenant, stage.name))
        stage.events.take("VM_STARTED FAILURE", "SERVICE_ALIVE FAILURE")


@scenario
def wrapped_action(run):
    """An action wrapped in edit-config."""
    with Stage(run, "wrapped") as stage:
        for action, words in (
            ("STOP", ("VM_STOPPED", "SERVICE_STOPPED")),
            ("START", ("VM_STARTED", "VM_ALIVE", "SERVICE_ALIVE")),
        ):
            body = h.service_action(action, stage.tenant, stage.name)
            reply = stage.session.edit_config(target="running", config=f'<config xmlns="{h.BASE}">{body}</config>')
            h.expect("<ok/>" in reply.xml, reply.xml)
            stage.events.take(*words)


@scenario
def busy(run):
    """Actions on a busy deployment are refused, edits are queued."""
    with Stage(run, "busy", alive=False) as stage:
        refusal(lambda: stage.ask(h.service_action("REBOOT", stage.tenant, stage.name)), "in-use")
        stage.update(h.group("later"))
        stage.events.take("VM_DEPLOYED", "VM_ALIVE", "SERVICE_ALIVE", "VM_DEPLOYED", "VM_ALIVE", "SERVICE_UPDATED")
        stage.check(ALIVE[0], *[ALIVE[1]] * 2)
        stage.undeploy()


@scenario
def refused_actions(run):
    """Actions that cannot be are refused with a sentence."""
    session = run.server.connect()
    try:

        def ask(rpc):
            return lambda: session.dispatch(to_ele(rpc))

        refusal(ask(h.vm_action("STOP", "nobody_fw_0_x")), "data-missing", "operation-failed")
        refusal(ask(h.recovery_action("DO", "nobody_fw_0_x")), "data-missing", "operation-failed")
        refusal(ask(h.service_action("STOP", TENANT, "nobody")), "data-missing", "operation-failed")
        refusal(ask(h.vm_action("DANCE", "nobody_fw_0_x")), "invalid-value")
        refusal(ask(f'<vmAction xmlns="{h.ESC}"><actionType>STOP</actionType></vmAction>'), "missing-element", "data-missing")
        refusal(ask(h.inject("crash", vm="nobody_fw_0_x")), "data-missing", "invalid-value", "operation-failed")
    finally:
        session.close_session()


@scenario
def in_use(run):
    """What a deployment uses cannot be deleted."""
    with Stage(run, "user") as stage:
        for part in (
            '<images><image nc:operation="delete"><name>edge-os</name></image></images>',
            '<flavors><flavor nc:operation="delete"><name>small</name></flavor></flavors>',
        ):
            config = f'<config xmlns="{h.BASE}" xmlns:nc="{h.BASE}"><esc_datamodel xmlns="{h.ESC}">{part}</esc_datamodel></config>'
            refusal(lambda config=config: stage.edit(config), "in-use")
        config = h.in_tenant(TENANT, '<networks><network nc:operation="delete"><name>lan</name></network></networks>')
        refusal(lambda: stage.edit(config), "in-use")


@makes_tenants
def tenant_goes(run):
    """Deleting a tenant undeploys what is in it."""
    session = run.server.connect()
    events = run.thread("lodger")
    try:
        inner = f"<networks>{h.network('lan', '10.98.0.0')}</networks><deployments><deployment><name>lodger</name>{h.group()}</deployment></deployments>"
        session.edit_config(target="running", config=run.vim.dress(h.in_tenant("guest-house", inner)))
        events.take("VM_DEPLOYED", "VM_ALIVE", "SERVICE_ALIVE")
        session.edit_config(target="running", config=h.in_tenant("guest-house", "", ' nc:operation="delete"'))
        events.take("VM_UNDEPLOYED", "SERVICE_UNDEPLOYED")

        def tenant_events():
            return [e.type for e in run.recorder.events if e.text("tenant") == "guest-house" and h.RESOURCE.fullmatch(e.type)]

        run.recorder.wait("DELETE_TENANT", lambda: "DELETE_TENANT" in tenant_events())
        h.expect_equal(
            [word for word in tenant_events() if "CREATE" in word],
            ["CREATE_TENANT", "CREATE_NETWORK", "CREATE_SUBNET"],
            "made in this order",
        )
        h.expect_equal(tenant_events()[-1], "DELETE_TENANT", "the last event of a tenant")
        reply = session.get(filter=("xpath", '/esc_datamodel/opdata/tenants/tenant[name="guest-house"]'))
        h.expect("guest-house" not in reply.data_xml, "the tenant is still in opdata")
    finally:
        session.close_session()


@scenario
def our_stream(run):
    """Stream NETCONF carries the same events with our elements after <event>."""
    with Stage(run, "both-streams") as stage:
        run.netconf.wait("SERVICE_ALIVE on NETCONF", lambda: len(run.netconf.of(stage.name)) >= 3)
        pure, rich = run.recorder.of(stage.name)[:3], run.netconf.of(stage.name)[:3]
        h.expect_equal([event.word for event in rich], [event.word for event in pure], "types on both streams")
        h.expect_equal([event.time for event in rich], [event.time for event in pure], "times on both streams")
        for event in rich:
            spaces = [child.tag.split("}")[0].strip("{") for child in event.node]
            ours = [at for at, space in enumerate(spaces) if space == h.LIFELINE]
            last = max(at for at, child in enumerate(event.node) if child.tag == f"{{{h.ESC}}}event")
            h.expect(ours and min(ours) > last, f"our elements in {event.type}: {spaces}")
