"""svl_user_info, svv_user_info and pg_user_info: users, and what they may do."""

import psycopg
import pytest

from conftest import check_columns, value

SVL = [
    ("usename", "text"),
    ("usesysid", "integer"),
    ("usecreatedb", "boolean"),
    ("usesuper", "boolean"),
    ("usecatupd", "boolean"),
    ("useconnlimit", "text"),
    ("syslogaccess", "text"),
    ("last_ddl_ts", "timestamp without time zone"),
    ("sessiontimeout", "integer"),
    ("external_id", "text"),
]
SVV_NAMES = ["user_name", "user_id", "createdb", "superuser", "catalog_update", "connection_limit", "syslog_access", "last_ddl_timestamp", "session_timeout", "external_user_id"]
COLUMNS = {
    "svl_user_info": SVL,
    "svv_user_info": [(name, kind) for name, (_, kind) in zip(SVV_NAMES, SVL)],
    "pg_user_info": [
        ("usename", "name"),
        ("usesysid", "integer"),
        ("usecreatedb", "boolean"),
        ("usesuper", "boolean"),
        ("usecatupd", "boolean"),
        ("passwd", "text"),
        ("valuntil", "timestamp with time zone"),
        ("useconfig", "text[]"),
        ("useconnlimit", "text"),
    ],
}
DENIED = psycopg.errors.InsufficientPrivilege


@pytest.fixture
def users(admin):
    """Each with something that the others do not have."""
    admin.execute("""
        CREATE USER info_plain; CREATE USER info_creates CREATEDB; CREATE USER info_super SUPERUSER; CREATE USER info_limited CONNECTION LIMIT 3;
        CREATE USER info_none CONNECTION LIMIT 0; CREATE USER info_syslog IN ROLE pg_read_all_stats; CREATE ROLE info_group IN ROLE pg_read_all_stats;
        CREATE USER info_below IN ROLE info_group; CREATE USER info_idle VALID UNTIL '2030-01-01 12:00+00' PASSWORD 'a secret'; CREATE USER info_here;
        ALTER USER info_idle SET idle_session_timeout = '90s'; ALTER USER info_idle SET work_mem = '1MB';
        ALTER USER info_here SET idle_session_timeout = '90s'; ALTER USER info_here IN DATABASE dev SET idle_session_timeout = '2min';
    """)  # fmt: skip
    yield ["info_plain", "info_creates", "info_super", "info_limited", "info_none", "info_syslog", "info_below", "info_idle", "info_here"]
    for (role,) in admin.execute("SELECT rolname FROM pg_roles WHERE rolname LIKE 'info\\_%'").fetchall():
        admin.execute("DROP ROLE " + role)


@pytest.mark.parametrize("view", COLUMNS)
def test_columns_and_comments(admin, view):
    check_columns(admin, view, COLUMNS[view])


def test_what_a_user_may_do(admin, users):
    query = "SELECT usename, usecreatedb, usesuper, usecatupd, useconnlimit, syslogaccess, last_ddl_ts, sessiontimeout, external_id FROM svl_user_info WHERE usename LIKE 'info\\_%%' ORDER BY 1"
    assert admin.execute(query).fetchall() == [
        ("info_below", False, False, False, "UNLIMITED", "UNRESTRICTED", None, 0, None),
        ("info_creates", True, False, False, "UNLIMITED", "RESTRICTED", None, 0, None),
        ("info_here", False, False, False, "UNLIMITED", "RESTRICTED", None, 120, None),
        ("info_idle", False, False, False, "UNLIMITED", "RESTRICTED", None, 90, None),
        ("info_limited", False, False, False, "3", "RESTRICTED", None, 0, None),
        ("info_none", False, False, False, "0", "RESTRICTED", None, 0, None),
        ("info_plain", False, False, False, "UNLIMITED", "RESTRICTED", None, 0, None),
        ("info_super", False, True, True, "UNLIMITED", "UNRESTRICTED", None, 0, None),
        ("info_syslog", False, False, False, "UNLIMITED", "UNRESTRICTED", None, 0, None),
    ]
    query = "SELECT usename, usecreatedb, usesuper, usecatupd, passwd, valuntil::text, useconfig, useconnlimit FROM pg_user_info WHERE usename IN ('info_idle', 'info_super', 'info_here')"
    admin.execute("SET timezone = 'UTC'")
    assert sorted(admin.execute(query).fetchall()) == [
        ("info_here", False, False, False, "********", None, ["idle_session_timeout=90s"], "UNLIMITED"),
        ("info_idle", False, False, False, "********", "2030-01-01 12:00:00+00", ["idle_session_timeout=90s", "work_mem=1MB"], "UNLIMITED"),
        ("info_super", False, True, True, "********", None, None, "UNLIMITED"),
    ]


