"""Nova's fake hypervisor, that does wrong what a file tells it to.

The file (environment variable HYPERVISOR_FAULTS) names operations and how often they go wrong:

    {"reboot": ["raises", 1]}    it raises; the guest runs on
    {"reboot": ["down", 1]}      the guest is off, then it raises
    {"reboot": ["silent", 1]}    the guest is off, and nothing is said
    {"spawn": ["aborts", 1]}     the build is given up
    {"power_on": ["raises", 1]}, {"destroy": ["raises", 1]}
"""

import json
import os

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

    def reboot(self, context, instance, *args, **kwargs):
        how = wrong("reboot")
        if how in ("down", "silent"):
            self.power_off(instance)
        if how in ("down", "raises"):
            raise RuntimeError(f"hypervisor: reboot failed, the guest is {'off' if how == 'down' else 'running'}")
        if how is None:
            # As a real one does, and the fake one does not.
            super().power_on(context, instance, None)

    def spawn(self, context, instance, *args, **kwargs):
        if wrong("spawn"):
            raise exception.BuildAbortException(instance_uuid=instance.uuid, reason="hypervisor: build aborted")
        return super().spawn(context, instance, *args, **kwargs)

    def power_on(self, *args, **kwargs):
        if wrong("power_on"):
            raise RuntimeError("hypervisor: power on failed")
        return super().power_on(*args, **kwargs)

    def destroy(self, *args, **kwargs):
        if wrong("destroy"):
            raise RuntimeError("hypervisor: destroy failed")
        return super().destroy(*args, **kwargs)
