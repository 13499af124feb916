"""svv_transactions as a scan of its own: where it stands in, where it does not, and that nobody can tell by the rows."""

import psycopg
import pytest

from conftest import busy, eventually, pid_of, send, value, wait_for_lock

FUNCTION = "redshift_sessions.svv_transactions()"


def plan(connection, query):
    return "\n".join(line for (line,) in connection.execute("EXPLAIN (COSTS OFF) " + query))


@pytest.fixture
def others(login, table):
    """Two sessions with locks, whose rows stay as they are."""
    sessions = [login("alice"), login("bob")]
    for session in sessions:
        session.execute("BEGIN; SELECT * FROM t; LOCK TABLE t IN ROW SHARE MODE")
    return [pid_of(session) for session in sessions]


def test_a_select_gets_the_scan(admin):
    assert plan(admin, "SELECT * FROM svv_transactions") == "Custom Scan (svv_transactions)"
    filtered = plan(admin, "SELECT lock_mode FROM svv_transactions WHERE NOT granted AND pid = 8585")
    assert filtered.startswith("Custom Scan (svv_transactions)\n  Filter: ")
    verbose = "".join(line for (line,) in admin.execute("EXPLAIN (VERBOSE, COSTS OFF) SELECT pid, relation FROM svv_transactions WHERE granted"))
    assert verbose == "Custom Scan (svv_transactions)  Output: t.pid, t.relation  Filter: t.granted"


def test_what_reads_rows_again_gets_the_function(admin, others, table):
    for query in (
        "UPDATE t SET v = x.pid FROM svv_transactions x WHERE x.relation = t.id",
        "DELETE FROM t USING svv_transactions x WHERE x.relation = t.id",
        "SELECT 1 FROM t, svv_transactions x WHERE x.relation = t.id FOR UPDATE OF t",
        "SELECT * FROM ROWS FROM (%s) WITH ORDINALITY" % FUNCTION,
        "SELECT x FROM %s x" % FUNCTION,
        "SELECT 1 FROM %s x WHERE x IS NOT NULL" % FUNCTION,
    ):
        assert "Function Scan on svv_transactions" in plan(admin, query), query
        admin.execute(query)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE t SET v = (SELECT count(*) FROM svv_transactions s WHERE s.pid = {pid} + 0 * t.id) WHERE id = 1",
        "UPDATE t SET v = 1000 WHERE id = 1 AND {pid} IN (SELECT pid FROM svv_transactions OFFSET 0)",
        "WITH c AS MATERIALIZED (SELECT pid FROM svv_transactions) UPDATE t SET v = 1000 WHERE id = 1 AND EXISTS (SELECT FROM c WHERE pid + 0 * t.v = {pid})",
        "WITH c AS MATERIALIZED (SELECT pid FROM svv_transactions), u AS (UPDATE t SET v = 1000 WHERE id = 1 AND EXISTS (SELECT FROM c WHERE pid + 0 * t.v = {pid}) RETURNING 1) SELECT * FROM u",
        "SELECT v FROM t WHERE id = 1 AND EXISTS (SELECT FROM svv_transactions s WHERE s.pid + 0 * t.v = {pid} OFFSET 0) FOR UPDATE",
    ],
)
def test_a_row_that_somebody_else_changed_meanwhile(login, admin, table, statement):
    """The statement looks at the row again, and at svv_transactions with it (EvalPlanQual)."""
    writer, session = login("alice"), login("bob")
    writer.execute("BEGIN; UPDATE t SET v = 5 WHERE id = 1")
    send(admin, session, statement.format(pid=pid_of(session)))
    wait_for_lock(admin, session)
    writer.execute("COMMIT")
    eventually(lambda: not busy(session))
    result = session.pgconn.get_result()
    assert (result.command_tuples, result.error_message) == (1, b""), statement
    changed = value(admin, "SELECT v FROM t WHERE id = 1")
    assert changed == 5 if "FOR UPDATE" in statement else changed not in (0, 5), statement


