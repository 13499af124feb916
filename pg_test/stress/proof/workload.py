"""What reaches every part of the lock table, at full rate? Loops of pgbench for what never fails, threads for what does.

Tables of the workload: w0 to w31, s0 to s3 for savepoints, d0 and d1 for deadlocks. A transaction takes a lock on one of them once only, and keeps it: the proof
concludes from that that a lock which was there before and after a reading was there all the time.
"""

import contextlib
import glob
import pathlib
import random
import re
import subprocess
import threading
import time

import psycopg

TABLES = """
DO $$ BEGIN
    FOR n IN 0..31 LOOP
        EXECUTE format('CREATE TABLE w%s (id int PRIMARY KEY, v int) WITH (vacuum_truncate = off); INSERT INTO w%s SELECT g, 0 FROM generate_series(1, 10) g', n, n);
    END LOOP;
    FOR n IN 0..3 LOOP EXECUTE format('CREATE TABLE s%s (v int) WITH (vacuum_truncate = off); CREATE TABLE d%s ()', n, n); END LOOP;
    EXECUTE 'CREATE VIEW many AS ' || (SELECT string_agg(format('SELECT id FROM w%s', n), ' UNION ALL ') FROM generate_series(0, 27) n);
END $$;
CREATE TABLE big AS SELECT g AS id FROM generate_series(1, 20000) g;
ALTER TABLE big SET (parallel_workers = 3);
CREATE TABLE indexed (v int);
-- In a parallel worker: a lock that its leader does not have.
CREATE FUNCTION elsewhere(n int) RETURNS int LANGUAGE plpgsql PARALLEL SAFE AS $$ BEGIN PERFORM 1 FROM w30 LIMIT 1; RETURN n; END $$;
-- The other side of a foreign table, which takes its time when it is cancelled.
CREATE FUNCTION slow() RETURNS SETOF int LANGUAGE plpgsql AS $$
BEGIN PERFORM pg_sleep(30); EXCEPTION WHEN query_canceled THEN PERFORM pg_sleep(0.5); RAISE EXCEPTION 'storm 0'; END $$;
CREATE VIEW slowly AS SELECT v FROM slow() v;
"""
FOREIGN = """
CREATE EXTENSION postgres_fdw;
CREATE SERVER loop FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1', port '%d', dbname 'dev');
CREATE USER MAPPING FOR PUBLIC SERVER loop OPTIONS (user 'awsuser');
CREATE FOREIGN TABLE far (v int) SERVER loop OPTIONS (table_name 'slowly');
"""

# Name: how many clients, what each of them does again and again. None of it can fail, or deadlock: who waits holds nothing that those wait for.
LOOPS = {
    "two-phase commit": (4, "\\set r random(0, 29)\nBEGIN;\nSELECT 1 FROM w:r LIMIT 1;\nPREPARE TRANSACTION 'g:client_id';\nROLLBACK PREPARED 'g:client_id';\n"),
    "two-phase commit of writers": (
        1,
        "\\set r random(0, 3)\nBEGIN;\nINSERT INTO s:r VALUES (1);\nSELECT count(*) FROM many;\nSELECT pg_advisory_xact_lock(1000 + :client_id);\n"
        "PREPARE TRANSACTION 'w:client_id';\nCOMMIT PREPARED 'w:client_id';\n",
    ),
    "readers": (3, "\\set r random(0, 9)\n\\set q random(10, 29)\nBEGIN;\nSELECT 1 FROM w:r LIMIT 1;\nSELECT 1 FROM w:q LIMIT 1;\nSELECT 1 FROM big LIMIT 1;\nCOMMIT;\n"),
    "lockers": (2, "\\set r random(20, 30)\n\\set ms random(0, 3)\nBEGIN;\nLOCK w:r;\n\\sleep :ms ms\nCOMMIT;\n"),
    "weaker lockers": (3, "\\set r random(0, 29)\nBEGIN;\nLOCK w:r IN SHARE ROW EXCLUSIVE MODE;\nCOMMIT;\n"),
    "aborts": (1, "\\set r random(0, 29)\nBEGIN;\nLOCK w:r IN EXCLUSIVE MODE;\nROLLBACK;\n"),
    "more than the fast path has": (1, "BEGIN;\nSELECT count(*) FROM many;\nCOMMIT;\n"),
    "savepoints": (
        2,
        "BEGIN;\nSAVEPOINT a;\nINSERT INTO s0 VALUES (1);\nROLLBACK TO a;\nSAVEPOINT b;\nINSERT INTO s1 VALUES (1);\nRELEASE b;\nSAVEPOINT c;\nSELECT 1 FROM s2 LIMIT 1;\n"
        "ROLLBACK TO c;\nINSERT INTO s3 VALUES (1);\nROLLBACK;\n",
    ),
    "rows": (3, "\\set r random(1, 2)\nBEGIN;\nUPDATE w31 SET v = v + 1 WHERE id = :r;\nCOMMIT;\n"),
    "advisory locks": (2, "\\set r random(1, 3)\nSELECT pg_advisory_lock(:r);\nSELECT 1;\nSELECT pg_advisory_unlock(:r);\n"),
    "the same key": (2, "\\set r random(1, 100000)\nINSERT INTO w31 VALUES (100 + :r / 10, 0) ON CONFLICT (id) DO UPDATE SET v = w31.v + 1;\nDELETE FROM w31 WHERE id = 100 + :r / 10;\n"),
    "parallel queries": (
        1,
        "SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET parallel_leader_participation = off;\n"
        "SELECT count(elsewhere(id)) FROM big WHERE id % 2000 = 0;\n",
    ),
}
CONNECTS = (2, "SELECT 1 FROM w1 LIMIT 1;\n")
# PostgreSQL's errors that the threads below ask for, and those of a session that was terminated or whose server goes.
EXPECTED = ("40P01", "57014", "57P01", "55P03", "P0001", "25P02", "42P07", "42704", "XX001", "40001")


