#!/usr/bin/env python3
"""The server and a real libvirt with QEMU guests under software emulation, story by story, with times.

    libvirt.sh WORK libvirt_story.py --binary target/debug/lifeline     (run inside libvirt.sh)
"""

import argparse
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

import story as s
from story import h

TENANT = "acme"
CONSOLES = pathlib.Path("/var/log/consoles")
EXAMPLE = pathlib.Path(__file__).resolve().parents[2] / "examples/libvirt.xml"
# Where the example says that images lie.
IMAGES = pathlib.Path("/var/lib/lifeline/images")


def virsh(*arguments, check=True):
    done = subprocess.run(
        ["virsh", "-q", "-c", "qemu:///system", *arguments], capture_output=True, text=True, check=False,
        stdin=subprocess.DEVNULL,
    )
    if check and done.returncode:
        raise h.Failure(f"virsh {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout.strip()


def domains():
    return [uuid for uuid in virsh("list", "--all", "--uuid").split() if uuid]


def volumes():
    return [line.split()[0] for line in virsh("vol-list", "default").splitlines() if line.strip()]


def qemu_of(uuid):
    """The process of a running domain."""
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            line = (entry / "cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if line.startswith("/usr/bin/qemu-system") and uuid in line:
            return int(entry.name)
    raise h.Failure(f"no process of {uuid}")


def console(name):
    path = CONSOLES / f"{name}.log"
    return path.read_text(errors="replace") if path.exists() else ""


def vm_of(session, name):
    return h.opdata(session, TENANT, name).vm


class Story:
    def __init__(self, server):
        self.server = server
        self.session = server.connect(timeout=120)
        self.recorder = h.Recorder(server)

    def thread(self, name):
        return h.Thread(self.recorder, name)

    def deploy(self, name, group, networks=""):
        thread = self.thread(name)
        s.edit(self.session, h.deployment(TENANT, name, group, networks=networks))
        return thread

    def alive(self, thread, *first):
        return thread.take(*first, "VM_DEPLOYED", "VM_ALIVE", "SERVICE_ALIVE", patience=s.PATIENCE)


def cut_off(report, story, server):
    with report.step("the server is killed while it makes a VM, at three moments: one VM each time, and nothing else"):
        for number, moment in enumerate((0.05, 0.4, 1.2)):
            name = f"cut{number}"
            s.edit(story.session, h.deployment(TENANT, name, s.group()))
            time.sleep(moment)
            seen = len(domains())
            server.kill()
            server.start()
            story = Story(server)

            def active():
                found = h.opdata(story.session, TENANT, name)
                return found and found.state == "SERVICE_ACTIVE_STATE" and found.vm

            vm = h.until(active, f"{name} is active after the restart", s.PATIENCE, 0.5)
            h.expect_equal(domains(), [vm.id], f"killed after {moment} s with {seen} domains there: domains")
            disks = [volume for volume in volumes() if not volume.startswith("lifeline.image.")]
            h.expect(all(vm.id in volume for volume in disks), f"disks of others than {vm.id}: {disks}")
            s.edit(story.session, h.undeployment(TENANT, name))
            h.until(lambda: not domains(), f"{name} is gone", s.PATIENCE, 0.5)
            print(f"      killed {moment} s after the commit, with {seen} domains there")
    return story


def nothing_left(report, story):
    with report.step("tenant, network, image and flavor go; libvirt has nothing of ours"):
        s.edit(
            story.session,
            f"""<config xmlns="{h.BASE}" xmlns:nc="{h.BASE}"><esc_datamodel xmlns="{h.ESC}">
              <images><image nc:operation="delete"><name>guest-os</name></image></images>
              <flavors><flavor nc:operation="delete"><name>guest</name></flavor>
                <flavor nc:operation="delete"><name>larger</name></flavor></flavors>
              <tenants><tenant nc:operation="delete"><name>{TENANT}</name></tenant></tenants>
            </esc_datamodel></config>""",
        )
        wanted = {"DELETE_IMAGE", "DELETE_FLAVOR", "DELETE_NETWORK", "DELETE_SUBNET", "DELETE_TENANT"}
        story.recorder.wait(
            f"{wanted}", lambda: wanted <= {event.word for event in story.recorder.events}, s.PATIENCE
        )
        h.expect_equal(volumes(), [], "volumes")
        h.expect_equal(virsh("net-list", "--all", "--name"), "", "networks")


def connector(**more):
    """The example as printed, with what a guest on this machine needs besides."""
    properties = {"domain_type": "qemu", "console_dir": str(CONSOLES), **more}
    entries = "".join(
        f"<property><name>{name}</name><value>{value}</value></property>" for name, value in properties.items()
    )
    example = EXAMPLE.read_text()
    h.expect("</properties>" in example and str(IMAGES) in example, "the example is no longer what it was")
    return f'<config xmlns="{h.BASE}">{example.replace("</properties>", entries + "</properties>")}</config>'


def prepare(report, story, guest):
    with report.step("connector: examples/libvirt.xml"):
        CONSOLES.mkdir()
        s.edit(story.session, connector())
        IMAGES.mkdir(parents=True)
        shutil.copyfile(guest, IMAGES / guest.name)
    with report.step("image (fetched, uploaded, looked at), flavor, tenant, network with its subnet"):
        s.edit(story.session, s.catalogue("guest-os", f"file://{IMAGES / guest.name}", "raw"))
        network = h.network("lan", "10.77.0.0")
        s.edit(story.session, h.in_tenant(TENANT, f"<networks>{network}</networks>"))
        wanted = {"CREATE_IMAGE", "CREATE_FLAVOR", "CREATE_TENANT", "CREATE_NETWORK", "CREATE_SUBNET"}

        def there():
            done = {event.word for event in story.recorder.events}
            failed = [event for event in story.recorder.events if event.text("status") == "FAILURE"]
            h.expect(not failed, [s.message(event) for event in failed])
            return wanted <= done

        story.recorder.wait(f"{wanted}", there, s.PATIENCE)
        h.expect(any(name.startswith("lifeline.image.guest-os") for name in volumes()), volumes())


GREETING = (
    "<config_data>"
    + s.data("--user-data", "GREETING=hello-$WHO\n", WHO="world")
    + s.data("/etc/greeting.conf", "from-$WHO", WHO="lifeline")
    + "</config_data>"
)


def life(report, story):
    with report.step("deploy: a volume, day-0 data on a configuration drive, address by DHCP, alive by ping"):
        thread = story.deploy("edge", s.group(day_zero=GREETING))
        events = story.alive(thread)
        seen = vm_of(story.session, "edge")
        h.expect_equal(seen.addresses, ["10.77.0.2"], "address in opdata")
        h.expect_equal(events[0].text("vm_source/interfaces/interface/ip_address"), "10.77.0.2", "address in VM_DEPLOYED")
        h.until(
            lambda: "greeting hello-world, file from-lifeline, disks vda vdb" in console(seen.name),
            f"the guest's console:\n{console(seen.name)[-500:]}",
        )
        print(f"      guest: {re.findall('GUEST .*', console(seen.name))}")
    return thread


def kill_and_recover(report, story, thread):
    with report.step("kill -9 of QEMU: noticed, rebooted (started again), complete; the same VM"):
        before = vm_of(story.session, "edge")
        os.kill(qemu_of(before.id), signal.SIGKILL)
        start = time.monotonic()
        init, reboot, complete = thread.take(
            "VM_RECOVERY_INIT", "VM_RECOVERY_REBOOT", "VM_RECOVERY_COMPLETE", patience=s.PATIENCE
        )
        after = vm_of(story.session, "edge")
        h.expect_equal(after.id, before.id, "VM id")
        print(f"      recovered {time.monotonic() - start:.1f} s after the kill")


def libvirtd_away(report, story, thread):
    with report.step("libvirtd killed: nobody is recovered, calls wait; started again: a stop and a start"):
        pid = int(subprocess.run(["pgrep", "-x", "libvirtd"], capture_output=True, text=True, check=True).stdout)
        os.kill(pid, signal.SIGKILL)
        vm = vm_of(story.session, "edge")
        story.session.dispatch(h_rpc(h.vm_action("STOP", vm.name)))
        thread.quiet(10)
        subprocess.Popen([os.environ["LIBVIRTD"]])
        thread.take("VM_STOPPED", patience=s.PATIENCE)
        h.expect_equal(virsh("domstate", vm.id), "shut off", "state")
        story.session.dispatch(h_rpc(h.vm_action("START", vm.name)))
        thread.take("VM_STARTED", "VM_ALIVE?", patience=s.PATIENCE)


def grow(report, story, thread):
    with report.step("another flavor: stopped, changed, started; the guest has it, and its day-0 data"):
        vm = vm_of(story.session, "edge")
        s.edit(story.session, h.deployment(TENANT, "edge", s.group(day_zero=GREETING, flavor="larger")))
        thread.take("VM_UPDATED", "VM_ALIVE?", "SERVICE_UPDATED", patience=s.PATIENCE)
        thread.maybe("VM_ALIVE", 5)
        h.expect_equal(vm_of(story.session, "edge").id, vm.id, "VM id")
        facts = dict(line.split(":", 1) for line in virsh("dominfo", vm.id).splitlines() if ":" in line)
        h.expect_equal((facts["CPU(s)"].strip(), facts["Max memory"].strip()), ("2", f"{224 << 10} KiB"), "domain")
        size = re.search(r"Capacity:\s+(\S+ \S+)", virsh("vol-info", f"lifeline.{vm.id}.root", "default"))[1]
        h.expect_equal(size, "96.00 MiB", "root disk")
        h.until(lambda: "cpus 2" in console(vm.name), f"{console(vm.name)[-500:]}", s.PATIENCE)


def undeploy(report, story, name, thread):
    with report.step(f"undeploy {name}: no domain, no disk, no reservation is left"):
        story.session.edit_config(target="running", config=h.undeployment(TENANT, name))
        thread.take("VM_UNDEPLOYED", "SERVICE_UNDEPLOYED", patience=s.PATIENCE)
        h.expect_equal(domains(), [], "domains")
        left = [volume for volume in volumes() if not volume.startswith("lifeline.image.")]
        h.expect_equal(left, [], "volumes")
        hosts = [line for net in virsh("net-list", "--name").split() for line in virsh("net-dumpxml", net).split("\n")]
        h.expect_equal([line for line in hosts if "<host " in line], [], "reservations")


def failing_reboot(report, story):
    with report.step("a guest that heeds neither agent nor power button: its reboot fails, it is redeployed"):
        thread = story.deploy("deaf", s.group(bootup=300))
        story.alive(thread)
        before = vm_of(story.session, "deaf")
        # Its cable is pulled: it runs, its agent answers, nobody reaches it.
        mac = re.search(r"(52:54:00(:[0-9a-f]{2}){3})", virsh("domiflist", before.id))[1]
        virsh("domif-setlink", before.id, mac, "down")
        start = time.monotonic()
        events = thread.take(
            "VM_RECOVERY_INIT",
            "VM_RECOVERY_REBOOT FAILURE",
            "VM_RECOVERY_UNDEPLOYED",
            "VM_RECOVERY_DEPLOYED",
            "VM_RECOVERY_COMPLETE",
            patience=s.PATIENCE,
        )
        why = s.message(events[1])
        print(f"      {why}\n      recovered {time.monotonic() - start:.1f} s after the cable was pulled")
        h.expect("reboot by acpi: accepted, but the guest did not reboot" in why, why)
        h.expect("guest-shutdown" in why, why)
        after = vm_of(story.session, "deaf")
        h.expect(after.id != before.id, "the VM was not replaced")
        h.expect_equal(after.addresses, before.addresses, "address kept")
        h.expect_equal(domains(), [after.id], "one copy")
    undeploy(report, story, "deaf", thread)


def polite_reboot(report, story):
    with report.step("a guest with a shutdown: rebooted by its agent, watched by its agent's ping"):
        day_zero = "<config_data>" + s.data("--user-data", "POLITE=yes\n") + "</config_data>"
        thread = story.deploy("polite", s.group(collector="GuestAgentPing", day_zero=day_zero))
        story.alive(thread)
        vm = vm_of(story.session, "polite")
        boots = console(vm.name).count("GUEST up at")
        story.session.dispatch(h_rpc(h.vm_action("REBOOT", vm.name)))
        thread.take("VM_REBOOTED", "VM_ALIVE?", patience=s.PATIENCE)
        h.until(lambda: console(vm.name).count("GUEST up at") > boots, "the guest's second boot", s.PATIENCE)
        h.expect("GUEST shutdown" in console(vm.name), console(vm.name)[-500:])
    undeploy(report, story, "polite", thread)


def h_rpc(text):
    from ncclient.xml_ import to_ele

    return to_ele(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", required=True)
    parser.add_argument("--keep", action="store_true", help="keep the data directory and the log")
    options = parser.parse_args()
    guest = pathlib.Path(os.environ["GUEST"])
    report = s.Report("libvirt")
    server = h.Server(options.binary, "real-libvirt")
    server.config = "[vim-libvirt]\nreboot-shows-ms = 20000\nstop-shows-ms = 10000\n"
    try:
        server.add_users()
        server.start()
        told = Story(server)
        prepare(report, told, guest)
        thread = life(report, told)
        kill_and_recover(report, told, thread)
        libvirtd_away(report, told, thread)
        grow(report, told, thread)
        undeploy(report, told, "edge", thread)
        with report.step("the connector changes: a reboot may only ask the guest"):
            s.edit(told.session, connector(hard_reboot="agent acpi"))
        failing_reboot(report, told)
        polite_reboot(report, told)
        told = cut_off(report, told, server)
        nothing_left(report, told)
    except s.Stop:
        print(f"--- {server.log}\n{server.tail()}")
    finally:
        server.dispose(keep=options.keep)
    return report.close()


sys.exit(main())
