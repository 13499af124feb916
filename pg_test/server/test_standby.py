"""On a hot standby: both functions and the view work, and the primary's locks are seen."""

import json

import psycopg
import pytest

from conftest import EVERYTHING, Server, eventually, is_alive, outcome, pid_of, rows_of, send, value, wait_for_lock
from standby import Standby


@pytest.fixture(scope="module")
def primary():
    server = Server("primary", EVERYTHING)
    with server.connect() as admin:
        admin.execute("CREATE TABLE t (id int); GRANT SELECT ON t TO PUBLIC")
    yield server
    server.remove()


@pytest.fixture(scope="module")
def standby(primary):
    server = Standby(primary)
    yield server
    server.remove()


def test_functions(standby):
    with standby.connect() as admin, standby.connect("alice") as target, standby.connect("alice") as alice:
        assert value(admin, "SELECT pg_is_in_recovery()")
        with standby.connect("bob") as bob, pytest.raises(psycopg.errors.InsufficientPrivilege):
            bob.execute("SELECT pg_terminate_backend(%s)", (pid_of(target),))
        send(admin, target, "SELECT pg_sleep(600)")
        assert value(alice, "SELECT pg_cancel_backend(%s)", pid_of(target)) == 1
        assert outcome(target)[0] == "57014"
        assert value(alice, "SELECT pg_terminate_backend(%s)", pid_of(target)) == 1
        eventually(lambda: not is_alive(admin, pid_of(target)))
        assert value(alice, "SELECT pg_terminate_backend(0)") == 0
        logged = admin.execute("SELECT type FROM svl_terminate WHERE pid = %s", (pid_of(target),)).fetchall()
        assert logged == [("CANCEL",), ("TERMINATE",)]


def test_transactions_of_the_standby_and_locks_of_the_primary(primary, standby):
    with primary.connect() as writer, standby.connect() as admin, standby.connect("alice") as reader:
        writer.execute("BEGIN; LOCK t IN ACCESS EXCLUSIVE MODE")
        # The lock reaches the standby with the next commit.
        with primary.connect() as other:
            other.execute("CREATE TABLE IF NOT EXISTS another ()")
        find = "SELECT txn_owner, lock_mode, granted, xid < 0 FROM svv_transactions WHERE relation = 't'::regclass::oid::int"
        for source in ("lists", "snapshot"):
            admin.execute("SET redshift_sessions.lock_source = %s" % source)
            assert eventually(lambda: admin.execute(find).fetchall()) == [("rdsdb", "AccessExclusiveLock", True, True)]
        assert reader.execute("SELECT DISTINCT txn_owner FROM svv_transactions").fetchall() == [("alice",)]

        send(admin, reader, "SELECT * FROM t")
        wait_for_lock(admin, reader)
        t = value(admin, "SELECT 't'::regclass::oid::int")
        assert ("AccessShareLock", "relation", t, False) in rows_of(admin, pid_of(reader))
        startup = value(admin, "SELECT pid FROM pg_stat_activity WHERE backend_type = 'startup'")
        assert value(admin, "SELECT min(line) FROM redshift_sessions.blocking() AS line WHERE line LIKE '%rdsdb%'") == "%d rdsdb" % startup
        document = json.loads(value(admin, "SELECT redshift_sessions.blocking('json')"))
        assert {session["user"]: session["database"] for session in document["sessions"]} == {"rdsdb": None, "alice": "dev"}
        writer.execute("COMMIT")
        assert outcome(reader) == (None, None)
        assert eventually(lambda: admin.execute(find).fetchall() == [])
