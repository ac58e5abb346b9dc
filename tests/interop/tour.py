"""The README's tour, pasted as it stands, with another port and another directory."""

import os
import pathlib
import re
import socket
import subprocess
import sys

import harness as h

ROOT = pathlib.Path(__file__).resolve().parents[2]


def cases():
    """The one case."""
    return [("tour: the README's two minutes", paste)]


def blocks():
    """The tour's commands, in order."""
    return re.findall(r"<!-- tour -->\n```sh\n(.*?)```", (ROOT / "README.md").read_text(), re.S)


def paste(server):
    """Runs all blocks in one shell; `server` only lends its directory and binary."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    script = "".join(blocks())
    for old, new in (
        ("make setup build\n", ""),
        ("lifeline serve --data-dir tour-data", f"lifeline serve --netconf 127.0.0.1:{port} --data-dir tour-data"),
        ("2022", str(port)),
        ("tour-data", str(server.home / "tour-data")),
        ("$PWD/target/debug", os.path.dirname(server.binary)),
        ("$PWD/.venv/bin", os.path.dirname(sys.executable)),
    ):
        h.expect(old in script, f"the tour no longer says {old!r}")
        script = script.replace(old, new)
    done = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", f"trap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n{script}"],
        cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, check=False,
    )
    h.expect(done.returncode == 0, f"exit {done.returncode}:\n{done.stdout[-3000:]}")
    words = re.findall(r"^\S+  \d{3}  (\S+)", done.stdout, re.M)
    story = [
        "VM_RECOVERY_INIT", "VM_RECOVERY_REBOOT", "VM_RECOVERY_UNDEPLOYED", "VM_RECOVERY_DEPLOYED", "VM_RECOVERY_COMPLETE",
    ]
    h.expect_equal(words, story * 2, "events of the tour, live and replayed")
    for text in ("VM_ALIVE_STATE", "base:1.1"):
        h.expect(text in done.stdout, f"no {text} in {done.stdout[:2000]}")
