"""REPACK, which PostgreSQL 19 brought, and its background worker: what the views show while it runs and waits, and how it ends."""

import psycopg
import pytest

from conftest import eventually, is_alive, outcome, pid_of, rows_of, send, value

REPACK = "REPACK (CONCURRENTLY) t"
WORKER = "SELECT pid FROM pg_stat_activity WHERE leader_pid = %s AND backend_type = 'REPACK decoding worker'"


@pytest.fixture(autouse=True)
def since_19(server):
    if server.version() < 19:
        pytest.skip("PostgreSQL %d has no REPACK" % server.version())


@pytest.fixture
def repack(login, admin, table):
    """Sends it as the table's owner, and waits until it or its worker awaits a lock that the test holds."""
    admin.execute("ALTER TABLE t OWNER TO alice; CREATE TABLE other (x int); GRANT ALL ON other TO PUBLIC")
    session = login("alice")

    def repack():
        send(admin, session, REPACK)
        waits = "SELECT count(*) FROM svv_transactions WHERE pid = %s AND NOT granted"
        eventually(lambda: value(admin, waits, pid_of(session)) == 1)
        return session

    yield repack
    admin.execute("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE relation IN ('t'::regclass, 'other'::regclass) AND pid <> pg_backend_pid()")
    admin.execute("DROP TABLE other; ALTER TABLE t OWNER TO awsuser")


def begin(login, statement):
    holder = login("bob")
    holder.execute("BEGIN; " + statement)
    return holder


def worker_of(admin, session):
    (worker,) = eventually(lambda: admin.execute(WORKER, (pid_of(session),)).fetchone())
    return worker


def last(admin, session):
    query = "SELECT trim(query_type), trim(status), trim(error_message) FROM sys_query_history WHERE session_id = %s ORDER BY query_id DESC LIMIT 1"
    return admin.execute(query, (pid_of(session),)).fetchone()


def test_what_its_worker_awaits_is_its_own(login, admin, repack):
    """The worker waits for transactions that are older than its snapshot."""
    holder = begin(login, "INSERT INTO other VALUES (1)")
    session = repack()
    worker = worker_of(admin, session)
    assert value(admin, "SELECT wait_event_type FROM pg_stat_activity WHERE pid = %s", worker) == "Lock"
    mine, others = login("alice"), login("bob")
    t = value(admin, "SELECT 't'::regclass::oid::int")
    for reader in (admin, mine):
        assert rows_of(reader, pid_of(session)) == [
            ("ShareLock", "transactionid", None, False),
            ("ShareUpdateExclusiveLock", "relation", t, True),
            ("ExclusiveLock", "transactionid", None, True),
        ]
        assert rows_of(reader, worker) == []
        for view, columns in {"stv_sessions": "process", "stv_inflight": "pid", "stv_recents": "pid"}.items():
            shown = "SELECT count(*) FROM %s WHERE %s = %%s AND %%s::text IS NOT NULL" % (view, columns)
            assert value(reader, shown, pid_of(session), "") >= 1 and value(reader, shown, worker, "") == 0
    assert rows_of(others, pid_of(session)) == rows_of(others, worker) == []
    assert admin.execute("SELECT lock_owner_pid::int, trim(lock_status) FROM stv_locks WHERE table_id = %s", (t,)).fetchall() == [
        (pid_of(session), "Holding write lock")
    ]
    xid = value(holder, "SELECT pg_current_xact_id()::text")
    tree = [line for (line,) in admin.execute("SELECT * FROM redshift_sessions.blocking()").fetchall()]
    assert tree[0].startswith("%d bob@dev idle " % pid_of(holder))
    assert tree[1].startswith("    %d alice@dev waits " % pid_of(session))
    assert tree[1].endswith(" for ShareLock on transaction %s: %s" % (xid, REPACK)) and len(tree) == 2
    about = "SELECT string_agg(explain_terminate, E'\n') FROM redshift_sessions.explain_terminate(%s)"
    assert "\nIt is a worker of %d, to whose transaction its locks belong.\n" % pid_of(session) in value(admin, about, worker)
    holder.rollback()
    assert outcome(session) == (None, None)
    assert last(admin, session) == ("DDL", "success", None)


