"""Clients that users of Redshift have, each as it comes from its package registry."""

import asyncio
import json
import os
import subprocess
import threading

import asyncpg
import pg8000.dbapi
import psycopg2
import pytest
import redshift_connector
import sqlalchemy

from conftest import ROOT, eventually, is_alive, pid_of, value


def connect_redshift(server, user="alice", **options):
    return redshift_connector.connect(host="127.0.0.1", port=server.port, database="dev", user=user, password="x", ssl=False, **options)


def connect_pg8000(server, user="alice"):
    return pg8000.dbapi.connect(host="127.0.0.1", port=server.port, database="dev", user=user)


def connect_psycopg2(server, user="alice"):
    return psycopg2.connect(server.dsn(user))


def connect_sqlalchemy(dialect):
    def connect(server, user="alice"):
        url = "%s://%s:x@127.0.0.1:%d/dev" % (dialect, user, server.port)
        # What the dialect wants to know about the server it asks when it connects.
        arguments = {"sslmode": "disable"} if "psycopg2" in dialect else {"ssl": False}
        engine = sqlalchemy.create_engine(url, connect_args=arguments)
        with engine.connect() as connection:
            assert connection.execute(sqlalchemy.text("SELECT 1")).scalar() == 1
        return engine.raw_connection().dbapi_connection

    return connect


CLIENTS = {
    "redshift_connector": connect_redshift,
    "pg8000": connect_pg8000,
    "psycopg2": connect_psycopg2,
    "sqlalchemy-redshift with psycopg2": connect_sqlalchemy("redshift+psycopg2"),
    "sqlalchemy-redshift with redshift_connector": connect_sqlalchemy("redshift+redshift_connector"),
}


@pytest.fixture(params=CLIENTS)
def connect(request, server):
    opened = []

    def connect(user="alice"):
        opened.append(CLIENTS[request.param](server, user))
        return opened[-1]

    yield connect
    for connection in opened:
        try:
            connection.close()
        except Exception:  # one that the test has ended
            pass


def fetch(connection, query, parameters=()):
    cursor = connection.cursor()
    cursor.execute(query, parameters)
    return [tuple(row) for row in cursor.fetchall()]


def own_pid(connection):
    return fetch(connection, "SELECT pg_backend_pid()")[0][0]


def test_the_pages_statements(connect, login, admin):
    session, victim = connect(), login("alice")
    rows = fetch(session, "SELECT * FROM svv_transactions WHERE pid = %s", (own_pid(session),))
    assert rows and all(row[0] == "alice" and row[1] == "dev" for row in rows)
    assert fetch(session, "SELECT PG_TERMINATE_BACKEND(%s)", (pid_of(victim),)) == [(1,)]
    eventually(lambda: not is_alive(admin, pid_of(victim)))
    assert fetch(session, "SELECT pg_terminate_backend(%d)" % pid_of(victim)) == [(0,)]
    assert fetch(session, "SELECT trim(label) FROM stv_inflight WHERE pid = %s", (own_pid(session),)) == [("default",)]
    session.rollback()


def test_autocommit_off_is_an_open_transaction(connect, admin):
    session = connect()
    pid = own_pid(session)
    opened = "SELECT count(*) FROM svv_transactions WHERE pid = %d AND lockable_object_type = 'transactionid'" % pid
    assert value(admin, opened) == 1
    session.commit()
    assert value(admin, opened) == 0
    session.autocommit = True
    fetch(session, "SELECT 1")
    assert value(admin, opened) == 0


def test_parameters_and_executemany(connect, table):
    session = connect()
    cursor = session.cursor()
    cursor.executemany("INSERT INTO t VALUES (%s, %s)", [(101, 1), (102, 2), (103, 3)])
    session.commit()
    assert fetch(session, "SELECT id, v FROM t WHERE id > %s ORDER BY id", (100,)) == [(101, 1), (102, 2), (103, 3)]
    session.rollback()


def test_being_cancelled(connect, admin):
    session = connect()
    errors = []

    def run():
        try:
            fetch(session, "SELECT pg_sleep(600)")
        except Exception as error:
            errors.append(error)

    pid = own_pid(session)
    thread = threading.Thread(target=run)
    thread.start()
    # Sleeping, not parsing: a request that comes between two messages cancels nothing.
    running = "SELECT count(*) FROM pg_stat_activity WHERE pid = %d AND wait_event = 'PgSleep'" % pid
    eventually(lambda: value(admin, running))
    assert value(admin, "SELECT redshift_sessions.cancel(%s, 'Long-running query')", pid) == 1
    thread.join()
    assert "Long-running query" in str(errors[0])
    session.rollback()
    assert fetch(session, "SELECT 1") == [(1,)]
    session.rollback()


