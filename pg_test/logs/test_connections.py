"""stl_connection_log, stl_sessions and sys_session_history: how sessions begin and end."""

import os
import socket
import struct
import threading
import uuid

import psycopg
import pytest

from conftest import EVERYTHING, Server, check_columns, eventually, pid_of, value
from protocol import Raw

COLUMNS = {
    "stl_connection_log": [
        ("event", "character(50)"),
        ("recordtime", "timestamp without time zone"),
        ("remotehost", "character(45)"),
        ("remoteport", "character(32)"),
        ("pid", "integer"),
        ("dbname", "character(50)"),
        ("username", "character(50)"),
        ("authmethod", "character(32)"),
        ("duration", "integer"),
        ("sslversion", "character(50)"),
        ("sslcipher", "character(128)"),
        ("mtu", "integer"),
        ("sslcompression", "character(64)"),
        ("sslexpansion", "character(64)"),
        ("iamauthguid", "character(36)"),
        ("application_name", "character(250)"),
        ("os_version", "character(64)"),
        ("driver_version", "character(64)"),
        ("plugin_name", "character(32)"),
        ("protocol_version", "integer"),
        ("sessionid", "character(36)"),
    ],
    "sys_connection_log": [
        ("event", "character(50)"),
        ("record_time", "timestamp without time zone"),
        ("remote_host", "character(45)"),
        ("remote_port", "character(32)"),
        ("session_id", "integer"),
        ("database_name", "character(50)"),
        ("user_name", "character(50)"),
        ("auth_method", "character(32)"),
        ("duration", "integer"),
        ("ssl_version", "character(50)"),
        ("ssl_cipher", "character(128)"),
        ("mtu", "integer"),
        ("ssl_compression", "character(64)"),
        ("ssl_expansion", "character(64)"),
        ("iam_auth_guid", "character(36)"),
        ("application_name", "character(250)"),
        ("driver_version", "character(64)"),
        ("os_version", "character(64)"),
        ("plugin_name", "character(32)"),
        ("protocol_version", "integer"),
        ("global_session_id", "character(36)"),
    ],
    "stl_sessions": [
        ("userid", "integer"),
        ("starttime", "timestamp without time zone"),
        ("endtime", "timestamp without time zone"),
        ("process", "integer"),
        ("user_name", "character(50)"),
        ("db_name", "character(50)"),
        ("timeout_sec", "integer"),
        ("timed_out", "integer"),
    ],
    "sys_session_history": [
        ("user_id", "integer"),
        ("session_id", "integer"),
        ("database_name", "character(50)"),
        ("status", "character(50)"),
        ("session_timeout", "integer"),
        ("start_time", "timestamp without time zone"),
        ("end_time", "timestamp without time zone"),
    ],
}
TERMINATING = "Terminating backend on administrator's request"


def test_a_session_has_one_sessionid_and_others_have_others(login, admin):
    pids = [pid_of(login("alice")) for _ in range(3)]
    query = "SELECT count(DISTINCT sessionid), min(sessionid) FROM stl_connection_log WHERE pid = %s AND event IN ('authenticated', 'initiating session')"
    rows = [admin.execute(query, (pid,)).fetchone() for pid in pids]
    assert [count for count, _ in rows] == [1, 1, 1]
    assert len({sessionid for _, sessionid in rows}) == 3
    assert all(uuid.UUID(sessionid) for _, sessionid in rows)


@pytest.mark.parametrize("view", COLUMNS)
def test_columns_and_comments(admin, view):
    check_columns(admin, view, COLUMNS[view])


def test_sys_connection_log_has_the_rows_of_stl_connection_log(server, login, admin):
    """Each column under its newer name, those of the driver in another order. Who may read one may not read the other."""
    driver = {"client_protocol_version": "2", "driver_version": "a driver", "os_version": "a system", "plugin_name": "a plugin"}
    session = Raw(server.port, client_protocol_version="2", driver_version="a driver", os_version="a system", plugin_name="a plugin", application_name="here")
    pid = int(session.value("SELECT pg_backend_pid()"))
    session.close()
    renamed = {"iam_auth_guid": "iamauthguid", "session_id": "pid", "database_name": "dbname", "global_session_id": "sessionid"}
    names = [name for name, _ in COLUMNS["sys_connection_log"]]
    known = dict(COLUMNS["stl_connection_log"])
    older = ", ".join(renamed.get(name) or (name if name in known else name.replace("_", "")) for name in names)
    query = "SELECT %s FROM %s WHERE %s = %d AND driver_version = 'a driver'"
    last = "SELECT count(*) FROM sys_connection_log WHERE session_id = %s AND event = 'disconnecting session' AND driver_version = 'a driver'"
    eventually(lambda: value(admin, last, pid))
    rows = admin.execute(query % (", ".join(names), "sys_connection_log", "session_id", pid)).fetchall()
    assert len(rows) >= 4 and rows == admin.execute(query % (older, "stl_connection_log", "pid", pid)).fetchall()
    (row,) = [dict(zip(names, row)) for row in rows if row[0].strip() == "authenticated"]
    told = {name: row[name].strip() for name in ("driver_version", "os_version", "plugin_name", "application_name", "user_name", "database_name")}
    assert told == {"driver_version": "a driver", "os_version": "a system", "plugin_name": "a plugin", "application_name": "here", "user_name": "alice", "database_name": "dev"}
    bob = login("bob")
    for view, other in (("sys_connection_log", "stl_connection_log"), ("stl_connection_log", "sys_connection_log")):
        admin.execute("GRANT SELECT ON %s TO bob" % view)
        try:
            assert value(bob, "SELECT count(*) > 0 FROM " + view)
            for query in ("SELECT * FROM " + other, "SELECT * FROM redshift_sessions.%s()" % other):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    bob.execute(query)
        finally:
            admin.execute("REVOKE SELECT ON %s FROM bob" % view)


