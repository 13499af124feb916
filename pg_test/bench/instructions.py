"""What does the library cost those who never ask? Instructions of a transaction, which valgrind counts, and pages and bytes of a session."""

import pathlib
import re
import shutil
import statistics
import subprocess

import psycopg

from measure import AS_SERVER_USER, PLAIN, WITH, Server, bindir, eventually, pgbench_command, pgbench_tables, pid_of, value

# What pgbench runs. The cost of one transaction is the difference of two runs, one of which runs so many more.
KINDS = {"select-only": (["-S"], 1000), "select-only, prepared": (["-S", "-M", "prepared"], 1000), "TPC-B": ([], 400)}
BARS = {"select-only": 300, "TPC-B": 900}
LOGS = ("conflict", "connection", "session", "statement", "terminate", "transaction", "user")
NO_LOGS = {"redshift_sessions.%s_log_size" % log: 0 for log in LOGS}
STARTS, SESSIONS = 7, 11
SESSION_ENDS = {"log_disconnections": "on", "log_line_prefix": "%p %a "}
TOTAL = re.compile(r"^totals: (\d+)", re.MULTILINE)
SERVERS = {
    "without": ({}, False),
    "with": (WITH, True),
    "with, no extension": (WITH, False),
    "with, no extension, no logs": ({**WITH, **NO_LOGS}, False),
    "pg_stat_statements": ({"shared_preload_libraries": "pg_stat_statements"}, False),
}


def instructions(report):
    """How many more does a transaction take? "no extension" is a database that does not have it."""
    names = list(SERVERS)
    report.section("Instructions of a transaction, and how many more", ["", *(name.removeprefix("with, ") for name in names)])
    if not shutil.which("valgrind"):
        report.row("not counted: valgrind is missing")
        return
    counts = {}
    for name, (settings, extension) in SERVERS.items():
        counted = Counted("bench-counted", settings, extension)
        counts[name] = {kind: counted.per_transaction(kind) for kind in KINDS}
        counted.remove()
    for kind in KINDS:
        without = counts["without"][kind]
        report.row(kind, "%.0f" % without, *("+%.0f" % (counts[name][kind] - without) for name in names[1:]))
        if kind in BARS:
            report.bar("instructions more, %s" % kind, counts["with"][kind] - without, BARS[kind])


def session(report, servers):
    """What a session takes that logs in and asks for nothing of ours. Servers differ from start to start by more than by the library."""
    title = "A session after SELECT 1: medians of %d starts, %d sessions each" % (STARTS, SESSIONS)
    report.section(title, ["", "page faults", "private, KiB", "shared memory, KiB"])
    faults, private, shared = ({name: [] for name in servers} for _ in range(3))
    for _ in range(STARTS):
        for name, server in servers.items():
            server.restart({**PLAIN, **SERVERS[name][0]})
            seen = [taken(server) for _ in range(SESSIONS)]
            for figures, column in zip((faults, private, shared), zip(*seen)):
                figures[name].append(statistics.median(column))
    for name in servers:
        report.row(name, *("%.0f" % statistics.median(figures[name]) for figures in (faults, private, shared)))
    more = [a - b for a, b in zip(faults["with"], faults["without"])]
    report.row("more page faults, of each start", "%d to %d" % (min(more), max(more)), "", "")
    report.bar("page faults more, of a session", statistics.median(more), 3)


def taken(server):
    """Page faults and private KiB of a new session, and KiB of our shared memory."""
    with server.connect() as connection:
        connection.execute("SELECT 1")
        process = pathlib.Path("/proc/%d" % pid_of(connection))
        after_name = (process / "stat").read_text().rsplit(")", 1)[1].split()
        # Of mappings that are its own: of shared memory a page counts as private while nobody else has looked at it.
        private = re.findall(r"^\S+ \S\S\Sp (?:.*\n)(?:[A-Z].*\n)*?Private_Dirty: +(\d+)", (process / "smaps").read_text(), re.MULTILINE)
        shared = "SELECT coalesce(sum(allocated_size), 0) / 1024 FROM pg_shmem_allocations WHERE name = 'redshift_sessions'"
        return int(after_name[7]), sum(map(int, private)), float(value(connection, shared))


class Counted:
    """A server under valgrind, which writes what a process has executed when that ends."""

    def __init__(self, name, settings, extension):
        self.server = Server(name, {**PLAIN, **SESSION_ENDS, **settings}, extension=extension)
        pgbench_tables(self.server, scale=1)
        with self.server.connect() as connection:
            connection.execute("VACUUM (FREEZE, ANALYZE)")  # else the first who reads a row also notes that it is committed
        self.server.stop()
        place = self.server.directory()
        self.log = place / "log"
        self.counts = place / "data" / "counts"
        command = ["valgrind", "--quiet", "--tool=callgrind", "--trace-children=yes", "--callgrind-out-file=%s.%%p" % self.counts]
        with open(self.log, "a") as log:
            self.process = subprocess.Popen([*AS_SERVER_USER, *command, bindir(self.server) / "postgres", "-D", place / "data"], cwd="/", stdout=log, stderr=log)
        eventually(self.answers)

    def answers(self):
        assert self.process.poll() is None, "the server did not start under valgrind"
        try:
            self.server.connect().close()
        except psycopg.OperationalError:
            return False
        return True

    def session(self, arguments, transactions):
        """The file about the session that runs so many transactions."""
        known = len(self.ended())
        command = [*pgbench_command(self.server), "--random-seed=1", "-t", str(transactions), *arguments, "dev"]
        subprocess.run(command, check=True, capture_output=True)
        # Before it, another session asks how large the tables are.
        eventually(lambda: len(self.ended()) == known + 2)
        path = self.counts.with_suffix("." + self.ended()[-1])
        eventually(lambda: path.exists() and TOTAL.search(path.read_text()))
        return path

    def ended(self):
        """The processes of pgbench's sessions that have ended."""
        return re.findall(r"^(\d+) pgbench LOG:  disconnection", self.log.read_text(), re.MULTILINE)

    def per_transaction(self, kind):
        arguments, more = KINDS[kind]
        return (total(self.session(arguments, 100 + more)) - total(self.session(arguments, 100))) / more

    def remove(self):
        self.server.stop()
        self.process.wait()
        self.server.remove()


def total(path):
    return int(TOTAL.search(path.read_text())[1])
