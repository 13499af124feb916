"""Servers, real logins and bounded waits for the tests of many sessions."""

import contextlib
import os
import pathlib
import random
import socket
import subprocess
import sys
import time

import psycopg
import pytest

SERVER = pathlib.Path(__file__).resolve().with_name("private-server")
ROOT = SERVER.parent.parent
sys.path.append(str(SERVER.with_name("support")))
PATIENCE = 30  # seconds until a condition that must come true has failed

# Of each pid the last session that had it: on a busy machine pids come again within minutes.
NEWEST = "(SELECT DISTINCT ON (pid) sessionid FROM stl_connection_log ORDER BY pid, recordtime DESC)"
ROLES = """
    CREATE ROLE boss LOGIN SUPERUSER;
    CREATE ROLE alice LOGIN;
    CREATE ROLE bob LOGIN;
    CREATE ROLE canceller LOGIN IN ROLE pg_signal_backend;
    CREATE ROLE reader LOGIN IN ROLE pg_read_all_stats;
    CREATE ROLE member LOGIN IN ROLE alice;
"""
EVERYTHING = {
    "shared_preload_libraries": "redshift_sessions",
    "max_connections": "100",
    "max_prepared_transactions": "10",
    "fsync": "off",
    "autovacuum_naptime": "1",
}


def pytest_configure(config):
    config.addinivalue_line("markers", "once: .ci/run does not repeat it on each version of PostgreSQL")


def eventually(condition, patience=PATIENCE):
    """Wait until the condition holds, and return its value."""
    deadline = time.monotonic() + patience
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, "waited %s seconds in vain" % patience
        time.sleep(0.01)