def test_it_waits_for_readers_at_its_end(login, admin, repack):
    holder = begin(login, "SELECT FROM t LIMIT 1")
    session = repack()
    t = value(admin, "SELECT 't'::regclass::oid::int")
    assert ("AccessExclusiveLock", "relation", t, False) in rows_of(admin, pid_of(session))
    tree = [line for (line,) in admin.execute("SELECT * FROM redshift_sessions.blocking()").fetchall()]
    assert tree[1].endswith(" for AccessExclusiveLock on table public.t: " + REPACK)
    holder.rollback()
    assert outcome(session) == (None, None)


@pytest.mark.parametrize("awaited", ["INSERT INTO other VALUES (1)", "SELECT FROM t LIMIT 1"])
@pytest.mark.parametrize("function", ["pg_terminate_backend", "pg_cancel_backend"])
def test_its_owner_ends_it(login, admin, repack, function, awaited):
    begin(login, awaited)
    session = repack()
    pid, worker = pid_of(session), worker_of(admin, session)
    for name in ("bob", "member"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            login(name).execute("SELECT %s(%d)" % (function, pid))
    assert value(login("alice"), "SELECT %s(%d)" % (function, pid)) == 1
    state, message = outcome(session)
    if function == "pg_cancel_backend":
        assert state == "57014" and message.startswith("Query (") and message.endswith(") cancelled on user's request")
        assert last(admin, session) == ("DDL", "canceled", message)
    else:
        ended = "SELECT count(*) FROM stl_sessions WHERE process = %s"
        assert eventually(lambda: value(admin, ended, pid)) == 1
    eventually(lambda: not is_alive(admin, worker))
    sent = admin.execute("SELECT DISTINCT pid, trim(type) FROM svl_terminate WHERE pid = ANY (%s)", ([pid, worker],)).fetchall()
    assert sent == [(pid, "CANCEL" if "cancel" in function else "TERMINATE")]
    assert value(admin, "SELECT count(*) FROM pg_replication_slots") == 0
    # What it had written went with it.
    assert value(admin, "SELECT count(*) FROM pg_class WHERE relname LIKE 'pg_temp_%%'") == 0


@pytest.mark.parametrize("function", ["pg_terminate_backend", "pg_cancel_backend"])
def test_its_worker_has_no_owner(login, admin, repack, function):
    begin(login, "INSERT INTO other VALUES (1)")
    session = repack()
    worker = worker_of(admin, session)
    call = "SELECT %s(%d)" % (function, worker)
    for name in ("alice", "member", "canceller"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            login(name).execute(call)
    assert value(admin, call) == 1
    state, message = outcome(session)
    assert state in ("57014", "57P01"), message
    eventually(lambda: not is_alive(admin, worker))
    assert value(session, "SELECT 1") == 1


def test_a_deadlock_with_its_worker_is_one_conflict_of_its_own(login, admin, repack, server):
    """Found by the worker, whose deadlock_timeout is the server's; its session reports it."""
    holder = begin(login, "INSERT INTO other VALUES (1)")
    admin.execute("ALTER ROLE bob SET deadlock_timeout = '1h'")
    session = repack()
    worker = worker_of(admin, session)
    holder.pgconn.send_query(b"LOCK TABLE t IN SHARE MODE")
    assert outcome(session)[0] == "40P01"
    admin.execute("ALTER ROLE bob RESET deadlock_timeout")
    conflicts = admin.execute("SELECT process_id FROM stl_tr_conflict WHERE process_id = ANY (%s)", ([pid_of(session), worker],)).fetchall()
    assert conflicts == [(pid_of(session),)]
    assert outcome(holder) == (None, None)