def pgbench(server):
    """That of the server under test, or of another: it does not matter which."""
    here = pathlib.Path(server.call("copy")).parent / "pgbench"
    found = [path for path in [here, *map(pathlib.Path, sorted(glob.glob("/usr/lib/postgresql/*/bin/pgbench"), reverse=True))] if path.exists()]
    assert found, "no pgbench: install postgresql"
    return str(found[0])


class Workload:
    """Runs until `stop`; then `failures` tells what should not have been."""

    def __init__(self, server, directory, foreign):
        self.server, self.directory, self.foreign = server, directory, foreign
        self.stopping, self.failures, self.processes, self.threads = threading.Event(), [], [], []
        self.done = {}

    def create(self):
        with self.server.connect() as admin:
            admin.execute(TABLES)
            if self.foreign:
                admin.execute(FOREIGN % self.server.port)

    def start(self, seconds):
        for name, (clients, script) in LOOPS.items():
            self.loop(name, clients, script, seconds)
        self.loop("connects", *CONNECTS, seconds, "--connect")
        for action in (self.deadlock, self.deadlock, self.victim, self.victim, self.victim, self.killer, self.index, self.abort_far):
            if action != self.abort_far or self.foreign:
                self.thread(action)

    def loop(self, name, clients, script, seconds, *options):
        file = self.directory / (name.replace(" ", "_") + ".sql")
        file.write_text(script)
        log = file.with_suffix(".log")
        command = [pgbench(self.server), "-h", "127.0.0.1", "-p", str(self.server.port), "-U", "awsuser", "-n", "-c", str(clients), "-T", str(max(1, int(seconds)))]
        with open(log, "w") as stream:
            process = subprocess.Popen([*command, *options, "-f", str(file), "dev"], stdout=stream, stderr=subprocess.STDOUT)
        self.processes.append((name, process, log, time.monotonic() + seconds + 60))

    def thread(self, action):
        self.threads.append(threading.Thread(target=self.again, args=(action,), daemon=True))
        self.threads[-1].start()

    def again(self, action):
        dice = random.Random(len(self.threads))
        while not self.stopping.is_set():
            with contextlib.suppress(psycopg.OperationalError), self.server.connect(application_name=action.__name__, options="-c lock_timeout=5s") as session:
                while not self.stopping.is_set():
                    try:
                        self.done[action.__name__] = self.done.get(action.__name__, 0) + 1
                        action(session, dice)
                    except psycopg.Error as error:
                        if error.sqlstate and error.sqlstate not in EXPECTED:
                            self.failures.append("%s: %s %s" % (action.__name__, error.sqlstate, error))
                        if session.closed:
                            break
                        session.execute("ROLLBACK")

    def deadlock(self, session, dice):
        """Two of these wait for each other, now and then."""
        first, second = dice.choice([("d0", "d1"), ("d1", "d0")])
        session.execute("BEGIN; LOCK %s IN SHARE ROW EXCLUSIVE MODE" % first)
        session.execute("LOCK %s IN SHARE ROW EXCLUSIVE MODE; COMMIT" % second)

    def victim(self, session, dice):
        """Sleeps with a lock, or waits for one, until somebody ends it or its statement."""
        session.execute("BEGIN; LOCK w%d IN ACCESS SHARE MODE; SAVEPOINT a; LOCK w%d IN SHARE MODE" % (dice.randint(0, 14), dice.randint(20, 29)))
        session.execute("SELECT pg_sleep(10)")

    def killer(self, session, dice):
        kind = dice.choice(["cancel", "cancel", "terminate"])
        session.execute("SELECT pg_catalog.pg_%s_backend(pid) FROM pg_stat_activity WHERE application_name = 'victim' ORDER BY random() LIMIT 1" % kind)
        time.sleep(dice.random() * 0.02)  # the load, not a condition

    def index(self, session, dice):
        """Waits for the virtual transactions of all others, which takes them from the fast path."""
        session.execute("CREATE INDEX CONCURRENTLY IF NOT EXISTS ix ON indexed (v)")
        session.execute("DROP INDEX CONCURRENTLY IF EXISTS ix")

    def abort_far(self, session, dice):
        """Its abort waits for a remote session, with the lock held and its local transaction over."""
        session.execute("BEGIN; LOCK w%d IN EXCLUSIVE MODE" % dice.randint(20, 29))
        session.execute("SET LOCAL statement_timeout = '20ms'; SELECT * FROM far")

    def stop(self):
        """Waits until pgbench ends. How often each of them did what it does; `failures` has those that gave up."""
        done = {}
        for name, process, log, deadline in self.processes:
            try:
                process.wait(timeout=max(1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                self.failures.append("%s did not end" % name)
            text = log.read_text()
            number = re.search(r"^number of transactions actually processed: (\d+)", text, re.MULTILINE)
            done[name] = int(number[1]) if number else 0
            if process.returncode != 0 or "aborted" in text or not done[name]:
                self.failures.append("%s: %s" % (name, text[-1000:]))
        self.stopping.set()
        for thread in self.threads:
            thread.join(timeout=60)
            if thread.is_alive():
                self.failures.append("a thread did not end")
        return {**done, **self.done}

    def kill(self):
        """Whatever is left of it."""
        self.stopping.set()
        for _, process, _, _ in self.processes:
            process.kill()
            process.wait()
