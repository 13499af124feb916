"""CREATE EXTENSION redshift_sessions_extras where some of its objects are there already, and what it leaves behind."""

import psycopg
import pytest

from conftest import value
from extras import NAME
from versions import install  # noqa: F401, a fixture

# Made by users, and what the error says of each.
OTHERS = {
    "CREATE FUNCTION public.getdate() RETURNS timestamp LANGUAGE sql AS 'SELECT now()::timestamp'": "function public.getdate()",
    "CREATE FUNCTION public.nvl(int, int) RETURNS int LANGUAGE sql AS 'SELECT coalesce($1, $2)'": "function public.nvl(integer,integer)",
    "CREATE FUNCTION pg_catalog.isnull(text, text) RETURNS text LANGUAGE sql AS 'SELECT coalesce($1, $2)'": 'function pg_catalog."isnull"(pg_catalog.text,pg_catalog.text)',
    "CREATE FUNCTION public.decode(int, int, int) RETURNS int LANGUAGE sql AS 'SELECT 1'": "function public.decode(integer,integer,integer)",
    "CREATE FUNCTION public.procpid(pg_stat_activity) RETURNS int LANGUAGE sql AS 'SELECT 1'": "function public.procpid(pg_catalog.pg_stat_activity)",
    "CREATE AGGREGATE public.listagg(text) (sfunc = textcat, stype = text)": "aggregate public.listagg(pg_catalog.text)",
    "CREATE OPERATOR public.+ (leftarg = text, rightarg = text, function = textcat)": "operator public.+(pg_catalog.text,pg_catalog.text)",
    "CREATE FUNCTION public.joined(varchar, varchar) RETURNS text LANGUAGE sql AS 'SELECT $1 || $2';"
    "CREATE OPERATOR public.+ (leftarg = varchar, rightarg = varchar, function = joined)": "operator public.+(character varying,character varying)",
    "CREATE FUNCTION public.joined(text, anynonarray) RETURNS text LANGUAGE sql AS 'SELECT $1 || $2';"
    "CREATE OPERATOR public.+ (leftarg = text, rightarg = anynonarray, function = joined)": "operator public.+(pg_catalog.text,pg_catalog.anynonarray)",
    "CREATE VIEW public.svv_table_info AS SELECT 1 AS one": "view public.svv_table_info",
    "CREATE TABLE public.stl_vacuum (id int)": "table public.stl_vacuum",
    "CREATE TYPE public.stv_tbl_perm AS ENUM ()": "type public.stv_tbl_perm",
    "CREATE SCHEMA redshift_sessions_extras": "schema redshift_sessions_extras",
}
HINT = "Drop these, rename them or move them to another schema, and run CREATE EXTENSION again. Or go on without this extension, and keep them."


@pytest.fixture
def database(install):  # noqa: F811
    return install("conflicts", None)


def detail(database):
    with pytest.raises(psycopg.errors.DuplicateObject) as error:
        database.execute("CREATE EXTENSION " + NAME)
    told = error.value.diag
    assert told.message_primary == "redshift_sessions_extras would hide objects that this database has already"
    assert told.message_hint == HINT
    return told.message_detail.splitlines()


def test_all_are_named_at_once_and_nothing_is_made(database):
    for statement in OTHERS:
        database.execute(statement)
    assert sorted(detail(database)) == sorted(OTHERS.values())
    assert value(database, "SELECT count(*) FROM pg_extension WHERE extname = '%s'" % NAME) == 0
    assert value(database, "SELECT count(*) FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace AND proname = 'datediff'") == 0


@pytest.mark.parametrize("statement", OTHERS)
def test_each_is_found_and_can_be_moved_away(database, statement):
    database.execute(statement)
    assert detail(database) == [OTHERS[statement]]
    if "CREATE SCHEMA" in statement:
        database.execute("ALTER SCHEMA redshift_sessions_extras RENAME TO own")
    else:
        kind, name = OTHERS[statement].split(" ", 1)
        name = name.replace("(", " (") if kind == "operator" else name
        database.execute("CREATE SCHEMA own; ALTER %s %s SET SCHEMA own" % (kind, name))
    database.execute("CREATE EXTENSION " + NAME)


