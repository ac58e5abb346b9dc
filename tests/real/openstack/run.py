#!/usr/bin/env python3
"""Lifeline on a real Nova: deploy, act, fail, recover, undeploy; the fault table where a fault can be provoked.

    run.py --binary target/debug/lifeline [--dir DIR] [--keep]

Starts the cloud of cloud.py in DIR (its packages must be installed: cloud.py install) and stops it at the end. All of it
runs alone (../alone.sh): guests have addresses there that answer a ping while they run. --keep leaves the cloud running
instead, beside everything else on the machine, where its guests have none.
"""

import argparse
import http.server
import json
import logging
import os
import pathlib
import subprocess
import sys
import threading
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "interop"))

import harness as h  # noqa: E402
from ncclient.xml_ import to_ele  # noqa: E402

import cloud  # noqa: E402

TENANT = "works"
# A VM without interfaces: the cloud's Neutron has none to give.
GROUP = """<vm_group><name>g1</name><image>tiny</image><flavor>small</flavor><bootup_time>-1</bootup_time>
<recovery_wait_time>0</recovery_wait_time><recovery_policy><recovery_type>AUTO</recovery_type>
<action_on_recovery>{policy}</action_on_recovery><max_retries>3</max_retries></recovery_policy>
<scaling><min_active>1</min_active><max_active>1</max_active></scaling></vm_group>"""
SETTINGS = """
[engine]
gone-timeout-ms = 15000
step-timeout-ms = 60000

[vim-openstack]
unserved-ms = 10000
"""


