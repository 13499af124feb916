#!/usr/bin/env python3
"""Does src/pg/locks.c read what PostgreSQL's own GetLockStatusData() reads, whatever goes on? See prove.c for how that is compared.

usage: make stress KIND=proof [DURATION=60]     all three parts
       pg_test/run proof [PART]...              those that are named, with what was installed last
  compare    sessions that compare beside a storm, on a primary and on its standby
  mutants    breaks a copy of src/pg/locks.c in one way after the other: each must be found within a minute
  loops      svv_transactions beside two-phase commits at full speed, which once crashed the server; with the library that is installed

The first two need nothing of Rust. Their server has assertions, if `pg_test/stress/source asserts` has one of that version.
"""

import collections
import contextlib
import os
import pathlib
import re
import subprocess
import sys
import threading
import time

import psycopg
from conftest import Server
from mutants import MUTANTS, mutant
from standby import Standby
from workload import Workload

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
DURATION = float(os.environ.get("DURATION") or 60)
DIRECTORY = ROOT / "target/proof"
PROVERS = 2
ATTEMPTS = 3
STUCK = 20  # seconds without a comparison: whoever reads waits for somebody who waits for it
FUNCTION = """
    CREATE FUNCTION %s(rounds int, pause int DEFAULT 4000, OUT compared bigint, OUT locks bigint, OUT different bigint, OUT first_difference text,
        OUT reached json) LANGUAGE C STRICT AS '%s', 'prove_locks'
"""
# For no more than about 150 processes, see prove.c. The standby needs as much as its primary.
SETTINGS = {
    "max_connections": "70", "max_worker_processes": "12", "max_parallel_workers": "8", "max_wal_senders": "3", "autovacuum_max_workers": "2",
    "max_prepared_transactions": "20", "fsync": "off", "autovacuum_naptime": "1", "deadlock_timeout": "100ms",
    "max_standby_streaming_delay": "-1", "wal_keep_size": "1GB", "jit": "off",
    # As few as before 19, so that fast-path locks fill their groups.
    "max_locks_per_transaction": "64",
}  # fmt: skip
# Name: how many clients, what each of them does.
LOOPS = {
    "two-phase commits": (4, "BEGIN;\nSELECT 1 FROM t LIMIT 1;\nPREPARE TRANSACTION 'g:client_id';\nROLLBACK PREPARED 'g:client_id';\n"),
    "readings of svv_transactions": (2, "SELECT count(*) FROM svv_transactions;\n"),
}


def use_assertions():
    """A server with assertions, for what comes, if there is one of that version."""
    major = output(Server.call("copy"), "--version").split()[1].split(".")[0]
    if not os.environ.get("PG_CONFIG") and major in ("15", "17", "18"):
        run = subprocess.run([HERE.parent / "source", "asserts", major], text=True, stdout=subprocess.PIPE)
        if run.returncode == 0:
            os.environ["PG_CONFIG"] = run.stdout.strip()


def output(*command):
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE).stdout.strip()


def compiled(source, name):
    """The comparison with this locks.c, where the server finds it. Each has a name of its own, for a session keeps what it has loaded."""
    pg_config = Server.call("copy")
    headers = pathlib.Path(output(pg_config, "--includedir-server"))
    if not (headers / "postgres.h").exists():  # a private copy has those of its original
        headers = output(pathlib.Path(pg_config).with_name("origin").read_text().strip(), "--includedir-server")
    # Without warnings, of which another compiler knows others.
    flags = [flag for flag in (output(pg_config, "--cflags") + " " + output(pg_config, "--cppflags")).split() if not flag.startswith("-W")]
    flags += ["-I", headers, '-DLOCKS_C="%s"' % source]
    library = pathlib.Path(output(pg_config, "--pkglibdir")) / (name + ".so")
    library.unlink(missing_ok=True)
    subprocess.run(["cc", *flags, "-fPIC", "-shared", "-o", library, HERE / "prove.c"], check=True)
    return library


class Prover(threading.Thread):
    """Compares, again and again, and adds up what it has seen."""

    def __init__(self, server, function, until):
        super().__init__(daemon=True)
        self.server, self.function, self.until = server, function, until
        self.compared = self.locks = self.different = 0
        self.first, self.reached, self.error = "", collections.Counter(), None
        self.progress = time.monotonic()
        self.start()

    def run(self):
        while not self.until():
            try:
                with self.server.connect() as session:
                    while not self.until():
                        row = session.execute("SELECT * FROM %s(50)" % self.function).fetchone()
                        self.compared += row[0]
                        self.locks += row[1]
                        self.different += row[2]
                        self.first = self.first or row[3]
                        self.reached.update(row[4])
                        self.progress = time.monotonic()
            except psycopg.Error as error:
                # A standby cancels whoever is in its way; a primary nobody.
                self.error = str(error)
                if not isinstance(self.server, Standby):
                    return

    def is_stuck(self):
        return self.is_alive() and time.monotonic() > self.progress + STUCK


def read_on(standby, until):
    """Readers in the way of the startup process, and it in theirs."""
    count = 0
    while not until():
        with contextlib.suppress(psycopg.Error), standby.connect() as session:
            while not until():
                session.execute("BEGIN; SELECT 1 FROM w%d LIMIT 1" % (20 + count % 10))
                session.execute("SELECT 1 FROM w%d LIMIT 1; COMMIT" % (count % 10))
                count += 1


def begin():
    """The primary with what the workload needs."""
    server = Server("proof", SETTINGS, extension=False)
    with server.connect() as admin:
        foreign = bool(admin.execute("SELECT 1 FROM pg_available_extensions WHERE name = 'postgres_fdw'").fetchone())
    workload = Workload(server, DIRECTORY, foreign)
    workload.create()
    return server, workload