def test_what_is_proved_empty_is_not_read(admin):
    admin.execute("SET constraint_exclusion = on")
    assert "Custom Scan" not in plan(admin, "SELECT * FROM svv_transactions WHERE pid > 5 AND pid < 3")
    assert admin.execute("SELECT * FROM svv_transactions WHERE pid > 5 AND pid < 3").fetchall() == []


def test_the_rows_are_those_of_the_function(admin, others):
    as_function = "SELECT (f).* FROM (SELECT %s AS f OFFSET 0) s" % FUNCTION
    where = " WHERE pid IN (%d, %d)" % tuple(others)
    expected = admin.execute("SELECT * FROM (%s) s" % as_function + where).fetchall()
    assert len(expected) >= 6
    assert admin.execute("SELECT * FROM svv_transactions" + where).fetchall() == expected
    assert admin.execute("SELECT * FROM %s" % FUNCTION + where).fetchall() == expected
    rows = admin.execute("SELECT t FROM svv_transactions t" + where).fetchall()
    assert len(rows) == len(expected)


def test_it_is_read_once_and_again_from_the_start(admin, others):
    first, second = others
    query = """
        SELECT n, array_agg(relation ORDER BY relation) FROM (VALUES (%d), (%d), (%d)) v (n)
        CROSS JOIN LATERAL (SELECT relation FROM svv_transactions WHERE pid = n OFFSET 0) s GROUP BY n
    """ % (first, second, first)
    admin.execute("SET enable_material = off; SET enable_memoize = off; SET enable_hashjoin = off; SET enable_mergejoin = off")
    assert "Custom Scan" in plan(admin, query)
    counts = {pid: len(relations) for pid, relations in admin.execute(query)}
    one = value(admin, "SELECT count(*) FROM svv_transactions WHERE pid = %s", second)
    assert one >= 3 and counts == {first: 2 * one, second: one}
    pairs = "SELECT count(*) FROM svv_transactions a JOIN svv_transactions b USING (pid) WHERE pid = %s"
    assert value(admin, pairs, second) == one * one


def test_cursors_go_forth_and_back(admin, others):
    admin.execute("BEGIN; DECLARE c SCROLL CURSOR FOR SELECT pid, lock_mode, relation FROM svv_transactions WHERE pid IN (%d, %d)" % tuple(others))
    rows = admin.execute("FETCH ALL FROM c").fetchall()
    assert len(rows) >= 6
    assert admin.execute("FETCH BACKWARD ALL FROM c").fetchall() == rows[::-1]
    assert admin.execute("FETCH ABSOLUTE 2 FROM c").fetchall() == rows[1:2]
    admin.execute("COMMIT; BEGIN; DECLARE h CURSOR WITH HOLD FOR SELECT pid FROM svv_transactions WHERE pid IN (%d, %d); COMMIT" % tuple(others))
    assert len(admin.execute("FETCH ALL FROM h").fetchall()) == len(rows)
    admin.execute("CLOSE h")


def test_each_execution_of_a_plan_reads_afresh(login, admin, table):
    session = login("alice")
    admin.execute("PREPARE p AS SELECT count(*) FROM svv_transactions WHERE pid = %d" % pid_of(session))
    for _ in range(8):
        assert value(admin, "EXECUTE p") == 0
        session.execute("BEGIN; SELECT count(*) FROM t")
        assert value(admin, "EXECUTE p") >= 2
        session.execute("COMMIT")
    admin.execute("DEALLOCATE p")


def test_in_functions_insert_and_create_table_as(admin, others):
    where = " WHERE pid IN (%d, %d)" % tuple(others)
    number = value(admin, "SELECT count(*) FROM svv_transactions" + where)
    admin.execute("CREATE TEMP TABLE copy AS SELECT * FROM svv_transactions" + where)
    admin.execute("INSERT INTO copy SELECT * FROM svv_transactions" + where)
    assert value(admin, "SELECT count(*) FROM copy") == 2 * number
    assert value(admin, "WITH x AS MATERIALIZED (SELECT * FROM svv_transactions) SELECT count(*) FROM x" + where) == number
    admin.execute("CREATE FUNCTION pg_temp.f() RETURNS bigint LANGUAGE plpgsql AS 'DECLARE n bigint = 0; r record; BEGIN FOR r IN SELECT * FROM svv_transactions LOOP n = n + 1; END LOOP; RETURN n; END'")
    assert value(admin, "SELECT pg_temp.f()") >= number
    assert value(admin, "SELECT count(*) FROM (SELECT 1 FROM svv_transactions LIMIT 2) s") == 2


