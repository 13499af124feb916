"""What does the library cost a statement, in instructions? Valgrind counts them, whatever else the machine does."""

import re
import shutil
import subprocess

import psycopg

from measure import AS_SERVER_USER, PLAIN, WITH, Server, bindir, eventually, pgbench_command, pgbench_tables

# What pgbench runs. The cost of one transaction is the difference of two runs, one of which runs so many more.
KINDS = {"select-only": (["-S"], 1000), "select-only, prepared": (["-S", "-M", "prepared"], 1000), "TPC-B": ([], 400)}
BARS = {"select-only": 300, "TPC-B": 900}
NO_LOGS = {"redshift_sessions.%s_log_size" % log: 0 for log in ("conflict", "connection", "session", "statement", "transaction", "user")}
SESSION_ENDS = {"log_disconnections": "on", "log_line_prefix": "%p %a "}
TOTAL = re.compile(r"^totals: (\d+)", re.MULTILINE)
SERVERS = {
    "without": ({}, False),
    "with": (WITH, True),
    "not in the database": (WITH, False),
    "neither, no logs": ({**WITH, **NO_LOGS}, False),
}


class Counted:
    """A server under valgrind, which writes what a process has executed when that ends."""

    def __init__(self, name, settings, extension):
        self.server = Server(name, {**PLAIN, **SESSION_ENDS, **settings}, extension=extension)
        pgbench_tables(self.server, scale=1)
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
