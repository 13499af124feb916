"""redshift_sessions.serverless: STL_ and STV_ views are refused to everybody, whichever way they are read; all others work."""

import psycopg
import pytest

from conftest import pid_of, value
from versions import run

DENIED = psycopg.errors.InsufficientPrivilege
ON = "SET redshift_sessions.serverless = on"
VIEWS = "SELECT viewname FROM pg_views WHERE schemaname = 'pg_catalog' AND viewname ~ '^(stl|stv|svl|svv|sys)_' ORDER BY 1"


@pytest.fixture
def views(admin):
    """All of ours, and whether they are refused."""
    views = {name: name[:4] in ("stl_", "stv_") for (name,) in admin.execute(VIEWS)}
    assert sum(views.values()) >= 7 and len(views) - sum(views.values()) >= 4
    return views


def refused(session, query, view="stv_sessions"):
    with pytest.raises(DENIED) as error:
        session.execute(query)
    assert error.value.diag.message_primary == "permission denied for relation " + view
    return error.value.diag


def test_all_stl_and_stv_views_are_refused_to_superusers_too(login, views):
    session = login()
    session.execute(ON)
    for view, is_refused in views.items():
        query = "SELECT count(*) FROM " + view
        refused(session, query, view) if is_refused else session.execute(query)
    session.execute("RESET redshift_sessions.serverless")
    for view in views:
        session.execute("SELECT * FROM " + view).fetchall()


def test_everybody_reads_the_same_words(login):
    """Also of a view that the user may not read anyway."""
    for user in ("awsuser", "boss", "alice", "reader", "canceller"):
        session = login(user)
        session.execute(ON)
        for view in ("stv_sessions", "stv_locks", "stl_connection_log", "stl_restarted_sessions"):
            told = refused(session, "SELECT * FROM " + view, view)
        assert told.message_detail == "Redshift Serverless refuses STL_ and STV_ views, and redshift_sessions.serverless is on."
        session.execute(told.message_hint.split("or: ")[1])
        assert value(session, "SELECT count(*) FROM stv_sessions WHERE process = pg_backend_pid()") == 1


WAYS = [
    "SELECT 1 FROM pg_catalog.stv_sessions LIMIT 0",
    "SELECT 1 WHERE EXISTS (SELECT FROM stv_sessions)",
    "SELECT s.process FROM svv_transactions t JOIN stv_sessions s ON s.process = t.pid WHERE false",
    "WITH s AS (SELECT * FROM stv_sessions) SELECT 1 FROM s",
    "SELECT pg_terminate_backend(process) FROM stv_sessions WHERE false",
    "SELECT process FROM stv_sessions UNION ALL SELECT 1",
    "SELECT * FROM mine",
    "SELECT * FROM over_mine",
    "SELECT in_sql()",
    "SELECT * FROM inlined()",
    "SELECT in_plpgsql()",
    "SELECT definers()",
    "DO $$ BEGIN PERFORM * FROM stv_sessions; END $$",
    "EXPLAIN SELECT * FROM stv_sessions",
    "EXPLAIN ANALYZE SELECT * FROM mine",
    "COPY (SELECT * FROM stv_sessions) TO STDOUT",
    "BEGIN; DECLARE c CURSOR FOR SELECT * FROM stv_sessions; COMMIT",
    "CREATE TABLE made AS SELECT * FROM stv_sessions",
    "SELECT * INTO made FROM stv_sessions",
    "INSERT INTO t SELECT process FROM stv_sessions",
    "CREATE MATERIALIZED VIEW made AS SELECT * FROM stv_sessions",
    "REFRESH MATERIALIZED VIEW kept",
    "EXECUTE prepared",
    "EXECUTE over",
    "TABLE stv_sessions",
]  # fmt: skip


@pytest.fixture
def built(admin, login, table):
    """What users build on the view, before and after the setting is on: a definition reads nothing."""
    for setting in ("off", "on"):
        admin.execute("""
            SET redshift_sessions.serverless = %s;
            CREATE OR REPLACE VIEW mine AS SELECT process AS pid FROM stv_sessions;
            CREATE OR REPLACE VIEW over_mine AS SELECT m.pid FROM mine m;
            CREATE MATERIALIZED VIEW IF NOT EXISTS kept AS SELECT process FROM stv_sessions;
            CREATE OR REPLACE FUNCTION in_sql() RETURNS int VOLATILE LANGUAGE sql AS 'SELECT 1 FROM stv_sessions';
            CREATE OR REPLACE FUNCTION inlined() RETURNS SETOF int STABLE LANGUAGE sql AS 'SELECT process FROM stv_sessions';
            CREATE OR REPLACE FUNCTION in_plpgsql() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT max(process) FROM stv_sessions); END';
            CREATE OR REPLACE FUNCTION definers() RETURNS int SECURITY DEFINER LANGUAGE sql AS 'SELECT max(process) FROM stv_sessions';
            PREPARE prepared_%s AS SELECT * FROM stv_sessions;
            GRANT SELECT ON mine, over_mine, kept TO PUBLIC;
        """ % (setting, setting))  # fmt: skip
    admin.execute("SET redshift_sessions.serverless = off")
    yield admin
    admin.execute("SET redshift_sessions.serverless = off")
    admin.execute("DROP VIEW over_mine, mine; DROP MATERIALIZED VIEW kept; DROP FUNCTION in_sql, inlined, in_plpgsql, definers")


