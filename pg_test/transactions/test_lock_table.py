"""What svv_transactions shows of transactions that begin, end, are prepared or wait, and of parallel workers, through either source of locks."""

import contextlib
import os
import signal

import psycopg
import pytest

from conftest import busy, eventually, is_alive, pid_of, rows_of, send, value, wait_for_lock

OPEN = ("ExclusiveLock", "transactionid", None, True)
SOURCES = ("lists", "snapshot")


@pytest.fixture(params=SOURCES)
def reader(request, login):
    reader = login("awsuser")
    reader.execute("SET redshift_sessions.lock_source = %s" % request.param)
    return reader


def oid(connection, name):
    return value(connection, "SELECT %s::regclass::oid::int", name)


def test_both_sources_give_the_same_rows(login, admin, table):
    holder, waiter, writer, starter = login("alice"), login("bob"), login("alice"), login("bob")
    holder.execute("BEGIN; SELECT * FROM t; LOCK TABLE t IN SHARE MODE")
    send(admin, waiter, "INSERT INTO t VALUES (100, 1)")
    wait_for_lock(admin, waiter)
    writer.execute("BEGIN; SAVEPOINT s; CREATE TABLE written (); SAVEPOINT t; CREATE TABLE written_too ()")
    starter.execute("BEGIN; CREATE TABLE prepared (); PREPARE TRANSACTION 'both sources'")
    starter.execute("BEGIN; SELECT 1")
    for user in ("awsuser", "alice", "bob", "reader"):
        session, rows = login(user), {}
        for source in SOURCES:
            admin.execute("ALTER ROLE %s SET redshift_sessions.lock_source = %s" % (user, source))
            session = login(user)
            assert value(session, "SHOW redshift_sessions.lock_source") == source
            for condition in ("true", "NOT granted", "pid = %d" % pid_of(writer)):
                query = "SELECT * FROM svv_transactions WHERE (%s) AND txn_owner IN ('alice', 'bob') AND pid IS DISTINCT FROM %d" % (condition, pid_of(session))
                rows.setdefault(condition, []).append(session.execute(query).fetchall())
        admin.execute("ALTER ROLE %s RESET redshift_sessions.lock_source" % user)
        for condition, (of_lists, of_snapshot) in rows.items():
            assert of_lists == of_snapshot, (user, condition)
        assert {row[0] for row in rows["true"][0]} == ({user} & {"alice", "bob"} or {"alice", "bob"})
    holder.execute("COMMIT")
    admin.execute("ROLLBACK PREPARED 'both sources'")


def test_the_source_is_for_superusers(login, server):
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        login("alice").execute("SET redshift_sessions.lock_source = snapshot")
    with pytest.raises(psycopg.errors.InvalidParameterValue):
        login("awsuser").execute("SET redshift_sessions.lock_source = guess")


def test_prepared_transactions(reader, login, admin, table):
    session = login("alice")
    session.execute("BEGIN; UPDATE t SET v = 1 WHERE id = 1")
    xid = value(session, "SELECT pg_current_xact_id()::text::bigint")
    session.execute("PREPARE TRANSACTION 'p'")
    rows = reader.execute("SELECT txn_owner, xid, lock_mode, relation, granted FROM svv_transactions WHERE pid IS NULL").fetchall()
    assert ("alice", xid, "ExclusiveLock", None, True) in rows
    assert ("alice", xid, "RowExclusiveLock", oid(admin, "t"), True) in rows
    prepared = value(admin, "SELECT prepared AT TIME ZONE 'UTC' FROM pg_prepared_xacts WHERE gid = 'p'")
    assert {start for (start,) in reader.execute("SELECT txn_start FROM svv_transactions WHERE pid IS NULL")} == {prepared}
    session.execute("ROLLBACK PREPARED 'p'")
    assert reader.execute("SELECT * FROM svv_transactions WHERE pid IS NULL").fetchall() == []