def events(admin, pid):
    return [event for (event,) in admin.execute("SELECT trim(event) FROM stl_connection_log WHERE pid = %s", (pid,))]


def ended(admin, pid):
    return eventually(lambda: admin.execute("SELECT timed_out, trim(user_name), trim(db_name) FROM stl_sessions WHERE process = %s", (pid,)).fetchall())


def with_new_pid(admin, login, **options):
    """A session of alice with a pid that no earlier one had: on a busy machine they come again within minutes."""
    while True:
        session = login("alice", **options)
        if value(admin, "SELECT count(*) FROM stl_sessions WHERE process = %s", pid_of(session)) == 0:
            return session


def leave(admin, how, login):
    """A session of alice that ends in the given way; its pid."""
    session = with_new_pid(admin, login, application_name="leaves " + how)
    pid = pid_of(session)
    session.execute("SELECT 1")
    if how == "closed":
        session.close()
    elif how.startswith("closed after "):
        for state in ("22012", "57P01"):  # division by zero; what a session that is terminated says
            with pytest.raises(psycopg.Error):
                session.execute("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '%s'; END $$" % state)
        session.close()
    elif how == "broken":
        socket.socket(fileno=os.dup(session.fileno())).shutdown(socket.SHUT_RDWR)
    elif how == "broken while busy":
        session.pgconn.send_query(b"SELECT repeat('x', 1000), generate_series(1, 100000000)")
        socket.socket(fileno=os.dup(session.fileno())).shutdown(socket.SHUT_RDWR)
    elif how == "terminated":
        admin.execute("SELECT pg_terminate_backend(%s)", (pid,))
    elif how == "idle":
        session.execute("SET idle_session_timeout = 20")
    elif how == "idle in transaction":
        session.execute("SET idle_in_transaction_session_timeout = 20; BEGIN")
    return pid


@pytest.mark.parametrize(
    "how, timed_out, last",
    [
        ("closed", 2, ["disconnecting session"]),
        ("closed after errors", 2, ["disconnecting session"]),
        ("broken", 2, ["disconnecting session"]),
        ("broken while busy", 2, ["disconnecting session"]),
        ("terminated", 3, [TERMINATING, "disconnecting session"]),
        ("idle", 1, ["disconnecting session"]),
        ("idle in transaction", 1, ["disconnecting session"]),
    ],
)
def test_the_life_of_a_session(login, admin, how, timed_out, last):
    pid = leave(admin, how, login)
    assert ended(admin, pid) == [(timed_out, "alice", "dev")]
    assert events(admin, pid) == ["authenticated", "initiating session", "set application_name", *last]
    row = "SELECT remotehost, remoteport::int > 1024, dbname, username, authmethod, trim(application_name), sslversion FROM stl_connection_log WHERE pid = %s AND event = 'initiating session'"
    assert admin.execute(row, (pid,)).fetchall() == [
        ("127.0.0.1".ljust(45), True, "dev".ljust(50), "alice".ljust(50), "trust".ljust(32), "leaves " + how, " " * 50)
    ]
    # The two views agree on when, and how long.
    query = """
        SELECT s.endtime >= s.starttime, l.recordtime - s.endtime < interval '1 s',
               abs(l.duration - extract(epoch FROM s.endtime - s.starttime) * 1000000) < 1,
               h.start_time = s.starttime AND h.end_time = s.endtime, trim(h.status)
        FROM stl_sessions s
        JOIN stl_connection_log l ON l.pid = s.process AND l.event = 'disconnecting session'
        JOIN sys_session_history h ON h.session_id = s.process
        WHERE s.process = %s
    """
    assert admin.execute(query, (pid,)).fetchall() == [(True, True, True, True, "timed out" if timed_out == 1 else "closed")]


def test_a_new_application_name_is_an_event(login, admin):
    session = login("alice", application_name="first")
    session.execute("SET application_name = 'second'")
    session.execute("SELECT 1")
    session.execute("SET application_name = 'third'")
    pid = pid_of(session)
    session.close()
    ended(admin, pid)
    query = "SELECT trim(application_name) FROM stl_connection_log WHERE pid = %s AND event = 'set application_name'"
    assert admin.execute(query, (pid,)).fetchall() == [("first",), ("second",), ("third",)]


