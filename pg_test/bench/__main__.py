#!/usr/bin/env python3
"""How fast, side by side: every figure is a median over rounds in which the peers took turns, every ratio is from one run.

usage: make bench [ROUNDS=11] [PGBENCH_SECONDS=1]
"""

import os
import sys

from calls import logged_event, sessions, signals
from elsewhere import disturbance, elsewhere
from instructions import instructions, session
from locks import large_answers, lock_tables, transactions
from measure import MANY_LOCKS, PLAIN, ROUNDS, WITH, Server, pin
from report import Report, machine


def main():
    print("bench: %s, %d rounds" % (machine(), ROUNDS))
    report, servers = Report(), {}
    try:
        everywhere = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, everywhere[-1:])
        server = servers["locks"] = Server("bench", {**MANY_LOCKS, **WITH})
        pin(server, everywhere[-1:])
        servers["with"] = Server("bench-with", {**PLAIN, **WITH})
        pin(servers["with"], everywhere[-1:])
        lock_tables(servers["with"], 100)
        lock_tables(server, 10_000)
        transactions(report, servers["with"], server)
        large_answers(report)
        sessions(report, server)
        signals(report, server)
        unlogged = servers["unlogged"] = Server("bench-unlogged", {**PLAIN, **WITH, "redshift_sessions.terminate_log_size": "0"})
        pin(unlogged, everywhere[-1:])
        logged_event(report, servers["with"], unlogged)
        pin(server, everywhere)
        os.sched_setaffinity(0, everywhere)
        disturbance(report, server)
        # Nothing but the servers that are compared, and those fresh.
        os.sched_setaffinity(0, everywhere[-1:])
        for used in servers.values():
            used.remove()
        servers = {
            "without": Server("bench-without", PLAIN, extension=False),
            "with": Server("bench-with", {**PLAIN, **WITH}),
            "pg_stat_statements": Server("bench-other", {**PLAIN, "shared_preload_libraries": "pg_stat_statements"}, extension=False),
        }
        for other in servers.values():
            pin(other, everywhere[-1:])
        session(report, servers)
        elsewhere(report, servers)
        instructions(report)
        return report.finish(server.tests_directory() / "bench")
    finally:
        for server in servers.values():
            server.remove()


if __name__ == "__main__":
    sys.exit(main())
