#!/usr/bin/env python3
"""Runs real clients, of NETCONF and of clouds, against the real binary.

Stories and scenarios share one server and run at the same time; protocol checks,
restarts and a VIM in trouble have a server each. The last line says how many passed.

    run.py --binary target/debug/lifeline [--vim NAME] [--only TEXT] [--list] [--keep]

The stories and scenarios are told over every VIM (clouds.py), each at a server of its own, and are to be the same.
"""

import argparse
import concurrent.futures
import logging
import re
import sys
import threading
import time
import traceback

import clouds
import beside  # noqa: F401 adds to the cases of faces
import confirmed
import examples
import faces
import harness as h
import nfvo
import operations
import printed
import protocol
import restart
import scenarios
import sol003
import story
import tour
import trouble
import wire


class Run:
    """The shared server with everything a case needs."""

    def __init__(self, server, vim):
        self.server, self.vim = server, vim
        self.session = server.connect()
        if vim.connector:
            self.session.edit_config(target="running", config=vim.connector)
        self.threads = {}
        self.recorder = h.Recorder(server)
        self.netconf = h.Recorder(server, "NETCONF")

    def thread(self, deployment):
        """The events of one deployment."""
        thread = h.Thread(self.recorder, deployment)
        self.threads[deployment] = thread
        return thread


class Report:
    """Results as they come."""

    def __init__(self, verbose):
        self.verbose = verbose
        self.passed, self.failed = 0, []
        self.lock = threading.Lock()

    def case(self, name, function, argument):
        start = time.monotonic()
        problem = None
        try:
            function(argument)
        except h.Failure as failure:
            problem = traceback.format_exc() if self.verbose else str(failure)
        except Exception as error:
            problem = traceback.format_exc() if self.verbose else f"{type(error).__name__}: {error}{where(error)}"
        with self.lock:
            took = time.monotonic() - start
            if problem is None:
                self.passed += 1
                print(f"ok    {name} ({took:.1f} s)", flush=True)
            else:
                self.failed.append(name)
                print(f"FAIL  {name} ({took:.1f} s)\n      {problem}", flush=True)


