"""Faults between the server and its cloud: whatever they are, the story ends well, and P7 holds.

Each row is a fault of the way to the cloud, or of the cloud's front, told over each driver: it strikes while a VM
is made, while it is replaced, and while it is removed. The events are those of a day without faults. After each
step what runs in the cloud is what opdata has: no second copy, no orphan.
"""

import dataclasses

import clouds
import harness as h

TENANT = "works"
# A create whose answer was lost and that the cloud never made is found out in the bound of BRISK.
CONFIG = """
[engine]
look-interval-ms = 200
backoff-base-ms = 100
backoff-max-ms = 400
late-interval-ms = 500
"""

MAKE, REPLACE, REMOVE = "made", "replaced", "removed"


@dataclasses.dataclass(frozen=True)
class Row:
    name: str
    # What goes wrong: functions from a face to the control endpoint's document.
    faults: tuple
    # When.
    steps: tuple = (MAKE, REPLACE, REMOVE)
    policy: str = "REDEPLOY_ONLY"
    # Whether sessions are needed for it.
    of_sessions: bool = False
    # Whether the cloud makes a second copy by itself: then it has to go.
    copies: bool = False


def on(what, fault, times=1, **more):
    """A fault of requests: `what` is a field of `clouds.Face`."""

    def document(face):
        method, path = getattr(face, what)
        return {"fault": fault, "method": method, "path": path, "times": times, **more}

    return document


def cloud(fault, **more):
    """A fault of the cloud or of its whole front."""
    return lambda face: {"fault": fault, **({"face": face.at} if fault == "face-down" else {}), **more}


CREATE = (MAKE, REPLACE)
ROWS = [
    Row("the reply to a create is lost", (on("create", "cut-after"),), CREATE),
    Row("a create is lost before it is carried out", (on("create", "cut"),), CREATE),
    Row("a create hangs, and is carried out", (on("create", "hang-after"),), CREATE),
    Row("a create hangs, and is not", (on("create", "hang"),), (MAKE,)),
    Row("a create is answered 503", (on("create", "http-error", status=503),), CREATE),
    Row("a create is answered 500, and was carried out", (on("create", "error-after"),), CREATE),
    Row("a create is carried out twice", (on("create", "twice"),), CREATE, copies=True),
    Row("a create is carried out twice, and not answered", (on("create", "twice-cut"),), CREATE, copies=True),
    Row("a create lands late", (cloud("reply-lost", **{"landing-ms": 1000}),), CREATE),
    Row("a create lands after its bound", (cloud("reply-lost", **{"landing-ms": 4000}),), (MAKE,), copies=True),
    Row("a removal's reply is lost", (on("remove", "cut-after"),), (REPLACE, REMOVE)),
    Row("a removal is lost", (on("remove", "cut"),), (REPLACE, REMOVE)),
    Row("a removal is answered 503", (on("remove", "http-error", status=503),), (REPLACE, REMOVE)),
    Row("a reboot's reply is lost", (on("reboot", "cut-after"),), (REPLACE,), policy="REBOOT_THEN_REDEPLOY"),
    Row("looks are answered 503", (on("look", "http-error", times=5, status=503),)),
    Row("looks hang", (on("look", "hang"),)),
    Row("looks are answered late", (on("look", "late", times=4, **{"delay-ms": 600}),)),
    Row("looks are cut", (on("look", "cut", times=4),)),
    Row("every session has expired", (cloud("tokens-expired"),), of_sessions=True),
    Row("the API is down for a while", (cloud("face-down", **{"duration-ms": 1200}),)),
]


def cases(vim):
    """Every row that a VIM can have."""
    rows = [row for row in ROWS if clouds.FACES[vim].has_sessions or not row.of_sessions]
    return [(f"{vim} wire: {row.name}", lambda run, row=row: tell(run, row)) for row in rows]


def prepare(run):
    """What a row's deployment uses is there before anything goes wrong."""
    config = h.in_tenant(TENANT, f"<networks>{h.network('lan')}</networks>")
    run.session.edit_config(target="running", config=run.vim.dress(config))

    if not run.vim.face.makes_networks:
        return

    def there():
        return any(event.type == "CREATE_SUBNET" for event in run.recorder.events)

    run.recorder.wait("the network", there)


def tell(run, row):
    """One row: made, replaced, removed."""
    vim, name, tenant = run.vim, f"wire-{ROWS.index(row)}", run.vim.tenant(TENANT)
    events = run.thread(name)

    def arm(step):
        vim.clear(None)
        for fault in row.faults if step in row.steps else ():
            vim.site.control("POST", "faults", fault(vim.face))

    def struck(step):
        """What was armed for a number of requests has met one."""
        armed = [fault(vim.face) for fault in row.faults if step in row.steps]
        before = sum(fault.get("times", int(fault["fault"] == "reply-lost")) for fault in armed)
        left = sum(fault.get("times") or 0 for fault in vim.site.control("GET", "faults")["faults"])
        h.expect(left < before or not before, f"{name}: the fault met no request while the VM was {step}")

    def balanced(count):
        """As many VMs as opdata has; one that the cloud made by itself is given time to be found and removed."""
        seen = h.opdata(run.session, tenant, name)
        known = [vm.id for vm in seen.vms] if seen else []
        h.expect_equal(len(known), count, f"{name}: VMs in opdata")
        h.until(
            lambda: len(vim.truth(name)) == count, f"{name}: {count} VMs in the cloud", patience=15 * row.copies
        )
        h.expect(row.copies or vim.breaches() == before, f"{name}: two copies ran at a time")
        return seen

    before = vim.breaches()
    try:
        arm(MAKE)
        config = h.deployment(TENANT, name, h.group(policy=row.policy, retries=5))
        run.session.edit_config(target="running", config=vim.dress(config))
        events.take("VM_DEPLOYED", "VM_ALIVE", "SERVICE_ALIVE")
        struck(MAKE)
        seen = balanced(1)

        arm(REPLACE)
        vim.inject(None, "crash", vm=seen.vm.name)
        if row.policy == "REDEPLOY_ONLY":
            events.take("VM_RECOVERY_INIT", "VM_RECOVERY_UNDEPLOYED", "VM_RECOVERY_DEPLOYED", "VM_RECOVERY_COMPLETE")
        else:
            events.take("VM_RECOVERY_INIT", "VM_RECOVERY_REBOOT", "VM_RECOVERY_COMPLETE")
        struck(REPLACE)
        after = balanced(1)
        h.expect_equal((after.state, after.vm.state), ("SERVICE_ACTIVE_STATE", "VM_ALIVE_STATE"), "states afterwards")
        h.expect_equal(after.vm.addresses, seen.vm.addresses, "addresses afterwards")

        arm(REMOVE)
        run.session.edit_config(target="running", config=h.undeployment(tenant, name))
        events.take("VM_UNDEPLOYED", "SERVICE_UNDEPLOYED")
        struck(REMOVE)
        balanced(0)
    finally:
        vim.clear(None)