def test_whoever_may_not_execute_the_function_may_not_scan(login, admin):
    alice = login("alice")
    admin.execute("REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC" % FUNCTION)
    try:
        for query in ("SELECT * FROM svv_transactions", "SELECT count(*) FROM svv_transactions", "EXPLAIN SELECT * FROM svv_transactions"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied for function svv_transactions"):
                alice.execute(query)
    finally:
        admin.execute("GRANT EXECUTE ON FUNCTION %s TO PUBLIC" % FUNCTION)
    assert alice.execute("SELECT * FROM svv_transactions").fetchall()


def test_plans_end_with_the_extension(server):
    with server.connect("awsuser", "postgres") as admin:
        admin.execute("CREATE DATABASE scanned TEMPLATE template0")
        try:
            with server.connect("awsuser", "scanned") as session:
                session.execute("CREATE EXTENSION redshift_sessions")
                session.execute("PREPARE p AS SELECT count(*) > 0 FROM %s" % FUNCTION)
                assert value(session, "EXECUTE p") is True
                session.execute("DROP EXTENSION redshift_sessions")
                with pytest.raises(psycopg.errors.InvalidSchemaName):
                    session.execute("EXECUTE p")
        finally:
            admin.execute("DROP DATABASE scanned WITH (FORCE)")


def test_a_function_of_the_same_name_is_none_of_ours(admin):
    admin.execute("CREATE FUNCTION pg_temp.svv_transactions() RETURNS SETOF int LANGUAGE sql AS 'SELECT 1 UNION ALL SELECT 2'")
    assert admin.execute("SELECT * FROM pg_temp.svv_transactions()").fetchall() == [(1,), (2,)]
    assert "Custom Scan" not in plan(admin, "SELECT * FROM pg_temp.svv_transactions()")


@pytest.mark.parametrize("language", ["sql", "plpgsql"])
def test_a_function_whose_text_is_the_name_of_ours_is_none_of_ours(admin, language):
    admin.execute("SET check_function_bodies = off")
    admin.execute("CREATE FUNCTION pg_temp.mine() RETURNS TABLE (pid int) LANGUAGE %s AS 'svv_transactions_wrapper'" % language)
    assert plan(admin, "SELECT pid FROM pg_temp.mine()") == "Function Scan on mine"
    with pytest.raises(psycopg.errors.SyntaxError):
        admin.execute("SELECT pid FROM pg_temp.mine()")


def test_a_statement_that_is_cancelled_in_the_middle(login, admin, table):
    """The rows that were collected go with the statement, and the session goes on."""
    reader, waiter = login("awsuser"), login("alice")
    admin.execute("BEGIN; LOCK TABLE t")
    send(login("boss"), waiter, "SELECT * FROM t")
    wait_for_lock(reader, waiter)
    for _ in range(3):
        with pytest.raises(psycopg.errors.QueryCanceled):
            reader.execute("SET statement_timeout = '50ms'; SELECT pg_sleep(1) FROM svv_transactions")
        with pytest.raises(psycopg.errors.DivisionByZero):
            reader.execute("SELECT 1 / (relation - relation) FROM svv_transactions WHERE relation IS NOT NULL")
        assert value(reader, "SELECT count(*) FROM svv_transactions WHERE NOT granted") == 1
    admin.execute("COMMIT")


def test_one_session_reads_again_and_again(admin):
    """What a reading leaves behind is there for as long as the next one needs it."""
    admin.execute("DO $$ BEGIN FOR i IN 1 .. 20 LOOP PERFORM FROM svv_transactions; PERFORM FROM stv_locks; COMMIT; END LOOP; END $$")
