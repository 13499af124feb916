"""CREATE EXTENSION redshift_sessions where another emulator's or the users' own objects have its names: nothing is made, and all are named at once."""

import re

import psycopg
import pytest

import catalog
from conftest import ROOT, value
from versions import CURRENT, RELEASED, install  # noqa: F401, a fixture

# An emulator without an extension, and what the error says of each of its objects. A view gets into pg_catalog by ALTER VIEW only.
EMULATOR = {
    "CREATE VIEW public.svv_transactions AS SELECT 1 AS pid; ALTER VIEW public.svv_transactions SET SCHEMA pg_catalog": "view pg_catalog.svv_transactions",
    "CREATE VIEW public.stv_sessions AS SELECT 1 AS process": "view public.stv_sessions",
    "CREATE TABLE public.pg_user_info (usename text)": "table public.pg_user_info",
    "CREATE MATERIALIZED VIEW public.stl_query AS SELECT 1 AS query": "materialized view public.stl_query",
    "CREATE TYPE public.stv_locks AS ENUM ()": "type public.stv_locks",
    "CREATE FUNCTION pg_catalog.pg_last_query_id() RETURNS int LANGUAGE sql AS 'SELECT 1'": "function pg_catalog.pg_last_query_id()",
    "CREATE SCHEMA redshift_sessions": "schema redshift_sessions",
}
MESSAGE = "redshift_sessions uses the names of objects that this database has already"
HINT = (
    "Drop these, rename them or move them to a schema other than pg_catalog and public, and run the command again."
    " What belongs to an extension goes with DROP EXTENSION."
)
CREATE, UPDATE = "CREATE EXTENSION redshift_sessions", "ALTER EXTENSION redshift_sessions UPDATE"


def detail(database, command=CREATE):
    with pytest.raises(psycopg.errors.DuplicateObject) as error:
        database.execute(command)
    told = error.value.diag
    assert (told.sqlstate, told.message_primary, told.message_hint) == ("42710", MESSAGE, HINT)
    return told.message_detail.splitlines()


def test_all_are_named_at_once_and_nothing_is_made(install):  # noqa: F811
    database = install("taken", None)
    for statement in EMULATOR:
        database.execute(statement)
    before = catalog.of_database(database)
    assert detail(database) == sorted(EMULATOR.values())
    assert catalog.of_database(database) == before
    # As the hint says.
    database.execute("CREATE SCHEMA own; ALTER VIEW svv_transactions SET SCHEMA own; DROP VIEW public.stv_sessions")
    database.execute("ALTER TABLE public.pg_user_info RENAME TO users; DROP MATERIALIZED VIEW public.stl_query; DROP TYPE public.stv_locks")
    database.execute("DROP FUNCTION pg_catalog.pg_last_query_id(); ALTER SCHEMA redshift_sessions RENAME TO their_sessions")
    database.execute(CREATE)
    assert value(database, "SELECT pid FROM own.svv_transactions") == 1
    assert value(database, "SELECT count(*) FROM svv_transactions WHERE pid = pg_backend_pid() AND lockable_object_type = 'transactionid'") == 1


def test_the_extension_that_they_belong_to_is_named(install):  # noqa: F811
    """Any extension will do."""
    database = install("taken", None)
    database.execute("CREATE VIEW public.svv_transactions AS SELECT 1; ALTER EXTENSION plpgsql ADD VIEW public.svv_transactions")
    assert detail(database) == ["view public.svv_transactions, of extension plpgsql"]


def test_what_is_no_conflict(install):  # noqa: F811
    """Other schemas, other kinds of objects, other arguments, and redshift_sessions_extras."""
    database = install("taken", None)
    database.execute("CREATE SCHEMA own; CREATE VIEW own.svv_transactions AS SELECT 1; CREATE FUNCTION public.stv_sessions() RETURNS int LANGUAGE sql AS 'SELECT 1'")
    database.execute("CREATE FUNCTION public.pg_last_query_id(int) RETURNS int LANGUAGE sql AS 'SELECT 2'; CREATE TABLE public.t (svv_transactions int)")
    database.execute("CREATE EXTENSION redshift_sessions_extras")
    database.execute(CREATE)
    assert value(database, "SELECT stv_sessions()") == 1 and value(database, "SELECT pg_last_query_id(0)") == 2