def free_port():
    """Below those that the system gives away by itself, to whoever connects before our server has started."""
    while True:
        port = random.randrange(15000, 32000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def server_name(name):
    """Of pytest's workers each has its own."""
    return "test-%s%s" % (os.environ.get("PYTEST_XDIST_WORKER", ""), name)


class Notice:
    """A copy: what the driver gives does not outlive its handler."""

    def __init__(self, diagnostic):
        for field in ("severity", "sqlstate", "message_primary", "message_detail", "message_hint"):
            setattr(self, field, getattr(diagnostic, field))


class Server:
    """A private server, started afresh, with the roles of the tests and the database dev."""

    def __init__(self, name, settings, extension=True):
        self.name, self.port = server_name(name), free_port()
        self.call("remove", self.name)
        self.start(settings)
        with self.connect() as connection:
            connection.execute(ROLES)
            connection.execute("GRANT CREATE ON SCHEMA public TO PUBLIC")
            if extension:
                connection.execute("CREATE EXTENSION redshift_sessions")

    @staticmethod
    def call(*arguments):
        run = subprocess.run([SERVER, *arguments], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert run.returncode == 0, run.stdout
        return run.stdout.strip()

    def start(self, settings):
        self.call("start", self.name, str(self.port), *("%s=%s" % pair for pair in settings.items()))

    def stop(self, mode="fast"):
        self.call("stop", self.name, mode)

    def restart(self, settings, mode="fast"):
        self.stop(mode)
        self.start(settings)

    def remove(self):
        self.call("remove", self.name)

    def version(self):
        with self.connect() as connection:
            return connection.info.server_version // 10000

    def directory(self):
        return pathlib.Path(self.call("directory", self.name))

    def last_words(self):
        log = self.directory() / "log"
        return "\n".join(log.read_text(errors="replace").splitlines()[-20:]) if log.exists() else "It has no log."

    @staticmethod
    def tests_directory():
        """Where the set-up of the tests has put what they need."""
        return pathlib.Path(sys.prefix).parent

    def dsn(self, user="awsuser", dbname="dev"):
        return "host=127.0.0.1 port=%d user=%s dbname=%s" % (self.port, user, dbname)

    def connect(self, user="awsuser", dbname="dev", **options):
        try:
            connection = psycopg.connect(self.dsn(user, dbname), autocommit=True, **options)
        except psycopg.OperationalError as error:
            # A server that has gone takes many tests with it: each says what it said last.
            if "refused" in str(error):
                error.args = ("%s\n%s" % (error, self.last_words()),)
            raise
        connection.notices = []
        connection.add_notice_handler(lambda diagnostic: connection.notices.append(Notice(diagnostic)))
        return connection


@pytest.fixture(scope="session")
def server():
    server = Server("main", EVERYTHING)
    yield server
    server.remove()


@pytest.fixture
def login(server):
    """Opens sessions that end with the test."""
    opened = []

    def login(user="awsuser", dbname="dev", **options):
        opened.append(server.connect(user, dbname, **options))
        return opened[-1]

    yield login
    for connection in opened:
        # What a failed test left running must not disturb the next one.
        if connection.info.transaction_status == psycopg.pq.TransactionStatus.ACTIVE:
            connection.cancel()
        connection.close()


@pytest.fixture
def admin(login):
    return login("awsuser")


@pytest.fixture
def table(admin):
    """A table that everybody may use."""
    admin.execute("CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t SELECT g, 0 FROM generate_series(1, 10) g")
    admin.execute("GRANT ALL ON t TO PUBLIC")
    yield "t"
    # Whoever a failed test left behind with a lock on it must not stop the next one.
    admin.execute("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE relation = 't'::regclass AND pid <> pg_backend_pid()")
    admin.execute("DROP TABLE t")


def pid_of(connection):
    pid = connection.info.backend_pid
    assert pid, "the driver forgets the pid of a session that it knows to be gone"
    return pid


def value(connection, query, *parameters):
    return connection.execute(query, parameters or None).fetchone()[0]


def rows_of(connection, pid, columns="lock_mode, lockable_object_type, relation, granted"):
    """What the connection sees of one session, in the view's order."""
    return connection.execute("SELECT %s FROM svv_transactions WHERE pid = %d" % (columns, pid)).fetchall()


def oid(admin, name):
    return value(admin, "SELECT %s::regclass::oid::int", name)


def identity(reader, session):
    """The owner, database, xid and start of a session's transaction."""
    rows = rows_of(reader, pid_of(session), "DISTINCT txn_owner, txn_db, xid, txn_start")
    assert len(rows) <= 1
    return rows[0] if rows else None


def check_columns(admin, view, columns):
    """Names and types of all columns; each has a comment, and so has the view itself."""
    query = "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = to_regclass('pg_catalog.' || %s) ORDER BY attnum"
    assert admin.execute(query, (view,)).fetchall() == columns
    missing = "SELECT count(*) FROM generate_series(0, %s) AS n WHERE col_description(to_regclass('pg_catalog.' || %s), n) IS NULL"
    assert value(admin, missing, len(columns), view) == 0


def is_alive(admin, pid):
    return value(admin, "SELECT count(*) FROM pg_stat_activity WHERE pid = %s", pid) == 1


def send(admin, connection, query):
    """Send a query that will not come back by itself, and wait until the server runs it: until it sleeps, if it will."""
    connection.pgconn.send_query(query.encode())
    runs = "wait_event = 'PgSleep'" if "pg_sleep" in query else "state = 'active'"
    eventually(
        lambda: value(
            admin, "SELECT count(*) FROM pg_stat_activity WHERE pid = %s AND " + runs, pid_of(connection)
        )
    )


def wait_for_lock(admin, connection):
    eventually(
        lambda: value(
            admin,
            "SELECT count(*) FROM pg_stat_activity WHERE pid = %s AND wait_event_type = 'Lock'",
            pid_of(connection),
        )
    )


def outcome(connection):
    """SQLSTATE and message of the answer to what was sent; None and None if it succeeded."""
    state = message = None
    while (result := connection.pgconn.get_result()) is not None:
        if result.status == psycopg.pq.ExecStatus.FATAL_ERROR:
            fields = psycopg.pq.DiagnosticField
            state = result.error_field(fields.SQLSTATE)
            message = result.error_field(fields.MESSAGE_PRIMARY)
    return (state and state.decode(), message and message.decode())


def busy(connection):
    """Is there no answer yet to what was sent?"""
    connection.pgconn.consume_input()
    return bool(connection.pgconn.is_busy())
