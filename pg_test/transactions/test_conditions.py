"""svv_transactions reads fewer locks for a reader or a query that wants fewer: the rows are the same."""

import psycopg
import pytest

from conftest import eventually, pid_of, send, value, wait_for_lock

COLUMNS = "txn_owner, txn_db, xid, pid, txn_start, lock_mode, lockable_object_type, relation, granted"
# What is behind OFFSET 0 knows nothing of the conditions in front of it.
EVERYTHING = "SELECT %s FROM (SELECT * FROM svv_transactions OFFSET 0) s" % COLUMNS


@pytest.fixture
def crowd(login, admin, table):
    """One that holds, one that waits for it, one with many locks and subtransactions, prepared transactions, parallel workers."""
    holder, waiter, writer, leader = login("alice"), login("bob"), login("alice"), login("bob")
    holder.execute("BEGIN; LOCK TABLE t IN SHARE MODE")
    send(admin, waiter, "INSERT INTO t VALUES (100, 1)")
    wait_for_lock(admin, waiter)
    writer.execute("BEGIN; SAVEPOINT s; SELECT pg_advisory_lock(1)")
    for number in range(40):  # more than have room in the fast path of most versions
        writer.execute("CREATE TABLE writer_%d (id int PRIMARY KEY)" % number)
    for user in ("alice", "bob"):
        session = login(user)
        session.execute("BEGIN; CREATE TABLE prepared_%s (); PREPARE TRANSACTION 'of_%s'" % (user, user))
    admin.execute("CREATE TABLE big AS SELECT g FROM generate_series(1, 1000) g; GRANT SELECT ON big TO PUBLIC; ALTER TABLE big SET (parallel_workers = 2)")
    admin.execute("CREATE FUNCTION slowly(int) RETURNS int LANGUAGE plpgsql PARALLEL SAFE AS 'BEGIN PERFORM pg_sleep(0.05); RETURN $1; END'")
    for setting in ("parallel_setup_cost", "parallel_tuple_cost", "min_parallel_table_scan_size"):
        leader.execute("SET %s = 0" % setting)
    send(admin, leader, "SELECT count(*) FROM big WHERE slowly(g) > 0")
    others = "SELECT count(*) FROM pg_locks WHERE relation = 'big'::regclass AND pid <> %d" % pid_of(leader)
    eventually(lambda: value(admin, others) == 2)
    yield {name: pid_of(session) for name, session in (("holder", holder), ("waiter", waiter), ("writer", writer), ("leader", leader))}
    leader.cancel()
    eventually(lambda: value(admin, others) == 0)
    admin.execute("SELECT pg_terminate_backend(%d)" % pid_of(waiter))
    for user in ("alice", "bob"):
        admin.execute("ROLLBACK PREPARED 'of_%s'" % user)
    admin.execute("DROP TABLE big; DROP FUNCTION slowly(int)")


def test_a_reader_gets_the_same_rows_as_who_sees_all(login, admin, crowd):
    for user, pids in (("alice", {crowd["holder"], crowd["writer"], None}), ("bob", {crowd["waiter"], crowd["leader"], None})):
        session = login(user)
        rows = session.execute("SELECT * FROM svv_transactions WHERE pid IS DISTINCT FROM pg_backend_pid()").fetchall()
        assert {row[3] for row in rows} == pids
        assert rows == admin.execute(EVERYTHING + " WHERE txn_owner = %s AND pid IS DISTINCT FROM %s", (user, pid_of(session))).fetchall()
    assert login("canceller").execute("SELECT * FROM svv_transactions WHERE pid <> pg_backend_pid()").fetchall() == []


def test_one_pid(admin, login, crowd):
    admin.execute("PREPARE generic (int) AS SELECT * FROM svv_transactions WHERE pid = $1; SET plan_cache_mode = force_generic_plan")
    for name, pid in crowd.items():
        expected = admin.execute(EVERYTHING + " WHERE pid = %d" % pid).fetchall()
        assert len(expected) >= 2, name
        for query in ("SELECT * FROM svv_transactions WHERE pid = %d", "SELECT * FROM svv_transactions WHERE %d = pid AND xid <> 0", "EXECUTE generic (%d)"):
            assert admin.execute(query % pid).fetchall() == expected
        assert admin.execute("SELECT * FROM svv_transactions WHERE pid = %s", (pid,)).fetchall() == expected
        for user in ("alice", "bob", "canceller"):
            allowed = [row for row in expected if row[0] == user]
            assert login(user).execute("SELECT * FROM svv_transactions WHERE pid = %d" % pid).fetchall() == allowed
    for nobody in ("0", "-1", "2147483647", "NULL", "NULL::int"):
        assert admin.execute("SELECT * FROM svv_transactions WHERE pid = %s" % nobody).fetchall() == []
        assert admin.execute("EXECUTE generic (%s)" % nobody).fetchall() == []
    workers = admin.execute("SELECT pid FROM pg_locks WHERE relation = 'big'::regclass AND pid <> %d" % crowd["leader"]).fetchall()
    for (worker,) in workers:
        assert admin.execute("SELECT * FROM svv_transactions WHERE pid = %d" % worker).fetchall() == []


