"""redshift_sessions_extras as it is shipped: its files, what it grants, what it looks up, dumps, and what DROP EXTENSION leaves."""

import re
import subprocess

import psycopg
import pytest

import catalog
from conftest import ROOT, value
from extras import NAME
from test_readme import section, table, types
from versions import CURRENT, install, run  # noqa: F401, a fixture

DEFAULTS = {
    "given to a role": ["GRANT SELECT ON TABLES TO bob", "GRANT EXECUTE ON FUNCTIONS TO bob", "GRANT USAGE ON SCHEMAS TO bob"],
    "taken from PUBLIC": ["REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC"],
    "given to PUBLIC": ["GRANT ALL ON TABLES TO PUBLIC", "GRANT ALL ON SCHEMAS TO PUBLIC"],
    "taken from the owner": ["REVOKE ALL ON TABLES FROM CURRENT_USER", "REVOKE ALL ON FUNCTIONS FROM CURRENT_USER", "REVOKE ALL ON SCHEMAS FROM CURRENT_USER"],
    "of pg_catalog": ["IN SCHEMA pg_catalog GRANT ALL ON FUNCTIONS TO bob", "IN SCHEMA pg_catalog GRANT ALL ON TABLES TO bob"],
}  # fmt: skip
GRANTS = """
    SELECT kind, name, ARRAY(SELECT x::text FROM unnest(acl) x ORDER BY 1) FROM (
        SELECT 'schema', nspname, nspacl, oid, tableoid FROM pg_namespace
        UNION ALL SELECT 'view', relname, relacl, oid, tableoid FROM pg_class
        UNION ALL SELECT 'function', oid::regprocedure::text, proacl, oid, tableoid FROM pg_proc) g(kind, name, acl, oid, classid)
    JOIN pg_depend d ON d.objid = g.oid AND d.classid = g.classid AND d.deptype = 'e'
    WHERE d.refobjid = (SELECT oid FROM pg_extension WHERE extname = '%s') ORDER BY 1, 2
""" % NAME
FOR_SUPERUSERS = {"stl_vacuum", "stv_tbl_perm", "svv_table_info", "tables_of_users"}


def test_the_files(tmp_path):
    """Of the project's version, with everything of sql/extras, and nothing of this machine."""
    subprocess.run([ROOT / ".ci/extras", tmp_path], check=True)
    control, script = tmp_path / (NAME + ".control"), tmp_path / ("%s--%s.sql" % (NAME, CURRENT))
    assert sorted(tmp_path.iterdir()) == sorted([control, script])
    assert "default_version = '%s'\n" % CURRENT in control.read_text()
    text = script.read_text()
    for file in (ROOT / "sql/extras").glob("*.sql"):
        assert file.read_text() in text and "\n-- sql/extras/%s\n" % file.name in text
    assert str(ROOT) not in text and text.startswith("\\echo Use")


def test_it_is_of_the_version_that_is_installed(admin):
    assert value(admin, "SELECT default_version FROM pg_available_extensions WHERE name = '%s'" % NAME) == CURRENT
    query = "SELECT superuser, trusted, relocatable, schema::text, requires::text FROM pg_available_extension_versions WHERE name = '%s'" % NAME
    assert admin.execute(query).fetchall() == [(True, False, False, "pg_catalog", "{plpgsql}")]


@pytest.mark.parametrize("kind", [None, *DEFAULTS])
def test_what_it_grants_is_the_same_whatever_the_defaults_are(kind, install):  # noqa: F811
    database = install("granted", None)
    for default in DEFAULTS.get(kind, []):
        database.execute("ALTER DEFAULT PRIVILEGES " + default)
    database.execute("CREATE EXTENSION " + NAME)
    found = database.execute(GRANTS).fetchall()
    owner = {"schema": "awsuser=UC/awsuser", "function": "awsuser=X/awsuser"}
    public = {"schema": "=U/awsuser", "function": "=X/awsuser", "view": "=r/awsuser"}
    all_of_a_view = "awsuser=arwdDxt%s/awsuser" % ("m" if database.info.server_version >= 170000 else "")
    assert len(found) > 140
    for sort, name, acl in found:
        expected = [owner.get(sort, all_of_a_view)] + ([public[sort]] if name not in FOR_SUPERUSERS else [])
        assert acl == sorted(expected), (sort, name)
    assert FOR_SUPERUSERS < {name for sort, name, _ in found if sort == "view"}