@pytest.mark.parametrize("user", ["awsuser", "alice"])
def test_every_way_to_read_is_refused(built, login, user):
    session = login(user, prepare_threshold=None)  # the driver's own would go with a ROLLBACK, and take these along
    session.execute("PREPARE prepared AS SELECT * FROM stv_sessions; PREPARE over AS SELECT * FROM over_mine")
    for _ in range(7):  # also from a generic plan
        session.execute("EXECUTE prepared").fetchall()
        session.execute("EXECUTE over").fetchall()
    session.execute(ON)
    for way in WAYS:
        if user != "awsuser" and "REFRESH" in way:
            continue  # for its owner only
        refused(session, way)
        session.execute("ROLLBACK")
    assert session.execute("SELECT count(*) FROM kept").fetchone()[0] > 0
    assert value(session, "SELECT count(*) FROM pg_class WHERE relname = 'made'") == 0


def test_functions_and_other_views_work(login, views):
    session = login("alice")
    target = login("alice")
    session.execute(ON)
    assert value(session, "SELECT count(*) FROM sys_session_history WHERE session_id = pg_backend_pid() AND end_time IS NULL") == 1
    assert value(session, "SELECT count(*) FROM svv_transactions WHERE pid = pg_backend_pid()") > 0
    assert value(session, "SELECT count(*) FROM svv_query_inflight WHERE pid = pg_backend_pid()") == 1
    assert value(session, "SELECT pg_last_query_id()") > 0
    assert value(session, "SELECT pg_terminate_backend(%s)", pid_of(target)) == 1


def test_it_can_be_set_for_a_database_a_role_and_a_session(login, admin):
    for scope in ("DATABASE dev", "ROLE alice", "ROLE alice IN DATABASE dev"):
        admin.execute("ALTER %s SET redshift_sessions.serverless = on" % scope)
        try:
            session = login("alice")
            refused(session, "SELECT * FROM stv_sessions")
            session.execute("SET redshift_sessions.serverless = off; SELECT * FROM stv_sessions")
        finally:
            admin.execute("ALTER %s RESET redshift_sessions.serverless" % scope)
    session = login("alice", options="-c redshift_sessions.serverless=on")
    refused(session, "SELECT * FROM stv_sessions")
    login("alice").execute("SELECT * FROM stv_sessions")


def test_other_relations_of_such_names_are_the_users_own(login, admin):
    session = login("alice")
    session.execute(ON)
    session.execute("CREATE TEMP TABLE stv_mine (a int); CREATE TEMP VIEW stl_mine AS SELECT * FROM stv_mine")
    assert session.execute("SELECT * FROM stl_mine").fetchall() == []
    session.execute("CREATE TEMP TABLE stv_sessions (a int); SELECT * FROM pg_temp.stv_sessions")
    # A superuser may put one into pg_catalog: it is not the extension's.
    admin.execute("SET allow_system_table_mods = on; CREATE VIEW public.stv_other AS SELECT 1; ALTER VIEW stv_other SET SCHEMA pg_catalog")
    try:
        admin.execute("GRANT SELECT ON stv_other TO PUBLIC")
        assert value(session, "SELECT * FROM stv_other") == 1
    finally:
        admin.execute("DROP VIEW pg_catalog.stv_other")


def test_a_database_that_has_it_on_can_be_dumped_and_restored(server, admin, login, tmp_path):
    admin.execute("CREATE DATABASE original TEMPLATE template0")
    admin.execute("CREATE DATABASE restored TEMPLATE template0")
    try:
        for name in ("original", "restored"):
            admin.execute("ALTER DATABASE %s SET redshift_sessions.serverless = on" % name)
        with server.connect(dbname="original") as database:
            database.execute("CREATE EXTENSION redshift_sessions; CREATE VIEW mine AS SELECT * FROM stv_sessions; REVOKE SELECT ON stv_recents FROM PUBLIC")
        run("pg_dump", "-f", tmp_path / "dump", server.dsn(dbname="original"))
        run("psql", "-qX", "-v", "ON_ERROR_STOP=1", "-f", tmp_path / "dump", server.dsn(dbname="restored"))
        with server.connect(dbname="restored") as database:
            refused(database, "SELECT * FROM mine")
            database.execute("SET redshift_sessions.serverless = off; SELECT * FROM mine")
    finally:
        admin.execute("DROP DATABASE original WITH (FORCE)")
        admin.execute("DROP DATABASE restored WITH (FORCE)")


def test_parallel_workers_have_it_too(login, table):
    """And a plan that was made before runs on with what is not refused."""
    session = login()
    session.execute("SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; " + ON)
    session.execute("ALTER TABLE t SET (parallel_workers = 2)")
    assert value(session, "SELECT count(*) FROM t") == 10
    refused(session, "SELECT count(*) FROM t WHERE id NOT IN (SELECT process FROM stv_sessions)")
