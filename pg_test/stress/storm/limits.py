"""What if a call finds no memory, or is cancelled or terminated at any moment? On a server of its own, one session at a time."""

import os
import pathlib
import random
import resource
import signal
import socket
import struct
import time

import psycopg

from books import unexpected_lines
from client import GRANTED_VIEWS, VIEWS
from conftest import EVERYTHING, Server, eventually, outcome, pid_of
from watcher import memory

LEAK = 128  # KiB that 600 readings may take
PAGE = resource.getpagesize()
READS = ["SELECT * FROM " + view for view in [*VIEWS, *GRANTED_VIEWS]]
READS += [
    "SELECT count(v) FROM svv_transactions AS v",
    "SELECT * FROM redshift_sessions.logs()",
    "SELECT pg_terminate_backend(0)",
    "SELECT redshift_sessions.cancel(pg_backend_pid() + 1000000, repeat('x', 300))",
]
OUT_OF_MEMORY, CANCELLED, TERMINATED, MISSING = "53200", "57014", "57P01", "22023"


def crowded(name):
    """A server with much to show: thousands of locks, sessions, waiters, rows of logs."""
    server = Server(name, {**EVERYTHING, "max_locks_per_transaction": "512", "autovacuum": "off", "log_line_prefix": "%m [%p] %d "})
    crowd = [server.connect("alice") for _ in range(40)]
    with server.connect() as admin:
        admin.execute("DO $$ BEGIN FOR n IN 1..3000 LOOP EXECUTE format('CREATE TABLE many%s ()', n); END LOOP; END $$")
    holder = server.connect()
    holder.execute("BEGIN")
    for first in range(1, 3000, 100):
        holder.execute("; ".join("LOCK many%d" % n for n in range(first, first + 100)))
    for number, connection in enumerate(crowd):
        connection.pgconn.send_query(("SELECT pg_sleep(1000), '%s'" % ("x" * 900)).encode())
        with server.connect("bob"):
            connection.pgconn.flush()
    return server, crowd + [holder]


def crowd_and(name, ledger, run, also):
    """Runs it on a crowded server, whose log must have no line that nobody can explain."""
    server, crowd = crowded(name)
    try:
        run(server)
        log = (server.directory() / "log").read_text(errors="replace")
        for line in unexpected_lines(log, also):
            ledger.check("log", False, line)
        ledger.checked["log"] += log.count("\n")
    finally:
        for connection in crowd:
            connection.close()
        server.remove()


def out_of_memory(ledger, seed):
    """The address space of a session is limited to a little more than it has: it fails with 53200, and goes on."""

    dice = random.Random(seed)

    def run(server):
        admin = server.connect()
        for statement in READS:
            for extra in [0] + [dice.randrange(1500) for _ in range(31)] + [dice.randrange(1500, 8192) for _ in range(12)]:
                with server.connect() as session:
                    session.execute("SET work_mem = '%s'" % dice.choice(["64kB", "64MB"]))
                    limit(admin, pid_of(session), extra)
                    state = read(session, statement)
                    if state != "gone":
                        limit(admin, pid_of(session), None)
                    fine = state in (None, OUT_OF_MEMORY, MISSING) and read(session, "SELECT 1") is None
                    ledger.figures["reads without memory"] += state == OUT_OF_MEMORY
                    if not ledger.check("error", fine, "%s with %d KiB: %s" % (statement, extra, state)):
                        # A crash, of which the others hear soon.
                        eventually(lambda: read(admin, "SELECT 1") == "gone")
                        admin = eventually(lambda: connected(server))

    crowd_and("storm-memory", ledger, run, also="^ERROR:  out of memory|^FATAL:  out of memory|^LOG:  could not fork")


def limit(admin, pid, extra):
    """KiB beyond what it has now, None for no limit. By the server's own user, who alone may."""
    pages = int(pathlib.Path("/proc/%d/statm" % pid).read_text().split()[0])
    most = "unlimited" if extra is None else pages * PAGE + extra * 1024
    admin.execute("COPY (SELECT) TO PROGRAM 'prlimit --pid %d --as=%s: && cat'" % (pid, most))


