"""Every file of examples/ works as printed, with another port and another directory where it names one."""

import pathlib
import re

import clouds
import harness as h

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "examples"
# Files that are tried elsewhere, and where.
ELSEWHERE = {
    "demo.xml": "lifeline demo",
    "demo-undeploy.xml": "lifeline demo",
    "libvirt.xml": "tests/real/libvirt_story.py",
    "watch_a_recovery.py": "tests/interop/tour.py",
}
# A connector's file: the VIM, and what it names that is not so here.
CONNECTORS = {
    "openstack.xml": ("openstack", "127.0.0.1:5000/v3", "/etc/lifeline/cloud-password"),
    "cloudstack.xml": ("cloudstack", "127.0.0.1:8080/client/api", "/etc/lifeline/stack-secret"),
    "vcloud.xml": ("vcloud", "127.0.0.1:8775", "/etc/lifeline/director-password"),
}
DEPLOYED = ["catalogue.xml", "deployment.xml", "undeploy.xml"]


def cases():
    """One for each connector, the rest, and whether none is left out."""
    return [
        *[(f"example: {name}", lambda server, name=name: connector(server, name)) for name in CONNECTORS],
        ("example: lifeline.toml", settings),
        ("example: every file is tried", none_left_out),
    ]


def load(server, path):
    """As the guides tell: `lifeline edit`."""
    server.cli(
        "edit", str(path), "--port", str(server.port), "--user", server.user, "--password-stdin",
        stdin=server.password + "\n",
    )


def connector(server, name):
    """The connector, then a deployment made in its VIM and taken away again."""
    vim, address, secret = CONNECTORS[name]
    cloud = clouds.Cloud(server.binary, vim, lan="127.20.0.0/24")
    try:
        server.config = cloud.config
        server.add_users()
        server.start()
        text = (FOLDER / name).read_text()
        here = f"{cloud.site.address[cloud.face.at]}{cloud.face.path}"
        for old, new in ((address, here), (secret, str(cloud.secret))):
            h.expect(old in text, f"{name} no longer says {old!r}")
            text = text.replace(old, new)
        (server.home / name).write_text(text)
        load(server, server.home / name)
        recorder = h.Recorder(server)
        events = h.Thread(recorder, "edge")
        for part in DEPLOYED:
            # guests answer where this machine can reach them
            (server.home / part).write_text(cloud.dress((FOLDER / part).read_text()))
        load(server, server.home / "catalogue.xml")
        load(server, server.home / "deployment.xml")
        events.take("VM_DEPLOYED", "VM_ALIVE", "SERVICE_ALIVE")
        h.expect_equal(len(cloud.truth()), 1, "VMs in the cloud")
        load(server, server.home / "undeploy.xml")
        events.take("VM_UNDEPLOYED", "SERVICE_UNDEPLOYED")
        h.expect_equal(cloud.truth(), [], "VMs in the cloud")
        recorder.close()
    finally:
        cloud.dispose()


def settings(server):
    """The settings: those hosts, that image, and nothing that is not known."""
    server.config = (FOLDER / "lifeline.toml").read_text()
    server.add_users()
    server.start()
    recorder = h.Recorder(server)
    events = h.Thread(recorder, "edge")
    # its cloud knows image and flavor: no catalogue is needed
    load(server, FOLDER / "deployment.xml")
    events.take("VM_DEPLOYED", "VM_ALIVE", "SERVICE_ALIVE")
    with server.session() as session:
        host = h.opdata(session, "acme", "edge").vm.host
    h.expect(re.fullmatch("rack-[12]", host), f"the VM is on {host}")
    recorder.close()


def none_left_out(_server):
    """A new file is tried somewhere."""
    known = {*ELSEWHERE, *CONNECTORS, *DEPLOYED, "lifeline.toml"}
    h.expect_equal({path.name for path in FOLDER.iterdir()}, known, "files of examples/, and those that are tried")