def test_live_sessions_are_active(login, admin):
    session = login("bob")
    query = "SELECT trim(status), trim(database_name), session_timeout, end_time FROM sys_session_history WHERE session_id = %s"
    assert admin.execute(query, (pid_of(session),)).fetchall() == [("active", "dev", 0, None)]
    assert admin.execute("SELECT * FROM stl_sessions WHERE process = %s", (pid_of(session),)).fetchall() == []


def test_who_sees_which_sessions(login, admin):
    pids = {}
    for name in ("alice", "bob"):
        session = login(name)
        pids[name] = pid_of(session)
        session.close()
        ended(admin, pids[name])
    live = login("bob")
    for reader, seen in (("awsuser", 3), ("reader", 3), ("alice", 1), ("bob", 2), ("canceller", 0)):
        reader = login(reader)
        mine = "SELECT count(*) FROM sys_session_history WHERE session_id IN (%d, %d, %d)" % (*pids.values(), pid_of(live))
        assert value(reader, mine) == seen
        mine = "SELECT count(*) FROM stl_sessions WHERE process IN (%d, %d, %d)" % (*pids.values(), pid_of(live))
        assert value(reader, mine) == seen - (seen in (2, 3))
    for query in ("SELECT * FROM stl_connection_log", "SELECT * FROM redshift_sessions.stl_connection_log()"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            login("reader").execute(query)


@pytest.fixture(scope="module")
def picky():
    """Asks bob for a password that he does not have, and keeper for one that it has."""
    server = Server("picky", EVERYTHING)
    hba = server.directory() / "data/pg_hba.conf"
    hba.write_text("host all bob,keeper 127.0.0.1/32 scram-sha-256\n" + hba.read_text())
    server.stop()
    server.start(EVERYTHING)
    with server.connect() as admin:
        admin.execute("CREATE ROLE keeper LOGIN PASSWORD 'secret'")
    yield server
    server.remove()


def test_a_failed_login_is_an_event_and_no_session(picky):
    with picky.connect() as admin:
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            picky.connect("bob", password="wrong")
        query = "SELECT trim(event), trim(username), trim(dbname), trim(authmethod) FROM stl_connection_log WHERE username = 'bob'"
        assert ("authentication failure", "bob", "dev", "scram-sha-256") in eventually(lambda: admin.execute(query).fetchall())
        assert {row[0] for row in admin.execute(query)} == {"authentication failure"}
        assert value(admin, "SELECT count(*) FROM stl_sessions WHERE user_name = 'bob'") == 0


def test_a_client_that_leaves_when_it_is_asked_for_a_password_has_not_failed(picky):
    """As psql does, to ask its user; then it connects again."""
    with socket.create_connection(("127.0.0.1", picky.port), timeout=30) as client:
        port = client.getsockname()[1]
        packet = struct.pack("!i", 196608) + b"user\0keeper\0database\0dev\0\0"
        client.sendall(struct.pack("!i", len(packet) + 4) + packet)
        assert client.recv(1) == b"R"
        client.shutdown(socket.SHUT_WR)
        while client.recv(1024):  # until the server's process has ended
            pass
    with picky.connect() as admin:
        assert value(admin, "SELECT count(*) FROM stl_connection_log WHERE remoteport = %s", str(port)) == 0


def test_the_books_balance(picky):
    """Sessions started are sessions that are live or have ended, with many that come and go in every way."""

    def come_and_go(number):
        for step in range(12):
            with picky.connect("alice") as session:
                if (number + step) % 3 == 0:
                    with pytest.raises(psycopg.errors.AdminShutdown):
                        session.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    threads = [threading.Thread(target=come_and_go, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with picky.connect() as admin:
        started = "SELECT count(*) FROM stl_connection_log WHERE event = 'initiating session' AND username = 'alice'"
        counts = "SELECT count(*) FILTER (WHERE timed_out = 2), count(*) FILTER (WHERE timed_out = 3), count(*) FROM stl_sessions WHERE user_name = 'alice'"
        eventually(lambda: value(admin, "SELECT count(*) FROM stv_sessions WHERE user_name = 'alice'") == 0)
        closed, terminated, all_of_them = eventually(lambda: (row := admin.execute(counts).fetchone())[2] == 96 and row)
        assert (closed, terminated) == (64, 32)
        assert value(admin, started) == all_of_them
        assert value(admin, "SELECT count(*) FROM svl_terminate WHERE type = 'TERMINATE'") == terminated


def test_a_terminated_session_is_one_without_any_message(picky):
    """log_min_messages = panic keeps even the error that ends a session from us; the exit status is left."""
    picky.restart({**EVERYTHING, "log_min_messages": "panic"})
    try:
        with picky.connect() as admin:
            terminated, closed = picky.connect("alice"), picky.connect("alice")
            pids = pid_of(terminated), pid_of(closed)
            assert value(admin, "SELECT pg_terminate_backend(%s)", pids[0]) == 1
            closed.close()
            assert [ended(admin, pid)[0][0] for pid in pids] == [3, 2]
    finally:
        picky.restart(EVERYTHING)