def where(error):
    """The line of a check that an unforeseen error came from."""
    ours = [frame for frame in traceback.extract_tb(error.__traceback__) if "/interop/" in frame.filename]
    return f" ({ours[-1].filename.rsplit('/', 1)[1]}:{ours[-1].lineno})" if ours else ""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", default="target/debug/lifeline")
    parser.add_argument("--only", default="", help="run cases whose name contains this")
    parser.add_argument("--list", action="store_true", help="list the cases")
    parser.add_argument("--keep", action="store_true", help="keep data directories and logs")
    parser.add_argument("--verbose", action="store_true", help="show where a check failed")
    parser.add_argument("--vim", action="append", choices=clouds.NAMES, help="only the stories over this VIM; repeatable")
    parser.add_argument("--jobs", type=int, default=12, help="scenarios at the same time")
    options = parser.parse_args()
    logging.getLogger("ncclient").setLevel(logging.CRITICAL)
    logging.getLogger("paramiko").setLevel(logging.CRITICAL)
    logging.getLogger("scrapli").setLevel(logging.CRITICAL)

    def chosen(cases):
        return [(name, function) for name, function in cases if options.only in name]

    vims = options.vim or clouds.NAMES
    tables = {vim: chosen(story.cases(vim) + scenarios.cases(vim)) for vim in vims}
    wires = {vim: chosen(wire.cases(vim)) for vim in vims if vim in clouds.FACES}
    sick = {vim: chosen(trouble.cases(vim)) for vim in vims}
    quiet = chosen(protocol.cases())
    cut, guide, pasted = chosen(restart.cases()), chosen(printed.cases()), chosen(tour.cases())
    waiting, walked = chosen(confirmed.cases()), chosen(operations.cases())
    faced, shown = chosen(faces.cases()), chosen(examples.cases())
    orchestrator = chosen(sol003.cases() + nfvo.cases())
    if options.vim:
        quiet = cut = guide = pasted = waiting = walked = faced = orchestrator = shown = []
    if options.list:
        over_vims = [case for cases in (*tables.values(), *wires.values(), *sick.values()) for case in cases]
        print("\n".join(name for name, _ in over_vims + quiet + cut + guide + waiting + walked + pasted + faced + orchestrator + shown))
        return 0
    report = Report(options.verbose)
    servers = []

    def serve(name, config=None):
        server = h.Server(options.binary, name)
        server.config = config
        servers.append(server)
        server.add_users()
        return server.start()

    def one_by_one(name, cases, config=None):
        if cases:
            server = serve(name, config)
            for case, function in cases:
                report.case(case, function, server)

    def on_its_own(cases):
        for case, function in cases:
            server = h.Server(options.binary, "tour")
            servers.append(server)
            report.case(case, function, server)

    def at_a_cloud(cases):
        if cases:
            cloud = faces.Cloud(options.binary)
            servers.append(cloud)
            for case, function in cases:
                report.case(case, function, cloud)

    def at(name, purpose, config="", **more):
        """A server whose default VIM it is."""
        vim = clouds.vim(options.binary, name, **more)
        servers.append(vim)
        server = serve(f"{purpose}-{name}", "\n".join(part for part in (vim.config, config) if part) or None)
        server.vim = vim
        run = Run(server, vim)
        run.session.edit_config(target="running", config=h.CATALOGUE)
        return run

    told = {}

    def together(name):
        if not tables[name]:
            return
        run = at(name, "busy")
        prefix = "" if name == "sim" else f"{name} "
        scenarios.prepare(run)
        with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
            list(pool.map(lambda case: report.case(*case, run), tables[name]))
        report.case(f"{prefix}all events: shape, and eventTime strictly increasing", whole_log, run)
        if name != "sim":
            report.case(f"{prefix}at the end: VMs in the cloud and in opdata, and none twice", books, run)
        told[name] = {deployment: thread.told.lines for deployment, thread in run.threads.items()}

    def in_trouble(name):
        if sick[name]:
            run = at(name, "sick", trouble.CONFIG)
            for case, function in sick[name]:
                report.case(case, function, run.server)

    def over_a_bad_wire(name):
        if wires.get(name):
            run = at(name, "wire", wire.CONFIG, create=100, boot=100, spread=200, wire=True)
            wire.prepare(run)
            for case in wires[name]:
                report.case(*case, run)

    start = time.monotonic()
    try:
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            parts = [
                *[pool.submit(together, name) for name in vims],
                *[pool.submit(over_a_bad_wire, name) for name in vims],
                pool.submit(one_by_one, "quiet", quiet),
                pool.submit(one_by_one, "cut", cut),
                pool.submit(one_by_one, "guide", guide, printed.CONFIG),
                *[pool.submit(in_trouble, name) for name in vims],
                pool.submit(one_by_one, "waiting", waiting),
                *[pool.submit(one_by_one, "walked", part) for part in operations.apart(walked)],
                pool.submit(on_its_own, pasted),
                pool.submit(at_a_cloud, faced),
                pool.submit(on_its_own, orchestrator),
                pool.submit(on_its_own, shown),
            ]
            for part in parts:
                try:
                    part.result()
                except Exception as error:
                    report.failed.append("set-up")
                    print(f"FAIL  set-up: {type(error).__name__}: {error}{where(error)}", flush=True)
        for name in [name for name in told if name != "sim" and "sim" in told]:
            report.case(f"{name}: the same events as over the embedded VIM", same, (told["sim"], told[name]))
    finally:
        for server in servers:
            if report.failed and (options.keep or server.ended is not None):
                print(f"--- {server.log} (exit {server.ended})\n{server.tail()}")
            server.dispose(options.keep)
    for name in report.failed:
        print(f"failed: {name}")
    print(f"took {time.monotonic() - start:.0f} s")
    print(f"interop: {report.passed} passed, {len(report.failed)} failed")
    return 1 if report.failed or not report.passed else 0


def whole_log(run):
    """Every event of the whole run, live and by replay, byte for byte."""
    live = list(run.recorder.events)
    for event in live:
        event.check_shape()
    times = [event.time for event in live]
    h.expect(times == sorted(set(times)), "eventTime does not increase strictly")
    again = [event.raw for event in restart.log_of(run.server)]
    h.expect(again, "an empty log")
    at = again.index(live[0].raw) if live[0].raw in again else 0
    h.expect_equal(again[at : at + len(live)], [event.raw for event in live], "live events and their replay")


def books(run):
    """P7, once all is told: no VM that opdata does not have, and no copy beside another, ever."""
    data = run.session.get(filter=("xpath", "/esc_datamodel/opdata/tenants")).data_xml
    known = re.findall(r"<vm_id>(.*?)</vm_id>", data)
    vms = run.vim.truth()
    h.expect_equal(len(vms), len(known), f"VMs in the cloud {[vm['name'] for vm in vms]} and in opdata {known}")
    h.expect_equal(run.vim.breaches(), 0, "times that two copies of a VM ran")


def same(both):
    """What was told of each deployment over two VIMs."""
    wanted, got = both
    h.expect(got, "nothing was told")
    for deployment, lines in got.items():
        h.expect_equal("\n".join(lines), "\n".join(wanted.get(deployment, [])), f"{deployment}: events")


if __name__ == "__main__":
    sys.exit(main())