@pytest.fixture
def workers(login, admin, table):
    """A query of alice's whose workers, and not she herself, look up the tables `held` and, one after the other, `awaited`."""
    leader, blocker = login("alice"), login("bob")
    admin.execute("CREATE TABLE big AS SELECT g FROM generate_series(1, 1000) g; ALTER TABLE big SET (parallel_workers = 2)")
    admin.execute("CREATE TABLE held (); CREATE TABLE awaited (); GRANT ALL ON held, awaited, big TO PUBLIC")
    admin.execute("CREATE FUNCTION look(int) RETURNS int LANGUAGE plpgsql PARALLEL SAFE AS 'BEGIN PERFORM FROM held; PERFORM FROM awaited; RETURN $1; END'")
    for setting in ("parallel_setup_cost = 0", "parallel_tuple_cost = 0", "min_parallel_table_scan_size = 0", "parallel_leader_participation = off"):
        leader.execute("SET " + setting)
    blocker.execute("BEGIN; LOCK TABLE awaited")
    send(admin, leader, "SELECT count(*) FROM big WHERE look(g) > 0")
    waiting = "SELECT pid FROM pg_locks WHERE relation = 'awaited'::regclass AND NOT granted"
    pids = eventually(lambda: (found := admin.execute(waiting).fetchall()) and len(found) == 2 and found)
    assert value(admin, "SELECT count(*) FROM pg_locks WHERE relation = 'held'::regclass AND pid = %s", pid_of(leader)) == 0
    yield leader, [pid for (pid,) in pids]
    blocker.execute("COMMIT")
    eventually(lambda: not busy(leader))
    leader.cancel()
    admin.execute("SELECT pg_terminate_backend(%d)" % pid_of(leader))
    eventually(lambda: not is_alive(admin, pid_of(leader)))
    admin.execute("DROP TABLE big, held, awaited; DROP FUNCTION look(int)")


def test_what_only_a_worker_holds_and_awaits_is_its_leaders(reader, login, admin, workers):
    leader, pids = workers
    held, awaited = ("AccessShareLock", "relation", oid(admin, "held"), True), ("AccessShareLock", "relation", oid(admin, "awaited"), False)
    for session in (reader, login("alice")):
        rows = rows_of(session, pid_of(leader))
        assert [rows.count(row) for row in (held, awaited, OPEN)] == [1, 1, 1], rows
        assert session.execute("SELECT pid, relation FROM svv_transactions WHERE NOT granted").fetchall() == [(pid_of(leader), oid(admin, "awaited"))]
        assert session.execute("SELECT 1 FROM svv_transactions WHERE pid = ANY (%s)", (pids,)).fetchall() == []
    assert login("canceller").execute("SELECT 1 FROM svv_transactions WHERE pid <> pg_backend_pid()").fetchall() == []


def test_workers_that_end_are_never_transactions_of_their_own(server, reader, login, admin):
    """Parallel queries come and go while they are looked at; the workers' owner would be `rdsdb`."""
    admin.execute("CREATE TABLE big AS SELECT g FROM generate_series(1, 1000) g; ALTER TABLE big SET (parallel_workers = 2); GRANT SELECT ON big TO PUBLIC")
    leader = login("alice")
    for setting in ("parallel_setup_cost = 0", "parallel_tuple_cost = 0", "min_parallel_table_scan_size = 0"):
        leader.execute("SET " + setting)
    # Of other background processes only autovacuum has transactions here.
    strangers = "SELECT * FROM svv_transactions WHERE txn_owner = 'rdsdb' AND pid NOT IN (SELECT pid FROM pg_stat_activity WHERE backend_type = 'autovacuum worker')"
    admin.execute("ALTER SYSTEM SET autovacuum = off")
    admin.execute("SELECT pg_reload_conf()")
    try:
        eventually(lambda: value(admin, "SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'autovacuum%'") == 0)
        send(admin, leader, "DO $$ BEGIN FOR i IN 1 .. 300 LOOP PERFORM count(*) FROM big; END LOOP; END $$")
        readings = with_workers = 0
        while busy(leader):
            assert reader.execute(strangers).fetchall() == []
            readings += 1
            with_workers += value(reader, "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'parallel worker'") > 0
        assert readings > 100 and with_workers > 10
    finally:
        admin.execute("ALTER SYSTEM RESET autovacuum")
        admin.execute("SELECT pg_reload_conf()")
        admin.execute("SELECT pg_terminate_backend(%d)" % pid_of(leader))
        eventually(lambda: not is_alive(admin, pid_of(leader)))
        admin.execute("DROP TABLE big")


