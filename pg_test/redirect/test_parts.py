"""Is a call found wherever a query can have one? Where it is not, a regular user is refused."""

import pytest

from conftest import eventually, is_alive, pid_of

# The table t has the columns a and b and one row of zeros, and c is over it. {f} is the call.
PARTS = {
    "output": "SELECT a, {f} FROM t",
    "inside an output": "SELECT a, NOT {f} FROM t",
    "argument": "SELECT coalesce({f}, true), abs(a) FROM t",
    "argument of a function": "SELECT boolout({f}) FROM t",
    "condition": "SELECT a FROM t WHERE {f}",
    "condition, among others": "SELECT a FROM t WHERE a = 0 AND (b = 0 OR b = 1) AND NOT (a = 1 OR NOT {f})",
    "deep in a condition": "SELECT a FROM t WHERE " + "(a = 0 AND (b = 1 OR " * 12 + "{f}" + "))" * 12,
    "deep in arguments": "SELECT " + "abs(" * 20 + "{f}::int" + ")" * 20,
    "deep in operators": "SELECT " + "1 + (" * 20 + "{f}::int" + ")" * 20 + " FROM t",
    "CASE": "SELECT CASE WHEN a = 0 THEN {f} END FROM t",
    "array": "SELECT ARRAY[{f}, NULL] FROM t",
    "row": "SELECT ROW(a, {f}) FROM t",
    "ANY": "SELECT a = ANY (ARRAY[{f}::int]) FROM t",
    "DISTINCT FROM": "SELECT a FROM t WHERE {f} IS DISTINCT FROM false",
    "NULLIF": "SELECT NULLIF({f}, false) FROM t",
    "IS TRUE": "SELECT a FROM t WHERE {f} IS TRUE",
    "filter of an aggregate": "SELECT count(*) FILTER (WHERE {f}) FROM t",
    "argument of an aggregate": "SELECT bool_and({f}) FROM t",
    "GROUP BY": "SELECT count(*) FROM t GROUP BY a, {f}",
    "HAVING": "SELECT count(*) FROM t HAVING {f}",
    "ORDER BY": "SELECT a FROM t ORDER BY b, {f}",
    "LIMIT": "SELECT a FROM t LIMIT ({f})::int",
    "OFFSET": "SELECT a FROM t OFFSET ({f})::int",
    "DISTINCT ON": "SELECT DISTINCT ON ({f}) a FROM t",
    "window": "SELECT count(*) OVER (PARTITION BY {f}) FROM t",
    "frame of a window": "SELECT count(*) OVER (ORDER BY a ROWS BETWEEN ({f})::int PRECEDING AND CURRENT ROW) FROM t",
    "set": "SELECT false UNION ALL SELECT {f}",
    "WITH": "WITH w AS MATERIALIZED (SELECT {f} AS x) SELECT * FROM w",
    "table": "SELECT * FROM (SELECT {f} AS x FROM t) s",
    "scalar subquery": "SELECT a, (SELECT {f}) FROM t",
    "EXISTS": "SELECT a FROM t WHERE EXISTS (SELECT FROM t u WHERE u.a = t.a AND {f})",
    "JOIN": "SELECT t.a FROM t JOIN t u ON t.a = u.a AND {f}",
    "LEFT JOIN": "SELECT t.a FROM t LEFT JOIN t u ON {f}",
    "LATERAL": "SELECT * FROM t, LATERAL (SELECT {f} AS x WHERE t.a = 0) s",
    "VALUES": "VALUES (false), ({f})",
    "function in FROM": "SELECT * FROM {f}",
    "argument of a function in FROM": "SELECT * FROM generate_series(0, ({f})::int)",
    "TABLESAMPLE": "SELECT * FROM t TABLESAMPLE system ((({f})::int)::float4)",
    "INSERT": "INSERT INTO t (a) VALUES (({f})::int)",
    "INSERT of more rows": "INSERT INTO t (a) VALUES (2), (({f})::int)",
    "INSERT of a query": "INSERT INTO t (a) SELECT a FROM t WHERE {f}",
    "ON CONFLICT": "INSERT INTO k VALUES (0) ON CONFLICT (a) DO UPDATE SET a = (NOT {f})::int",
    "condition of ON CONFLICT": "INSERT INTO k VALUES (0) ON CONFLICT (a) DO UPDATE SET a = 0 WHERE {f}",
    "RETURNING of INSERT": "INSERT INTO t (a) VALUES (1) RETURNING {f}",
    "UPDATE": "UPDATE t SET a = 1, b = ({f})::int",
    "UPDATE of several": "UPDATE t SET (a, b) = (SELECT 1, ({f})::int)",
    "condition of UPDATE": "UPDATE t SET a = 1 WHERE b = 0 AND {f}",
    "UPDATE FROM": "UPDATE t SET a = 1 FROM k WHERE k.a = t.a AND {f}",
    "RETURNING of UPDATE": "UPDATE t SET a = 1 RETURNING a, {f}",
    "DELETE": "DELETE FROM t WHERE a = 0 AND {f}",
    "RETURNING of DELETE": "DELETE FROM t RETURNING a, {f}",
    "MERGE": "MERGE INTO t USING k ON t.a = k.a AND {f} WHEN MATCHED THEN DO NOTHING",
    "action of MERGE": "MERGE INTO t USING k ON t.a = k.a WHEN MATCHED AND {f} THEN DO NOTHING",
    "SET of MERGE": "MERGE INTO t USING k ON t.a = k.a WHEN MATCHED THEN UPDATE SET b = ({f})::int",
    "view": "CREATE VIEW v AS SELECT a, {f} AS x FROM t; SELECT x FROM v",
    "condition of a view": "CREATE VIEW v AS SELECT a FROM t WHERE {f}; UPDATE v SET a = 1",
    "CHECK OPTION": "CREATE VIEW v AS SELECT a FROM t WHERE a = 1 OR {f} WITH CHECK OPTION; INSERT INTO v VALUES (2)",
    "policy": "ALTER TABLE t ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; CREATE POLICY p ON t USING ({f}); SELECT a FROM t",
    "check of a policy": "ALTER TABLE t ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; CREATE POLICY p ON t WITH CHECK ({f}); INSERT INTO t VALUES (2)",
    "rule": "CREATE RULE r AS ON INSERT TO t DO ALSO UPDATE k SET a = 1 WHERE {f}; INSERT INTO t VALUES (2)",
    "default": "ALTER TABLE t ALTER b SET DEFAULT ({f})::int; INSERT INTO t (a) VALUES (2)",
    "CREATE TABLE AS": "CREATE TABLE copied AS SELECT a, {f} AS x FROM t",
    "EXPLAIN ANALYZE": "EXPLAIN ANALYZE SELECT a FROM t WHERE {f}",
    "COPY of a query": "COPY (SELECT a FROM t WHERE {f}) TO '/dev/null'",
    "cursor": "DECLARE c CURSOR WITH HOLD FOR SELECT a FROM t WHERE {f}",
    "PREPARE": "PREPARE p AS SELECT a FROM t WHERE {f}; EXECUTE p",
    "DO": "DO 'BEGIN PERFORM a FROM t WHERE {f}; END'",
}


