#!/usr/bin/env python3
"""How fast, side by side: every figure is a median over rounds in which the peers took turns, every ratio is from one run.

usage: make bench [ROUNDS=11] [PGBENCH_SECONDS=1]
"""

import json
import os
import pathlib
import platform
import signal
import statistics
import subprocess
import sys
import threading
import time

import psycopg

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "sessions"))
from conftest import Server, eventually, pid_of, value  # noqa: E402

ROUNDS = int(os.environ.get("ROUNDS") or 11)
PGBENCH_SECONDS = int(os.environ.get("PGBENCH_SECONDS") or 1)
PLAIN = {"fsync": "off", "autovacuum": "off", "shared_buffers": "256MB"}
MANY_LOCKS = {**PLAIN, "max_connections": "450", "max_locks_per_transaction": "2600"}
WITH = {"shared_preload_libraries": "redshift_sessions"}

# The same columns, rows and order, as anybody would write them.
HAND_WRITTEN = """
    CREATE VIEW hand_written AS
    SELECT a.usename::text AS txn_owner, a.datname::text AS txn_db, a.backend_xid::text::bigint AS xid, l.pid,
           a.xact_start AT TIME ZONE 'UTC' AS txn_start, l.mode AS lock_mode,
           CASE WHEN l.relation IS NULL THEN 'transactionid' ELSE 'relation' END AS lockable_object_type,
           l.relation::int AS relation, l.granted
    FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
    WHERE (l.locktype IN ('relation', 'transactionid') OR l.locktype = 'virtualxid' AND a.backend_xid IS NULL)
      AND (pg_has_role('pg_read_all_stats', 'USAGE') OR a.usename = current_user)
    ORDER BY txn_start, xid, granted, relation;
    GRANT SELECT ON hand_written TO PUBLIC;
    CREATE VIEW hand_written_sessions AS
    SELECT backend_start AT TIME ZONE 'UTC' AS starttime, pid AS process, usename::char(50) AS user_name, datname::char(50) AS db_name,
           coalesce((SELECT split_part(s, '=', 2)::int / 1000 FROM pg_db_role_setting, unnest(setconfig) s
                     WHERE setrole = usesysid AND setdatabase IN (0, datid) AND s LIKE 'idle_session_timeout=%' ORDER BY setdatabase DESC LIMIT 1), 0) AS timeout_sec
    FROM pg_stat_activity WHERE backend_type = 'client backend';
"""
LOCKS = {
    "svv_transactions": "SELECT * FROM svv_transactions",
    "hand-written": "SELECT * FROM hand_written",
    "pg_locks": "SELECT * FROM pg_locks",
    # Evaluated in the output list, a set is not kept: PostgreSQL takes its snapshot and gives one row.
    "floor": "SELECT pg_lock_status() LIMIT 1",
}


class Report:
    """What was measured, as rows that are printed at once."""

    def __init__(self):
        self.sections, self.bars = [], []

    def section(self, title, columns):
        self.sections.append({"title": title, "columns": columns, "rows": []})
        print("\n%s" % title)
        self.print_row(columns)

    def row(self, *cells):
        self.sections[-1]["rows"].append(cells)
        self.print_row(cells)

    @staticmethod
    def print_row(cells):
        print("  %-42s" % cells[0] + "".join(" %18s" % cell for cell in cells[1:]), flush=True)

    def bar(self, name, measured, limit, at_least=False):
        met = measured >= limit if at_least else measured <= limit
        self.bars.append({"name": name, "measured": round(measured, 3), "limit": limit, "at_least": at_least, "met": met})

    def finish(self, directory):
        self.section("Bars", ["", "measured", "bar", ""])
        for bar in self.bars:
            sign = "at least" if bar["at_least"] else "at most"
            self.row(bar["name"], "%.3f" % bar["measured"], "%s %.2f" % (sign, bar["limit"]), "ok" if bar["met"] else "MISSED")
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "bench.json").write_text(json.dumps({"machine": machine(), "sections": self.sections, "bars": self.bars}, indent=2) + "\n")
        (directory / "bench.md").write_text("%s\n%s" % (machine(), "\n".join(map(markdown, self.sections))))
        print("\nWritten to %s" % directory)
        met = sum(bar["met"] for bar in self.bars)
        print("%d passed, %d failed" % (met, len(self.bars) - met))
        return 0 if met == len(self.bars) else 1