def test_the_extension_that_they_belong_to_is_named(database):
    """Any extension will do."""
    database.execute("CREATE FUNCTION public.len(int) RETURNS int LANGUAGE sql AS 'SELECT 1'; ALTER EXTENSION plpgsql ADD FUNCTION public.len(int)")
    assert detail(database) == ["function public.len(integer), of extension plpgsql"]


def test_regexp_substr_is_one_where_we_make_it(database):
    database.execute("CREATE FUNCTION public.regexp_substr(text, text, int) RETURNS text LANGUAGE sql AS 'SELECT $1'")
    if database.info.server_version < 150000:
        assert detail(database) == ["function public.regexp_substr(pg_catalog.text,pg_catalog.text,integer)"]
    else:
        database.execute("CREATE EXTENSION " + NAME)


def test_what_is_no_conflict(database):
    """Other schemas, other kinds of objects, other arguments of the functions that read as columns."""
    database.execute("CREATE SCHEMA own; CREATE FUNCTION own.getdate() RETURNS int LANGUAGE sql AS 'SELECT 1'")
    database.execute("CREATE TABLE public.nvl (len int); CREATE TYPE public.datediff AS ENUM ()")
    database.execute("CREATE FUNCTION public.procpid(int) RETURNS int LANGUAGE sql AS 'SELECT 1'")
    database.execute("CREATE OPERATOR public.+ (leftarg = text, rightarg = int, function = repeat)")
    database.execute("CREATE EXTENSION " + NAME)
    assert value(database, "SELECT own.getdate()") == 1 and value(database, "SELECT procpid(1)") == 1


def test_a_warning_names_those_in_other_schemas(database):
    """A plain call of them may not work any more, whatever is in search_path."""
    database.execute("CREATE SCHEMA own; SET search_path = own, pg_catalog; CREATE TEMP TABLE svv_table_info (id int)")
    database.execute("CREATE FUNCTION own.nvl(anyelement, anyelement) RETURNS anyelement LANGUAGE sql AS 'SELECT $2'; CREATE VIEW own.stl_vacuum AS SELECT 1 AS one")
    assert value(database, "SELECT nvl(1, 2)") == 2
    database.execute("CREATE EXTENSION " + NAME)
    (told,) = database.notices
    assert told.severity == "WARNING" and told.message_primary == "redshift_sessions_extras uses the names of objects in other schemas"
    assert told.message_detail.splitlines() == ["function own.nvl(pg_catalog.anyelement,pg_catalog.anyelement)", "view own.stl_vacuum"]
    assert told.message_hint.startswith("Write their schema before each of these names")
    with pytest.raises(psycopg.errors.AmbiguousFunction):
        database.execute("SELECT nvl(1, 2)")
    assert value(database, "SELECT own.nvl(1, 2)") == 2
    database.execute("DROP EXTENSION %s; DROP SCHEMA own CASCADE; CREATE EXTENSION %s" % (NAME, NAME))
    assert [notice for notice in database.notices if notice.severity == "WARNING"] == [told]


def test_with_and_without_redshift_sessions_in_either_order(database):
    for first, second in (("redshift_sessions", NAME), (NAME, "redshift_sessions")):
        database.execute("CREATE EXTENSION %s; CREATE EXTENSION %s" % (first, second))
        assert value(database, "SELECT count(*) FROM stv_sessions JOIN svv_user_grants ON false") == 0
        database.execute("DROP EXTENSION %s" % first)
        database.execute("DROP EXTENSION %s" % second)
    database.execute("CREATE EXTENSION %s" % NAME)
    assert value(database, "SELECT nvl(NULL, 1)") == 1


def test_only_superusers_create_it(database, server):
    with server.connect("alice", "conflicts") as alice, pytest.raises(psycopg.errors.InsufficientPrivilege):
        alice.execute("CREATE EXTENSION " + NAME)
