"""redshift_sessions.blocking(): who waits for whom, and for what, by PostgreSQL's own count."""

import re

import psycopg
import pytest

from conftest import eventually, oid, outcome, pid_of, send, value, wait_for_lock
from waits import check_against_postgresql, document, edges, session_of, tree


@pytest.fixture(params=("lists", "snapshot"))
def reader(request, login, admin):
    """Somebody who sees all, reading the lock table in either way."""
    admin.execute("ALTER ROLE reader SET redshift_sessions.lock_source = %s" % request.param)
    yield login("reader")
    admin.execute("ALTER ROLE reader RESET redshift_sessions.lock_source")


@pytest.fixture
def patient(admin):
    """Sessions whose deadlocks PostgreSQL does not end while a test looks at them."""
    admin.execute("ALTER ROLE alice SET deadlock_timeout = '10min'; ALTER ROLE bob SET deadlock_timeout = '10min'")
    yield
    admin.execute("ALTER ROLE alice RESET deadlock_timeout; ALTER ROLE bob RESET deadlock_timeout")


def waits(admin, session, query):
    send(admin, session, query)
    wait_for_lock(admin, session)


def shape(lines):
    """Without durations."""
    return [re.sub(r"\d+ (s|min|h|d)\b( \d+ (s|min|h)\b)?", "N", line) for line in lines]


def test_nobody_waits(reader):
    assert tree(reader) == []
    assert document(reader) == {"sessions": [], "waits": [], "deadlocks": []}


def test_a_table(reader, login, admin, table):
    holder, waiter = login("alice"), login("bob")
    holder.execute("BEGIN; SELECT count(*) FROM t")
    waits(admin, waiter, "BEGIN;  LOCK\nTABLE t")
    assert shape(tree(reader)) == [
        "%d alice@dev idle for N in a transaction of N: BEGIN; SELECT count(*) FROM t" % pid_of(holder),
        "    %d bob@dev waits N for AccessExclusiveLock on table public.t: BEGIN; LOCK TABLE t" % pid_of(waiter),
    ]
    found = document(reader)
    check_against_postgresql(admin, found)
    (wait,) = found["waits"]
    assert (wait["mode"], wait["object"], wait["queued"]) == ("AccessExclusiveLock", "table public.t", False)
    started = "SELECT extract(epoch FROM clock_timestamp() - waitstart) FROM pg_locks WHERE NOT granted"
    assert 0 <= wait["seconds"] <= value(admin, started)
    session = session_of(found, pid_of(waiter))
    assert (session["kind"], session["user"], session["database"], session["gid"], session["running"]) == ("session", "bob", "dev", None, True)
    assert session["transaction"] == value(admin, "SELECT DISTINCT xid FROM svv_transactions WHERE pid = %s", pid_of(waiter))
    idle = session_of(found, pid_of(holder))
    assert idle["running"] is False and idle["statement"] == "BEGIN; SELECT count(*) FROM t"
    assert idle["transaction_seconds"] >= idle["statement_seconds"] >= wait["seconds"]


def test_a_row_is_a_transaction_of_somebody_and_its_table(reader, login, admin, table):
    holder, first, second = login("alice"), login("bob"), login("alice")
    holder.execute("BEGIN; UPDATE t SET v = 1 WHERE id = 1")
    xid = value(holder, "SELECT pg_current_xact_id()::text::bigint")
    for waiter in (first, second):
        waits(admin, waiter, "UPDATE t SET v = 2 WHERE id = 1")
    place = value(admin, "SELECT '(' || page || ',' || tuple || ')' FROM pg_locks WHERE locktype = 'tuple' AND NOT granted")
    lines = shape(tree(reader))
    assert [line.split()[0] for line in lines] == [str(pid_of(session)) for session in (holder, first, second)]
    assert "waits N for ShareLock on transaction %d, for a row of table public.t: UPDATE" % xid in lines[1]
    assert "waits N for ExclusiveLock on row %s of table public.t: UPDATE" % place in lines[2]
    check_against_postgresql(admin, document(reader))


def test_a_unique_key_is_a_transaction_without_a_row(reader, login, admin, table):
    holder, waiter = login("alice"), login("bob")
    holder.execute("BEGIN; INSERT INTO t VALUES (77, 0)")
    waits(admin, waiter, "INSERT INTO t VALUES (77, 0)")
    xid = value(holder, "SELECT pg_current_xact_id()::text::bigint")
    assert "for ShareLock on transaction %d: INSERT" % xid in tree(reader)[1]


