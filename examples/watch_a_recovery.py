#!/usr/bin/env python3
"""Makes a VM of examples/deployment.xml fail, and prints what a subscriber sees, live and replayed.

    watch_a_recovery.py [PORT [USER [PASSWORD]]]
"""

import re
import sys

from ncclient import manager
from ncclient.xml_ import to_ele

port, user, password = (sys.argv[1:] + ["2022", "operator", "correct-horse"][len(sys.argv) - 1 :])[:3]
SIM = "urn:lifeline:yang:lifeline-sim"
VM = '/esc_datamodel/opdata/tenants/tenant[name="acme"]/deployments[deployment_name="edge"]/vm_group/vm_instance/name'


def connect():
    return manager.connect(
        host="127.0.0.1", port=int(port), username=user, password=password,
        hostkey_verify=False, allow_agent=False, look_for_keys=False,
    )


def show(session, last):
    """Prints events until one of type `last`, and returns the first one's time."""
    first = None
    while True:
        text = session.take_notification(timeout=60).notification_xml
        time = re.search("<eventTime>(.*?)</eventTime>", text)[1]
        kind = re.search(r"<event>\s*<type>(.*?)</type>", text)
        if kind is None:
            print(f"{time}  {'replayComplete' if 'replayComplete' in text else 'notificationComplete'}")
            continue
        code, message = (re.search(f"<{name}>(.*?)</{name}>", text, re.S)[1] for name in ("status_code", "status_message"))
        print(f"{time}  {code}  {kind[1]:24} {message}")
        first = first or time
        if kind[1] == last:
            return first


with connect() as live, connect() as control:
    live.create_subscription(stream_name="escEvent")
    found = re.search("vm_instance>.*?<name>(.*?)</name>", control.get(filter=("xpath", VM)).data_xml, re.S)
    if found is None:
        sys.exit("no VM of deployment edge: load examples/catalogue.xml and examples/deployment.xml first")
    for fault in ("reboot-fails", "crash"):
        control.dispatch(to_ele(f'<inject xmlns="{SIM}"><vm-name>{found[1]}</vm-name><fault>{fault}</fault></inject>'))
    print(f"{found[1]} crashes, and its next reboot will fail")
    start = show(live, "VM_RECOVERY_COMPLETE")

print(f"the same again, by replay from {start}")
with connect() as again:
    again.create_subscription(stream_name="escEvent", start_time=start)
    show(again, "VM_RECOVERY_COMPLETE")
