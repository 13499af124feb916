"""svv_transactions against the same view by hand, pg_locks and PostgreSQL's own copy of the lock table."""

import pathlib
import threading
import time

import psycopg

from measure import ROUNDS, answer, eventually, in_turn, milliseconds, pid_of, seconds, value

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
                report.bar("%d locks of %d sessions, of hand-written" % (locks, sessions), of_view, 0.05)
                report.bar("%d locks of %d sessions, of floor" % (locks, sessions), of_floor, 0.6)
            if reader == "owner of few":
                report.bar("owner of few, %d sessions, of hand-written" % sessions, of_view, 0.02)
                report.bar("owner of few, %d sessions, of floor" % sessions, of_floor, 1.1)
            if locks == 10:
                report.bar("10 locks, of hand-written", of_view, 0.8)
            if reader == "superuser" and locks == 100_000:
                narrow(report, server, "%d, %d" % (locks, sessions), pid_of(holders.connections[-1]))
            if reader == "superuser":
                per_lock[locks, many] = taken["svv_transactions"] / locks
        if locks == 1_000_000:
            million(report, server)
        holders.close()
        with server.connect() as admin:
            eventually(lambda: value(admin, "SELECT count(*) FROM stv_sessions WHERE process <> pg_backend_pid()") == 0)
    report.bar("time for each lock, 1,000,000 of 10,000", per_lock[1_000_000, True] / per_lock[10_000, False], 1.0)


def narrow(report, server, label, pid):
    """Rows of one session, and of those that wait: the conditions people use most."""
    with server.connect() as connection:
        for name, condition in (("one pid", "pid = %d" % pid), ("who waits", "NOT granted")):
            queries = {peer: query if "LIMIT" in query else "%s WHERE %s" % (query, condition) for peer, query in LOCKS.items()}
            taken = in_turn({peer: answer(connection, query, False) for peer, query in queries.items()}, ROUNDS)
            report.row("%s, %s" % (label, name), *(milliseconds(taken[peer]) for peer in LOCKS), *("%.3f" % (taken["svv_transactions"] / taken[peer]) for peer in ("hand-written", "floor")))


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
    """Again and again: one answer may be over before anybody sees that it is being made."""
    try:
        while True:
            connection.execute("EXPLAIN (ANALYZE, TIMING OFF) SELECT * FROM svv_transactions")
    except psycopg.errors.QueryCanceled:
        pass


def large_answers(report):
    report.section("One million locks", ["", *LOCKS])
    report.row("peak memory of the session, MiB", *("%d" % (peak / 1024) for peak in million.memory.values()))
    report.row("longest time from cancel to its error", milliseconds(million.delay))
    report.bar("cancel of a million rows, seconds", million.delay, 1.0)
