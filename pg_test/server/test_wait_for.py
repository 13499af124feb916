"""WAIT FOR LSN, which PostgreSQL 19 brought: it must run without a snapshot, also with our hooks around it; who waits, and how that ends."""

import psycopg
import pytest

from conftest import eventually, is_alive, outcome, pid_of, send, value
from standby import Standby

FAR = "WAIT FOR LSN 'FFFFFFFF/0' WITH (MODE '%s')"


@pytest.fixture(autouse=True)
def since_19(server):
    if server.version() < 19:
        pytest.skip("PostgreSQL %d has no WAIT FOR" % server.version())


@pytest.fixture(scope="module")
def standby(server):
    standby = Standby(server, "waits")
    yield standby
    standby.remove()


def last(reader, session, columns="trim(query_type), trim(status), trim(error_message)"):
    query = "SELECT %s FROM sys_query_history WHERE session_id = %d ORDER BY query_id DESC LIMIT 1" % (columns, pid_of(session))
    return reader.execute(query).fetchone()


@pytest.mark.parametrize("before", ["SELECT 1", "SET statement_timeout = '1h'", "SET redshift_sessions.serverless = on"])
def test_it_runs_without_a_snapshot(login, admin, before):
    """Our hooks look up the extension before the first statement with a timeout."""
    lsn = value(admin, "SELECT pg_current_wal_flush_lsn()::text")
    session = login("alice")
    session.execute(before)
    assert value(session, "WAIT FOR LSN '%s' WITH (MODE 'primary_flush')" % lsn) == "success"
    assert last(admin, session) == ("UTILITY", "success", None)
    assert value(admin, "SELECT count(*) FROM stl_utilitytext WHERE pid = %s AND text LIKE 'WAIT FOR LSN%%'", pid_of(session)) == 1


def test_its_own_timeout_keeps_its_text(login, admin):
    session = login("alice")
    waiting = "WAIT FOR LSN 'FFFFFFFF/0' WITH (MODE 'primary_flush', TIMEOUT '10ms'%s)"
    assert value(session, waiting % ", NO_THROW") == "timeout"
    assert last(admin, session) == ("UTILITY", "success", None)
    with pytest.raises(psycopg.errors.QueryCanceled, match="timed out while waiting for target LSN"):
        session.execute(waiting % "")
    kind, status, message = last(admin, session)
    assert (kind, status) == ("UTILITY", "canceled") and message.startswith("timed out while waiting for target LSN")


@pytest.mark.parametrize("where", ["primary", "standby"])
@pytest.mark.parametrize("function", ["pg_terminate_backend", "pg_cancel_backend"])
def test_its_owner_ends_it(server, standby, where, function):
    on = {"primary": server, "standby": standby}[where]
    with on.connect() as admin, on.connect("alice") as session, on.connect("alice") as owner, on.connect("member") as member:
        pid = pid_of(session)
        send(admin, session, FAR % {"primary": "primary_flush", "standby": "standby_replay"}[where])
        waits = "SELECT count(*) FROM stv_inflight WHERE pid = %s AND text LIKE 'WAIT FOR LSN%%'"
        assert eventually(lambda: value(owner, waits, pid)) == 1
        assert value(owner, "SELECT count(*) FROM svv_transactions WHERE pid = %s AND NOT granted", pid) == 0
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            member.execute("SELECT %s(%d)" % (function, pid))
        assert value(owner, "SELECT %s(%d)" % (function, pid)) == 1
        state, message = outcome(session)
        if function == "pg_cancel_backend":
            assert state == "57014" and message.startswith("Query (")
            assert last(admin, session)[:2] == ("UTILITY", "canceled")
        else:
            eventually(lambda: not is_alive(admin, pid))
        sent = "SELECT trim(type) FROM svl_terminate WHERE pid = %s"
        assert value(admin, sent, pid) == ("CANCEL" if "cancel" in function else "TERMINATE")