def read(session, statement):
    """SQLSTATE, "gone" if the session has ended, or None."""
    try:
        session.execute(statement)
    except psycopg.Error as error:
        return "gone" if session.closed else error.sqlstate


def connected(server):
    """A session, if the server takes one now."""
    try:
        return server.connect()
    except psycopg.OperationalError:
        return None


def interrupted(ledger, seed):
    """Signals at moments all over a statement's time: it answers or says 57014, 57P01, and leaves nothing behind."""
    dice = random.Random(seed)

    def run(server):
        for statement in READS:
            cancels(ledger, dice, server, statement)
            for _ in range(25):
                session = server.connect()
                state = signalled(session, statement, dice.random() * duration(session, statement) * 1.3, signal.SIGTERM)
                fine = state in (TERMINATED, None, MISSING)
                ledger.check("ended", fine, "%s, terminated: %s" % (statement, state))
                session.close()
        logins(ledger, dice, server)

    crowd_and("storm-signals", ledger, run, also="^FATAL:  canceling authentication")


def leaks(ledger, seed):
    """Where nothing else changes, the same reading a thousand times takes no more memory than a hundred times."""

    def run(server):
        for statement in READS:
            with server.connect() as session:
                for number in range(700):
                    ledger.check("error", read(session, statement) in (None, MISSING), "%s fails" % statement)
                    if number == 100:
                        before = memory(pid_of(session))
                gained = memory(pid_of(session)) - before
                ledger.check("memory", gained <= LEAK, "%s, 600 times: %d KiB" % (statement, gained))

    crowd_and("storm-leaks", ledger, run, also="(?!)")


def cancels(ledger, dice, server, statement):
    with server.connect() as session:
        most = duration(session, statement) * 1.3
        before = None
        for number in range(200):
            state = signalled(session, statement, dice.random() * most, signal.SIGINT)
            ledger.figures["reads cancelled at any moment"] += state == CANCELLED
            ledger.check("error", state in (None, CANCELLED, MISSING), "%s, cancelled: %s" % (statement, state))
            if number == 50:
                before = memory(pid_of(session))
        gained = memory(pid_of(session)) - before
        ledger.check("memory", gained <= LEAK, "%s, cancelled 150 times: %d KiB" % (statement, gained))
        ledger.check("error", read(session, "SELECT 1") is None, "%s, cancelled: the session is of no use" % statement)


def duration(session, statement):
    read(session, statement)  # once it is warm
    begun = time.perf_counter()
    read(session, statement)
    return time.perf_counter() - begun


def signalled(session, statement, delay, number):
    pid = pid_of(session)
    session.pgconn.send_query(statement.encode())
    end = time.perf_counter() + delay
    while time.perf_counter() < end:
        pass
    os.kill(pid, number)
    try:
        return outcome(session)[0]
    except psycopg.OperationalError:
        return TERMINATED


def logins(ledger, dice, server):
    """A session that is terminated while it logs in. Its process is the newest child of the postmaster."""
    postmaster = int((server.directory() / "data/postmaster.pid").read_text().split()[0])
    children = pathlib.Path("/proc/%d/task/%d/children" % (postmaster, postmaster))
    startup = b"user\0alice\0database\0dev\0\0"
    for _ in range(200):
        before = set(children.read_text().split())
        with socket.create_connection(("127.0.0.1", server.port)) as client:
            client.settimeout(20)
            client.sendall(struct.pack("!ii", len(startup) + 8, 3 << 16) + startup)
            while not (new := set(children.read_text().split()) - before):
                pass
            time.sleep(dice.random() * 0.01)  # the very point: at any moment
            try:
                os.kill(int(new.pop()), signal.SIGTERM)
                while client.recv(8192):
                    pass
            except (ProcessLookupError, ConnectionError):
                pass
            except socket.timeout:
                ledger.check("ended", False, "a login that was terminated is still there")
        ledger.checked["ended"] += 1
        ledger.figures["logins terminated at any moment"] += 1
