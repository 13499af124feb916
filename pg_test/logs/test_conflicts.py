"""stl_tr_conflict: transactions that ended in a deadlock or a serialization failure, and the table it was about."""

import psycopg
import pytest

from conftest import outcome, pid_of, send, value, wait_for_lock

QUERY = "SELECT xact_id, xact_start_ts, abort_time >= xact_start_ts, table_id FROM stl_tr_conflict WHERE process_id = %s"


def transaction(session):
    return session.execute("SELECT pg_current_xact_id()::text::bigint, now() AT TIME ZONE 'UTC'").fetchone()


def oid(admin, table):
    return value(admin, "SELECT %s::regclass::oid::bigint", table)


def end_users_of(admin, *tables):
    """Sessions that a failed test has left, which would keep the tables from being dropped."""
    admin.execute("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE relation = ANY (%s::regclass[]) AND pid <> pg_backend_pid()", (list(tables),))


@pytest.fixture
def table_and_other(admin, table):
    admin.execute("CREATE TABLE other AS SELECT 0 AS v; CREATE TABLE late (id int UNIQUE DEFERRABLE INITIALLY DEFERRED)")
    admin.execute("GRANT ALL ON other, late TO PUBLIC")
    yield
    end_users_of(admin, "other", "late")
    admin.execute("DROP TABLE other, late")


def test_a_deadlock(login, admin, table):
    first, second = login("alice"), login("boss")
    second.execute("SET deadlock_timeout = '10ms'")
    first.execute("BEGIN; UPDATE t SET v = 1 WHERE id = 1")
    second.execute("BEGIN; UPDATE t SET v = 1 WHERE id = 2")
    xid, start = transaction(second)
    send(admin, first, "UPDATE t SET v = 2 WHERE id = 2")
    wait_for_lock(admin, first)
    with pytest.raises(psycopg.errors.DeadlockDetected):
        second.execute("UPDATE t SET v = 2 WHERE id = 1")
    assert admin.execute(QUERY, (pid_of(second),)).fetchall() == [(xid, start, True, oid(admin, "t"))]
    assert outcome(first) == (None, None)
    assert admin.execute(QUERY, (pid_of(first),)).fetchall() == []


def test_a_serialization_failure(login, admin, table):
    first, second = login("alice"), login("alice")
    second.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT * FROM t")
    xid, start = transaction(second)
    first.execute("UPDATE t SET v = 1 WHERE id = 1")
    with pytest.raises(psycopg.errors.SerializationFailure):
        second.execute("UPDATE t SET v = 2 WHERE id = 1")
    assert admin.execute(QUERY, (pid_of(second),)).fetchall() == [(xid, start, True, oid(admin, "t"))]


@pytest.mark.parametrize(
    "statement, expected",
    [
        ("LOCK TABLE t", "t"),
        ("SELECT count(*) FROM t", "t"),
        ("DO $$ BEGIN BEGIN UPDATE other SET v = 1 / v; EXCEPTION WHEN division_by_zero THEN END; LOCK TABLE t; END $$", "t"),
        ("SELECT pg_advisory_xact_lock(1)", None),
    ],
)
def test_the_table_of_a_deadlock(login, admin, table_and_other, statement, expected):
    first, second = login("alice"), login("boss")
    second.execute("SET deadlock_timeout = '10ms'")
    first.execute("BEGIN; LOCK TABLE t; SELECT pg_advisory_xact_lock(1)")
    second.execute("BEGIN; UPDATE other SET v = 1")
    send(admin, first, "UPDATE other SET v = 2")
    wait_for_lock(admin, first)
    with pytest.raises(psycopg.errors.DeadlockDetected):
        second.execute(statement)
    assert admin.execute(QUERY, (pid_of(second),)).fetchone()[3] == (expected and oid(admin, expected))
    assert outcome(first) == (None, None)
    first.execute("ROLLBACK")


# What a constraint's trigger waits for, after the query that fired it. From 19 on no query of its own checks a foreign key.
TRIGGERS = """
    CREATE TABLE parent AS SELECT 1 AS id;
    ALTER TABLE parent ADD PRIMARY KEY (id);
    CREATE TABLE child (id int REFERENCES parent);
    CREATE TABLE once (id int UNIQUE DEFERRABLE);
    GRANT ALL ON parent, child, once TO PUBLIC;
    CREATE FUNCTION insert_into(into_table text) RETURNS int LANGUAGE plpgsql AS
        $$ BEGIN EXECUTE format('INSERT INTO %I VALUES (1)', into_table); RETURN 1; END $$;
"""


@pytest.fixture
def constraints(admin, table_and_other):
    admin.execute(TRIGGERS)
    yield {"child": oid(admin, "parent") if admin.info.server_version < 190000 else None, "once": None}
    end_users_of(admin, "parent", "child", "once")
    admin.execute("DROP FUNCTION insert_into(text); DROP TABLE child, parent, once")


