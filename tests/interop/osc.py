"""Runs commands of python-openstackclient in one process, since starting one takes longer than what it does.

Reads one JSON list of arguments per line, answers with one JSON object per line: code, out, err.
"""

import contextlib
import io
import json
import sys

from openstackclient import shell

for line in sys.stdin:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = shell.OpenStackShell().run(json.loads(line))
        except SystemExit as end:
            code = end.code
        except Exception as error:
            code = f"{type(error).__name__}: {error}"
    print(json.dumps({"code": code, "out": out.getvalue(), "err": err.getvalue()}), file=sys.__stdout__, flush=True)
