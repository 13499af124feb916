"""What works on stock PostgreSQL means the same with the extension: each statement before and after, result and type."""

import psycopg
import pytest

from extras import NAME

TYPES = """
    bool bytea "char" name int8 int2 int4 regproc text oid tid xid cid json jsonb xml pg_lsn point lseg box path polygon line circle float4 float8 money
    macaddr macaddr8 inet cidr aclitem bpchar varchar date time timestamp timestamptz interval timetz bit varbit numeric uuid tsvector tsquery regclass
    regtype regrole regnamespace int4range int8range numrange tsrange daterange int4multirange int4[] text[] timestamp[] txid_snapshot refcursor pg_class
""".split()
LITERALS = ["NULL", "'1'", "'x'", "1", "1.5", "1e0", "true", "DATE '2020-01-02'", "TIME '10:00'", "INTERVAL '1 day'", "TIMESTAMP '2020-01-02 10:00'", "TIMESTAMPTZ '2020-01-02 10:00Z'", "B'1'"]
VALUES = LITERALS + ["NULL::%s" % kind for kind in TYPES]
STATEMENTS = """
    SELECT date '2020-01-01' + '1 day'::interval, date '2020-01-01' + 7, date '2020-01-01' + time '10:00', '1' + 2, 2 + '1', + 5, 1.5 + 1
    SELECT '10.0.0.1'::inet + 5, int4range(1, 3) + int4range(2, 5), money '1' + money '2', '0/1'::pg_lsn + 2, point '(1,2)' + point '(1,1)'
    SELECT trim('  x '), trim(both 'x' from 'xax'), trim(leading from ' x'), trim('xax', 'x'), btrim('  x '), btrim('xax', 'x'), trim(bytea '\\x00aa00' from bytea '\\x00')
    SELECT trim(relname), trim(relname::varchar), trim(relname::char(70)), btrim(relname::text) FROM pg_class WHERE oid = 1259
    SELECT trim(NULL), btrim(NULL), trim(x) FROM (SELECT 'a ' AS x) s
    SELECT decode('aGk=', 'base64'), decode('6869', 'hex'), encode(decode('aGk=', 'base64'), 'escape'), decode(NULL, 'hex')
    SELECT current_query() LIKE 'SELECT current_query%%', length('cat'), char_length('cat'), octet_length('cat')
    SELECT 1 isnull, NULL isnull, (SELECT 1) isnull, 1 notnull, (x isnull) FROM (VALUES (1)) v(x)
    SELECT s.isnull, "isnull" FROM (SELECT 1 AS "isnull") s
    SELECT len, nvl, getdate, datediff, dateadd, decode, listagg, procpid FROM (SELECT 1 len, 2 nvl, 3 getdate, 4 datediff, 5 dateadd, 6 decode, 7 listagg, 8 procpid) s
    SELECT s.len, s.transaction, s.current_query FROM (SELECT 1 len, 2 "transaction", 3 current_query) s
    SELECT count(*) FROM information_schema.columns WHERE table_schema = 'pg_catalog' AND table_name IN ('pg_stat_activity', 'pg_locks')
    SELECT a.* FROM pg_stat_activity a WHERE false
    SELECT l.* FROM pg_locks l WHERE false
    SELECT to_jsonb(a) - ARRAY['query', 'query_start', 'state_change', 'xact_start', 'backend_start', 'backend_xmin', 'pid', 'client_port', 'query_id'] FROM pg_stat_activity a WHERE pid = pg_backend_pid()
    SELECT string_agg(x, ',' ORDER BY x) FROM (VALUES ('a'), ('b')) v(x)
    SELECT coalesce(NULL, 1), nullif(1, 2), greatest(1, 2), extract(year FROM date '2020-01-01'), date_part('day', date '2020-01-02')
    SELECT current_user, session_user, current_setting('search_path'), current_schema
    BEGIN; ROLLBACK
    CREATE TEMP TABLE t (len int, nvl text, listagg text); INSERT INTO t VALUES (1, 'a', 'b'); SELECT len, t.nvl, t FROM t
    CREATE FUNCTION pg_temp.getdate() RETURNS int LANGUAGE sql AS 'SELECT 1'; SELECT pg_temp.getdate()
    DO $$ DECLARE len int := 1; nvl text := 'x'; BEGIN len := len + 1; ASSERT len = 2 AND nvl || 'y' = 'xy'; END $$
""".strip().splitlines()  # fmt: skip
QUERIES = (
    ["SELECT x, pg_typeof(x) FROM (SELECT %s + %s) v(x)" % (left, right) for left in VALUES for right in VALUES]
    + ["SELECT x, pg_typeof(x) FROM (SELECT %s(%s)) v(x)" % (function, one) for function in ("trim", "btrim", "+", "length") for one in VALUES]
    + ["SELECT x, pg_typeof(x) FROM (SELECT %s(%s, %s)) v(x)" % (function, one, other) for function in ("btrim", "decode") for one in VALUES for other in LITERALS[:4]]
    + [line.strip() for line in STATEMENTS]
)


