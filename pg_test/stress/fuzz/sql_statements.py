"""Which statements could hold a native call, and where? At random, reproducible by a seed."""

import random

# The tables that they are about.
STATE = """
    CREATE TABLE t (id int PRIMARY KEY, v int, b boolean);
    INSERT INTO t SELECT g, g % 3, g % 2 = 0 FROM generate_series(1, 6) g;
    CREATE TABLE parted (id int, v int) PARTITION BY RANGE (id);
    CREATE TABLE part1 PARTITION OF parted FOR VALUES FROM (0) TO (3);
    CREATE TABLE part2 PARTITION OF parted DEFAULT;
    INSERT INTO parted SELECT g, g FROM generate_series(1, 5) g;
    GRANT ALL ON ALL TABLES IN SCHEMA public TO PUBLIC;
    ANALYZE;
"""
BOOLS = [
    "NOT {b}",
    "({b} AND {b})",
    "({b} OR {b})",
    "({b} IS TRUE)",
    "({b} IS NULL)",
    "({b} IS DISTINCT FROM {b})",
    "coalesce({b}, {b})",
    "nullif({b}, {b})",
    "greatest({b}, false)",
    "CASE WHEN {b} THEN {b} ELSE {b} END",
    "CASE {b} WHEN true THEN {b} END",
    "({b} = ANY (ARRAY[{b}, NULL]))",
    "(ARRAY[{b}, {b}])[1]",
    "({b} IN (SELECT {b}))",
    "({b} = ALL (SELECT b FROM t WHERE {b}))",
    "EXISTS (SELECT FROM t WHERE id = 1 AND {b})",
    "(SELECT {b})",
    "(SELECT x FROM (SELECT {b} AS x OFFSET 0) s)",
    "(SELECT bool_or({b}) FROM t)",
    "(SELECT bool_and(b) FILTER (WHERE {b}) FROM t)",
    "(SELECT count({b}) > 0 FROM t)",
    "(WITH w AS ({q}) SELECT count(*) > 0 FROM w)",
    "(ROW({b}, 1) = ROW({b}, 1))",
    "({b}::text = 'true')",
    "({b}::int > 0)",
    "(to_json({b})::text = 'true')",
    "(format('%s', {b}) = 't')",
]
QUERIES = [
    "SELECT {b}",
    "SELECT {b} AS x, {b} AS y",
    "SELECT {call}",
    "SELECT {call}, {call} AS x",
    "SELECT {b} FROM t",
    "SELECT id, {call} FROM t",
    "SELECT id FROM t WHERE {b}",
    "SELECT DISTINCT {b} FROM t",
    "SELECT DISTINCT ON ({b}) id FROM t WHERE id = 2",
    "SELECT {b} AS x, count(*) FROM t GROUP BY 1",
    "SELECT v, bool_and({b}) FROM t GROUP BY v HAVING bool_or({b}) ORDER BY {b}, v",
    "SELECT count(*) FROM t GROUP BY ROLLUP (v, {b})",
    "SELECT id FROM t ORDER BY {b}, id LIMIT 3",
    "SELECT id FROM t ORDER BY id LIMIT {b}::int",
    "SELECT id, bool_or({b}) OVER (PARTITION BY v ORDER BY id) FROM t",
    "SELECT id, count(*) OVER (PARTITION BY {b}) FROM t",
    "{q} UNION ALL {q}",
    "SELECT {call} UNION SELECT {b}",
    "SELECT {b} INTERSECT SELECT {call}",
    "VALUES ({b}), ({call})",
    "WITH w AS (SELECT {b} AS x) SELECT x FROM w",
    "WITH w AS MATERIALIZED (SELECT {call} AS x) SELECT x, {call} FROM w",
    "WITH RECURSIVE r(n, x) AS (SELECT 1, {b} UNION ALL SELECT n + 1, {b} FROM r WHERE n < 3) SELECT * FROM r",
    "WITH d AS (DELETE FROM t WHERE {b} RETURNING id, {b} AS x) SELECT * FROM d",
    "SELECT * FROM {call} AS f(x)",
    "SELECT * FROM {call} WITH ORDINALITY",
    "SELECT * FROM ROWS FROM ({call}, generate_series(1, 2)) AS f(x, y)",
    "SELECT id, x FROM t, LATERAL (SELECT {b} AND id > 0 AS x) l",
    "SELECT t.id FROM t LEFT JOIN parted p ON p.id = t.id AND {b}",
    "SELECT id, {b} FROM parted WHERE {b}",
    "SELECT (SELECT {call}), ARRAY(SELECT {b} FROM t), ARRAY[{call}]",
    "SELECT ROW({call}, {b})::text, ({b})::text",
    "SELECT generate_series(1, 2), {call}",
    "SELECT {b} FROM t FOR UPDATE",
    "SELECT * FROM (SELECT {call} AS x, id FROM t OFFSET 0) s WHERE x = {b}",
    "SELECT json_agg(x) FROM (SELECT {call} AS x) s",
    "INSERT INTO t VALUES (100, {b}::int, {b}) RETURNING b, {b}",
    "INSERT INTO t SELECT id + 10, v, {b} FROM t RETURNING id, {call}",
    "INSERT INTO t VALUES (1) ON CONFLICT (id) DO UPDATE SET b = {b} WHERE {b} RETURNING b",
    "UPDATE t SET b = {b} WHERE {b} RETURNING id, {call}, {b}",
    "UPDATE parted SET v = {b}::int WHERE {b} RETURNING v",
    "DELETE FROM t USING parted p WHERE p.id = t.id AND {b} RETURNING {call}",
]
MERGE = "MERGE INTO t USING parted p ON p.id = t.id WHEN MATCHED AND {b} THEN UPDATE SET b = {b} WHEN NOT MATCHED AND {b} THEN DO NOTHING"
# More than one statement; the object ends with the transaction.
SCRIPTS = [
    ["CREATE VIEW v AS {q}", "SELECT * FROM v", "SELECT pg_get_viewdef('v')"],
    ["CREATE TEMP TABLE made AS {q}", "SELECT * FROM made"],
    ["CREATE MATERIALIZED VIEW m AS {q}", "SELECT * FROM m", "REFRESH MATERIALIZED VIEW m"],
    ["CREATE FUNCTION f() RETURNS boolean LANGUAGE sql AS $$ SELECT {b} $$", "SELECT f()", "SELECT id FROM t WHERE f()", "SELECT * FROM f()"],
    ["CREATE FUNCTION f() RETURNS boolean LANGUAGE sql STABLE RETURN {b}", "SELECT f()", "SELECT f() AND {b} FROM t"],
    ["CREATE FUNCTION f() RETURNS SETOF boolean LANGUAGE sql AS $$ SELECT {call} FROM t $$", "SELECT f()", "SELECT * FROM f() AS x"],
    ["CREATE FUNCTION f(p int) RETURNS boolean LANGUAGE plpgsql AS $$ DECLARE x boolean := {b}; BEGIN IF {b} THEN x := {call}; END IF; RETURN x; END $$", "SELECT f(1)", "SELECT f(id) FROM t"],
    ["CREATE FUNCTION f() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM {b}; RETURN (SELECT {call}); EXCEPTION WHEN others THEN RETURN {call}; END $$", "SELECT f(), {call}"],
    ["DO $$ DECLARE r record; BEGIN FOR r IN SELECT {call} AS x LOOP RAISE WARNING '%', r.x; END LOOP; EXECUTE 'SELECT {call}'; END $$"],
    ["PREPARE p AS {q}", "EXECUTE p", "EXECUTE p"],
    ["PREPARE p(int) AS SELECT pg_cancel_backend($1), {b}", "EXECUTE p(0)", "EXECUTE p(NULL)", "EXPLAIN EXECUTE p(1)"],
    ["DECLARE c SCROLL CURSOR FOR {q}", "FETCH ALL FROM c", "FETCH BACKWARD 1 FROM c", "CLOSE c"],
    ["EXPLAIN (COSTS OFF) {q}"],
    ["EXPLAIN (ANALYZE, VERBOSE) {q}"],
    ["CREATE TEMP TABLE d (x boolean DEFAULT {call}, y int)", "INSERT INTO d (y) VALUES (1), (2) RETURNING x", "INSERT INTO d VALUES (DEFAULT, 3)", "SELECT * FROM d"],
    ["CREATE TEMP TABLE d (x int CHECK (x > 0 OR pg_cancel_backend(x) IS NOT NULL))", "INSERT INTO d VALUES (0), (1)", "SELECT * FROM d"],
    ["CREATE TEMP TABLE d (x int)", "CREATE RULE r AS ON INSERT TO d DO ALSO SELECT {b}", "INSERT INTO d VALUES (1)"],
    ["CREATE INDEX ON t (pg_cancel_backend(id))"],
    ["CREATE TEMP TABLE d (x int, y boolean GENERATED ALWAYS AS (pg_cancel_backend(x)) STORED)"],
    ["CREATE STATISTICS s ON v, (pg_cancel_backend(v)) FROM t", "ANALYZE t"],
    ["CREATE AGGREGATE g(int) (sfunc = int4pl, stype = int, finalfunc = pg_cancel_backend)", "SELECT g(0) FROM t"],
    ["CREATE OPERATOR @@@@ (RIGHTARG = int, FUNCTION = pg_cancel_backend)", "SELECT @@@@ 0", "SELECT (@@@@ 0) AND {b}"],
    ["CREATE DOMAIN d AS int CHECK (VALUE > 0 OR {b} IS NOT NULL)", "SELECT 0::d"],
    ["SET LOCAL plan_cache_mode = force_generic_plan", "PREPARE p(int) AS SELECT {b}, id FROM t WHERE id = $1", "EXECUTE p(1)"],
    ["SAVEPOINT s", "{q}", "ROLLBACK TO s", "{q}"],
    ["SET LOCAL parallel_setup_cost = 0", "SET LOCAL min_parallel_table_scan_size = 0", "SET LOCAL parallel_tuple_cost = 0", "{q}"],
]
PIDS = ["0", "-1", "2147483647", "-2147483648", "NULL", "NULL::int", "VICTIM", "VICTIM", "'0'", "(0)::smallint", "(SELECT 0)", "least(0, 1)", "id", "0::bigint", "'x'"]
CALLS = [
    "pg_terminate_backend({p})",
    "pg_catalog.pg_terminate_backend({p})",
    "pg_terminate_backend({p}, 0)",
    "pg_terminate_backend(timeout => 1, pid => {p})",
    "pg_terminate_backend({p}, NULL)",
    "pg_terminate_backend({p}, -1)",
    "pg_cancel_backend({p})",
    "pg_cancel_backend({p})",
    "pg_cancel_backend(pid => {p})",
    'pg_catalog."pg_cancel_backend"({p})',
]


