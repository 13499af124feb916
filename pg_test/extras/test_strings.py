"""nvl, isnull, len, decode, text + text, listagg, trim, regexp_substr and current_user_id: values, types, NULL, and what is evaluated."""

import psycopg
import pytest

from conftest import value
from extras import database, extras  # noqa: F401, fixtures

ONE_TO_NINE = ", ".join("NULL" for _ in range(9))
# Expression, its value as text, its type. Those of Amazon's pages have the page's result.
VALUES = [
    ("nvl(NULL, 12)", "12", "integer"),
    ("nvl(NULL, 'Amazon Redshift', NULL)", "Amazon Redshift", "text"),
    ("nvl(date '2008-06-01', date '2008-12-31')", "2008-06-01", "date"),
    ("nvl(1, 2.5)", "1", "numeric"),
    ("nvl(1::smallint, 2::bigint)", "1", "bigint"),
    ("nvl(NULL::text, relname) FROM pg_class WHERE oid = 1259", "pg_class", "text"),
    ("nvl(NULL, NULL)", None, "text"),
    ("nvl(%s, 10)" % ONE_TO_NINE, "10", "integer"),
    ("nvl(%s, 'x', 'y')" % ONE_TO_NINE, "x", "text"),
    ("nvl(%s, NULL::int)" % ONE_TO_NINE, None, "integer"),
    ("nvl(sum(oid::int), 0.0) FROM pg_class WHERE false", "0.0", "numeric"),
    ("isnull(count(1), 0) FROM pg_class WHERE false", "0", "bigint"),
    ("isnull(NULL, 'x')", "x", "text"),
    ("isnull(NULL::date, '2020-01-01')", "2020-01-01", "date"),
    ("len('français')", "8", "integer"),
    ("len('cat   ')", "6", "integer"),
    ("len('cat'::char(10))", "3", "integer"),
    ("len('aaa'::bytea)", "3", "integer"),
    ("len(convert_to('é', 'UTF8'))", "2", "integer"),
    ("len(NULL)", None, "integer"),
    ("decode(date '2008-06-01', '2008-06-01', 'June 1st, 2008')", "June 1st, 2008", "text"),
    ("decode(date '2008-06-02', '2008-06-01', 'June 1st, 2008')", None, "text"),
    ("decode(NULL::int, NULL, 0, 1)", "0", "integer"),
    ("decode(7, NULL, 0, 1)", "1", "integer"),
    ("decode('NBA', 'NHL', 'a', 'MLB', 'b', 'MLS', 'c', 'NFL', 'd', 'NBA', 'e', 'Unknown')", "e", "text"),
    ("decode('x', 'NHL', 'a', 'MLB', 'b', 'MLS', 'c', 'NFL', 'd', 'NBA', 'e', 'Unknown')", "Unknown", "text"),
    ("decode(true, 't', 'yes', 'f', 'no')", "yes", "text"),
    ("decode(1::bigint, 1, 10, 2.5)", "10", "numeric"),
    ("decode(2::smallint, 1, NULL, 2, 'two')", "two", "text"),
    ("decode(1.0, 1, 'one')", "one", "text"),
    ("decode(1::real, 1, 1::smallint, 2::bigint)", "1", "bigint"),
    ("decode('x'::char(4), 'x', 1)", "1", "integer"),
    ("decode('x'::varchar(4), 'x'::text, 1)", "1", "integer"),
    ("decode('x'::name, 'x', 1)", "1", "integer"),
    ("decode(relkind, 'r', 'table', 'other') FROM pg_class WHERE oid = 1259", "table", "text"),
    ("decode(9007199254740993, 9007199254740992, 'lost', 'exact')", "exact", "text"),
    ("decode(9007199254740993, 9007199254740992::numeric, 'lost', 'exact')", "exact", "text"),
    ("decode(4, 1, 'a', 2, 'b', 3, 'c')", None, "text"),
    ("decode(10, %s, 'other')" % ", ".join("%d, 'n%d'" % (n, n) for n in range(1, 11)), "n10", "text"),
    ("'a' + 'b'", "ab", "text"),
    ("'a'::varchar(3) + 'b'::char(3) + 'c'::name", "abc", "text"),
    ("'a' + NULL::text", None, "text"),
    ("listagg(x, ', ') FROM (VALUES ('a'), (NULL), (''), ('b')) v(x)", "a, b", "text"),
    ("listagg(x) FROM (VALUES ('a'), ('b')) v(x)", "ab", "text"),
    ("listagg(x, NULL) FROM (VALUES ('a'), ('b')) v(x)", "ab", "text"),
    ("listagg(x, ', ') FROM (VALUES (380), (1178), (1178)) v(x)", "380, 1178, 1178", "text"),
    ("listagg(x) FROM (VALUES (1), (2)) v(x)", "12", "text"),
    ("listagg(DISTINCT x, ', ') FROM (VALUES (1178), (380), (1178)) v(x)", "380, 1178", "text"),
    ("listagg(x, '|' ORDER BY x DESC) FROM (VALUES (date '2003-08-02'), ('2004-04-18')) v(x)", "2004-04-18|2003-08-02", "text"),
    ("listagg(x, ',') FROM (VALUES ('a'::char(3)), ('b')) v(x)", "a,b", "text"),
    ("listagg(relkind, ',' ORDER BY relkind) FROM pg_class WHERE relname IN ('pg_class', 'pg_views')", "r,v", "text"),
    ("listagg(DISTINCT relkind) FROM pg_class WHERE relname IN ('pg_class', 'pg_views')", "rv", "text"),
    ("listagg('a') FROM generate_series(1, 2)", "aa", "text"),
    ("listagg(NULL) FROM generate_series(1, 2)", None, "text"),
    ("listagg(DISTINCT x, ',') FROM (VALUES ('a'::char(3)), ('a ')) v(x)", "a", "text"),
    ("listagg(x, ',') FROM (VALUES (row(1, NULL)), (row(NULL, NULL))) v(x)", "(1,),(,)", "text"),
    ("listagg(x, ',') FROM (VALUES ('a')) v(x) WHERE false", None, "text"),
    ("listagg(x, ',') OVER () FROM (VALUES ('a'), ('b')) v(x) LIMIT 1", "a,b", "text"),
    ("length(listagg('x'::text)) FROM generate_series(1, 65535)", "65535", "integer"),
    ("trim(timestamp '2026-11-26 14:54:05.5')", "2026-11-26 14:54:05.5", "text"),
    ("btrim(date '2026-11-26')", "2026-11-26", "text"),
    ("trim(NULL::timestamp)", None, "text"),
    ("trim(timestamptz '2026-11-26 14:54:05Z') = timestamptz '2026-11-26 14:54:05Z'::text", "true", "boolean"),
    ("regexp_substr('varchar(256)', '[0-9]+')", "256", "text"),
    ("regexp_substr('numeric(8,2)'::varchar, '[0-9,]+')", "8,2", "text"),
    ("regexp_substr('ab12', '([a-z])([0-9])')", "b1", "text"),
    ("regexp_substr('abc', '[0-9]+')", None, "text"),
]  # fmt: skip