def test_conditions_that_are_not_for_one_pid(admin, crowd):
    """Each of them looks like one, and wants more."""
    first, second = crowd["holder"], crowd["writer"]
    for condition in (
        "pid = %d OR pid = %d" % (first, second),
        "NOT pid = %d" % first,
        "pid <> %d" % first,
        "pid IS NULL",
        "(pid = %d) IS NOT TRUE" % first,
        "coalesce(pid, 0) = 0",
        "pid = ANY (ARRAY[%d, %d])" % (first, second),
        "pid = %d + (relation - relation)" % first,
        "relation = %d" % first,
        "granted",
        "granted OR NOT granted",
        "NOT (granted AND pid = %d)" % first,
        "granted IS NOT TRUE",
    ):
        # The own rows and those of PostgreSQL's workers come and go.
        query = " WHERE (%s) AND txn_owner IN ('alice', 'bob')" % condition
        assert admin.execute("SELECT * FROM svv_transactions" + query).fetchall() == admin.execute(EVERYTHING + query).fetchall(), condition


def test_who_waits(admin, login, crowd):
    expected = admin.execute(EVERYTHING + " WHERE NOT granted").fetchall()
    assert [row[3] for row in expected] == [crowd["waiter"]]
    for condition in ("NOT granted", "granted = false", "NOT granted AND pid = %d" % crowd["waiter"]):
        assert admin.execute("SELECT * FROM svv_transactions WHERE " + condition).fetchall() == expected
        assert login("bob").execute("SELECT * FROM svv_transactions WHERE " + condition).fetchall() == expected
        assert login("alice").execute("SELECT * FROM svv_transactions WHERE " + condition).fetchall() == []
    assert admin.execute("SELECT * FROM svv_transactions WHERE NOT granted AND pid = %d" % crowd["holder"]).fetchall() == []


def test_the_pid_of_a_join_is_none_of_the_scan(admin, crowd):
    """It changes from row to row, and the scan reads once."""
    query = "SELECT p, (SELECT count(*) FROM svv_transactions WHERE pid = p) FROM unnest(ARRAY[%d, %d]) p" % (crowd["holder"], crowd["writer"])
    counts = dict(admin.execute(query).fetchall())
    assert counts[crowd["writer"]] > 80 and 2 <= counts[crowd["holder"]] < 10


def test_a_variable_of_a_function_is_the_same_for_as_long_as_its_query(admin, crowd):
    admin.execute("""
        CREATE FUNCTION pg_temp.locks_of(pids int[]) RETURNS SETOF bigint LANGUAGE plpgsql AS $$
        DECLARE one int;
        BEGIN
            FOREACH one IN ARRAY pids LOOP
                RETURN QUERY SELECT count(*) FROM svv_transactions WHERE pid = one;
            END LOOP;
        END $$
    """)
    for mode in ("force_generic_plan", "force_custom_plan"):
        admin.execute("SET plan_cache_mode = " + mode)
        pids = [crowd["holder"], crowd["writer"], crowd["holder"], 0]
        counts = [count for (count,) in admin.execute("SELECT pg_temp.locks_of(%s)", (pids,)).fetchall()]
        expected = [value(admin, "SELECT count(*) FROM (%s WHERE pid = %%s) e" % EVERYTHING, pid) for pid in pids]
        assert counts == expected and counts[1] > 80 and counts[3] == 0


def test_under_a_cursor_and_after_an_error(admin, crowd):
    admin.execute("BEGIN; DECLARE c SCROLL CURSOR FOR SELECT pid, relation FROM svv_transactions WHERE pid = %d" % crowd["writer"])
    rows = admin.execute("FETCH ALL FROM c").fetchall()
    assert len(rows) > 80 and admin.execute("FETCH BACKWARD ALL FROM c").fetchall() == rows[::-1]
    with pytest.raises(psycopg.errors.DivisionByZero):
        admin.execute("SELECT 1 / (relation - relation) FROM svv_transactions WHERE pid = %d AND relation IS NOT NULL" % crowd["writer"])
    admin.execute("ROLLBACK")
    assert value(admin, "SELECT count(*) FROM svv_transactions WHERE pid = %s", crowd["writer"]) == len(rows)