def test_being_terminated(connect, admin):
    session = connect()
    pid = own_pid(session)
    session.commit()
    assert value(admin, "SELECT pg_terminate_backend(%s)", pid) == 1
    eventually(lambda: not is_alive(admin, pid))
    with pytest.raises(Exception) as error:
        fetch(session, "SELECT 1")
    text = "%s %s" % (type(error.value).__name__, error.value)
    assert any(sign in text for sign in ("BrokenPipe", "terminating connection", "closed", "ConnectionReset", "network error", "57P01")), text


class TestRedshiftConnector:
    """What the driver does besides."""

    def test_an_idle_session_that_was_ended_is_a_broken_pipe(self, server, admin):
        """Or a reset connection, when the kernel is faster than the driver: both are on one machine."""
        session = connect_redshift(server)
        pid = own_pid(session)
        session.commit()
        admin.execute("SELECT pg_terminate_backend(%s)", (pid,))
        eventually(lambda: not is_alive(admin, pid))
        with pytest.raises((redshift_connector.InterfaceError, ConnectionResetError), match="BrokenPipe: server socket closed|reset by peer"):
            fetch(session, "SELECT 1")

    def test_closing_ends_the_session_on_the_server(self, server, admin):
        session = connect_redshift(server)
        pid = own_pid(session)
        session.close()
        ended = "SELECT timed_out FROM stl_sessions WHERE process = %s ORDER BY starttime DESC LIMIT 1"
        eventually(lambda: admin.execute(ended, (pid,)).fetchall() == [(2,)])

    def test_paramstyles_and_prepared_statements(self, server):
        with connect_redshift(server) as session, session.cursor() as cursor:
            for style, marker in (("format", "%s"), ("qmark", "?"), ("numeric", ":1")):
                cursor.paramstyle = style
                for _ in range(3):
                    cursor.execute("SELECT pg_cancel_backend(%s)" % marker if style == "format" else "SELECT pg_cancel_backend(" + marker + ")", (0,))
                    assert cursor.fetchall() == ([0],)

    def test_metadata_of_schemas_and_keys(self, server, table):
        with connect_redshift(server) as session, session.cursor() as cursor:
            assert ("public",) in [tuple(row)[:1] for row in cursor.get_schemas()]
            assert [row[3] for row in cursor.get_primary_keys(schema="public", table="t")] == ["id"]

    def test_application_name(self, server, admin):
        session = connect_redshift(server, application_name="the report")
        pid = own_pid(session)
        named = "SELECT trim(application_name) FROM stl_connection_log WHERE event = 'set application_name' AND pid = %s"
        assert value(admin, named, pid) == "the report"
        session.close()


def test_asyncpg(server, login, admin):
    victim = login("alice")

    async def run():
        session = await asyncpg.connect(host="127.0.0.1", port=server.port, user="alice", database="dev")
        ended = await session.fetchval("SELECT pg_terminate_backend($1)", pid_of(victim))
        pid = await session.fetchval("SELECT pg_backend_pid()")
        rows = await session.fetch("SELECT * FROM svv_transactions WHERE pid = $1", pid)
        with pytest.raises((asyncpg.AdminShutdownError, asyncpg.ConnectionDoesNotExistError)):
            await session.fetchval("SELECT pg_terminate_backend($1)", pid)
        return ended, rows

    ended, rows = asyncio.run(run())
    assert ended == 1 and rows[0]["txn_owner"] == "alice"
    eventually(lambda: not is_alive(admin, pid_of(victim)))


def test_node(server, login, admin):
    victim = login("alice")
    run = subprocess.run(
        ["node", "client.js", "postgres://alice@127.0.0.1:%d/dev" % server.port, str(pid_of(victim))],
        cwd=ROOT / "pg_test/node",
        env={**os.environ, "NODE_PATH": str(server.tests_directory() / "node/node_modules")},
        text=True,
        capture_output=True,
        timeout=60,
    )
    assert run.returncode == 0, run.stderr
    answer = json.loads(run.stdout)
    assert answer["ended"] == [{"pg_terminate_backend": 1}]
    assert answer["row"]["txn_owner"] == "alice" and answer["code"] == "57P01"
    eventually(lambda: not is_alive(admin, pid_of(victim)))
