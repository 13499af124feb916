"""Where do plain calls follow Redshift's rule? In every database with the extension, at once, and only there."""

import re
import statistics
import subprocess
import time

import psycopg
import pytest

from conftest import eventually, is_alive, pid_of, value

INT4, BOOL = 23, 16
PLAIN = "SELECT pg_terminate_backend(0)"
NATIVE_WARNING = re.compile("PID 0 is not a PostgreSQL (backend|server) process")


def type_of(connection, query=PLAIN):
    # Not prepared by the driver: a prepared statement keeps its type, see below.
    return connection.execute(query, prepare=False).description[0].type_code


@pytest.fixture
def database(admin):
    """A database of its own, with the extension."""
    admin.execute("CREATE DATABASE other")
    yield "other"
    admin.execute("DROP DATABASE other WITH (FORCE)")


def prepare_extension(login, dbname):
    owner = login(dbname=dbname)
    owner.execute("CREATE EXTENSION redshift_sessions")
    return owner


def test_a_database_without_the_extension_is_postgresql(login, database):
    member, target = login("member", database), login("alice", database)
    assert type_of(member) == BOOL
    assert value(member, "SELECT pg_terminate_backend(%s)", pid_of(target)) is True  # PostgreSQL's rule
    assert NATIVE_WARNING.fullmatch(member.notices[0].message_primary)
    with pytest.raises(psycopg.errors.UndefinedTable):
        member.execute("SELECT * FROM svv_transactions")


def test_drop_and_create_take_effect_at_once_in_open_sessions(login, admin, database):
    """Also in plans that are cached: PL/pgSQL keeps one for each expression."""
    owner = prepare_extension(login, database)
    owner.execute("CREATE FUNCTION is_denied(p int) RETURNS boolean LANGUAGE plpgsql AS 'DECLARE b boolean; BEGIN b := pg_cancel_backend(p); RETURN false; EXCEPTION WHEN insufficient_privilege THEN RETURN true; END'")
    target, member = login("alice", database), login("member", database)
    for _ in range(3):
        for _ in range(7):
            assert type_of(member) == INT4
            assert value(member, "SELECT is_denied(%s)", pid_of(target)) is True
        owner.execute("DROP EXTENSION redshift_sessions")
        for _ in range(7):
            assert type_of(member) == BOOL
            assert value(member, "SELECT is_denied(%s)", pid_of(target)) is False
        owner.execute("CREATE EXTENSION redshift_sessions")


@pytest.mark.parametrize(
    "there, back",
    [
        ("FUNCTION redshift_sessions.pg_terminate_backend(int) RENAME TO another", "FUNCTION redshift_sessions.another(int) RENAME TO pg_terminate_backend"),
        ("SCHEMA redshift_sessions RENAME TO another", "SCHEMA another RENAME TO redshift_sessions"),
    ],
    ids=["function", "schema"],
)
def test_a_new_name_takes_effect_at_once_in_open_sessions(login, database, there, back):
    owner, member = prepare_extension(login, database), login("member", database)
    for _ in range(2):
        assert type_of(member) == INT4
        owner.execute("ALTER " + there)
        assert type_of(member) == BOOL
        owner.execute("ALTER " + back)
    assert type_of(member) == INT4


def test_drop_extension_leaves_nothing_behind(login, database):
    owner = login(dbname=database)
    count = """
        SELECT (SELECT count(*) FROM pg_class) + (SELECT count(*) FROM pg_proc) + (SELECT count(*) FROM pg_namespace)
             + (SELECT count(*) FROM pg_depend) + (SELECT count(*) FROM pg_description) + (SELECT count(*) FROM pg_init_privs)
    """
    before = value(owner, count)
    owner.execute("CREATE EXTENSION redshift_sessions; DROP EXTENSION redshift_sessions")
    assert value(owner, count) == before


def test_a_prepared_statement_of_an_integer_ends_with_the_extension(login, database):
    """PostgreSQL's usual answer when a statement's result type changes; preparing it anew is all that is needed."""
    owner = prepare_extension(login, database)
    owner.execute("PREPARE p AS " + PLAIN)
    owner.execute("DROP EXTENSION redshift_sessions")
    with pytest.raises(psycopg.errors.FeatureNotSupported, match="cached plan must not change result type"):
        owner.execute("EXECUTE p")
    owner.execute("DEALLOCATE p; PREPARE p AS " + PLAIN)
    assert type_of(owner, "EXECUTE p") == BOOL


