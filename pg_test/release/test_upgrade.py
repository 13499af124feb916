"""ALTER EXTENSION redshift_sessions UPDATE, along every version that was released."""

import re

import psycopg
import pytest

import catalog
from conftest import ROOT, value
from versions import CURRENT, RELEASED, STEPS, VERSIONS, install  # noqa: F401, a fixture

DEFAULT = "(SELECT default_version FROM pg_available_extensions WHERE name = 'redshift_sessions')"
INSTALLED = "SELECT extversion FROM pg_extension WHERE extname = 'redshift_sessions'"
@pytest.fixture(params=RELEASED)
def released(request, install):
    """A connection to a database with an earlier version."""
    return install("upgraded", request.param)


def test_the_sql_of_an_earlier_version_works_with_this_library(released):
    views = catalog.views_of_extension(released)
    assert len(views) >= 12
    for view in views:
        released.execute("SELECT * FROM %s" % view).fetchall()
    assert value(released, "SELECT pg_terminate_backend(0)") == 0
    assert released.execute("SELECT log, size > 0 FROM redshift_sessions.logs() ORDER BY 1 LIMIT 1").fetchone() == ("stl_connection_log", True)


@pytest.mark.parametrize("script", ["pg_test/released/redshift_sessions--%s.sql" % version for version in RELEASED]
                         + ["sql/redshift_sessions--%s--%s.sql" % step for step in STEPS])  # fmt: skip
def test_no_function_of_a_released_script_has_left_the_library(script, admin):
    text = (ROOT / script).read_text()
    symbols = re.findall(r"AS 'MODULE_PATHNAME', '(\w+)'", text)
    assert len(symbols) == text.count("LANGUAGE c\n")
    for symbol in set(symbols):
        # PostgreSQL looks for the symbol, and for what tells that it is a function of its own, when a function is created.
        admin.execute("CREATE FUNCTION pg_temp.%s() RETURNS void LANGUAGE c AS '$libdir/redshift_sessions', '%s'" % (symbol, symbol))


@pytest.mark.parametrize("before, after", STEPS)
def test_each_step_makes_what_a_fresh_install_is(before, after, install):
    upgraded, fresh = install("upgraded", before), install("fresh", after)
    upgraded.execute("ALTER EXTENSION redshift_sessions UPDATE TO '%s'" % after)
    expected, found = catalog.of_extension(fresh), catalog.of_extension(upgraded)
    for aspect in expected:
        assert found[aspect] == expected[aspect], aspect


def test_an_update_goes_all_the_way(released, install):
    fresh = install("fresh")
    released.execute("ALTER EXTENSION redshift_sessions UPDATE")
    assert catalog.of_extension(released) == catalog.of_extension(fresh)
    assert value(released, "SELECT (%s) = %s" % (INSTALLED, DEFAULT)) is True


def test_what_users_built_survives_an_upgrade(released):
    views = catalog.views_of_extension(released)
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


@pytest.mark.parametrize("version", VERSIONS)
def test_dropping_the_extension_leaves_nothing_behind(version, install):
    database = install("upgraded", None)
    before = catalog.of_database(database)
    database.execute("CREATE EXTENSION redshift_sessions VERSION '%s'" % version)
    assert catalog.of_database(database) != before
    for view in catalog.views_of_extension(database):
        database.execute("SELECT * FROM %s" % view).fetchall()
    database.execute("ALTER EXTENSION redshift_sessions UPDATE")
    database.execute("DROP EXTENSION redshift_sessions")
    after = catalog.of_database(database)
    for table in before:
        assert after[table] == before[table], table


USES = [
    "SELECT * FROM svv_transactions",
    "SELECT * FROM redshift_sessions.svv_transactions() WITH ORDINALITY",
    "SELECT * FROM stv_sessions",
    "SELECT pg_terminate_backend(0)",
    "SELECT redshift_sessions.pg_cancel_backend(0)",
    "SELECT redshift_sessions.pg_terminate_backend_bool(0)",
]


def reminders(connection):
    return [notice for notice in connection.notices if "of version" in notice.message_primary]


@pytest.mark.parametrize("use", USES)
def test_a_session_is_told_once_what_to_run(use, released, server):
    text = "extension redshift_sessions is of version %s in this database, its library of version %s"
    with server.connect("alice", "upgraded") as session:
        session.execute("SELECT 1")
        assert reminders(session) == []
        for _ in range(2):
            session.execute(use).fetchall()
        (notice,) = reminders(session)
        assert notice.severity == "WARNING" and notice.message_primary == text % (value(released, INSTALLED), CURRENT)
    released.execute(re.fullmatch("Run: (.*)", notice.message_hint).group(1))
    with server.connect("alice", "upgraded") as session:
        session.execute(use).fetchall()
        assert reminders(session) == []


def test_a_session_is_told_that_the_server_runs_an_earlier_library(install, server):
    database = install("upgraded")
    database.execute("SET allow_system_table_mods = on")
    database.execute("UPDATE pg_extension SET extversion = '99.0.0' WHERE extname = 'redshift_sessions'")
    with server.connect("alice", "upgraded") as session:
        session.execute("SELECT * FROM svv_transactions").fetchall()
        (notice,) = reminders(session)
        assert notice.message_hint == "Install the library of version 99.0.0 and restart the server."


def test_looking_for_locks_does_not_wait_for_one(released, server):
    """Not even for one on the table that has the version."""
    # The session first: on 18 a login itself may open that table.
    with server.connect("alice", "upgraded") as session, released.transaction():
        released.execute("SET LOCAL allow_system_table_mods = on")
        released.execute("LOCK pg_extension")
        session.execute("SET statement_timeout = '10s'")
        session.execute("SELECT * FROM svv_transactions").fetchall()