def test_nothing_runs_with_the_owners_rights(install):  # noqa: F811
    database = install("granted", None)
    database.execute("CREATE EXTENSION " + NAME)
    members = "pg_depend d ON d.objid = p.oid AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e' AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = '%s')" % NAME
    assert database.execute("SELECT p.oid::regprocedure FROM pg_proc p JOIN %s WHERE prosecdef OR proleakproof" % members).fetchall() == []
    # Bodies that are parsed when they run name no operator and no function without its schema.
    late = database.execute("SELECT p.oid::regprocedure::text, prosrc FROM pg_proc p JOIN %s WHERE prosqlbody IS NULL AND prokind = 'f' AND proconfig IS NULL" % members).fetchall()
    assert len(late) > 100
    for name, body in late:
        text = re.sub(r"pg_catalog\.\w+\(|redshift_sessions_extras\.\w+\(|OPERATOR\(|coalesce\(|::pg_catalog\.\w+|AS list\(|'[^']*'|:=|ERRCODE =|MESSAGE =", " ", re.sub(r"OPERATOR\(pg_catalog\.\S+\)", " ", body))
        assert not re.search(r"\w\(|[-+*/<>=~!@#%^&|`?]|DISTINCT|LIKE|BETWEEN|\bIN\b", text.replace("(SELECT", "")), (name, text)


HOSTILE = """
    CREATE SCHEMA evil;
    CREATE FUNCTION evil.no() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE 'called'; END $$;
    CREATE FUNCTION evil.lower(text) RETURNS text LANGUAGE sql AS 'SELECT evil.no()';
    CREATE FUNCTION evil.btrim(text) RETURNS text LANGUAGE sql AS 'SELECT evil.no()';
    CREATE FUNCTION evil.format(text, text) RETURNS text LANGUAGE sql AS 'SELECT evil.no()';
    CREATE FUNCTION evil.concat(text, text, text) RETURNS text LANGUAGE sql AS 'SELECT evil.no()';
    CREATE FUNCTION evil.octet_length(text) RETURNS int LANGUAGE sql AS 'SELECT evil.no()::int';
    CREATE FUNCTION evil.length(text) RETURNS int LANGUAGE sql AS 'SELECT evil.no()::int';
    CREATE FUNCTION evil.timezone(text, timestamp) RETURNS timestamptz LANGUAGE sql AS 'SELECT evil.no()::timestamptz';
    CREATE FUNCTION evil.unnest(anyarray) RETURNS SETOF anyelement LANGUAGE plpgsql AS $$ BEGIN RAISE 'called'; END $$;
    CREATE FUNCTION evil.equal(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT evil.no()::boolean';
    CREATE FUNCTION evil.plus(timestamp, interval) RETURNS timestamp LANGUAGE sql AS 'SELECT evil.no()::timestamp';
    CREATE FUNCTION evil.same(int, int) RETURNS boolean LANGUAGE sql AS 'SELECT evil.no()::boolean';
    CREATE OPERATOR evil.= (leftarg = text, rightarg = text, function = evil.equal);
    CREATE OPERATOR evil.= (leftarg = int, rightarg = int, function = evil.same);
    CREATE OPERATOR evil.> (leftarg = int, rightarg = int, function = evil.same);
    CREATE OPERATOR evil.+ (leftarg = timestamp, rightarg = interval, function = evil.plus);
    CREATE TABLE evil.pg_class (oid int); CREATE TABLE evil.pg_roles (oid int); CREATE TABLE evil.pg_locks (pid int);
"""
CALLS = """
    getdate(), nvl(NULL::text, 'a'), nvl(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'b'), isnull(1, 2), len('x'::text), decode(1, 1, 'a'),
    decode('x'::text, 'x', 'y'), convert_timezone('EST', timestamp '2020-01-01'), dateadd('day', 1, timestamp '2020-01-01'), datediff('day', '2020-01-01', '2020-01-02'),
    current_user_id(), trim(timestamp '2020-01-01'), (SELECT listagg(x, ',') FROM (VALUES ('a'), ('b')) v(x)), (SELECT listagg(x) FROM (VALUES (1), (2)) v(x)),
    (SELECT count(*) FROM stv_tbl_perm), (SELECT count(*) FROM svv_table_info), (SELECT count(*) FROM svv_user_grants), (SELECT count(*) FROM svv_relation_privileges),
    (SELECT count(*) FROM stl_vacuum), (SELECT count(*) FROM svv_external_columns), (SELECT count(a.current_query) > 0 FROM pg_catalog.pg_stat_activity a)
"""  # fmt: skip


def test_it_looks_nothing_up_in_anybodys_schema(install):  # noqa: F811
    """Neither when it is created nor when it is called, whatever is before pg_catalog in search_path."""
    database = install("hostile", None)
    database.execute(HOSTILE)
    database.execute("SET search_path = evil, pg_catalog, public")
    with pytest.raises(psycopg.errors.RaiseException, match="called"):
        database.execute("SELECT timestamp '2020-01-01' + interval '1 day'")
    database.execute("CREATE EXTENSION " + NAME)
    assert len(database.execute("SELECT " + CALLS).fetchone()) == 21


