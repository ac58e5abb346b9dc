"""A VIM in trouble: what it refuses, hosts that are cut off, an API that is down.

These faults are felt by every deployment, so the checks have a server of their own for each VIM, with short
deadlines, and run one after the other.
"""

from ncclient.xml_ import to_ele

import harness as h
from scenarios import refusal

CONFIG = """
[engine]
step-timeout-ms = 4000
gone-timeout-ms = 4000
undeploy-deadline-ms = 3000
"""
TENANT = "works"
CASES = []


def check(function):
    """Makes a case of a function; its docstring's first line is the name."""
    CASES.append((f"trouble: {function.__doc__.splitlines()[0].rstrip('.')}", function))
    return function


def cases(vim):
    """All of them; over a cloud those that are about the VIM."""
    if vim == "sim":
        return CASES
    return [(f"{vim} {name}", function) for name, function in CASES if function is not bad_settings]


class Site:
    """One deployment that is alive, a session, and its events."""

    def __init__(self, server, name, *groups):
        self.server, self.name = server, name
        self.recorder = h.Recorder(server)
        self.events = h.Thread(self.recorder, name)
        self.session = server.connect()
        self.vim, self.tenant = server.vim, server.vim.tenant(TENANT)
        for config in (
            h.CATALOGUE,
            h.in_tenant(TENANT, f"<networks>{h.network('lan')}</networks>"),
            h.deployment(TENANT, name, *(groups or [h.group()])),
        ):
            self.session.edit_config(target="running", config=self.vim.dress(config))
        self.events.take("VM_DEPLOYED", "VM_ALIVE", "SERVICE_ALIVE")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.clear()
        finally:
            self.recorder.close()
            self.session.close_session()

    def ask(self, rpc):
        return self.session.dispatch(to_ele(rpc)).xml

    def inject(self, fault, **more):
        self.vim.inject(self.ask, fault, **more)

    def clear(self):
        self.vim.clear(self.ask)

    def seen(self):
        return h.opdata(self.session, self.tenant, self.name)


@check
def leftovers(server):
    """An undeploy that the VIM refuses is reported at its deadline, and ends when the VIM lets it."""
    with Site(server, "leftover") as site:
        site.inject("delete-fails", vm=site.seen().vm.name, times=100000)
        site.session.edit_config(target="running", config=h.undeployment(site.tenant, site.name))
        site.events.take("VM_UNDEPLOYED FAILURE", "SERVICE_UNDEPLOYED FAILURE")
        h.expect(site.seen() and site.seen().vms, "what is left over is not in opdata")
        site.clear()
        h.until(lambda: site.seen() is None, "the leftovers are gone")


@check
def api_down(server):
    """An API that is down says nothing about VMs; a recovery goes on when it is back."""
    with Site(server, "unheard") as site:
        vm = site.seen().vm
        site.inject("api-down", duration=4)
        site.events.quiet(6)
        h.expect_equal(site.seen().vm, vm, "the VM beside an API that is down")
        # It is back before the limit of a step would be over, at that moment, and after it.
        for seconds in (3, 4, 6):
            site.inject("crash", vm=vm.name)
            site.events.take("VM_RECOVERY_INIT")
            site.inject("api-down", duration=seconds)
            site.events.take("VM_RECOVERY_REBOOT", "VM_RECOVERY_COMPLETE")
            h.expect_equal(site.seen().vm, vm, f"the VM after its reboot, the API being down for {seconds} s")


@check
def host_down(server):
    """No replacement is made for a VM whose host is cut off until the old one is proven gone."""
    with Site(server, "cut-off", h.group(retries=1)) as site:
        vm = site.seen().vm
        site.inject("host-down", host=vm.host, duration=120)
        site.events.take(
            "VM_RECOVERY_INIT", "VM_RECOVERY_REBOOT FAILURE", "VM_RECOVERY_UNDEPLOYED FAILURE",
            "VM_RECOVERY_COMPLETE FAILURE", "VM_MANUAL_RECOVERY_NEEDED",
        )
        h.expect_equal([found.id for found in site.seen().vms], [vm.id], "VMs while the host is cut off")
        site.clear()
        if site.events.maybe("VM_ALIVE", 3):
            # Nothing was sent behind the host's back: the VM answers again, and there is nothing to recover.
            refusal(lambda: site.ask(h.recovery_action("DO", vm.name)), "operation-failed")
            seen = site.seen()
            h.expect_equal((seen.state, seen.vm), ("SERVICE_ACTIVE_STATE", vm), "after the host came back")
            return
        # The VIM has carried out the removal that waited for the host.
        site.ask(h.recovery_action("DO", vm.name))
        done = []
        while not done or done[-1].type != "VM_RECOVERY_COMPLETE":
            site.recorder.wait("a recovery by hand", site.events.pending)
            done += site.events.pending()[:1]
            site.events.at += 1
        h.expect_equal((done[0].word, done[-1].word), ("VM_RECOVERY_INIT", "VM_RECOVERY_COMPLETE"), "recovery by hand")
        seen = site.seen()
        h.expect_equal((seen.state, seen.vm.state), ("SERVICE_ACTIVE_STATE", "VM_ALIVE_STATE"), "states after it")


@check
def kill_switch(server):
    """While automatic-recovery is false nothing recovers; once it is true again it is made up for."""
    with Site(server, "left-alone") as site:

        def switch(value):
            leaf = f'<automatic-recovery xmlns="{h.LIFELINE}">{value}</automatic-recovery>'
            config = f'<config xmlns="{h.BASE}"><esc_datamodel xmlns="{h.ESC}">{leaf}</esc_datamodel></config>'
            site.session.edit_config(target="running", config=config)

        name = site.seen().vm.name
        switch("false")
        try:
            site.inject("crash", vm=name)
            site.events.take("VM_MANUAL_RECOVERY_NEEDED")
            refusal(lambda: site.ask(h.recovery_action("DO", name)), "operation-failed", "access-denied", "in-use")
            site.events.quiet(3)
        finally:
            switch("true")
        site.events.take("VM_RECOVERY_INIT", "VM_RECOVERY_REBOOT", "VM_RECOVERY_COMPLETE")


@check
def bad_settings(server):
    """A configuration file with an unknown key is refused in one line that names it."""
    path = server.home / "bad.toml"
    path.write_text("[limits]\nsessionz = 4\n")
    done = server.cli("serve", "--data-dir", str(server.home / "other"), "--config", str(path), "--netconf", "127.0.0.1:0", check=False)
    h.expect(done.returncode != 0 and "sessionz" in done.stderr, f"exit {done.returncode}: {done.stderr!r}")