def markdown(section):
    lines = ["", "### " + section["title"], ""]
    lines += ["| " + " | ".join(map(str, section["columns"])) + " |", "|---" + "|---:" * (len(section["columns"]) - 1) + "|"]
    return "\n".join(lines + ["| " + " | ".join(map(str, row)) + " |" for row in section["rows"]]) + "\n"


def machine():
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return "%d cores, %.0f GiB, %s" % (os.cpu_count(), memory, platform.machine())


def seconds(action):
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def pin(server, processors):
    """The server's sessions, those to come, on some processors. Whether the two ends of a connection run on one processor or on two
    decides more than what is measured; on one, the figures repeat."""
    postmaster = int((server.directory() / "data/postmaster.pid").read_text().split()[0])
    os.sched_setaffinity(postmaster, processors)


def in_turn(actions, rounds=ROUNDS, warm_up=2):
    """Medians of what each action takes; the peers take turns, so that whatever disturbs the machine disturbs all of them."""
    times = {name: [] for name in actions}
    for number in range(warm_up + rounds):
        for name, action in actions.items():
            taken = seconds(action)
            if number >= warm_up:
                times[name].append(taken)
    return {name: statistics.median(taken) for name, taken in times.items()}


def answer(connection, query, large):
    """Runs a query; a large answer stays on the server, so that the network and the driver do not count."""
    if large and "LIMIT" not in query:
        query = "EXPLAIN (ANALYZE, TIMING OFF) " + query
    return lambda: connection.execute(query).fetchall()


def milliseconds(taken):
    return "%.2f ms" % (taken * 1000)


class Holders:
    """Sessions of alice that hold locks on tables, and one of bob with a few."""

    def __init__(self, server, sessions, tables):
        self.connections = [server.connect("alice") for _ in range(sessions)]
        for connection in self.connections:
            connection.execute("BEGIN")
            for first in range(0, tables, 500):
                names = ", ".join("t%d" % number for number in range(first, min(first + 500, tables)))
                connection.execute("LOCK TABLE %s IN ACCESS SHARE MODE" % names)
        self.connections.append(server.connect("bob"))
        self.connections[-1].execute("BEGIN; LOCK TABLE t0, t1, t2 IN ACCESS SHARE MODE")

    def close(self):
        for connection in self.connections:
            connection.close()


def lock_tables(server, number):
    print("creating %d tables" % number, flush=True)
    with server.connect() as admin:
        create = "EXECUTE format('CREATE TABLE t%s ()', i); EXECUTE format('GRANT SELECT ON t%s TO alice, bob', i)"
        admin.execute("DO $$ BEGIN FOR i IN 0..%d LOOP %s; IF i %% 500 = 0 THEN COMMIT; END IF; END LOOP; END $$" % (number - 1, create))
        admin.execute("VACUUM ANALYZE pg_class")
        admin.execute(HAND_WRITTEN)