@pytest.mark.parametrize("statement", ["INSERT INTO %s VALUES (1)", "UPDATE other SET v = insert_into('%s')"])
@pytest.mark.parametrize("into, lock", [("child", "SELECT FROM parent FOR UPDATE"), ("once", "INSERT INTO once VALUES (1)")])
def test_a_deadlock_of_a_constraint_is_not_about_another_table(login, admin, constraints, into, lock, statement):
    first, second = login("alice"), login("boss")
    second.execute("SET deadlock_timeout = '10ms'")
    first.execute("BEGIN; " + lock)
    second.execute("BEGIN; UPDATE t SET v = 1 WHERE id = 1")
    send(admin, first, "UPDATE t SET v = 2 WHERE id = 1")
    wait_for_lock(admin, first)
    with pytest.raises(psycopg.errors.DeadlockDetected):
        second.execute(statement % into)
    assert admin.execute(QUERY, (pid_of(second),)).fetchone()[3] == constraints[into]
    assert outcome(first) == (None, None)
    first.execute("ROLLBACK")


@pytest.mark.parametrize("statement", ["INSERT INTO child VALUES (1)", "UPDATE other SET v = insert_into('child')"])
def test_a_serialization_failure_of_a_foreign_key(login, admin, constraints, statement):
    first, second = login("alice"), login("alice")
    second.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT * FROM parent")
    first.execute("UPDATE parent SET id = 2")
    with pytest.raises(psycopg.errors.SerializationFailure):
        second.execute(statement)
    assert admin.execute(QUERY, (pid_of(second),)).fetchone()[3] == constraints["child"]


@pytest.mark.parametrize(
    "statement, known",
    [
        ("SELECT * FROM t WHERE id = 1 FOR UPDATE", True),
        ("DELETE FROM t USING other WHERE id = 1", True),
        ("INSERT INTO other SELECT v FROM t WHERE id = 1 FOR UPDATE", False),
        ("DO $$ BEGIN BEGIN UPDATE other SET v = 1 / v; EXCEPTION WHEN division_by_zero THEN END; UPDATE t SET v = 3 WHERE id = 1; END $$", True),
        ("WITH x AS (UPDATE t SET v = 3 WHERE id = 1) INSERT INTO other VALUES (1)", False),
    ],
)
def test_the_table_of_a_serialization_failure(login, admin, table_and_other, statement, known):
    first, second = login("alice"), login("alice")
    second.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT * FROM t")
    first.execute("UPDATE t SET v = 1 WHERE id = 1")
    with pytest.raises(psycopg.errors.SerializationFailure):
        second.execute(statement)
    assert admin.execute(QUERY, (pid_of(second),)).fetchone()[3] == (oid(admin, "t") if known else None)


@pytest.mark.parametrize("begin, back", [("BEGIN; SAVEPOINT s", "ROLLBACK TO s"), ("BEGIN", "ROLLBACK; BEGIN")])
def test_a_query_that_was_rolled_back_is_forgotten(login, admin, table_and_other, begin, back):
    """A deadlock at COMMIT, where a deferred constraint waits for a row and no query runs."""
    first, second = login("alice"), login("boss")
    second.execute("SET deadlock_timeout = '10ms'")
    first.execute("BEGIN; INSERT INTO late VALUES (1)")
    second.execute(begin)
    with pytest.raises(psycopg.errors.DivisionByZero):
        second.execute("UPDATE other SET v = 1 / v")
    second.execute(back)
    second.execute("UPDATE t SET v = 1 WHERE id = 1; INSERT INTO late VALUES (1)")
    send(admin, first, "UPDATE t SET v = 2 WHERE id = 1")
    wait_for_lock(admin, first)
    with pytest.raises(psycopg.errors.DeadlockDetected):
        second.execute("COMMIT")
    assert admin.execute(QUERY, (pid_of(second),)).fetchone()[3] is None


def test_a_conflict_of_reads_and_writes_names_no_table(login, admin, table):
    first, second = login("alice"), login("alice")
    for session, row in ((first, 1), (second, 2)):
        session.execute("BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT sum(v) FROM t; UPDATE t SET v = 7 WHERE id = %d" % row)
    first.execute("COMMIT")
    with pytest.raises(psycopg.errors.SerializationFailure):
        second.execute("COMMIT")
    assert admin.execute(QUERY, (pid_of(second),)).fetchone()[3] is None


@pytest.mark.parametrize("message", ["mine", "deadlock detected"])
def test_an_error_that_somebody_raises_names_no_table(login, admin, message):
    session = login("alice")
    detail = "Process %d waits for ShareLock on relation 1262 of database 1; blocked by process 1." % pid_of(session)
    with pytest.raises(psycopg.errors.DeadlockDetected):
        session.execute("DO $$ BEGIN RAISE EXCEPTION '%s' USING errcode = '40P01', detail = '%s'; END $$" % (message, detail))
    assert admin.execute(QUERY, (pid_of(session),)).fetchone()[3] is None


def test_a_transaction_without_an_id_has_that_of_svv_transactions(login, admin):
    session = login("alice")
    session.execute("BEGIN; SELECT 1")
    xid = value(admin, "SELECT xid FROM svv_transactions WHERE pid = %s", pid_of(session))
    with pytest.raises(psycopg.errors.SerializationFailure):
        session.execute("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '40001'; END $$")
    assert admin.execute(QUERY, (pid_of(session),)).fetchone()[0] == xid < 0


def test_other_errors_and_those_that_a_function_handles_are_no_rows(login, admin):
    session = login("alice")
    for statement in ("SELECT 1 / 0", "DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '40003'; END $$"):
        with pytest.raises(psycopg.Error):
            session.execute(statement)
    session.execute("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '40001'; EXCEPTION WHEN serialization_failure THEN NULL; END $$")
    assert admin.execute(QUERY, (pid_of(session),)).fetchall() == []