@pytest.mark.parametrize("view, name, number", [("svl_user_info", "usename", "usesysid"), ("svv_user_info", "user_name", "user_id"), ("pg_user_info", "usename", "usesysid")])
def test_all_users_and_no_groups(admin, users, view, name, number):
    assert admin.execute("SELECT %s::text, %s FROM %s ORDER BY 1" % (name, number, view)).fetchall() == admin.execute(
        "SELECT rolname::text, oid::int FROM pg_roles WHERE rolcanlogin ORDER BY 1"
    ).fetchall()


def test_the_views_agree(admin, users):
    assert sorted(admin.execute("SELECT * FROM svv_user_info").fetchall()) == sorted(admin.execute("SELECT * FROM svl_user_info").fetchall())


def test_regular_users_see_themselves(server, login, users):
    """SYSLOG ACCESS UNRESTRICTED does not open a view of metadata."""
    for user in ("alice", "canceller", "reader", "member", "info_syslog"):
        assert login(user).execute("SELECT user_name FROM svv_user_info").fetchall() == [(user,)]
    boss = login("boss")
    everybody = value(boss, "SELECT count(*) FROM svv_user_info")
    assert everybody > 10
    boss.execute("SET ROLE alice")
    assert boss.execute("SELECT user_name FROM svv_user_info").fetchall() == [("alice",)]
    boss.execute("SET ROLE info_group")
    assert boss.execute("SELECT user_name FROM svv_user_info").fetchall() == []


def test_a_superusers_view_shows_each_reader_itself(login, admin):
    admin.execute("CREATE VIEW public.over_users AS SELECT user_name FROM svv_user_info; GRANT SELECT ON over_users TO PUBLIC")
    try:
        assert login("alice").execute("SELECT * FROM over_users").fetchall() == [("alice",)]
    finally:
        admin.execute("DROP VIEW over_users")


@pytest.mark.parametrize("view", ["svl_user_info", "pg_user_info"])
def test_the_others_are_for_superusers(login, admin, view):
    for user in ("alice", "reader"):
        with pytest.raises(DENIED):
            login(user).execute("SELECT * FROM " + view)
    admin.execute("GRANT SELECT ON %s TO bob" % view)
    try:
        assert value(login("bob"), "SELECT count(*) FROM " + view) == value(admin, "SELECT count(*) FROM " + view)
    finally:
        admin.execute("REVOKE SELECT ON %s FROM bob" % view)


def test_names_can_be_compared_with_other_texts(admin):
    """A name as text would have another collation than other columns, and PostgreSQL would not know by which to compare."""
    for view, name in (("svv_user_info", "user_name"), ("svl_user_info", "usename")):
        assert value(admin, "SELECT pg_collation_for(%s) FROM %s LIMIT 1" % (name, view)) == '"default"'
    admin.execute("SELECT * FROM svv_user_info u JOIN stv_sessions s ON s.user_name = u.user_name JOIN svl_user_info l ON l.usename = u.user_name")
    admin.execute("SELECT user_name FROM svv_user_info UNION SELECT 'x'::text ORDER BY 1")
    assert value(admin, "SELECT count(*) FROM svv_transactions t JOIN svv_user_info u ON u.user_name = t.txn_owner WHERE t.pid = pg_backend_pid()") > 0