def test_a_users_view_does_not_depend_on_the_extension(login, database):
    owner = prepare_extension(login, database)
    owner.execute("CREATE VIEW v AS SELECT pg_terminate_backend(0) AS x, pg_cancel_backend(1) AND true AS y")
    owner.execute("CREATE MATERIALIZED VIEW m AS SELECT pg_terminate_backend(0) AS x")
    owner.execute("CREATE TABLE d (x boolean DEFAULT pg_terminate_backend(0))")
    owner.execute("CREATE FUNCTION f() RETURNS boolean LANGUAGE sql BEGIN ATOMIC SELECT pg_terminate_backend(0); END")
    owner.execute("CREATE RULE r AS ON UPDATE TO d DO ALSO SELECT pg_terminate_backend(0)")
    definition = value(owner, "SELECT pg_get_viewdef('v')")
    assert "redshift_sessions" not in definition
    owner.execute("DROP EXTENSION redshift_sessions RESTRICT")
    assert owner.execute("SELECT x, y FROM v").fetchall() == [(False, False)]
    assert value(owner, "SELECT pg_get_viewdef('v')") == definition


def test_a_role_without_usage_on_our_schema_is_not_disturbed(login, admin, database):
    owner = prepare_extension(login, database)
    owner.execute("REVOKE USAGE ON SCHEMA redshift_sessions FROM PUBLIC")
    alice, bob, target = login("alice", database), login("bob", database), login("alice", database)
    for session in (alice, bob):
        session.execute("SET search_path = ''")
        for harmless in (
            "SELECT 1",
            "SELECT count(*) FROM pg_catalog.pg_class",
            "SELECT * FROM svv_transactions",
            "SELECT * FROM pg_catalog.svv_transactions",
            "RESET SESSION AUTHORIZATION",
            "EXPLAIN SELECT pg_terminate_backend(0)",
        ):
            session.execute(harmless)
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="to terminate session"):
        bob.execute("SELECT pg_terminate_backend(%s)", (pid_of(target),))
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="for schema redshift_sessions"):
        bob.execute("SELECT redshift_sessions.pg_terminate_backend(0)")
    assert alice.execute("SELECT pg_terminate_backend(%s)", (pid_of(target),)).fetchall() == [(1,)]
    eventually(lambda: not is_alive(admin, pid_of(target)))


def test_a_squatted_schema_hijacks_nothing(login, admin, database):
    """bob may create schemas, so he makes one with our name and functions that look like ours."""
    admin.execute("GRANT CREATE ON DATABASE other TO bob")
    bob = login("bob", database)
    bob.execute("CREATE SCHEMA redshift_sessions; GRANT USAGE ON SCHEMA redshift_sessions TO PUBLIC")
    for function, arguments, result in (
        ("pg_terminate_backend", "pid int", "int"),
        ("pg_terminate_backend_bool", "pid int, timeout bigint DEFAULT 0", "boolean"),
        ("pg_cancel_backend", "pid int", "int"),
        ("pg_cancel_backend_bool", "pid int", "boolean"),
    ):
        body = "BEGIN EXECUTE ''ALTER ROLE bob SUPERUSER''; RETURN NULL; END"
        bob.execute(
            "CREATE FUNCTION redshift_sessions.%s(%s) RETURNS %s LANGUAGE plpgsql AS '%s'" % (function, arguments, result, body)
        )
    owner = login(dbname=database)
    for query in (PLAIN, "SELECT pg_cancel_backend(0) AND true", "SELECT pg_cancel_backend(0)"):
        assert value(owner, query) is False  # PostgreSQL's own
        assert NATIVE_WARNING.fullmatch(owner.notices.pop().message_primary)
    assert value(owner, "SELECT rolsuper FROM pg_roles WHERE rolname = 'bob'") is False
    with pytest.raises(psycopg.errors.DuplicateObject):
        owner.execute("CREATE EXTENSION redshift_sessions")


def test_names_in_other_schemas_shadow_nothing(login, admin):
    """search_path and pg_temp: plain calls and our view look nowhere but at pg_catalog."""
    session = login("alice")
    session.execute("CREATE TEMP TABLE svv_transactions (x text)")
    session.execute("CREATE FUNCTION pg_temp.svv_transactions() RETURNS text LANGUAGE sql AS 'SELECT ''mine'''")
    assert len(session.execute("SELECT * FROM pg_catalog.svv_transactions").description) == 9
    session.execute("SET search_path = pg_catalog, public, pg_temp")
    assert len(session.execute("SELECT * FROM svv_transactions").description) == 9