@pytest.mark.parametrize("expression, expected, kind", VALUES)
def test_values_and_types(database, expression, expected, kind):  # noqa: F811
    head, word, rest = expression.partition(" FROM ")
    head, over, window = head.partition(" OVER ()")
    query = "SELECT (%s%s)::text, pg_typeof(%s%s)::text%s" % (head, over, head, over, word + rest)
    assert database.execute(query).fetchone() == (expected, kind)


LAZY = [
    ("nvl(a, 1 / b)", 7),
    ("nvl(a, a, a, a, a, a, a, 1 / b)", 7),
    ("isnull(a, 1 / b)", 7),
    ("decode(b, 0, 5, a / b)", 5),
]


@pytest.mark.parametrize("expression, expected", LAZY)
def test_what_is_not_needed_is_not_evaluated(database, expression, expected):  # noqa: F811
    assert value(database, "SELECT %s FROM (VALUES (7, 0), (7, 0)) v(a, b) LIMIT 1" % expression) == expected


def test_a_list_of_a_type_that_is_cast_to_text(database):  # noqa: F811
    """As databases that came from PostgreSQL 8.2 cast integers, and as "char" is."""
    with database.transaction(force_rollback=True):
        database.execute("CREATE CAST (int AS text) WITH INOUT AS IMPLICIT")
        assert value(database, "SELECT listagg(x, ', ') || listagg(DISTINCT x) FROM (VALUES (1), (2), (2)) v(x)") == "1, 2, 212"


def test_a_list_that_is_too_long(database):  # noqa: F811
    with pytest.raises(psycopg.errors.ProgramLimitExceeded, match="^Result size exceeds LISTAGG limit"):
        database.execute("SELECT listagg('x'::text) FROM generate_series(1, 65536)")


def test_the_users_own_id(database, login, extras):  # noqa: F811
    alice = login("alice", extras)
    assert value(alice, "SELECT current_user_id()") == value(database, "SELECT oid::int FROM pg_roles WHERE rolname = 'alice'")
    assert value(alice, "SELECT pg_typeof(current_user_id())::text") == "integer"
    database.execute('CREATE ROLE "odd ""Name"; SET ROLE "odd ""Name"')
    assert value(database, "SELECT current_user_id() = (SELECT oid::int FROM pg_roles WHERE rolname = current_user)") is True
    database.execute('RESET ROLE; DROP ROLE "odd ""Name"')


def test_late_binding_views_are_a_record_with_any_names(database):  # noqa: F811
    names = "view_schema name, view_name name, col_name name, col_type varchar, ordinal_position int"
    assert database.execute("SELECT * FROM pg_get_late_binding_view_cols() cols(%s)" % names).fetchall() == []
    assert database.execute("SELECT pg_get_late_binding_view_cols()").fetchall() == []