def test_dropping_it_leaves_nothing_behind(install):  # noqa: F811
    database = install("dropped", None)
    before = catalog.of_database(database)
    database.execute("CREATE EXTENSION " + NAME)
    assert catalog.of_database(database) != before
    database.execute("SELECT " + CALLS)
    database.execute("DROP EXTENSION " + NAME)
    after = catalog.of_database(database)
    for table in before:
        assert after[table] == before[table], table


BUILT = """
    CREATE VIEW ages AS SELECT a.procpid, datediff('s', a.backend_start::timestamp, getdate()) AS age, 'x'::text + a.current_query AS text FROM pg_stat_activity a;
    CREATE VIEW names AS SELECT nvl("table", 'none') AS name, listagg(schema, ',') AS schemas FROM svv_table_info GROUP BY 1;
    CREATE TABLE made (at timestamp DEFAULT getdate(), len int GENERATED ALWAYS AS (len('four'::text)) STORED);
    GRANT SELECT ON svv_table_info TO alice;
    REVOKE EXECUTE ON FUNCTION dateadd(text, bigint, date) FROM PUBLIC;
"""


@pytest.mark.parametrize("form", ["plain", "custom"])
def test_what_was_dumped_can_be_restored(form, install, server, tmp_path):  # noqa: F811
    original = install("original", None)
    original.execute("CREATE EXTENSION %s; %s" % (NAME, BUILT))
    restored = install("restored", None)
    file = tmp_path / "dump"
    if form == "plain":
        run("pg_dump", "-f", file, server.dsn(dbname="original"))
        assert file.read_text().count("CREATE EXTENSION") == 1
        run("psql", "-qX", "-v", "ON_ERROR_STOP=1", "-f", file, server.dsn(dbname="restored"))
    else:
        run("pg_dump", "-Fc", "-f", file, server.dsn(dbname="original"))
        run("pg_restore", "--exit-on-error", "-d", server.dsn(dbname="restored"), file)
    assert catalog.of_extension(restored, NAME) == catalog.of_extension(original, NAME)
    restored.execute("INSERT INTO made DEFAULT VALUES")
    assert value(restored, "SELECT count(*) FROM ages, names, made WHERE len = 4") >= 0
    with pytest.raises(psycopg.errors.DependentObjectsStillExist):
        restored.execute("DROP EXTENSION " + NAME)
    restored.execute("DROP EXTENSION %s CASCADE" % NAME)


DOCUMENT = (ROOT / "docs/extras.md").read_text()


def test_the_document_names_everything(install):  # noqa: F811
    """Each function in its table, each view with its columns, their types and meanings, and nothing that is not there."""
    database = install("documented", None)
    database.execute("CREATE EXTENSION " + NAME)
    objects = "SELECT DISTINCT %s FROM pg_depend d JOIN %s o ON o.oid = d.objid AND o.tableoid = d.classid AND d.deptype = 'e' WHERE d.refobjid = (SELECT oid FROM pg_extension WHERE extname = '" + NAME + "')"
    functions = {name for (name,) in database.execute(objects % ("proname", "pg_proc") + " AND pronamespace = 'pg_catalog'::regnamespace")}
    named = {name for row in table(section(DOCUMENT, "## Functions")) for name in re.findall(r"(\w+) \(", row[0])}
    as_columns = {name for row in table(section(DOCUMENT, "## Columns of PostgreSQL 8.0")) for name in re.findall(r"`\w+\.(\w+)`", row[0])}
    assert functions | {"regexp_substr"} == (named - {"trim"}) | as_columns
    views = {name for (name,) in database.execute(objects % ("relname", "pg_class") + " AND relnamespace = 'pg_catalog'::regnamespace")}
    assert set(re.findall(r"^### (\w+)$", section(DOCUMENT, "## Views"), re.MULTILINE)) == views
    for view in views:
        assert table(section(DOCUMENT, "### " + view)) == types(database, "pg_catalog." + view), view


def test_the_document_has_every_date_part():
    source = (ROOT / "sql/extras/step.sql").read_text()
    known = [names.split(",") for names in re.findall(r"ANY \('\{(.*)\}'\)", source)]
    rows = re.findall(r"^\| (\w+) \| (.*) \|$", section(DOCUMENT, "### dateadd ( datepart, number, time )"), re.MULTILINE)
    assert [[name, *others.split(", ")] for name, others in rows if name != "date"] == known