def outcomes(connection):
    """The rows as text, or the SQLSTATE, of each query. In transactions, so that nothing is left."""
    found = []
    for query in QUERIES:
        try:
            with connection.transaction(force_rollback=True):
                cursor = connection.execute(query)
                while cursor.nextset():
                    pass
                found.append((cursor.statusmessage, [repr(row) for row in cursor.fetchall()] if cursor.description else None))
        except psycopg.Error as error:
            found.append(error.sqlstate)
    return found


def test_what_worked_works_and_means_the_same(server):
    with server.connect("awsuser", "postgres") as connection:
        connection.execute("CREATE DATABASE stock TEMPLATE template0")
        with server.connect("awsuser", "stock") as database:
            before = outcomes(database)
            database.execute("CREATE EXTENSION " + NAME)
            after = outcomes(database)
            database.execute("DROP EXTENSION " + NAME)
            dropped = outcomes(database)
        connection.execute("DROP DATABASE stock")
    worked = [n for n, outcome in enumerate(before) if isinstance(outcome, tuple)]
    assert len(worked) > 400 and len(QUERIES) > 6000
    failed = [QUERIES[n] for n in range(len(QUERIES) - len(STATEMENTS), len(QUERIES)) if n not in worked]
    assert failed == [], "statements that stock PostgreSQL refuses show nothing"
    assert [(QUERIES[n], before[n], after[n]) for n in worked if after[n] != before[n]] == []
    assert dropped == before


NEW = {"'a' + 'b'": "ab", "NULL::text + 'b'": None, "'x'::varchar + 'y'::name": "xy"}


@pytest.mark.parametrize("expression", NEW)
def test_what_failed_may_work(server, expression):
    """Else the comparison above would compare two servers without the extension."""
    with server.connect("awsuser", "postgres") as connection, connection.transaction(force_rollback=True):
        with pytest.raises(psycopg.Error), connection.transaction():
            connection.execute("SELECT " + expression)
        connection.execute("CREATE EXTENSION " + NAME)
        assert connection.execute("SELECT " + expression).fetchone() == (NEW[expression],)


def test_names_that_are_no_longer_of_one_function(server):
    """As the document says."""
    with server.connect("awsuser", "postgres") as connection, connection.transaction(force_rollback=True):
        query = "SELECT proname FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace GROUP BY 1 HAVING count(*) = 1"
        before = {name for (name,) in connection.execute(query)}
        connection.execute("CREATE EXTENSION " + NAME)
        after = {name for (name,) in connection.execute(query)}
        assert before - after == {"decode", "current_query"}
        assert connection.execute("SELECT 'decode(text, text)'::regprocedure::oid < 16384").fetchone() == (True,)
        with pytest.raises(psycopg.errors.AmbiguousFunction):
            connection.execute("SELECT 'decode'::regproc")
