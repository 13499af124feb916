"""What our objects grant: the same whatever ALTER DEFAULT PRIVILEGES says, for a fresh install and after an upgrade."""

import psycopg
import pytest

import catalog
from conftest import pid_of, value
from versions import install, run  # noqa: F401, a fixture

OTHER = "\"bob's \"\"other\"\" role\""
DENIED = psycopg.errors.InsufficientPrivilege
DEFAULTS = {
    "given to a role": ["GRANT SELECT ON TABLES TO bob", "GRANT EXECUTE ON FUNCTIONS TO bob"],
    "taken from PUBLIC": ["REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC", "REVOKE USAGE ON TYPES FROM PUBLIC"],
    "with grant option": ["GRANT ALL ON %s TO %s WITH GRANT OPTION" % (kind, OTHER) for kind in ("TABLES", "FUNCTIONS", "SCHEMAS", "TYPES")],
    "given to PUBLIC": ["GRANT ALL ON %s TO PUBLIC" % kind for kind in ("TABLES", "FUNCTIONS", "SCHEMAS", "TYPES")],
    "taken from the owner": ["REVOKE ALL ON %s FROM CURRENT_USER" % kind for kind in ("TABLES", "FUNCTIONS", "SCHEMAS")]
    + ["IN SCHEMA pg_catalog GRANT ALL ON FUNCTIONS TO " + OTHER, "IN SCHEMA pg_catalog GRANT ALL ON TABLES TO bob"],
}  # fmt: skip

# Of each object, and of what comes with it, what it grants, and what pg_dump takes for the extension's own. In no particular order.
GRANTS = """
    SELECT pg_describe_object(classid, objid, 0), kind, CASE WHEN acl IS NOT NULL THEN ARRAY(SELECT x::text FROM unnest(acl) x ORDER BY 1) END
    FROM (
        SELECT 'pg_namespace'::regclass, oid, 'nspacl', nspacl FROM pg_namespace
        UNION ALL SELECT 'pg_class'::regclass, oid, 'relacl', relacl FROM pg_class
        UNION ALL SELECT 'pg_proc'::regclass, oid, 'proacl', proacl FROM pg_proc
        UNION ALL SELECT 'pg_class'::regclass, attrelid, 'attacl ' || attname, attacl FROM pg_attribute
        UNION ALL SELECT 'pg_type'::regclass, oid, 'typacl', typacl FROM pg_type
        UNION ALL SELECT classoid, objoid, 'initial ' || objsubid, initprivs FROM pg_init_privs
    ) AS grants(classid, objid, kind, acl)
    JOIN owned USING (classid, objid) ORDER BY 1, 2
"""


def grants(database):
    return database.execute(catalog.OWNED + GRANTS).fetchall()


def set_defaults(database, kind):
    for default in DEFAULTS[kind]:
        database.execute("ALTER DEFAULT PRIVILEGES " + default)


@pytest.fixture(scope="module")
def other(server):
    with server.connect() as admin:
        admin.execute("CREATE ROLE %s LOGIN" % OTHER)
        yield
        admin.execute("DROP ROLE " + OTHER)


@pytest.mark.parametrize("kind", DEFAULTS)
def test_default_privileges_change_nothing(kind, install, other):  # noqa: F811
    plain, hardened = install("plain"), install("hardened", None)
    set_defaults(hardened, kind)
    hardened.execute("CREATE EXTENSION redshift_sessions")
    assert len(grants(plain)) > 50 and grants(hardened) == grants(plain)


