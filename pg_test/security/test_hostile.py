"""What can somebody do who may log in and create objects? No more than docs/security.md says."""

import psycopg
import pytest

from conftest import Server, pid_of, value
from trap import set_trap

DENIED = psycopg.errors.InsufficientPrivilege
VIEWS = "svv_transactions stv_sessions stv_recents stv_inflight svv_query_inflight stv_locks svl_terminate stl_tr_conflict stl_sessions sys_session_history stl_connection_log".split()
TRAPPED_PATH = "SET search_path = evil, pg_temp, pg_catalog, public"


@pytest.fixture
def database(admin):
    admin.execute("CREATE DATABASE trapped")
    yield "trapped"
    admin.execute("DROP DATABASE trapped WITH (FORCE)")


def definitions(connection):
    connection.execute("SET search_path = pg_catalog")
    views = "SELECT relname, pg_get_viewdef(oid) FROM pg_class WHERE relname = ANY (%s) AND relnamespace = 'pg_catalog'::regnamespace ORDER BY 1"
    functions = "SELECT pg_get_functiondef(oid) FROM pg_proc WHERE probin ~ 'redshift_sessions' ORDER BY 1"
    return connection.execute(views, (VIEWS,)).fetchall() + connection.execute(functions).fetchall()


class TestShadows:
    def test_create_extension_looks_nothing_up_in_somebody_elses_schema(self, login, admin, database):
        set_trap(login(dbname=database))
        admin.execute("ALTER DATABASE trapped " + TRAPPED_PATH)
        owner = login(dbname=database)
        owner.execute("CREATE EXTENSION redshift_sessions")
        owner.execute("DROP SCHEMA evil CASCADE")  # and with it whatever were made of it
        trapped, clean = definitions(owner), definitions(login())
        assert len(clean) > len(VIEWS) and trapped == clean

    def test_views_and_functions_look_nothing_up_there_either(self, login, database):
        owner = login(dbname=database)
        owner.execute("CREATE EXTENSION redshift_sessions")
        set_trap(owner)
        boss, target = login("boss", database), login("alice", database)
        boss.execute(TRAPPED_PATH)
        for view in VIEWS:
            boss.execute("SELECT * FROM pg_catalog." + view).fetchall()
        pid = pid_of(target)
        assert value(boss, "SELECT redshift_sessions.pg_cancel_backend(%s)", pid) == 1
        assert value(boss, "SELECT pg_catalog.pg_cancel_backend(%s)", pid) == 1
        assert value(boss, "SELECT redshift_sessions.cancel(%s, 'x')", pid) == 1
        # The trap works: whoever puts the schema in front, and names it, is caught as with any function of PostgreSQL.
        with pytest.raises(psycopg.errors.RaiseException, match="caught"):
            boss.execute("SELECT pg_cancel_backend(%s)", (pid,))
        boss.execute("RESET search_path")
        assert value(boss, "SELECT pg_terminate_backend(%s)", pid) == 1

    def test_pg_temp_is_searched_last(self, login):
        boss, target = login("boss"), login("alice")
        for name in VIEWS:
            boss.execute("CREATE TEMP TABLE %s (mine int)" % name)
        for function in ("pg_terminate_backend", "pg_cancel_backend"):
            boss.execute("CREATE FUNCTION pg_temp.%s(int) RETURNS text LANGUAGE sql AS 'SELECT $$mine$$'" % function)
        boss.execute("SET search_path = pg_catalog, pg_temp")
        for name in VIEWS:
            assert "mine" not in [column.name for column in boss.execute("SELECT * FROM %s LIMIT 0" % name).description]
        boss.execute("RESET search_path")
        assert value(boss, "SELECT pg_terminate_backend(%s)", pid_of(target)) == 1

    def test_casts_are_of_types_that_nobody_else_owns(self, login):
        bob = login("bob")
        for cast in ("int4 AS bpchar", "oid AS int4", "bool AS int4"):
            with pytest.raises((DENIED, psycopg.errors.DuplicateObject)):
                bob.execute("CREATE CAST (pg_catalog.%s) WITHOUT FUNCTION" % cast.replace(" AS ", " AS pg_catalog."))