class Nova:
    """The cloud, asked past the product."""

    def __init__(self, root):
        self.root = root
        self.tool = [str(HERE / "cloud.py")]
        login = {"auth": {"identity": {"methods": ["password"], "password": {"user": {
            "name": "admin", "domain": {"id": "default"}, "password": cloud.PASSWORD}}},
            "scope": {"project": {"name": "admin", "domain": {"id": "default"}}}}}
        request = urllib.request.Request(f"{cloud.AT['keystone']}/v3/auth/tokens", json.dumps(login).encode(),
                                         {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            self.token = answer.headers["X-Subject-Token"]

    def get(self, path):
        return self.ask("GET", path)

    def ask(self, method, path, body=None):
        headers = {"X-Auth-Token": self.token, "Content-Type": "application/json", "OpenStack-API-Version": "compute 2.93"}
        request = urllib.request.Request(f"{cloud.AT['nova']}/v2.1{path}", body and json.dumps(body).encode(), headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def servers(self):
        return self.get("/servers/detail?all_tenants=1")["servers"]

    def clear(self):
        """Removes what an earlier run left."""
        for server in self.servers():
            self.ask("DELETE", f"/servers/{server['id']}")
        h.until(lambda: not self.servers(), "servers of an earlier run are removed", patience=60, pause=0.5)
        self.fault()

    def compute(self, what):
        subprocess.run([*self.tool, "compute", str(self.root), what], check=True)
        state = {"up": "up"}.get(what, "down")
        h.until(lambda: self.services() == state, f"nova-compute {state}", patience=90, pause=0.5)

    def services(self):
        found = self.get("/os-services?binary=nova-compute")["services"]
        return found[0]["state"] if found else None

    def fault(self, **faults):
        subprocess.run([*self.tool, "fault", str(self.root), json.dumps(faults)], check=True)


class Stage:
    """One server, one session, one deployment after the other."""

    def __init__(self, server, nova):
        self.server, self.nova = server, nova
        self.session = server.connect()
        self.recorder = h.Recorder(server)

    def edit(self, config):
        self.session.edit_config(target="running", config=f'<config xmlns="{h.BASE}">{config}</config>')

    def deploy(self, name, policy="REBOOT_THEN_REDEPLOY", group=None):
        events = h.Thread(self.recorder, name)
        deployment = f"<deployment><name>{name}</name>{group or GROUP.format(policy=policy)}</deployment>"
        self.edit(tenant(f"<deployments>{deployment}</deployments>"))
        events.take("VM_DEPLOYED", "VM_ALIVE", "SERVICE_ALIVE", patience=90)
        return events

    def undeploy(self, name, events):
        gone = f'<deployment xmlns:nc="{h.BASE}" nc:operation="delete"><name>{name}</name></deployment>'
        self.edit(tenant(f"<deployments>{gone}</deployments>"))
        events.take("VM_UNDEPLOYED", "SERVICE_UNDEPLOYED", patience=90)
        h.expect_equal([s["name"] for s in self.nova.servers()], [], "servers after the undeploy")

    def vm(self, name):
        return h.opdata(self.session, TENANT, name).vm

    def action(self, vm, action):
        self.session.dispatch(to_ele(f'<vmAction xmlns="{h.ESC}"><actionType>{action}</actionType><vmName>{vm}</vmName></vmAction>'))

    def fail(self, events, vm, how="down"):
        """A reboot that fails leaves the VM in error: recoveries by hand begin there."""
        self.nova.fault(reboot=[how, 1])
        self.action(vm, "REBOOT")
        failed, = events.take("VM_REBOOTED FAILURE", patience=60)
        return failed.text("status_message")

    def recover(self, vm):
        self.session.dispatch(to_ele(
            f'<recoveryVmAction xmlns="{h.ESC}"><actionType>DO</actionType><vmName>{vm}</vmName></recoveryVmAction>'))


def tenant(inside):
    return f'<esc_datamodel xmlns="{h.ESC}"><tenants><tenant><name>{TENANT}</name>{inside}</tenant></tenants></esc_datamodel>'


def prepare(stage, server, source):
    """The connector, an image and a flavor."""
    secret = server.home / "cloud-password"
    secret.write_text(cloud.PASSWORD + "\n")
    example = (HERE.parent.parent.parent / "examples/openstack.xml").read_text()
    example = example.replace("http://127.0.0.1:5000/v3", f"{cloud.AT['keystone']}/v3")
    stage.edit(example.replace("/etc/lifeline/cloud-password", str(secret)))
    stage.edit(f"""<esc_datamodel xmlns="{h.ESC}"><images><image><name>tiny</name><src>{source}</src>
        <disk_format>raw</disk_format><container_format>bare</container_format></image></images>
        <flavors><flavor><name>small</name><vcpus>1</vcpus><memory_mb>64</memory_mb><root_disk_mb>0</root_disk_mb></flavor></flavors>
        </esc_datamodel>""")


CHECKS = []


def check(function):
    CHECKS.append(function)
    return function


@check
def a_life(stage):
    """deploy, stop, start, reboot, undeploy"""
    events = stage.deploy("life")
    vm = stage.vm("life")
    shown, = stage.nova.servers()
    h.expect_equal((shown["id"], shown["status"], shown["OS-EXT-STS:power_state"]), (vm.id, "ACTIVE", 1), "the server")
    stage.action(vm.name, "STOP")
    events.take("VM_STOPPED")
    h.expect_equal(stage.nova.servers()[0]["status"], "SHUTOFF", "after STOP")
    stage.action(vm.name, "START")
    events.take("VM_STARTED", "VM_ALIVE?")
    h.expect_equal(stage.nova.servers()[0]["status"], "ACTIVE", "after START")
    stage.action(vm.name, "REBOOT")
    events.take("VM_REBOOTED", "VM_ALIVE?")
    actions = [a["action"] for a in stage.nova.get(f"/servers/{vm.id}/os-instance-actions")["instanceActions"]]
    h.expect_equal(actions, ["reboot", "start", "stop", "create"], "Nova's own records")
    stage.undeploy("life", events)


@check
def a_failing_reboot(stage):
    """a reboot that fails, told in Nova's words; the redeploy with proof of gone"""
    events = stage.deploy("reboots")
    vm = stage.vm("reboots")
    words = stage.fail(events, vm.name)
    h.expect("RuntimeError" in words and "compute_reboot_instance Error" in words, f"Nova's words: {words}")
    stage.nova.fault(reboot=["down", 1])
    stage.recover(vm.name)
    _, reboot, *_, complete = events.take(
        "VM_RECOVERY_INIT", "VM_RECOVERY_REBOOT FAILURE", "VM_RECOVERY_UNDEPLOYED", "VM_RECOVERY_DEPLOYED", "VM_RECOVERY_COMPLETE",
        patience=90)
    words = reboot.text("status_message")
    h.expect("RuntimeError" in words and "compute_reboot_instance Error" in words, f"Nova's words: {words}")
    h.expect(complete.target not in (None, vm.id), f"a new server: {complete.target}")
    h.expect_equal([s["id"] for s in stage.nova.servers()], [complete.target], "one server")
    stage.undeploy("reboots", events)


@check
def a_silent_reboot(stage):
    """a reboot that leaves the guest off while its record says Success"""
    events = stage.deploy("silent")
    vm = stage.vm("silent")
    stage.fail(events, vm.name, "silent")
    actions = stage.nova.get(f"/servers/{vm.id}/os-instance-actions")["instanceActions"]
    record = stage.nova.get(f"/servers/{vm.id}/os-instance-actions/{actions[0]['request_id']}")["instanceAction"]
    h.expect_equal([event["result"] for event in record["events"]], ["Success"], "what Nova's record says")
    stage.recover(vm.name)
    events.take("VM_RECOVERY_INIT", "VM_RECOVERY_REBOOT", "VM_RECOVERY_COMPLETE", patience=90)
    h.expect_equal(stage.vm("silent").id, vm.id, "rebooted, not replaced")
    stage.undeploy("silent", events)


@check
def an_aborted_build(stage):
    """a create whose build is aborted while its event says Success"""
    events = h.Thread(stage.recorder, "aborted")
    stage.nova.fault(spawn=["aborts", 1])
    deployment = f"<deployment><name>aborted</name>{GROUP.format(policy='REDEPLOY_ONLY')}</deployment>"
    stage.edit(tenant(f"<deployments>{deployment}</deployments>"))
    deployed, = events.take("VM_DEPLOYED FAILURE", patience=90)
    words = deployed.text("status_message")
    h.expect("aborted" in words, f"Nova's words: {words}")
    events.maybe("SERVICE_ALIVE FAILURE", 10)
    gone = f'<deployment xmlns:nc="{h.BASE}" nc:operation="delete"><name>aborted</name></deployment>'
    stage.edit(tenant(f"<deployments>{gone}</deployments>"))
    h.until(lambda: not stage.nova.servers(), "the failed server is removed", patience=60, pause=0.5)


@check
def a_host_that_is_down(stage):
    """the compute service is down: nothing is replaced, a person is asked; it comes back"""
    events = stage.deploy("hosts")
    vm = stage.vm("hosts")
    stage.nova.compute("kill")
    stage.action(vm.name, "REBOOT")
    events.take("VM_REBOOTED FAILURE", patience=60)
    stage.recover(vm.name)
    events.take("VM_RECOVERY_INIT", "VM_RECOVERY_REBOOT FAILURE", "VM_RECOVERY_UNDEPLOYED FAILURE", "VM_RECOVERY_COMPLETE FAILURE",
                "VM_MANUAL_RECOVERY_NEEDED", patience=120)
    h.expect_equal([s["id"] for s in stage.nova.servers()], [vm.id], "still the one server, not removed behind its host's back")
    # The hypervisor forgets its guests with its process, as a host that lost power would.
    stage.nova.compute("up")
    time.sleep(2)
    stage.recover(vm.name)
    events.wait_for_complete()
    stage.undeploy("hosts", events)


@check
def a_404_without_proof(stage):
    """somebody removes the server while its host is down: Nova says 404, and that is no proof"""
    events = stage.deploy("forgotten", "REDEPLOY_ONLY")
    vm = stage.vm("forgotten")
    stage.fail(events, vm.name)
    stage.nova.compute("kill")
    stage.nova.ask("DELETE", f"/servers/{vm.id}")
    h.until(lambda: not stage.nova.servers(), "Nova drops its record", patience=60, pause=0.5)
    stage.recover(vm.name)
    _, undeployed, *_ = events.take("VM_RECOVERY_INIT", "VM_RECOVERY_UNDEPLOYED FAILURE", "VM_RECOVERY_COMPLETE FAILURE",
                                    "VM_MANUAL_RECOVERY_NEEDED", patience=120)
    h.expect("may still run" in undeployed.text("status_message"), undeployed.text("status_message"))
    h.expect_equal(stage.nova.servers(), [], "no second copy")
    stage.nova.compute("up")


def watched():
    """A VM with an interface, pinged every second, that is given three seconds to answer again."""
    return h.group(name="g1", image="tiny", flavor="small", network="lan", bootup=60, wait=3)


def silence(address):
    """The guest is gone, and Nova has not noticed: it looks every ten minutes."""
    subprocess.run(["ip", "address", "del", f"{address}/32", "dev", "lo"], check=True)


@check
def a_guest_that_falls_silent(stage):
    """a port and an address; the guest falls silent: rebooted by itself; again, and the reboot fails: redeployed, address kept"""
    if not ALONE:
        return
    h.INTERFACES.update(PLACES)
    # A guest that does not run is looked for here in vain; without a way to it nobody could tell.
    for words in ("link add guests type bridge", "address add 10.88.0.1/24 dev guests", "link set guests up"):
        subprocess.run(["ip", *words.split()], check=True)
    network = h.network("lan", "10.88.0.0")
    stage.edit(tenant(f"<networks>{network}</networks>"))
    events = stage.deploy("watched", group=watched())
    vm = stage.vm("watched")
    address, = vm.addresses
    silence(address)
    began = time.monotonic()
    events.take("VM_RECOVERY_INIT", "VM_RECOVERY_REBOOT", "VM_RECOVERY_COMPLETE", patience=90)
    h.expect_equal(stage.vm("watched").id, vm.id, "rebooted, not replaced")
    print(f"          rebooted and alive {time.monotonic() - began:.1f} s after it fell silent", flush=True)
    stage.nova.fault(reboot=["down", 1])
    silence(address)
    began = time.monotonic()
    _, reboot, *_, complete = events.take(
        "VM_RECOVERY_INIT", "VM_RECOVERY_REBOOT FAILURE", "VM_RECOVERY_UNDEPLOYED", "VM_RECOVERY_DEPLOYED", "VM_RECOVERY_COMPLETE",
        patience=90)
    print(f"          redeployed and alive {time.monotonic() - began:.1f} s after it fell silent", flush=True)
    words = reboot.text("status_message")
    h.expect("compute_reboot_instance Error" in words, f"Nova's words: {words}")
    new = stage.vm("watched")
    h.expect_equal(([s["id"] for s in stage.nova.servers()], new.addresses), ([complete.target], [address]), "one server, its address")
    h.expect(new.id != vm.id, "a new server")
    stage.undeploy("watched", events)
    h.INTERFACES.clear()


def wait_for_complete(events):
    """Reads on until the recovery ends well, whichever way it takes."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        event = events._next("VM_RECOVERY_COMPLETE", 60)
        events._accept(event)
        if event.word == "VM_RECOVERY_COMPLETE":
            return
    raise h.Failure("the recovery did not end well")


h.Thread.wait_for_complete = wait_for_complete
# No event names interfaces where there are none.
PLACES = dict(h.INTERFACES)
h.INTERFACES.clear()
ALONE = os.environ.get("ALONE")


def serve_image():
    """A megabyte of nothing behind an address."""
    class Image(http.server.BaseHTTPRequestHandler):
        def log_message(self, *args):
            pass

        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", str(1 << 20))
            self.end_headers()
            self.wfile.write(bytes(1 << 20))

    server = http.server.ThreadingHTTPServer(("127.0.0.1", cloud.PORTS["neutron"] + 1), Image)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}/tiny.raw"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", required=True)
    parser.add_argument("--dir", default="target/real-openstack")
    parser.add_argument("--keep", action="store_true", help="leave the cloud running")
    parser.add_argument("names", nargs="*", help="only these checks")
    wanted = parser.parse_args()
    logging.getLogger("ncclient").setLevel(logging.CRITICAL)
    root = pathlib.Path(wanted.dir).resolve()
    root.mkdir(parents=True, exist_ok=True)
    if not (ALONE or wanted.keep):
        # What has to be fetched is fetched outside.
        subprocess.run([str(HERE / "cloud.py"), "prepare", str(root)], check=True)
        os.execv(HERE.parent / "alone.sh", ["alone.sh", sys.executable, *sys.argv])
    began = time.monotonic()
    subprocess.run([str(HERE / "cloud.py"), "up", str(root)], check=True)
    print(f"a real Nova is up after {time.monotonic() - began:.0f} s", flush=True)
    nova = Nova(root)
    nova.clear()
    server = h.Server(wanted.binary, "nova")
    server.config = SETTINGS
    passed = failed = 0
    try:
        server.add_users()
        server.start()
        stage = Stage(server, nova)
        prepare(stage, server, serve_image())
        for function in CHECKS:
            if wanted.names and function.__name__ not in wanted.names:
                continue
            began = time.monotonic()
            try:
                function(stage)
                passed += 1
                print(f"  ok      {function.__doc__} ({time.monotonic() - began:.1f} s)", flush=True)
            except Exception as error:  # the next check may still say something
                failed += 1
                print(f"  FAILED  {function.__doc__}: {error}", flush=True)
                break
    finally:
        if failed:
            print(server.tail(60), file=sys.stderr)
        server.dispose()
        if not wanted.keep:
            subprocess.run([str(HERE / "cloud.py"), "down", str(root)], check=False)
    print(f"interop: {passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