def check_rights(server, database):
    """Everybody may what a plain install lets everybody do, and nobody more."""
    with server.connect("alice", database) as alice, server.connect("bob", database) as bob, server.connect("bob", database) as target:
        for view in ("svv_transactions", "stv_sessions", "stv_recents", "stv_inflight", "svv_query_inflight", "stl_sessions", "sys_session_history",
                     "svv_user_info", "stv_db_isolation_level", "stv_wlm_query_state", "stv_wlm_query_queue_state", "stl_undone"):
            bob.execute("SELECT * FROM " + view).fetchall()
        assert value(bob, "SELECT pg_last_query_id()") > 0
        assert value(bob, "SELECT redshift_sessions.cancel(%s)", pid_of(target)) == 1
        assert value(bob, "SELECT pg_cancel_backend(%s)", pid_of(target)) == 1
        assert value(bob, "SELECT count(*) FROM pg_class WHERE pg_cancel_backend(0)") == 0
        assert value(bob, "SELECT pg_terminate_backend(%s)", pid_of(target)) == 1
        for attempt in ("SELECT * FROM stv_locks", "SELECT * FROM stl_connection_log", "SELECT * FROM svl_terminate", "SELECT * FROM stl_tr_conflict", "SELECT * FROM stl_userlog", "SELECT * FROM sys_userlog",
                        "SELECT * FROM sys_connection_log", "SELECT * FROM sys_transaction_history", "SELECT * FROM svl_user_info", "SELECT * FROM pg_user_info",
                        "SELECT * FROM redshift_sessions.logs()", "CREATE FUNCTION redshift_sessions.f() RETURNS int LANGUAGE sql AS 'SELECT 1'"):  # fmt: skip
            for session in (alice, bob):
                with pytest.raises(DENIED):
                    session.execute(attempt)


@pytest.mark.parametrize("version", ["0.1.0", "0.2.0"])
@pytest.mark.parametrize("kind", DEFAULTS)
def test_an_upgrade_repairs_what_default_privileges_did(kind, version, server, install, other):  # noqa: F811
    plain, hardened = install("plain", version), install("hardened", None)
    set_defaults(hardened, kind)
    hardened.execute("CREATE EXTENSION redshift_sessions VERSION '%s'" % version)
    assert grants(hardened) != grants(plain)
    for database in plain, hardened:
        database.execute("ALTER EXTENSION redshift_sessions UPDATE")
    assert grants(plain) == grants(install("fresh"))
    check_rights(server, "hardened")
    # What is left is EXECUTE of functions that PUBLIC may execute anyway: nothing tells it from an administrator's GRANT.
    left = [row for row in grants(hardened) if row not in grants(plain)]
    assert all(kind == "proacl" and any(item.startswith("=X/") for item in acl or []) for _, kind, acl in left), left
    assert not [notice for notice in hardened.notices if "default privileges" in notice.message_primary]


def test_default_privileges_that_came_between_two_upgrades(server, install):  # noqa: F811
    """The functions that 0.2.0 made anew were not for PUBLIC then, those of 0.1.0 were."""
    database = install("hardened", "0.1.0")
    set_defaults(database, "taken from PUBLIC")
    database.execute("ALTER EXTENSION redshift_sessions UPDATE TO '0.2.0'")
    with server.connect("bob", "hardened") as bob, pytest.raises(DENIED):
        bob.execute("SELECT * FROM stv_sessions")
    database.execute("ALTER EXTENSION redshift_sessions UPDATE")
    check_rights(server, "hardened")


def test_what_was_taken_from_everybody_by_hand_opens_no_function_for_superusers(server, install):  # noqa: F811
    database = install("hardened", None)
    set_defaults(database, "taken from the owner")
    database.execute("CREATE EXTENSION redshift_sessions VERSION '0.2.0'; REVOKE EXECUTE ON FUNCTION pg_last_query_id() FROM PUBLIC")
    database.execute("ALTER EXTENSION redshift_sessions UPDATE")
    check_rights(server, "hardened")


BY_HAND = """
    GRANT SELECT ON stl_tr_conflict TO alice;
    REVOKE SELECT ON stv_recents FROM PUBLIC;
    REVOKE EXECUTE ON FUNCTION redshift_sessions.cancel(int, text) FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION redshift_sessions.cancel(int, text) TO alice;
    REVOKE EXECUTE ON FUNCTION redshift_sessions.recents() FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION redshift_sessions.logs() TO alice;
    GRANT SELECT (pid) ON svl_terminate TO alice;
"""