def test_a_transaction_whose_start_was_not_published_has_its_statements(reader, login, admin):
    """PostgreSQL publishes it a moment after the transaction itself; it never does if track_activities comes later."""
    session = login("boss")
    start = "SELECT txn_start FROM svv_transactions WHERE pid = %d" % pid_of(session)
    session.execute("SET track_activities = off")
    session.execute("BEGIN; SELECT 1")
    assert reader.execute(start).fetchall() == [(None,)]
    session.execute("SET track_activities = on")
    session.execute("SELECT 2")
    expected = value(admin, "SELECT query_start AT TIME ZONE 'UTC' FROM pg_stat_activity WHERE pid = %s", pid_of(session))
    assert reader.execute(start).fetchall() == [(expected,)]


def test_an_abort_that_waits_for_a_remote_still_blocks_and_is_shown(reader, server, login, admin, table):
    """The local transaction has ended by then, but for its locks: postgres_fdw waits up to 30 seconds for its remote."""
    if not value(admin, "SELECT count(*) FROM pg_available_extensions WHERE name = 'postgres_fdw'"):
        pytest.skip("this server has no postgres_fdw")
    admin.execute("CREATE EXTENSION postgres_fdw")
    admin.execute("CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1', port '%d', dbname 'dev')" % server.port)
    admin.execute("CREATE USER MAPPING FOR boss SERVER far OPTIONS (user 'awsuser')")
    admin.execute("CREATE VIEW slow AS SELECT 1 AS one FROM pg_sleep(600); CREATE FOREIGN TABLE remote (one int) SERVER far OPTIONS (table_name 'slow')")
    far = "SELECT pid FROM pg_stat_activity WHERE application_name = 'postgres_fdw' AND wait_event = 'PgSleep'"
    holder, waiter = login("boss"), login("alice")
    with contextlib.ExitStack() as stack:
        stack.callback(admin.execute, "DROP EXTENSION postgres_fdw CASCADE; DROP VIEW slow")
        stack.callback(lambda: eventually(lambda: not is_alive(admin, pid_of(holder))))
        stack.callback(admin.execute, "SELECT pg_terminate_backend(%d)" % pid_of(holder))
        holder.execute("BEGIN; LOCK TABLE t")
        xid = rows_of(reader, pid_of(holder), "DISTINCT xid, txn_start")
        send(admin, holder, "SELECT * FROM remote")
        (remote,) = eventually(lambda: admin.execute(far).fetchone())
        send(admin, waiter, "SELECT * FROM t")
        wait_for_lock(admin, waiter)
        # A remote that answers nobody: a stopped process.
        os.kill(remote, signal.SIGSTOP)
        stack.callback(os.kill, remote, signal.SIGCONT)
        ended = "SELECT count(*) FROM pg_locks WHERE pid = %d AND virtualtransaction LIKE '%%/0'" % pid_of(holder)
        assert value(admin, ended) == 0
        holder.cancel()
        eventually(lambda: value(admin, ended) > 0)
        assert value(admin, "SELECT %s = ANY (pg_blocking_pids(%s))", pid_of(holder), pid_of(waiter))
        rows = rows_of(reader, pid_of(holder))
        assert ("AccessExclusiveLock", "relation", oid(admin, "t"), True) in rows and rows.count(OPEN) == 1, rows
        assert value(reader, "SHOW redshift_sessions.lock_source") == "snapshot" or rows_of(reader, pid_of(holder), "DISTINCT xid, txn_start") == xid
        assert rows_of(reader, pid_of(waiter))[0][3] is False
