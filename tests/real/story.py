"""What the stories on real VIMs share: reports with times, requests, waiting."""

import contextlib
import pathlib
import sys
import time
import traceback

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "interop"))

import harness as h  # noqa: E402

# Emulated machines on a busy host are slow.
PATIENCE = 600
LL = "urn:lifeline:yang:lifeline"


class Report:
    """Steps with their times; the last line sums up."""

    def __init__(self, name):
        self.name, self.passed, self.failed = name, 0, []
        self.start = time.monotonic()

    @contextlib.contextmanager
    def step(self, name):
        """One step; a failed one is told and does not stop the others that can go on."""
        start = time.monotonic()
        try:
            yield
        except Exception as error:
            self.failed.append(name)
            print(f"FAIL  {name} ({time.monotonic() - start:.1f} s)\n      {error}", flush=True)
            if not isinstance(error, h.Failure):
                traceback.print_exc(file=sys.stdout)
            raise Stop from error
        self.passed += 1
        print(f"ok    {name} ({time.monotonic() - start:.1f} s)", flush=True)

    def close(self):
        took = time.monotonic() - self.start
        print(f"{self.name}: {took:.0f} s", flush=True)
        print(f"interop: {self.passed} passed, {len(self.failed)} failed", flush=True)
        return 1 if self.failed or not self.passed else 0


class Stop(Exception):
    """A step failed on which the next ones stand."""


def connector(name, kind, url, default=False, more="", **properties):
    """A <config> with one connector."""
    entries = "".join(
        f"<property><name>{key}</name><value>{value}</value></property>" for key, value in properties.items()
    )
    chosen = f"<default_vim_connector>{name}</default_vim_connector>" if default else ""
    return f"""<config xmlns="{h.BASE}"><esc_datamodel xmlns="{h.ESC}" xmlns:ll="{LL}"><vim_connectors>
      <vim_connector><id>{name}</id><type>{kind}</type><properties>{entries}</properties>
        <ll:url>{url}</ll:url>{more}</vim_connector>
    </vim_connectors>{chosen}</esc_datamodel></config>"""


def catalogue(image, source, form, memory=192):
    """A <config> with one image and two flavors."""
    return f"""<config xmlns="{h.BASE}"><esc_datamodel xmlns="{h.ESC}">
      <images><image><name>{image}</name><src>{source}</src><disk_format>{form}</disk_format></image></images>
      <flavors>
        <flavor><name>guest</name><vcpus>1</vcpus><memory_mb>{memory}</memory_mb><root_disk_mb>64</root_disk_mb></flavor>
        <flavor><name>larger</name><vcpus>2</vcpus><memory_mb>{memory + 32}</memory_mb><root_disk_mb>96</root_disk_mb></flavor>
      </flavors>
    </esc_datamodel></config>"""


VOLUME = "<volumes><volume><name>data</name><volid>1</volid><bus>virtio</bus><size>8</size><sizeunit>MiB</sizeunit></volume></volumes>"


def group(collector="ICMPPing", poll=2, bootup=600, retries=3, day_zero="", network="lan", flavor="guest"):
    """A vm_group with a volume that is rebooted, then redeployed."""
    text = h.group(
        name="g1", image="guest-os", flavor=flavor, network=network, bootup=bootup, retries=retries, poll=poll
    )
    text = text.replace("<type>ICMPPing</type>", f"<type>{collector}</type>")
    # A machine that is emulated on a busy host may miss a probe or two.
    text = text.replace(
        "<metric_occurrences_false>1</metric_occurrences_false>",
        "<metric_occurrences_false>3</metric_occurrences_false>",
    )
    return text.replace("<scaling>", f"{VOLUME}{day_zero}<scaling>")


def data(dst, text, **variables):
    """A day-0 file."""
    filled = "".join(
        f"<variable><name>{name}</name><val>{value}</val></variable>" for name, value in variables.items()
    )
    return f"<configuration><dst>{dst}</dst><data>{text}</data>{filled}</configuration>"


def edit(session, config):
    session.edit_config(target="running", config=config)


def words(events):
    return [event.word for event in events]


def message(event):
    return event.text("status_message") or ""
