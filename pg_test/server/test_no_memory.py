"""A session that gets no more memory: its statement fails with error 53200, it goes on, and so does everybody else."""

import pathlib
import resource

import psycopg
import pytest

from conftest import EVERYTHING, Server, pid_of, send, value

SETTINGS = {**EVERYTHING, "max_locks_per_transaction": "256"}
TABLES, SESSIONS = 1000, 40


@pytest.fixture(scope="module")
def server():
    """With much to show, so that every view needs memory."""
    server = Server("memory", SETTINGS)
    with server.connect() as holder:
        holder.execute("DO $$ BEGIN FOR n IN 1..%d LOOP EXECUTE format('CREATE TABLE many%%s ()', n); END LOOP; END $$" % TABLES)
        sessions = [server.connect("alice") for _ in range(SESSIONS)]
        for session in sessions:
            session.execute("SELECT '%s'" % ("x" * 900))
            with server.connect("bob"):
                pass
        for number in range(900):
            sessions[0].execute("SELECT %d, '%s'" % (number, "z" * 3900))
        waiters = [server.connect("bob") for _ in range(SESSIONS)]
        holder.execute("BEGIN; " + "; ".join("LOCK many%d" % number for number in range(1, TABLES + 1)))
        with server.connect() as admin:
            for waiter in waiters:
                send(admin, waiter, "SELECT '%s' FROM many1" % ("y" * 900))
        yield server
        for session in sessions:
            session.close()
    server.remove()


def limit(admin, pid, extra):
    """KiB of address space beyond what the session has. Only the server's own user may set it."""
    pages = int(pathlib.Path("/proc/%d/statm" % pid).read_text().split()[0])
    most = "unlimited" if extra is None else pages * resource.getpagesize() + extra * 1024
    admin.execute("COPY (SELECT) TO PROGRAM 'prlimit --pid %d --as=%s: && cat'" % (pid, most))


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM svv_transactions",
        "SELECT count(v) FROM svv_transactions AS v",
        "SELECT * FROM stv_sessions",
        "SELECT * FROM stv_recents",
        "SELECT * FROM sys_query_history",
        "SELECT * FROM svl_statementtext",
        "SELECT * FROM stl_sessions",
        "SELECT * FROM sys_session_history",
        "SELECT * FROM stl_connection_log",
        "SELECT * FROM stv_locks",
        "SELECT * FROM redshift_sessions.blocking()",
        "SELECT * FROM redshift_sessions.blocking('mermaid')",
        "SELECT * FROM redshift_sessions.blocking('json')",
        "SELECT redshift_sessions.explain_terminate(pid) FROM svv_transactions WHERE relation = 'many1'::regclass::oid::int AND granted",
    ],
)
def test_a_view_without_memory_is_an_error_of_its_reader_only(server, query):
    with server.connect() as admin:
        failed = 0
        for extra in [*range(0, 1000, 40), 1500, 3000, None]:
            with server.connect() as reader:
                limit(admin, pid_of(reader), extra)
                try:
                    reader.execute(query)
                except psycopg.errors.OutOfMemory:
                    failed += 1
                limit(admin, pid_of(reader), None)
                assert reader.execute(query).fetchone()
        assert failed > 0
        assert value(admin, "SELECT count(*) FROM stv_sessions WHERE user_name = 'alice'") == SESSIONS