def test_a_place_in_the_queue(reader, login, admin, table):
    """A reader waits behind a writer that only waits itself; a second writer waits for who holds the lock."""
    holder, writer, behind, last = login("alice"), login("bob"), login("alice"), login("bob")
    holder.execute("BEGIN; LOCK t IN ACCESS SHARE MODE")
    waits(admin, writer, "BEGIN; LOCK t")
    waits(admin, behind, "SELECT 1 FROM t")
    waits(admin, last, "BEGIN; LOCK t")
    found = document(reader)
    check_against_postgresql(admin, found)
    assert (pid_of(behind), pid_of(writer), True) in edges(found) and (pid_of(behind), pid_of(holder), False) not in edges(found)
    assert (pid_of(last), pid_of(holder), False) in edges(found) and (pid_of(last), pid_of(behind), True) in edges(found)
    lines = shape(tree(reader))
    assert len(lines) == 4
    assert ("        %d alice@dev waits N for AccessShareLock on table public.t, queued behind %d: SELECT 1 FROM t" % (pid_of(behind), pid_of(writer))) in lines
    assert len([line for line in lines if line.startswith("    ") and not line.startswith("     ")]) == 2


def test_a_queue_that_was_jumped_is_read_in_its_order(login, admin, table, patient):
    """Whoever holds what blocks others comes before them (proc.c: ProcSleep). PostgreSQL's copy does not tell."""
    holder, first, jumper = login("alice"), login("bob"), login("alice")
    holder.execute("BEGIN; LOCK t IN ROW EXCLUSIVE MODE")
    jumper.execute("BEGIN; LOCK t IN ACCESS SHARE MODE")
    waits(admin, first, "BEGIN; LOCK t IN ACCESS EXCLUSIVE MODE")
    waits(admin, jumper, "LOCK t IN SHARE MODE")
    admin.execute("SET redshift_sessions.lock_source = lists")
    found = document(admin)
    check_against_postgresql(admin, found)
    assert edges(found) == {
        (pid_of(first), pid_of(holder), False),
        (pid_of(first), pid_of(jumper), False),
        (pid_of(jumper), pid_of(holder), False),
    }


def test_several_in_the_way(reader, login, admin, table):
    one, two, waiter = login("alice"), login("bob"), login("bob")
    for holder in (one, two):
        holder.execute("BEGIN; LOCK t IN ACCESS SHARE MODE")
    waits(admin, waiter, "BEGIN; LOCK t")
    low, high = sorted((pid_of(one), pid_of(two)))
    lines = tree(reader)
    assert len(lines) == 3 and lines[0].startswith(str(low)) and lines[2].startswith(str(high))
    assert ", also for %d: BEGIN; LOCK t" % high in lines[1]
    check_against_postgresql(admin, document(reader))


def test_a_deadlock_is_shown_until_postgresql_ends_it(reader, login, admin, table, patient):
    alice, bob, behind = login("alice"), login("bob"), login("bob")
    alice.execute("BEGIN; UPDATE t SET v = 1 WHERE id = 1")
    bob.execute("BEGIN; UPDATE t SET v = 1 WHERE id = 2")
    waits(admin, alice, "UPDATE t SET v = 2 WHERE id = 2")
    assert not any("deadlock" in line for line in tree(reader)) and document(reader)["deadlocks"] == []
    waits(admin, bob, "UPDATE t SET v = 2 WHERE id = 1")
    waits(admin, behind, "UPDATE t SET v = 3 WHERE id = 1")
    found = document(reader)
    check_against_postgresql(admin, found)
    pids = {session["id"]: session["pid"] for session in found["sessions"]}
    assert [sorted(pids[member] for member in members) for members in found["deadlocks"]] == [sorted((pid_of(alice), pid_of(bob)))]
    low, high = sorted((pid_of(alice), pid_of(bob)))
    lines = tree(reader)
    assert lines[0] == "deadlock of %d, %d:" % (low, high) and len(lines) == 4
    assert lines[1].startswith("%d " % low) and ", held by %d: UPDATE" % high in lines[1]
    admin.execute("SELECT pg_cancel_backend(%s)", (pid_of(bob),))
    assert outcome(bob)[0] == "57014"
    eventually(lambda: document(reader)["deadlocks"] == [])


