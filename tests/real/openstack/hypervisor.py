"""Nova's fake hypervisor, that does wrong what a file tells it to.

The file (environment variable HYPERVISOR_FAULTS) names operations and how often they go wrong:

    {"reboot": ["raises", 1]}    it raises; the guest runs on
    {"reboot": ["down", 1]}      the guest is off, then it raises
    {"reboot": ["silent", 1]}    the guest is off, and nothing is said
    {"spawn": ["aborts", 1]}     the build is given up
    {"power_on": ["raises", 1]}, {"destroy": ["raises", 1]}

Where the network is our own (environment variable ALONE, see ../alone.sh), a guest that runs has its addresses on the
loopback interface: a ping tells the truth about it.
"""

import json
import os
import subprocess

from nova import exception
from nova.virt import fake


def wrong(operation):
    """How the operation is to go wrong, once less from now on."""
    path = os.environ.get("HYPERVISOR_FAULTS", "")
    try:
        with open(path, encoding="utf-8") as file:
            faults = json.load(file)
    except (OSError, ValueError):
        return None
    how, times = faults.get(operation, (None, 0))
    if times <= 0:
        return None
    faults[operation] = [how, times - 1]
    with open(path, "w", encoding="utf-8") as file:
        json.dump(faults, file)
    return how


class FaultyDriver(fake.FakeDriver):
    """Knows its guests as long as the process lives."""

    addresses = {}

    def reach(self, uuid, reachable):
        """Gives a guest its addresses, or takes them."""
        for address in self.addresses.get(uuid, ()) if os.environ.get("ALONE") else ():
            verb = "replace" if reachable else "del"
            subprocess.run(["ip", "address", verb, f"{address}/32", "dev", "lo"], check=False, capture_output=True)

    def power_off(self, instance, *args, **kwargs):
        super().power_off(instance, *args, **kwargs)
        self.reach(instance.uuid, False)

    def reboot(self, context, instance, *args, **kwargs):
        how = wrong("reboot")
        if how in ("down", "silent"):
            self.power_off(instance)
        if how in ("down", "raises"):
            raise RuntimeError(f"hypervisor: reboot failed, the guest is {'off' if how == 'down' else 'running'}")
        if how is None:
            # As a real one does, and the fake one does not.
            super().power_on(context, instance, None)
            self.reach(instance.uuid, True)

    def spawn(self, context, instance, image_meta, injected_files, admin_password, allocations, network_info=None, **kwargs):
        if wrong("spawn"):
            raise exception.BuildAbortException(instance_uuid=instance.uuid, reason="hypervisor: build aborted")
        super().spawn(context, instance, image_meta, injected_files, admin_password, allocations, network_info, **kwargs)
        self.addresses[instance.uuid] = [ip["address"] for vif in network_info or () for ip in vif.fixed_ips()]
        self.reach(instance.uuid, True)

    def power_on(self, context, instance, *args, **kwargs):
        if wrong("power_on"):
            raise RuntimeError("hypervisor: power on failed")
        super().power_on(context, instance, *args, **kwargs)
        self.reach(instance.uuid, True)

    def destroy(self, context, instance, *args, **kwargs):
        if wrong("destroy"):
            raise RuntimeError("hypervisor: destroy failed")
        super().destroy(context, instance, *args, **kwargs)
        self.reach(instance.uuid, False)
        self.addresses.pop(instance.uuid, None)