def by_hand(server, database):
    with server.connect("alice", database) as alice, server.connect("boss", database) as boss:
        alice.execute("SELECT * FROM stl_tr_conflict; SELECT * FROM redshift_sessions.logs(); SELECT redshift_sessions.cancel(NULL)")
        assert value(alice, "SELECT has_column_privilege('svl_terminate', 'pid', 'SELECT') AND NOT has_table_privilege('svl_terminate', 'SELECT')")
        for function in ("cancel(int, text)", "recents()"):
            assert not value(boss, "SELECT has_function_privilege('canceller', 'redshift_sessions.%s', 'EXECUTE')" % function)
        with pytest.raises(DENIED):
            alice.execute("SELECT * FROM stv_recents")


def test_an_upgrade_takes_away_nothing_that_an_administrator_gave(server, install, tmp_path):  # noqa: F811
    """Nor gives what was taken, nor makes pg_dump leave it out."""
    database = install("by_hand", "0.2.0")
    database.execute(BY_HAND)
    by_hand(server, "by_hand")
    database.execute("ALTER EXTENSION redshift_sessions UPDATE")
    by_hand(server, "by_hand")
    install("restored", None)
    run("pg_dump", "-f", tmp_path / "dump", server.dsn(dbname="by_hand"))
    run("psql", "-qX", "-v", "ON_ERROR_STOP=1", "-f", tmp_path / "dump", server.dsn(dbname="restored"))
    by_hand(server, "restored")


def test_an_upgrade_names_what_it_leaves(server, install):  # noqa: F811
    database = install("mixed", None)
    set_defaults(database, "given to a role")
    database.execute("CREATE EXTENSION redshift_sessions VERSION '0.2.0'; GRANT SELECT ON svl_terminate TO alice")
    database.execute("ALTER EXTENSION redshift_sessions UPDATE")
    (notice,) = [notice for notice in database.notices if "default privileges" in notice.message_primary]
    assert notice.message_primary == "default privileges gave SELECT on table pg_catalog.svl_terminate to bob"
    command = notice.message_hint.removeprefix("If that is not wanted, run: ")
    assert value(database, "SELECT has_table_privilege('bob', 'svl_terminate', 'SELECT')")
    database.execute(command)
    assert not value(database, "SELECT has_table_privilege('bob', 'svl_terminate', 'SELECT')")
    assert value(database, "SELECT has_table_privilege('alice', 'svl_terminate', 'SELECT')")


def test_a_dump_has_none_of_our_own_privileges(server, install, tmp_path):  # noqa: F811
    database = install("hardened", None)
    set_defaults(database, "given to a role")
    database.execute("CREATE EXTENSION redshift_sessions; ALTER DEFAULT PRIVILEGES REVOKE SELECT ON TABLES FROM bob; ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM bob")
    run("pg_dump", "-f", tmp_path / "dump", server.dsn(dbname="hardened"))
    assert not [line for line in (tmp_path / "dump").read_text().splitlines() if line.startswith(("GRANT", "REVOKE"))]


def test_a_database_without_plpgsql(login, admin):
    """The installation takes back what default privileges give with a DO command."""
    admin.execute("CREATE DATABASE bare")
    try:
        there = login("awsuser", "bare")
        there.execute("DROP EXTENSION plpgsql")
        with pytest.raises(psycopg.errors.UndefinedObject, match="required extension") as error:
            there.execute("CREATE EXTENSION redshift_sessions")
        assert "CASCADE" in error.value.diag.message_hint
        there.execute("CREATE EXTENSION redshift_sessions CASCADE")
        assert value(there, "SELECT count(*) FROM stv_sessions WHERE process = pg_backend_pid()") == 1
    finally:
        there.close()
        admin.execute("DROP DATABASE bare")