def test_a_prepared_transaction(reader, login, admin, table):
    session, waiter = login("alice"), login("bob")
    session.execute("BEGIN; SAVEPOINT s; UPDATE t SET v = 1 WHERE id = 1; RELEASE s")
    xid = value(session, "SELECT pg_current_xact_id()::text::bigint")
    session.execute("PREPARE TRANSACTION 'the gid'")
    try:
        waits(admin, waiter, "BEGIN; LOCK t")
        lines = shape(tree(reader))
        assert lines[0] == "prepared transaction the gid alice@dev prepared N ago"
        assert lines[1].startswith("    %d bob@dev waits N for AccessExclusiveLock" % pid_of(waiter))
        found = document(reader)
        check_against_postgresql(admin, found)
        (prepared,) = [session for session in found["sessions"] if session["kind"] == "prepared transaction"]
        assert (prepared["pid"], prepared["gid"], prepared["user"], prepared["transaction"]) == (None, "the gid", "alice", xid)
    finally:
        session.execute("ROLLBACK PREPARED 'the gid'")


def test_parallel_workers_are_their_leader(reader, login, admin):
    """Only workers look up the awaited table, so only they wait."""
    leader, blocker = login("alice"), login("bob")
    admin.execute("CREATE TABLE big AS SELECT g FROM generate_series(1, 1000) g; ALTER TABLE big SET (parallel_workers = 2)")
    admin.execute("CREATE TABLE awaited (); GRANT ALL ON awaited, big TO PUBLIC")
    admin.execute("CREATE FUNCTION look(int) RETURNS int LANGUAGE plpgsql PARALLEL SAFE AS 'BEGIN PERFORM FROM awaited; RETURN $1; END'")
    for setting in ("parallel_setup_cost = 0", "parallel_tuple_cost = 0", "min_parallel_table_scan_size = 0", "parallel_leader_participation = off"):
        leader.execute("SET " + setting)
    blocker.execute("BEGIN; LOCK TABLE awaited")
    try:
        send(admin, leader, "SELECT count(*) FROM big WHERE look(g) > 0")
        waiting = "SELECT count(*) FROM pg_locks WHERE relation = 'awaited'::regclass AND NOT granted"
        eventually(lambda: value(admin, waiting) == 2)
        found = document(reader)
        check_against_postgresql(admin, found)
        assert edges(found) == {(pid_of(leader), pid_of(blocker), False)}
        lines = tree(reader)
        assert len(lines) == 2 and lines[1].startswith("    %d alice@dev waits" % pid_of(leader))
    finally:
        admin.execute("SELECT pg_terminate_backend(%s)", (pid_of(leader),))
        blocker.execute("COMMIT")
        eventually(lambda: value(admin, "SELECT count(*) FROM pg_stat_activity WHERE pid = %s", pid_of(leader)) == 0)
        admin.execute("DROP TABLE big, awaited; DROP FUNCTION look(int)")


def test_a_background_process(reader, login, admin):
    """A slow autovacuum worker, which would give way if the waiter's deadlock_timeout passed."""
    admin.execute(
        "CREATE TABLE vacuumed (x int) WITH (autovacuum_vacuum_threshold = 1, autovacuum_vacuum_scale_factor = 0,"
        " autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1)"
    )
    admin.execute("INSERT INTO vacuumed SELECT generate_series(1, 100000); DELETE FROM vacuumed WHERE x % 2 = 0")
    find = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'autovacuum worker' AND query LIKE '%vacuumed%'"
    (worker,) = eventually(lambda: admin.execute(find).fetchone())
    waiter = login("boss")
    waiter.execute("SET deadlock_timeout = '10min'")
    try:
        waits(admin, waiter, "ALTER TABLE vacuumed ADD c int")
        lines = tree(reader)
        assert re.match(r"%d rdsdb@dev runs for .*: autovacuum: VACUUM.* public.vacuumed" % worker, lines[0]), lines
        assert session_of(document(reader), worker)["kind"] == "background process"
        check_against_postgresql(admin, document(reader))
    finally:
        waiter.cancel()
        outcome(waiter)
        admin.execute("DROP TABLE vacuumed")


