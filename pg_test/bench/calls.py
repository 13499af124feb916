"""stv_sessions and signals against PostgreSQL's own."""

import os
import signal

from measure import ROUNDS, answer, in_turn, milliseconds, pid_of, repeat, value


def sessions(report, server):
    report.section("stv_sessions", ["sessions", "stv_sessions", "hand-written", "of hand-written"])
    for number in (10, 100, 400):
        connections = [server.connect("alice") for _ in range(number)]
        with server.connect() as connection:
            views = {"ours": "stv_sessions", "hand-written": "hand_written_sessions"}
            taken = in_turn({name: answer(connection, "SELECT * FROM " + view, False) for name, view in views.items()}, ROUNDS * 5)
        report.row(number, milliseconds(taken["ours"]), milliseconds(taken["hand-written"]), "%.2f" % (taken["ours"] / taken["hand-written"]))
        for connection in connections:
            connection.close()


def logged_event(report, server, unlogged):
    """A cancellation is one row of svl_terminate; the other server keeps none. In turn, many calls inside of one statement."""
    report.section("One logged event", ["", "with the log", "without", "difference"])
    calls, actions = 20_000, {}
    connections, stopped = [], []
    try:
        for name, one in (("with", server), ("without", unlogged)):
            victim, caller = one.connect("alice"), one.connect("alice")
            connections += [victim, caller]
            os.kill(pid_of(victim), signal.SIGSTOP)
            stopped.append(pid_of(victim))
            loop = "SELECT count(redshift_sessions.pg_cancel_backend(%d)) FROM generate_series(1, %d)" % (pid_of(victim), calls)
            actions[name] = repeat(caller, loop, 1)
        taken = {name: time / calls * 1e9 for name, time in in_turn(actions).items()}
        report.row("ns for each cancellation", *("%.0f" % time for time in taken.values()), "%.0f" % (taken["with"] - taken["without"]))
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
        for connection in connections:
            connection.close()


def signals(report, server):
    """On a session that is stopped, so that it takes any number of signals and does nothing."""
    report.section("Signals", ["", "ours", "PostgreSQL's", "ratio"])
    calls, inside = 300, 20_000
    for name in ("cancel", "terminate"):
        with server.connect("alice") as victim, server.connect("alice") as ours, server.connect("alice") as theirs, server.connect("awsuser") as admin:
            pid = pid_of(victim)
            os.kill(pid, signal.SIGSTOP)
            try:
                admin.execute("ALTER ROLE alice SET redshift_sessions.redirect = off")
                with server.connect("alice") as theirs:
                    statement = "SELECT pg_%s_backend(%d)" % (name, pid)
                    loop = "SELECT count(pg_%s_backend(%d)) FROM generate_series(1, %d)" % (name, pid, inside)
                    assert value(ours, statement) == 1 and value(theirs, statement) is True
                    taken = in_turn({"ours": repeat(ours, statement, calls), "theirs": repeat(theirs, statement, calls)})
                    report.row("%s, statements a second" % name, *("%.0f" % (calls / time) for time in taken.values()), "%.2f" % (taken["ours"] / taken["theirs"]))
                    report.bar("%s, time of a statement" % name, taken["ours"] / taken["theirs"], 1.3)
                    taken = in_turn({"ours": repeat(ours, loop, 1), "theirs": repeat(theirs, loop, 1)})
                    report.row("%s, calls inside of one, ns each" % name, *("%.0f" % (time / inside * 1e9) for time in taken.values()), "%.2f" % (taken["ours"] / taken["theirs"]))
            finally:
                admin.execute("ALTER ROLE alice RESET redshift_sessions.redirect")
                os.kill(pid, signal.SIGCONT)
