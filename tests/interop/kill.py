#!/usr/bin/env python3
"""Kills the real binary at random moments of random work, and checks what comes back.

Each round starts some work on one data directory, waits a moment, kills with
SIGKILL and starts again. What was answered with ok must be there, no event that
a subscriber heard may be missing, changed or doubled, and every recovery that
began must end. The seed is printed, and repeats the run's choices.

    kill.py --binary target/debug/lifeline --rounds 200 [--seed N]
"""

import argparse
import logging
import random
import sys
import time

from ncclient.operations.rpc import RPCError
from ncclient.xml_ import to_ele

import harness as h
import restart

TENANT = "storm"


class Storm:
    """What must be true after every round."""

    def __init__(self, server, seed):
        self.server = server
        self.dice = random.Random(seed)
        self.wanted = {}  # deployment -> wanted, unwanted or None when the last edit got no answer
        self.heard = {}  # raw event -> None, in order
        self.made = 0

    def work(self, session):
        """One random piece of work, answered or not."""
        there = [name for name, state in self.wanted.items() if state]
        choice = self.dice.random()
        if len(there) < 3 or choice < 0.25:
            self.made += 1
            # Faults come while a recovery is under way too, so none may give up.
            self.edit(session, f"cell-{self.made}", h.group(retries=-1), True)
        elif choice < 0.4 and len(there) > 3:
            self.edit(session, self.dice.choice(there), None, False)
        else:
            name = self.dice.choice(there)
            seen = h.opdata(session, TENANT, name)
            if seen and seen.vms:
                faults = ["reboot-fails", "crash"] if self.dice.random() < 0.5 else ["crash"]
                for fault in faults:
                    try:
                        session.dispatch(to_ele(h.inject(fault, vm=seen.vms[0].name)))
                    except RPCError:
                        pass  # the VM was being replaced

    def edit(self, session, name, group, wanted):
        self.wanted[name] = None
        config = h.deployment(TENANT, name, group) if wanted else h.undeployment(TENANT, name)
        session.edit_config(target="running", config=config)
        self.wanted[name] = wanted

    def round(self):
        """Work, a cut, a restart."""
        session = self.server.connect()
        recorder = h.Recorder(self.server)
        moment = time.monotonic() + self.dice.uniform(0.05, 2.5)
        while time.monotonic() < moment:
            self.work(session)
            time.sleep(self.dice.uniform(0, 0.3))
        self.server.kill()
        recorder.close()
        self.heard.update(dict.fromkeys(event.raw for event in recorder.events))
        self.server.start()
        self.check()

    def check(self):
        """Nothing acknowledged is lost, nothing is doubled."""
        log = [event.raw for event in restart.log_of(self.server)]
        h.expect_equal(len(set(log)), len(log), "distinct events in the log")
        log = dict.fromkeys(log)
        lost = [raw for raw in self.heard if raw not in log]
        h.expect_equal(lost, [], "events that were heard and are gone")
        with self.server.session() as session:
            config = session.get_config("running").data_xml
        for name, wanted in self.wanted.items():
            if wanted is None:
                self.wanted[name] = f"<name>{name}</name>" in config
            else:
                h.expect_equal(f"<name>{name}</name>" in config, wanted, f"{name} in the configuration")

    def settle(self):
        """At the end everything wanted is alive, everything else is gone, every recovery has ended."""
        with self.server.session() as session:

            def unsettled():
                for name, wanted in self.wanted.items():
                    seen = h.opdata(session, TENANT, name)
                    if bool(seen) != wanted or seen and seen.state != "SERVICE_ACTIVE_STATE":
                        yield f"{name}: wanted {wanted}, seen {seen}"
                    elif seen and [vm.state for vm in seen.vms] != ["VM_ALIVE_STATE"]:
                        yield f"{name}: {seen}"

            try:
                h.until(lambda: not list(unsettled()), "everything wanted is alive and the rest is gone", 120, 1)
            except h.Failure as failure:
                raise h.Failure(f"{failure}\n" + "\n".join(unsettled())) from None
        began = {}
        for event in restart.log_of(self.server):
            name = event.text("depname")
            if event.type == "VM_RECOVERY_INIT":
                h.expect(not began.get(name), f"{name}: a recovery began within a recovery")
                began[name] = True
            elif event.type in ("VM_RECOVERY_COMPLETE", "VM_RECOVERY_CANCELLED"):
                h.expect(began.get(name), f"{name}: {event.type} without INIT")
                began[name] = False
            elif event.type == "SERVICE_UNDEPLOYED":
                began[name] = False
        h.expect_equal([name for name, open_ in began.items() if open_], [], "recoveries that never ended")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", default="target/debug/lifeline")
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--keep", action="store_true", help="keep the data directory and the log after a failure")
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}", flush=True)
    server = h.Server(options.binary, "kill")
    done, kept = 0, options.keep
    try:
        server.add_users()
        server.start()
        storm = Storm(server, seed)
        with server.connect() as session:
            session.edit_config(target="running", config=h.CATALOGUE)
            session.edit_config(target="running", config=h.in_tenant(TENANT, f"<networks>{h.network('lan')}</networks>"))
        for _ in range(options.rounds):
            storm.round()
            done += 1
            if done % 20 == 0:
                print(f"{done} rounds, {len(storm.heard)} events", flush=True)
        storm.settle()
        kept = False
    except Exception as error:
        print(f"round {done + 1}: {server.tail()}\n{type(error).__name__}: {error}")
        if options.keep:
            print(f"kept: {server.home}")
        print(f"kill: {done} passed, 1 failed")
        return 1
    finally:
        server.dispose(kept)
    print(f"kill: {done} passed, 0 failed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