class Statements:
    def __init__(self, seed, version):
        self.dice = random.Random(seed)
        self.queries = QUERIES + [MERGE] * (version >= 15)

    def batch(self):
        """One statement, or a few that belong together."""
        script = ["{q}"] if self.dice.random() < 0.6 else self.dice.choice(SCRIPTS)
        return [self.fill(statement, self.dice.randint(0, 3)) for statement in script]

    def fill(self, text, depth):
        while "{q}" in text:
            text = text.replace("{q}", self.fill(self.dice.choice(self.queries if depth else self.queries[:6]), depth - 1 if depth else 0), 1)
        while "{b}" in text:
            text = text.replace("{b}", self.bool(depth), 1)
        while "{call}" in text:
            text = text.replace("{call}", self.call(), 1)
        return text

    def bool(self, depth):
        if depth <= 0 or self.dice.random() < 0.3:
            return self.dice.choice([self.call(), self.call(), self.call(), "true", "false", "NULL::boolean"])
        return self.fill(self.dice.choice(BOOLS), depth - 1)

    def call(self):
        call, pid = self.dice.choice(CALLS), self.dice.choice(PIDS if self.dice.random() < 0.4 else PIDS[:8])
        if "terminate" in call and pid == "VICTIM":  # which is to live
            pid = "0"
        return call.replace("{p}", pid)