class TestSettings:
    def test_redirect_off_is_postgresqls_rule(self, login, admin):
        admin.execute("CREATE FUNCTION cancel_it(p int) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RETURN pg_cancel_backend(p); END'")
        admin.execute("ALTER ROLE member SET redshift_sessions.redirect = off")
        try:
            target, member = login("alice"), login("member")
            assert type_of(member) == BOOL
            assert value(member, "SELECT pg_cancel_backend(%s)", pid_of(target)) is True
            # Ours keep their rule.
            for query in ("SELECT redshift_sessions.pg_cancel_backend(%s)", "SELECT redshift_sessions.pg_cancel_backend_bool(%s)"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    member.execute(query, (pid_of(target),))
        finally:
            admin.execute("ALTER ROLE member RESET redshift_sessions.redirect")
        # A change reaches plans that are cached.
        for _ in range(3):
            for redirect in ("on", "off"):
                admin.execute("SET redshift_sessions.redirect = " + redirect)
                admin.notices.clear()
                assert value(admin, "SELECT cancel_it(0)") is False
                assert admin.notices[0].sqlstate == ("22023" if redirect == "on" else "01000")
        admin.execute("DROP FUNCTION cancel_it(int)")

    def test_redirect_is_the_superusers(self, login):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            login("alice").execute("SET redshift_sessions.redirect = off")

    def test_integer_result_is_anyones_and_changes_types_only(self, login):
        bob = login("bob")
        bob.execute("SET redshift_sessions.integer_result = off")
        assert type_of(bob) == BOOL
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="to terminate session"):
            bob.execute("SELECT pg_terminate_backend(%s)", (pid_of(login("alice")),))
        assert type_of(bob, "SELECT redshift_sessions.pg_terminate_backend(0)") == INT4
        bob.execute("RESET redshift_sessions.integer_result")
        assert type_of(bob) == INT4


SAYS = """
    CREATE FUNCTION in_sql() RETURNS boolean LANGUAGE sql AS 'SELECT pg_terminate_backend(0)';
    CREATE FUNCTION all_of() RETURNS SETOF boolean LANGUAGE plpgsql AS 'BEGIN RETURN QUERY EXECUTE ''SELECT pg_terminate_backend(0)''; END';
    CREATE FUNCTION says() RETURNS boolean LANGUAGE plpgsql %s AS 'BEGIN RETURN in_sql() OR (SELECT bool_or(b) FROM all_of() b); END';
"""


class TestWhatFunctionsRunIsNotTheClients:
    """Also where no portal is active. A function that is declared to return boolean fails with an integer."""

    @pytest.mark.parametrize("how", ["simple", "extended"])
    def test_in_deferred_triggers(self, login, admin, database, how):
        """At COMMIT, or at the end of a statement of the extended protocol, when the client's text is forgotten already."""
        owner = prepare_extension(login, database)
        owner.execute(SAYS % "VOLATILE")
        owner.execute("""
            CREATE TABLE later (x int);
            CREATE FUNCTION fire() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                INSERT INTO later SELECT says()::int;
                EXECUTE 'CREATE VIEW v AS SELECT pg_terminate_backend(0) AS b';
                EXECUTE 'CREATE TABLE made AS SELECT pg_terminate_backend(0) AS b';
                RETURN NULL;
            END $$;
            CREATE CONSTRAINT TRIGGER deferred AFTER INSERT ON later DEFERRABLE INITIALLY DEFERRED
                FOR EACH ROW WHEN (NEW.x = 7) EXECUTE FUNCTION fire();
        """)
        if how == "simple":
            owner.execute("BEGIN; INSERT INTO later VALUES (7); COMMIT")
        else:
            owner.execute("INSERT INTO later VALUES (%s)", (7,))
        assert owner.execute("SELECT x FROM later ORDER BY x").fetchall() == [(0,), (7,)]
        for relation in ("v", "made"):
            assert type_of(owner, "SELECT b FROM " + relation) == BOOL
        owner.execute("DROP EXTENSION redshift_sessions")  # nothing depends on it

    @pytest.mark.parametrize("volatility, query", [("IMMUTABLE", "SELECT says()"), ("STABLE", "SELECT count(*) < 0 FROM pg_class WHERE relhasindex = says()")])
    def test_while_a_query_is_planned(self, login, database, volatility, query):
        owner = prepare_extension(login, database)
        owner.execute(SAYS % volatility)
        for how in (False, True):
            owner.notices.clear()
            assert owner.execute("EXPLAIN " + query, prepare=how).fetchall()
            assert {notice.sqlstate for notice in owner.notices} == {"22023"}  # it was evaluated, for its value or for an estimate
            assert owner.execute(query, prepare=how).fetchall() == [(False,)]
        owner.execute("DROP EXTENSION redshift_sessions")