class TestOwners:
    def test_who_owns_the_database_owns_nothing_of_ours(self, login, admin, database):
        login(dbname=database).execute("CREATE EXTENSION redshift_sessions")
        admin.execute("ALTER DATABASE trapped OWNER TO bob")
        bob = login("bob", database)
        for attempt in (
            "DROP EXTENSION redshift_sessions",
            "ALTER EXTENSION redshift_sessions UPDATE",
            "DROP SCHEMA redshift_sessions CASCADE",
            "CREATE FUNCTION redshift_sessions.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
            "CREATE OR REPLACE FUNCTION redshift_sessions.pg_cancel_backend_bool(pid int) RETURNS boolean LANGUAGE sql AS 'SELECT true'",
            "ALTER FUNCTION redshift_sessions.pg_terminate_backend(int) RENAME TO other",
            "ALTER FUNCTION redshift_sessions.pg_terminate_backend(int) SECURITY DEFINER",
            "CREATE FUNCTION steal(int) RETURNS int LANGUAGE c AS 'redshift_sessions', 'pg_terminate_backend_wrapper'",
            "ALTER VIEW svl_terminate OWNER TO bob",
            "CREATE RULE r AS ON INSERT TO svl_terminate DO INSTEAD NOTHING",
            "GRANT SELECT ON svl_terminate TO alice WITH GRANT OPTION",
            "REVOKE SELECT ON svv_transactions FROM PUBLIC",
            "SELECT * FROM svl_terminate",
            "SELECT * FROM redshift_sessions.logs()",
        ):
            try:
                bob.execute(attempt)
            except psycopg.errors.InsufficientPrivilege:
                continue
            # PostgreSQL only warns of a GRANT that grants nothing.
            assert bob.notices and bob.notices.pop().sqlstate in ("01007", "01006"), attempt

    def test_a_schema_that_was_there_is_not_adopted(self, login, admin, database):
        """The squatter's functions are in test_redirect.py; here even the superuser's own schema is left alone."""
        owner = login(dbname=database)
        owner.execute("CREATE SCHEMA redshift_sessions; CREATE TABLE redshift_sessions.mine (x int)")
        for statement in ("CREATE EXTENSION redshift_sessions", "CREATE EXTENSION redshift_sessions SCHEMA redshift_sessions CASCADE"):
            with pytest.raises((psycopg.errors.DuplicateObject, psycopg.errors.FeatureNotSupported)):
                owner.execute(statement)
        assert value(owner, "SELECT count(*) FROM pg_extension WHERE extname = 'redshift_sessions'") == 0
        assert value(owner, "SELECT count(*) FROM pg_proc WHERE pronamespace = 'redshift_sessions'::regnamespace") == 0

    def test_only_superusers_create_the_extension(self, login, admin, database):
        admin.execute("ALTER DATABASE trapped OWNER TO bob")
        with pytest.raises(DENIED):
            login("bob", database).execute("CREATE EXTENSION redshift_sessions")

    def test_what_a_user_may_write_and_our_views_read(self, login, admin):
        """pg_db_role_setting has texts of whoever may change its own settings."""
        alice = login("alice")
        try:
            alice.execute("ALTER ROLE alice SET query_group = 'idle_session_timeout=1'")
            alice.execute("ALTER ROLE alice SET application_name = '{},\"idle_session_timeout=2'")
            assert value(alice, "SELECT timeout_sec FROM stv_sessions WHERE process = pg_backend_pid()") == 0
            for text in ("'{idle_session_timeout=}'", "'{idle_session_timeout=99999999999999}'", "'{{NULL},{idle_session_timeout=x}}'", "'[5:5]={idle_session_timeout}'", "'{}'", "'{NULL}'"):
                assert value(alice, "SELECT redshift_sessions.idle_timeout(%s::text[])" % text) is None
        finally:
            alice.execute("ALTER ROLE alice RESET ALL")

    def test_a_table_that_is_dropped_and_made_anew_all_the_time(self, login, admin, table):
        """Who owns the objects that views name by oid cannot keep anybody from reading them."""
        bob = login("bob")
        bob.execute("BEGIN; CREATE TABLE \"svv'; DROP\" (x int); LOCK TABLE \"svv'; DROP\"; LOCK TABLE t")
        for view in ("svv_transactions", "stv_locks"):
            assert admin.execute("SELECT * FROM " + view).fetchall()
        bob.execute("ROLLBACK")


class TestSettings:
    ATTEMPTS = [
        "SET redshift_sessions.redirect = off",
        "SET LOCAL redshift_sessions.redirect = off",
        "SELECT set_config('redshift_sessions.redirect', 'off', false)",
        "UPDATE pg_settings SET setting = 'off' WHERE name = 'redshift_sessions.redirect'",
        "ALTER ROLE alice SET redshift_sessions.redirect = off",
        "ALTER SYSTEM SET redshift_sessions.redirect = off",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql SET redshift_sessions.redirect = off AS 'SELECT 1'",
        "SET redshift_sessions.driver_server_version = off",
        "SET redshift_sessions.terminate_log_size = 0",
        "SET server_version = '8.0.2'",
        "SET max_failed_login_attempts = 2",
        "SET client_protocol_version = 2",
    ]

    @pytest.mark.parametrize("attempt", ATTEMPTS)
    def test_what_is_not_the_users_to_set(self, login, attempt):
        alice = login("alice")
        with pytest.raises((DENIED, psycopg.errors.CantChangeRuntimeParam)):
            alice.execute(attempt)
        assert value(alice, "SHOW redshift_sessions.redirect") == "on"

    def test_nor_with_the_connection(self, server):
        with pytest.raises(psycopg.OperationalError, match="permission denied to set parameter"):
            server.connect("alice", options="-c redshift_sessions.redirect=off")

    def test_nor_before_the_library_is_there(self):
        """A setting that nobody knows yet can be set by everybody; when the library comes, PostgreSQL asks who did."""
        server = Server("later", {"fsync": "off"})
        try:
            with server.connect("bob") as bob, server.connect("alice") as target:
                bob.execute("SET redshift_sessions.redirect = off")
                bob.execute("SELECT count(*) FROM svv_transactions")
                assert value(bob, "SHOW redshift_sessions.redirect") == "on"
                with pytest.raises(DENIED, match="to terminate session"):
                    bob.execute("SELECT pg_terminate_backend(%s)", (pid_of(target),))
                assert value(target, "SELECT 1") == 1
        finally:
            server.remove()