def transactions(report, small, large):
    """On a server with room for few locks, as servers come, and on one with room for a million: the room itself costs time."""
    report.section(
        "svv_transactions: all rows, or those of the reader",
        ["locks, sessions, reader", "svv_transactions", "hand-written", "pg_locks", "floor", "of hand-written", "of floor"],
    )
    per_lock = {}
    shapes = [(2, 5), (10, 100), (10, 1_000), (10, 10_000), (400, 250), (100, 10_000)]
    for sessions, tables in shapes:
        server = small if sessions * tables <= 1_000 else large
        holders = Holders(server, sessions, tables)
        locks, many = sessions * tables, sessions > 10
        readers = {"superuser": "awsuser"}
        if locks == 100_000:
            readers |= {"pg_read_all_stats": "reader", "owner of all": "alice", "owner of few": "bob"}
        for reader, user in readers.items():
            with server.connect(user) as connection:
                check_same_rows(connection)
                rounds = ROUNDS * 10 if locks < 1000 else ROUNDS if locks < 1_000_000 else 3
                peers = {name: answer(connection, query, locks > 1000) for name, query in LOCKS.items()}
                taken = in_turn(peers, rounds)
                of_view = taken["svv_transactions"] / taken["hand-written"]
                of_floor = taken["svv_transactions"] / taken["floor"]
                label = "%d, %d, %s" % (locks, sessions, reader)
                report.row(label, *(milliseconds(taken[name]) for name in LOCKS), "%.2f" % of_view, "%.2f" % of_floor)
            if locks == 100_000 and reader == "superuser":
                report.bar("%d locks of %d sessions, of hand-written" % (locks, sessions), of_view, 0.20)
                report.bar("%d locks of %d sessions, of floor" % (locks, sessions), of_floor, 1.6)
            if reader == "owner of few":
                report.bar("owner of few, %d sessions, of hand-written" % sessions, of_view, 0.35)
                report.bar("owner of few, %d sessions, of floor" % sessions, of_floor, 1.1)
            if locks == 10:
                report.bar("10 locks, of hand-written", of_view, 0.8)
            if reader == "superuser":
                per_lock[locks, many] = taken["svv_transactions"] / locks
        if locks == 1_000_000:
            million(report, server)
        holders.close()
        with server.connect() as admin:
            eventually(lambda: value(admin, "SELECT count(*) FROM stv_sessions WHERE process <> pg_backend_pid()") == 0)
    report.bar("time for each lock, 1,000,000 of 10,000", per_lock[1_000_000, True] / per_lock[10_000, False], 1.0)


def check_same_rows(connection):
    connection.execute("BEGIN")
    count = "SELECT count(*) FROM %s WHERE pid <> pg_backend_pid()"
    ours, theirs = (value(connection, count % view) for view in ("svv_transactions", "hand_written"))
    connection.execute("COMMIT")
    assert ours == theirs, "the two views do not have the same rows: %d and %d" % (ours, theirs)


def million(report, server):
    """Memory, and how long a cancellation takes, in the middle of an answer of a million rows."""
    peaks = {}
    for name, query in LOCKS.items():
        with server.connect() as connection:
            answer(connection, query, True)()
            status = pathlib.Path("/proc/%d/status" % pid_of(connection)).read_text()
            # Without the pages that are shared.
            fields = dict(line.split(":", 1) for line in status.splitlines())
            peaks[name] = int(fields["VmHWM"].split()[0]) - int(fields["RssShmem"].split()[0])
    delays = []
    with server.connect() as admin, server.connect() as connection:
        for part in range(1, 8):
            thread = threading.Thread(target=run_until_cancelled, args=(connection,))
            thread.start()
            pid = pid_of(connection)
            eventually(lambda: value(admin, "SELECT count(*) FROM pg_stat_activity WHERE pid = %s AND state = 'active'", pid))
            time.sleep(part * 0.05)
            start = time.perf_counter()
            admin.execute("SELECT pg_cancel_backend(%s)", (pid,))
            thread.join()
            delays.append(time.perf_counter() - start)
    million.memory, million.delay = peaks, max(delays)


def run_until_cancelled(connection):
    try:
        connection.execute("EXPLAIN (ANALYZE, TIMING OFF) SELECT * FROM svv_transactions")
    except psycopg.errors.QueryCanceled:
        pass