@pytest.mark.parametrize(
    "hold, wait, words",
    [
        ("SELECT pg_advisory_lock(-5)", "SELECT pg_advisory_lock(-5)", "ExclusiveLock on advisory lock -5 of database dev"),
        ("SELECT pg_advisory_lock_shared(3, -4)", "SELECT pg_advisory_lock(3, -4)", "ExclusiveLock on advisory lock (3, -4) of database dev"),
        ("BEGIN; LOCK TABLE ONLY x", "DROP INDEX x_pkey_too", "AccessExclusiveLock on table public.x"),
        ("BEGIN; ALTER SEQUENCE x_id_seq CACHE 2", "SELECT nextval('x_id_seq')", "RowExclusiveLock on sequence public.x_id_seq"),
    ],
)
def test_other_things(reader, login, admin, hold, wait, words):
    admin.execute("CREATE TABLE x (id serial PRIMARY KEY, v int); CREATE INDEX x_pkey_too ON x (v)")
    holder, waiter = login("awsuser"), login("awsuser")
    holder.execute(hold)
    try:
        waits(admin, waiter, wait)
        assert " for %s: " % words in tree(reader)[1]
        check_against_postgresql(admin, document(reader))
    finally:
        holder.close()
        outcome(waiter)
        waiter.close()
        admin.execute("DROP TABLE x")


def test_a_relation_of_another_database(reader, login, admin, server):
    admin.execute("CREATE DATABASE other")
    try:
        with server.connect("awsuser", "other") as holder, server.connect("awsuser", "other") as waiter:
            holder.execute("CREATE TABLE elsewhere ()")
            number = oid(holder, "elsewhere")
            holder.execute("BEGIN; LOCK elsewhere")
            waits(admin, waiter, "SELECT FROM elsewhere")
            assert " for AccessShareLock on relation %d of database other: " % number in tree(reader)[1]
            assert tree(reader)[1].startswith("    %d awsuser@other " % pid_of(waiter))
            holder.execute("COMMIT")
            outcome(waiter)
    finally:
        admin.execute("DROP DATABASE other WITH (FORCE)")


def test_a_statement_that_sets_a_password_does_not_show_it(reader, login, admin):
    holder, waiter = login("awsuser"), login("awsuser")
    holder.execute("BEGIN; ALTER ROLE member PASSWORD 'first secret'")
    waits(admin, waiter, "ALTER ROLE member PASSWORD 'second secret'")
    for form in ("tree", "json", "mermaid", "dot"):
        text = "\n".join(line for (line,) in reader.execute("SELECT redshift_sessions.blocking(%s)", (form,)))
        assert "ALTER ROLE member PASSWORD" in text and "secret" not in text
    holder.execute("ROLLBACK")
    outcome(waiter)
    admin.execute("ALTER ROLE member PASSWORD NULL")


def test_many_waiters_are_a_line_each(reader, login, admin, table):
    holder = login("alice")
    holder.execute("BEGIN; LOCK t")
    waiters = [login("bob") for _ in range(20)]
    for waiter in waiters:
        waits(admin, waiter, "BEGIN; LOCK t")
    found = document(reader)
    check_against_postgresql(admin, found)
    assert len(found["waits"]) == 20 + 19 * 20 // 2
    assert [line.split()[0] for line in tree(reader)] == [str(pid_of(session)) for session in (holder, *waiters)]


def test_a_format_that_does_not_exist(reader):
    for form in ("TREE", "xml", ""):
        with pytest.raises(psycopg.errors.InvalidParameterValue) as error:
            reader.execute("SELECT * FROM redshift_sessions.blocking(%s)", (form,))
        assert error.value.diag.message_primary == 'unrecognized format: "%s"' % form
        assert error.value.diag.message_hint == "Formats are tree, mermaid, dot and json."
    assert reader.execute("SELECT * FROM redshift_sessions.blocking(NULL)").fetchall() == []


def test_it_is_a_table_and_a_value(reader, login, admin, table):
    """In FROM, in the output list, and twice in one query."""
    holder, waiter = login("alice"), login("bob")
    holder.execute("BEGIN; LOCK t")
    waits(admin, waiter, "SELECT 1 FROM t")
    assert value(reader, "SELECT count(*) FROM (SELECT redshift_sessions.blocking()) AS b") == 2
    assert value(reader, "SELECT count(*) FROM redshift_sessions.blocking() AS a(line), redshift_sessions.blocking('tree') b WHERE a.line <> ''") == 4
    assert value(reader, "SELECT string_agg(line, '')::json -> 'waits' -> 0 ->> 'mode' FROM redshift_sessions.blocking('json') AS b(line)") == "AccessShareLock"