def test_every_name_is_looked_for(install):  # noqa: F811
    """Whatever is outside of the extension's own schema, and that schema."""
    database = install("taken", CURRENT)
    query = "SELECT relname FROM pg_class c JOIN pg_depend d ON d.objid = c.oid AND d.classid = c.tableoid AND d.deptype = 'e'"
    views = {name for (name,) in database.execute(query + " WHERE relnamespace <> 'redshift_sessions'::regnamespace")}
    query = "SELECT proname FROM pg_proc p JOIN pg_depend d ON d.objid = p.oid AND d.classid = p.tableoid AND d.deptype = 'e'"
    functions = {name for (name,) in database.execute(query + " WHERE pronamespace <> 'redshift_sessions'::regnamespace AND probin LIKE '%redshift_sessions'")}
    assert names("sql/conflicts.sql") == {"views": views, "functions": functions, "schemas": {"redshift_sessions"}}


def block(path):
    return re.search(r"^DO LANGUAGE plpgsql \$conflicts\$$.*?^\$conflicts\$;$", (ROOT / path).read_text(), re.MULTILINE | re.DOTALL)[0]


ARRAY = re.compile(r"(\w+) CONSTANT pg_catalog\.text\[\] := '\{(.*?)\}'", re.DOTALL)


def names(path):
    return {array: set(listed.replace(",", " ").split()) for array, listed in ARRAY.findall(block(path))}


STEP = "sql/redshift_sessions--%s--%s.sql" % (RELEASED[-1], CURRENT)


def test_an_update_looks_for_what_it_adds(install):  # noqa: F811
    assert ARRAY.sub("", block(STEP)) == ARRAY.sub("", block("sql/conflicts.sql"))
    added = set(re.findall(r"ALTER VIEW redshift_sessions\.(\w+) SET SCHEMA pg_catalog", (ROOT / STEP).read_text()))
    assert names(STEP) == {"views": added, "functions": set(), "schemas": set()} and len(added) >= 19
    database = install("taken", RELEASED[-1])
    database.execute("CREATE VIEW public.stl_query AS SELECT 1 AS query; CREATE TABLE public.sys_userlog (id int)")
    # The earlier version's own, and what it has been hiding since it was made.
    database.execute("CREATE VIEW public.svv_transactions AS SELECT 1 AS pid")
    assert detail(database, UPDATE) == ["table public.sys_userlog", "view public.stl_query"]
    assert value(database, "SELECT extversion FROM pg_extension WHERE extname = 'redshift_sessions'") == RELEASED[-1]
    database.execute("DROP VIEW public.stl_query; DROP TABLE public.sys_userlog")
    database.execute(UPDATE)


def test_the_example_of_the_document(install):  # noqa: F811
    """As psql shows it; plpgsql stands for the other extension."""
    (example,) = re.findall(r"^```console\ndev=# (.*?);\n(.*?)^```$", (ROOT / "docs/neighbours.md").read_text(), re.MULTILINE | re.DOTALL)
    database = install("taken", None)
    for statement in EMULATOR:
        if "svv_transactions" in statement or "stv_sessions" in statement or "SCHEMA redshift" in statement:
            database.execute(statement)
    database.execute("ALTER EXTENSION plpgsql ADD VIEW public.stv_sessions")
    with pytest.raises(psycopg.errors.DuplicateObject) as error:
        database.execute(example[0])
    told = error.value.diag
    shown = "ERROR:  %s\nDETAIL:  %s\nHINT:  %s\n" % (told.message_primary, told.message_detail, told.message_hint)
    assert example[1].replace("extension emulator", "extension plpgsql") == shown


def test_the_error_is_documented():
    reference = " ".join((ROOT / "docs/reference.md").read_text().split())
    assert "| 42710 | error | `%s` |" % MESSAGE in reference