def large_answers(report):
    report.section("One million locks", ["", *LOCKS])
    report.row("peak memory of the session, MiB", *("%d" % (peak / 1024) for peak in million.memory.values()))
    report.row("longest time from cancel to its error", milliseconds(million.delay))
    report.bar("cancel of a million rows, seconds", million.delay, 1.0)


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


def repeat(connection, query, times):
    def run():
        for _ in range(times):
            connection.execute(query)

    return run


def pgbench(server, *arguments):
    """Transactions a second."""
    bindir = server.call("copy").rsplit("/", 1)[0]
    command = [bindir + "/pgbench", "-h", "127.0.0.1", "-p", str(server.port), "-U", "awsuser", "-n", "-T", str(PGBENCH_SECONDS), *arguments, "dev"]
    run = subprocess.run(command, text=True, capture_output=True)
    assert run.returncode == 0, run.stderr
    return float(next(line.split()[2] for line in run.stdout.splitlines() if line.startswith("tps =")))


def pgbench_tables(server):
    bindir = server.call("copy").rsplit("/", 1)[0]
    subprocess.run([bindir + "/pgbench", "-h", "127.0.0.1", "-p", str(server.port), "-U", "awsuser", "-i", "-q", "-s", "10", "dev"], check=True, capture_output=True)


def elsewhere(report, servers):
    """The cost of being there: each round asks every server, and the ratio is of one round."""
    report.section("Everything else: transactions a second, and the median of the rounds' ratios to a server without", ["", *servers, *("ratio " + name[:12] for name in list(servers)[1:])])
    for server in servers.values():
        pgbench_tables(server)
    kinds = {
        "select-only": ["-S"],
        "select-only, prepared": ["-S", "-M", "prepared"],
        "TPC-B": [],
        "connections": ["-S", "-C"],
    }
    names = list(servers)
    for kind, arguments in kinds.items():
        rates = {name: [] for name in names}
        for number in range(2 * ROUNDS + 1):
            # In another order each time: who comes first has it easier, or harder.
            for name in names[number % len(names) :] + names[: number % len(names)]:
                rates[name].append(pgbench(servers[name], *arguments))
        ratios = {name: statistics.median(a / b for a, b in zip(rates[name][1:], rates[names[0]][1:])) for name in names[1:]}
        report.row(kind, *("%.0f" % statistics.median(rates[name]) for name in names), *("%.3f" % ratio for ratio in ratios.values()))
        report.bar("%s, of a server without" % kind, ratios["with"], 0.97 if kind == "connections" else 0.99, at_least=True)


def disturbance(report, server):
    """TPC-B while another session reads in a loop: how much does a reader hold the others up?"""
    report.section("TPC-B while another session reads ten times a second, 100,000 locks", ["", "transactions/s", "waits seen"])
    pgbench_tables(server)
    holders = Holders(server, 400, 250)
    for name in ("svv_transactions", "pg_locks"):
        stop, waits = threading.Event(), [0]

        def read(query=LOCKS[name]):
            with server.connect() as connection:
                while not stop.is_set():
                    stop.wait(0.1 - seconds(lambda: connection.execute("EXPLAIN (ANALYZE, TIMING OFF) " + query)))

        def sample():
            with server.connect() as connection:
                while not stop.is_set():
                    waits[0] += value(connection, "SELECT count(*) FROM pg_stat_activity WHERE wait_event IN ('LockManager', 'ProcArray')")

        threads = [threading.Thread(target=read), threading.Thread(target=sample)]
        for thread in threads:
            thread.start()
        rate = statistics.median(pgbench(server) for _ in range(ROUNDS))
        stop.set()
        for thread in threads:
            thread.join()
        report.row("while " + name + " is read", "%.0f" % rate, waits[0])
    holders.close()


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
        elsewhere(report, servers)
        return report.finish(server.tests_directory() / "bench")
    finally:
        for server in servers.values():
            server.remove()


if __name__ == "__main__":
    sys.exit(main())
