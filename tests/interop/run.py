#!/usr/bin/env python3
"""Runs real clients, of NETCONF and of clouds, against the real binary.

Stories and scenarios share one server and run at the same time; protocol checks,
restarts and a VIM in trouble have a server each. The last line says how many passed.

    run.py --binary target/debug/lifeline [--only TEXT] [--list] [--keep]
"""

import argparse
import concurrent.futures
import logging
import sys
import threading
import time
import traceback

import confirmed
import faces
import harness as h
import nfvo
import printed
import protocol
import restart
import scenarios
import sol003
import story
import tour
import trouble


class Run:
    """The shared server with everything a case needs."""

    def __init__(self, server):
        self.server = server
        self.session = server.connect()
        self.recorder = h.Recorder(server)
        self.netconf = h.Recorder(server, "NETCONF")

    def thread(self, deployment):
        """The events of one deployment."""
        return h.Thread(self.recorder, deployment)


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
    parser.add_argument("--jobs", type=int, default=12, help="scenarios at the same time")
    options = parser.parse_args()
    logging.getLogger("ncclient").setLevel(logging.CRITICAL)
    logging.getLogger("paramiko").setLevel(logging.CRITICAL)
    logging.getLogger("scrapli").setLevel(logging.CRITICAL)

    def chosen(cases):
        return [(name, function) for name, function in cases if options.only in name]

    busy, quiet = chosen(story.cases() + scenarios.cases()), chosen(protocol.cases())
    cut, guide, pasted = chosen(restart.cases()), chosen(printed.cases()), chosen(tour.cases())
    sick, waiting = chosen(trouble.cases()), chosen(confirmed.cases())
    clouds, orchestrator = chosen(faces.cases()), chosen(sol003.cases() + nfvo.cases())
    if options.list:
        print("\n".join(name for name, _ in busy + quiet + cut + guide + sick + waiting + pasted + clouds + orchestrator))
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

    def together(cases):
        if not cases:
            return
        run = Run(serve("busy"))
        run.session.edit_config(target="running", config=h.CATALOGUE)
        scenarios.prepare(run)
        with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
            list(pool.map(lambda case: report.case(*case, run), cases))
        report.case("all events: shape, and eventTime strictly increasing", whole_log, run)

    start = time.monotonic()
    try:
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            parts = [
                pool.submit(together, busy),
                pool.submit(one_by_one, "quiet", quiet),
                pool.submit(one_by_one, "cut", cut),
                pool.submit(one_by_one, "guide", guide, printed.CONFIG),
                pool.submit(one_by_one, "sick", sick, trouble.CONFIG),
                pool.submit(one_by_one, "waiting", waiting),
                pool.submit(on_its_own, pasted),
                pool.submit(at_a_cloud, clouds),
                pool.submit(on_its_own, orchestrator),
            ]
            for part in parts:
                try:
                    part.result()
                except Exception as error:
                    report.failed.append("set-up")
                    print(f"FAIL  set-up: {type(error).__name__}: {error}{where(error)}", flush=True)
    finally:
        for server in servers:
            ended = server.process and server.process.poll()
            if report.failed and (options.keep or ended is not None):
                print(f"--- {server.log} (exit {ended})\n{server.tail()}")
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


if __name__ == "__main__":
    sys.exit(main())