def test_a_function_may_change(login, admin):
    """It is inlined, or kept from it, by its present body. Each session remembers what it has found."""
    target, member = login("alice"), login("member")
    explain = "EXPLAIN (VERBOSE, COSTS OFF) SELECT changing(%d)" % pid_of(target)
    try:
        for _ in range(3):
            admin.execute("CREATE OR REPLACE FUNCTION changing(int) RETURNS boolean LANGUAGE sql AS 'SELECT $1 < 0'")
            for _ in range(2):
                assert "false" in str(member.execute(explain).fetchall())
            admin.execute("CREATE OR REPLACE FUNCTION changing(int) RETURNS boolean LANGUAGE sql AS 'SELECT pg_terminate_backend($1)'")
            for _ in range(2):
                assert "changing(" in str(member.execute(explain).fetchall())
                with pytest.raises(psycopg.errors.InsufficientPrivilege, match="to terminate session"):
                    member.execute("SELECT changing(%d)" % pid_of(target))
            admin.execute("CREATE OR REPLACE FUNCTION changing(int) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RETURN false; END'")
            assert value(member, "SELECT changing(0)") is False
    finally:
        admin.execute("DROP FUNCTION changing(int)")


def test_many_functions_are_told_apart(login, admin):
    """More than a session remembers."""
    member = login("member")
    create = "CREATE FUNCTION pg_temp.f%d(int) RETURNS boolean LANGUAGE sql AS 'SELECT %s'"
    for number in range(200):
        member.execute(create % (number, "pg_cancel_backend($1)" if number % 3 == 0 else "$1 < 0"))
    for _ in range(2):
        for number in range(200):
            plan = str(member.execute("EXPLAIN (VERBOSE, COSTS OFF) SELECT pg_temp.f%d(0)" % number).fetchall())
            assert ("f%d(0)" % number in plan) == (number % 3 == 0)


def test_a_large_function_is_searched_once(login, admin):
    """Not each time that it is called: the same call without redirection takes as long."""
    session = login("awsuser")
    session.execute("CREATE FUNCTION pg_temp.large() RETURNS int LANGUAGE sql AS 'SELECT 1 /* %s */'" % ("x" * 3_000_000))
    taken = {"on": [], "off": []}
    for _ in range(15):
        for redirect, times in taken.items():
            session.execute("SET redshift_sessions.redirect = " + redirect)
            begin = time.perf_counter()
            assert value(session, "SELECT pg_temp.large()") == 1
            times.append(time.perf_counter() - begin)
    assert statistics.median(taken["on"]) < 1.5 * statistics.median(taken["off"])


def test_resetting_the_schema_public_keeps_the_extension(login, database):
    """How many test suites clean up."""
    owner = prepare_extension(login, database)
    owner.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    assert type_of(owner) == INT4
    assert value(owner, "SELECT count(*) > 0 FROM svv_transactions")


def test_a_dump_leaves_our_objects_to_the_extension(login, server, admin, database):
    owner = prepare_extension(login, database)
    owner.execute("CREATE VIEW mine AS SELECT pid, lock_mode FROM svv_transactions")
    bindir = server.call("copy").rsplit("/", 1)[0]
    dump = subprocess.run([bindir + "/pg_dump", server.dsn(dbname=database)], text=True, capture_output=True, check=True)
    assert dump.stdout.count("CREATE EXTENSION") == 1
    assert "CREATE SCHEMA redshift_sessions" not in dump.stdout and "CREATE VIEW pg_catalog" not in dump.stdout
    admin.execute("CREATE DATABASE restored")
    try:
        restore = [bindir + "/psql", "-qX", "-v", "ON_ERROR_STOP=1", server.dsn(dbname="restored")]
        subprocess.run(restore, input=dump.stdout, text=True, check=True, capture_output=True)
        assert value(login(dbname="restored"), "SELECT count(*) > 0 FROM mine")
    finally:
        admin.execute("DROP DATABASE restored WITH (FORCE)")
