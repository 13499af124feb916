"""ALTER EXTENSION redshift_sessions UPDATE, from each version that was released."""

import pathlib
import re

import psycopg
import pytest

from conftest import value

RELEASED = sorted(
    re.fullmatch(r"redshift_sessions--(.*)\.sql", path.name).group(1)
    for path in (pathlib.Path(__file__).resolve().parent.parent / "released").iterdir()
)

# Everything that the extension owns, and what it looks like.
MEMBERS = """
    SELECT pg_describe_object(d.classid, d.objid, 0),
           CASE d.classid WHEN 'pg_class'::regclass THEN pg_get_viewdef(d.objid)
                          WHEN 'pg_proc'::regclass THEN pg_get_functiondef(d.objid) END,
           CASE d.classid WHEN 'pg_class'::regclass THEN (SELECT relacl::text FROM pg_class WHERE oid = d.objid)
                          WHEN 'pg_proc'::regclass THEN (SELECT proacl::text FROM pg_proc WHERE oid = d.objid)
                          WHEN 'pg_namespace'::regclass THEN (SELECT nspacl::text FROM pg_namespace WHERE oid = d.objid) END,
           obj_description(d.objid, d.classid::regclass::name)
    FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
    WHERE e.extname = 'redshift_sessions' AND d.classid <> 'pg_type'::regclass AND d.classid <> 'pg_rewrite'::regclass
    ORDER BY 1
"""
COLUMNS = """
    SELECT a.attrelid::regclass::text, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod), col_description(a.attrelid, a.attnum)
    FROM pg_attribute a JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = a.attrelid AND d.deptype = 'e'
    ORDER BY 1, 2
"""
VIEWS = """
    SELECT d.objid::regclass::text FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.deptype = 'e' AND d.refobjid =
    (SELECT oid FROM pg_extension WHERE extname = 'redshift_sessions')
"""


@pytest.fixture
def install(server):
    """Makes a database with the extension, in some version or as it is now."""
    made = []
    with server.connect("awsuser", "postgres") as connection:

        def install(name, version=""):
            connection.execute("DROP DATABASE IF EXISTS %s WITH (FORCE)" % name)
            connection.execute("CREATE DATABASE %s TEMPLATE template0" % name)
            made.append(server.connect("awsuser", name))
            made[-1].execute("CREATE EXTENSION redshift_sessions %s" % version)
            return made[-1]

        yield install
        for database in made:
            name = database.info.dbname
            database.close()
            connection.execute("DROP DATABASE %s WITH (FORCE)" % name)


@pytest.fixture(params=RELEASED)
def released(request, install):
    """A connection to a database with an earlier version."""
    return install("upgraded", "VERSION '%s'" % request.param)


def test_the_sql_of_an_earlier_version_works_with_this_library(released):
    views = [name for (name,) in released.execute(VIEWS)]
    assert len(views) >= 12
    for view in views:
        released.execute("SELECT * FROM %s" % view).fetchall()
    assert value(released, "SELECT pg_terminate_backend(0)") == 0
    assert released.execute("SELECT log, size > 0 FROM redshift_sessions.logs() ORDER BY 1 LIMIT 1").fetchone() == ("stl_connection_log", True)


def test_an_upgraded_install_equals_a_fresh_one(released, install):
    fresh = install("fresh")
    released.execute("ALTER EXTENSION redshift_sessions UPDATE")
    assert released.execute(MEMBERS).fetchall() == fresh.execute(MEMBERS).fetchall()
    assert released.execute(COLUMNS).fetchall() == fresh.execute(COLUMNS).fetchall()
    version = "SELECT extversion = (SELECT default_version FROM pg_available_extensions WHERE name = extname) FROM pg_extension WHERE extname = 'redshift_sessions'"
    assert value(released, version) is True


def test_what_users_built_survives_an_upgrade(released):
    views = [name for (name,) in released.execute(VIEWS)]
    for view in views:
        released.execute("CREATE VIEW public.mine_%s AS SELECT * FROM pg_catalog.%s" % (view, view))
    released.execute("GRANT SELECT ON pg_catalog.stl_tr_conflict TO alice")
    released.execute("ALTER EXTENSION redshift_sessions UPDATE")
    for view in views:
        released.execute("SELECT * FROM public.mine_%s" % view).fetchall()
    assert value(released, "SELECT has_table_privilege('alice', 'stl_tr_conflict', 'SELECT')") is True
    with pytest.raises(psycopg.errors.DependentObjectsStillExist):
        released.execute("DROP EXTENSION redshift_sessions")
    released.execute("DROP EXTENSION redshift_sessions CASCADE")