@pytest.mark.parametrize("part", PARTS)
def test_a_call_is_found_in_every_part_of_a_query(server, login, admin, part):
    """A redirected call ends a session of the caller's own; one that is not is refused to who is no superuser."""
    if part.endswith("MERGE") and server.version() < 15:
        pytest.skip("MERGE came with 15")
    target, caller = login("alice"), login("alice")
    caller.execute("SET search_path = parts; INSERT INTO t VALUES (0, 0); INSERT INTO k VALUES (0)")
    caller.execute(PARTS[part].format(f="pg_terminate_backend(%d, 0)" % pid_of(target)))
    eventually(lambda: not is_alive(admin, pid_of(target)))


@pytest.fixture(autouse=True)
def parts(admin):
    admin.execute("CREATE SCHEMA parts AUTHORIZATION alice; GRANT pg_write_server_files TO alice; SET ROLE alice; CREATE TABLE parts.t (a int, b int); CREATE TABLE parts.k (a int UNIQUE); RESET ROLE")
    yield
    admin.execute("DROP SCHEMA parts CASCADE; REVOKE pg_write_server_files FROM alice")


def test_a_query_without_a_call_waits_for_no_catalog(login, admin):
    session = login("bob")
    session.execute("SET lock_timeout = '1s'")
    for _ in range(10):
        session.execute("SELECT abs(1)", prepare=False)  # by then PostgreSQL knows what it looks up itself
    admin.execute("BEGIN; LOCK TABLE pg_namespace, pg_proc")
    try:
        for _ in range(200):
            session.execute("SELECT abs(1)", prepare=False)
    finally:
        admin.execute("ROLLBACK")
