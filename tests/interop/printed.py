"""The notifications of ESC's own guide come out as printed, given the same names and ids.

Three values are ours to make and are put into the fixture: the deployment's id, the
unique part of the VM's name, and the times.
"""

import pathlib
import re

from lxml import etree
from ncclient.xml_ import to_ele

import harness as h
import story

FIXTURE = pathlib.Path(__file__).with_name("fixtures") / "recovery.xml"

CONFIG = """
[cloudsim]
vm-ids = ["1dd943b9-93a4-4987-b26b-1b8fd264774d"]
tenant-ids = ["721d0a0aaf5a40299650d4ec74f48f1a"]

[[cloudsim.hosts]]
id = "4f926bb44423804ea8d87cac946b80e637c315f4f606bfa788b19b8c"
name = "my-ucs-7"
"""


def cases():
    """The one case."""
    return [("printed: a recovery as ESC's guide prints it", as_printed)]


def canonical(text):
    """A notification without white space around and between its elements."""
    parser = etree.XMLParser(remove_blank_text=True, remove_comments=True)
    return etree.tostring(etree.fromstring(text, parser), method="c14n").decode()


def as_printed(server):
    """Deploys depzz, lets it fail twice, and compares the three notifications."""
    recorder = h.Recorder(server)
    events = h.Thread(recorder, "depzz")
    with server.connect() as session:
        session.edit_config(target="running", config=h.CATALOGUE)
        inner = f"<networks>{h.network('lan')}</networks><deployments><deployment><name>depzz</name>{h.group('g1')}</deployment></deployments>"
        session.edit_config(target="running", config=h.in_tenant("ttt", inner))
        events.take("VM_DEPLOYED", "VM_ALIVE", "SERVICE_ALIVE")
        seen = h.opdata(session, "ttt", "depzz")
        vm = seen.vm.name
        session.dispatch(to_ele(h.inject("crash", vm=vm)))
        _, rebooted, _ = events.take("VM_RECOVERY_INIT", "VM_RECOVERY_REBOOT", "VM_RECOVERY_COMPLETE")
        session.dispatch(to_ele(h.inject("reboot-fails", vm=vm, messages=[story.COMPLAINT])))
        session.dispatch(to_ele(h.inject("crash", vm=vm)))
        _, failed, gone, _, _ = events.take(
            "VM_RECOVERY_INIT", "VM_RECOVERY_REBOOT FAILURE", "VM_RECOVERY_UNDEPLOYED", "VM_RECOVERY_DEPLOYED",
            "VM_RECOVERY_COMPLETE",
        )
    recorder.close()
    text = FIXTURE.read_text()
    text = text.replace("d4778a3a-deba-4df7-9614-03f31f1beab3", seen.deployment_id)
    text = text.replace("depzz_g1_0_50521f93-7374-4881-960b-95aa13d55ddf", vm)
    wanted = re.findall(r"<notification.*?</notification>", text, re.S)
    for fixture, event in zip(wanted, (rebooted, failed, gone), strict=True):
        fixture = re.sub(r"<eventTime>.*?</eventTime>", f"<eventTime>{event.time}</eventTime>", fixture)
        h.expect_equal(canonical(event.raw), canonical(fixture), event.type)