def create(server, function, source):
    with server.connect() as admin:
        admin.execute(FUNCTION % (function, compiled(source, function)))


def title(server, what):
    with server.connect() as admin:
        [values] = admin.execute("SELECT current_setting('server_version'), current_setting('debug_assertions')").fetchall()
    print("\n%s: PostgreSQL %s, assertions %s, %.0f s" % (what, *values, DURATION))


def table(heading, rows):
    print("\n%-58s %14s" % (heading, "number"))
    for row in rows:
        print("%-58s %14s" % row)


def crashes(server):
    text = (server.directory() / "log").read_text(errors="replace")
    return ["%s: %s" % (server.name, line) for line in re.findall(".*(?:terminated by signal|TRAP:|PANIC).*", text)]


def compare():
    """Once more if a situation was not reached: on a slow machine the rarest needs more than a minute."""
    reached = collections.Counter()
    for _ in range(ATTEMPTS):
        broken, missing = compare_once(reached)
        if broken or not missing:
            break
    return broken + missing


def compare_once(reached):
    """What is wrong, and what neither this run nor those before have reached."""
    server, workload = begin()
    standby = None
    try:
        create(server, "prove_locks", ROOT / "src/pg/locks.c")
        standby = Standby(server, "proof-standby", SETTINGS)
        end = time.monotonic() + DURATION
        over = lambda: time.monotonic() > end
        workload.start(DURATION)
        provers = [Prover(server, "prove_locks", over) for _ in range(PROVERS)] + [Prover(standby, "prove_locks", over)]
        readers = [threading.Thread(target=read_on, args=(standby, over), daemon=True) for _ in range(2)]
        for thread in readers:
            thread.start()
        while not over():
            time.sleep(min(10, max(0.1, end - time.monotonic())))
            print("%6.0f s to go %10d compared %6d different" % (end - time.monotonic(), sum(p.compared for p in provers), sum(p.different for p in provers)), flush=True)
            if any(prover.is_stuck() for prover in provers):
                return ["nothing was compared for %d seconds" % STUCK], []
        done = workload.stop()
        for thread in provers + readers:
            thread.join(timeout=60)
        broken = list(workload.failures)
        broken += ["a prover stopped: %s" % p.error for p in provers[:PROVERS] if p.error]
        broken += ["a prover does not end" for p in provers if p.is_alive()]
        broken += ["different: " + p.first for p in provers if p.different]
        broken += crashes(server) + crashes(standby)
        reached.update(sum((p.reached for p in provers), collections.Counter()))
        title(server, "compare")
        table("done beside it", done.items())
        table("snapshots that had", [(name, reached[name]) for name in provers[0].reached])
        table(
            "snapshots",
            [("compared", sum(p.compared for p in provers)), ("of them on the standby", provers[-1].compared), ("locks in them", sum(p.locks for p in provers)), ("different", sum(p.different for p in provers))],
        )
        return broken, ["never reached: " + name for name in provers[0].reached if not reached[name]]
    finally:
        workload.kill()
        if standby:
            standby.remove()
        server.remove()


def mutants():
    """Each is found: it differs, or nobody goes on."""
    broken = []
    print("\n%-58s %14s" % ("mutant", "found after"))
    remaining = list(enumerate(MUTANTS))
    while remaining:
        server, workload = begin()
        try:
            workload.start(3600)
            usable = True
            while remaining and usable:
                usable = find_mutant(server, *remaining.pop(0), broken)
        finally:
            workload.kill()
            server.remove()
    return broken


def find_mutant(server, number, name, broken):
    """Can the server be used for the next one?"""
    file = DIRECTORY / ("mutant%d.c" % number)
    file.write_text(mutant((ROOT / "src/pg/locks.c").read_text(), name))
    create(server, "prove_mutant%d" % number, file)
    began = time.monotonic()
    provers, stuck = [], False
    over = lambda: any(p.different for p in provers) or time.monotonic() > began + 60
    provers += [Prover(server, "prove_mutant%d" % number, over) for _ in range(PROVERS)]
    while not stuck and any(prover.is_alive() for prover in provers):
        for prover in provers:
            prover.join(timeout=0.1)
        stuck = any(prover.is_stuck() for prover in provers)
    first = "nobody goes on" if stuck else next((p.first for p in provers if p.different), "")
    print("%-58s %14s  %s" % (name, "%.1f s" % (time.monotonic() - began) if first else "lives", first[:100]), flush=True)
    if not first:
        broken.append("lives: " + name)
        broken += [p.error for p in provers if p.error]
    return bool(first) and not stuck


def loops():
    server = Server("loops", {"shared_preload_libraries": "redshift_sessions", "max_prepared_transactions": "20", "fsync": "off"})
    workload = Workload(server, DIRECTORY, False)
    try:
        with server.connect() as admin:
            admin.execute("CREATE TABLE t AS SELECT 1 AS one")
        title(server, "loops")
        for name, (clients, script) in LOOPS.items():
            workload.loop(name, clients, script, DURATION)
        done = workload.stop()
        table("done side by side", done.items())
        return workload.failures + crashes(server)
    finally:
        workload.kill()
        server.remove()


def main():
    wanted = sys.argv[1:] or ["loops", "compare", "mutants"]
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    broken = []
    for part in ("loops", "compare", "mutants"):
        if part in wanted:
            if part != "loops":
                use_assertions()
            broken += {"loops": loops, "compare": compare, "mutants": mutants}[part]()
    for finding in broken[:20]:
        print("    " + finding[:2000])
    print("\n%d broken" % len(broken))
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
