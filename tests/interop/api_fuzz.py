#!/usr/bin/env python3
"""schemathesis against the OpenAPI documents of a running server: no 5xx, no undocumented answer.

It has many dependencies of its own, so it lives in a virtual environment of its own (`.ci/setup api`). The seed is
fixed unless another one is given; what fails prints how to repeat it.

    .venv/bin/python tests/interop/api_fuzz.py --binary target/debug/lifeline --examples 50 --seed 7
"""

import argparse
import os
import subprocess
import sys

import harness as h
import sol003

CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_schema_conformance,response_headers_conformance,unsupported_method"
)


def fuzz(server, api, major, options):
    """Both an instance and an operation are there; whether all is as documented."""
    instance = api.create(vnfInstanceName="there", metadata={"tenant": "ttt", "deployment": f"there-{major}"})
    op = api.instantiate(instance)
    api.reaches(op, "COMPLETED")
    root = f"http://127.0.0.1:{server.http}"
    settings = server.home / f"schemathesis-{major}.toml"
    settings.write_text("".join(
        f'[[operations]]\ninclude-path-regex = "/{kind}/"\nparameters = {{ id = "{known}" }}\n'
        for kind, known in (("vnf_instances", instance), ("vnf_lcm_op_occs", op))
    ))
    # Its cache goes where the server's files go.
    done = subprocess.run(
        [os.path.abspath(options.schemathesis), "--config-file", str(settings), "run", f"{root}/vnflcm/{major}/openapi.json",
         "--url", root, "--auth", f"{server.user}:{server.password}", "--checks", CHECKS,
         "--max-examples", options.examples, "--seed", options.seed],
        check=False, cwd=server.home,
    )
    if done.returncode != 0 or server.process.poll() is not None:
        print(server.tail())
        return False
    # It lives, and answers.
    api.ok(200, "GET", "/vnf_instances")
    return True


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", default="target/debug/lifeline")
    parser.add_argument("--schemathesis", default=".venv-api/bin/schemathesis")
    parser.add_argument("--examples", default="5")
    parser.add_argument("--seed", default="3")
    options = parser.parse_args()
    server = h.Server(options.binary, "api")
    try:
        with sol003.serving(server) as api:
            good = [fuzz(server, api, major, options) for major in ("v2", "v1")]
    finally:
        server.dispose()
    print(f"interop: {good.count(True)} passed, {good.count(False)} failed")
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
