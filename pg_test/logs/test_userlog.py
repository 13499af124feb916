"""stl_userlog and sys_userlog: which users were created, altered, renamed and dropped, once that has come to stay."""

import json
import struct

import psycopg
import pytest

from conftest import EVERYTHING, Server, check_columns, eventually, pid_of, value

COLUMNS = {
    "stl_userlog": [
        ("userid", "integer"),
        ("username", "character(50)"),
        ("oldusername", "character(50)"),
        ("action", "character(10)"),
        ("usecreatedb", "integer"),
        ("usesuper", "integer"),
        ("usecatupd", "integer"),
        ("valuntil", "timestamp without time zone"),
        ("pid", "integer"),
        ("xid", "bigint"),
        ("recordtime", "timestamp without time zone"),
    ],
    "sys_userlog": [
        ("user_id", "integer"),
        ("user_name", "character(50)"),
        ("original_user_name", "character(50)"),
        ("action", "character(10)"),
        ("has_create_db_privs", "integer"),
        ("is_superuser", "integer"),
        ("has_update_catalog_privs", "integer"),
        ("password_expiration", "timestamp without time zone"),
        ("session_id", "integer"),
        ("transaction_id", "bigint"),
        ("record_time", "timestamp without time zone"),
    ],
}
DENIED = psycopg.errors.InsufficientPrivilege


@pytest.fixture
def changes(admin):
    """What the log has about users since the test began: user, old name and action."""
    before = value(admin, "SELECT count(*) FROM stl_userlog")

    def changes():
        rows = admin.execute("SELECT trim(username), trim(oldusername), trim(action) FROM stl_userlog").fetchall()[before:]
        return [" ".join(filter(None, row)) for row in rows]

    yield changes
    for (role,) in admin.execute("SELECT rolname FROM pg_roles WHERE rolname LIKE 'log\\_%'").fetchall():
        admin.execute('DROP ROLE "%s"' % role)


@pytest.mark.parametrize("view", COLUMNS)
def test_columns_comments_and_readers(login, admin, view):
    check_columns(admin, view, COLUMNS[view])
    bob = login("bob")
    for session in (bob, login("reader")):
        for query in ("SELECT * FROM " + view, "SELECT * FROM redshift_sessions.%s()" % view):
            with pytest.raises(DENIED):
                session.execute(query)
    admin.execute("GRANT SELECT ON %s TO bob" % view)
    try:
        assert value(bob, "SELECT count(*) FROM " + view) == value(admin, "SELECT count(*) FROM " + view) > 0
        (other,) = set(COLUMNS) - {view}
        with pytest.raises(DENIED):
            bob.execute("SELECT * FROM " + other)
    finally:
        admin.execute("REVOKE SELECT ON %s FROM bob" % view)


def test_the_example_of_redshifts_page(admin, changes):
    """Its four statements and its four rows, and what its query leaves out."""
    admin.execute("BEGIN; CREATE USER log_1 PASSWORD 'Userlog1' VALID UNTIL '2030-01-01 12:00+02'")
    xid, start = admin.execute("SELECT pg_current_xact_id()::text::bigint, now() AT TIME ZONE 'UTC'").fetchone()
    admin.execute("COMMIT")
    user = value(admin, "SELECT oid::int FROM pg_roles WHERE rolname = 'log_1'")
    admin.execute("ALTER USER log_1 CREATEDB SUPERUSER VALID UNTIL 'infinity'")
    admin.execute("ALTER USER log_1 RENAME TO log_2")
    admin.execute("DROP USER log_2")
    rows = admin.execute("SELECT * FROM stl_userlog WHERE userid = %s", (user,)).fetchall()
    assert [tuple(column.strip() if isinstance(column, str) else column for column in row[:7]) for row in rows] == [
        (user, "log_1", "", "create", 0, 0, 0),
        (user, "log_1", "", "alter", 1, 1, 1),
        (user, "log_2", "log_1", "rename", 1, 1, 1),
        (user, "log_2", "", "drop", 1, 1, 1),
    ]
    ends = "SELECT valuntil::text FROM stl_userlog WHERE userid = %s"
    assert [end for (end,) in admin.execute(ends, (user,))] == ["2030-01-01 10:00:00", None, None, None]
    assert {row[8] for row in rows} == {pid_of(admin)}
    assert rows[0][9] == xid and xid < rows[1][9] < rows[2][9] < rows[3][9]
    assert abs((rows[0][10] - start).total_seconds()) < 0.1 and sorted(row[10] for row in rows) == [row[10] for row in rows]
    assert rows[3][10] <= value(admin, "SELECT clock_timestamp() AT TIME ZONE 'UTC'")
    assert admin.execute("SELECT * FROM sys_userlog").fetchall() == admin.execute("SELECT * FROM stl_userlog").fetchall()


@pytest.mark.parametrize(
    "commands, expected",
    [
        ("CREATE ROLE log_a LOGIN", ["log_a create"]),
        ("CREATE ROLE log_a", []),
        ("CREATE GROUP log_a", []),
        ("CREATE GROUP log_a; DROP GROUP log_a", []),
        ("CREATE ROLE log_a; ALTER ROLE log_a CREATEDB; ALTER ROLE log_a RENAME TO log_b; ALTER ROLE log_b SET work_mem = '1MB'", []),
        ("CREATE ROLE log_a; ALTER ROLE log_a LOGIN; ALTER ROLE log_a NOLOGIN; DROP ROLE log_a", ["log_a alter", "log_a alter"]),
        ("CREATE USER log_a; ALTER USER log_a SET work_mem = '1MB'; ALTER USER log_a RESET ALL", ["log_a create", "log_a alter", "log_a alter"]),
        ("CREATE USER log_a; ALTER USER log_a IN DATABASE dev SET work_mem = '1MB'", ["log_a create", "log_a alter"]),
        ("CREATE USER log_a; CREATE GROUP log_g; ALTER GROUP log_g ADD USER log_a; ALTER GROUP log_a ADD USER bob; GRANT log_g TO log_a", ["log_a create"]),
        ("ALTER ROLE ALL SET work_mem = '4MB'; ALTER ROLE ALL RESET work_mem", []),
        ("CREATE USER log_a; CREATE USER log_b; CREATE ROLE log_c; DROP ROLE log_b, log_c, log_a", ["log_a create", "log_b create", "log_b drop", "log_a drop"]),
        ("CREATE USER log_a; DROP ROLE IF EXISTS log_x, log_a, log_y, log_a", ["log_a create", "log_a drop"]),
        ("CREATE USER log_a; SET ROLE log_a; ALTER USER CURRENT_USER SET work_mem = '1MB'; RESET ROLE", ["log_a create", "log_a alter"]),
        ("CREATE USER \"log_O'Ä\"; ALTER USER \"log_O'Ä\" RENAME TO log_b", ["log_O'Ä create", "log_b log_O'Ä rename"]),
        ("CREATE USER log_a; COMMENT ON ROLE log_a IS 'x'; ALTER DATABASE dev SET work_mem = '4MB'; ALTER DATABASE dev RESET work_mem", ["log_a create"]),
        ("DO $$ BEGIN CREATE USER log_a; EXECUTE 'ALTER USER log_a CREATEDB'; END $$", ["log_a create", "log_a alter"]),
        ("SELECT makes_users()", ["log_a create", "log_b create"]),
        ("BEGIN; CREATE USER log_a; ALTER USER log_a CREATEDB; COMMIT", ["log_a create", "log_a alter"]),
        ("BEGIN; CREATE USER log_a; ROLLBACK", []),
        ("BEGIN; CREATE USER log_a; SAVEPOINT s; CREATE USER log_b; ROLLBACK TO s; CREATE USER log_c; COMMIT", ["log_a create", "log_c create"]),
        ("BEGIN; SAVEPOINT s; SAVEPOINT i; CREATE USER log_a; RELEASE i; ROLLBACK TO s; COMMIT", []),
        ("BEGIN; SAVEPOINT s; SAVEPOINT i; CREATE USER log_a; RELEASE i; RELEASE s; COMMIT", ["log_a create"]),
        ("BEGIN; CREATE USER log_a; DROP USER log_a; SAVEPOINT s; ROLLBACK TO s; COMMIT", ["log_a create", "log_a drop"]),
        ("CREATE USER log_a; DO $$ BEGIN DROP USER log_a; RAISE 'no'; EXCEPTION WHEN OTHERS THEN NULL; END $$", ["log_a create"]),
        ("CREATE USER log_a; DO $$ BEGIN DROP USER log_a, nobody; EXCEPTION WHEN OTHERS THEN NULL; END $$; CREATE USER log_b", ["log_a create", "log_b create"]),
        ("BEGIN; CREATE USER log_a; PREPARE TRANSACTION 'p'; COMMIT PREPARED 'p'; CREATE USER log_b", ["log_b create"]),
    ],
)  # fmt: skip
def test_what_is_a_row(admin, changes, commands, expected):
    admin.execute("CREATE OR REPLACE FUNCTION makes_users() RETURNS void LANGUAGE sql AS 'CREATE USER log_a; CREATE USER log_b'")
    for command in commands.split("; ") if "$$" not in commands else [commands]:
        admin.execute(command)
    assert changes() == expected
    admin.execute("SELECT 1; CREATE ROLE log_later")  # and nothing comes later
    assert changes() == expected


def test_commands_that_fail_are_no_rows(login, admin, changes):
    session, bob = login(), login("bob")
    session.execute("CREATE USER log_a")
    for who, command in [
        (session, "CREATE USER log_a"),
        (session, "ALTER USER log_none CREATEDB"),
        (session, "ALTER USER log_a RENAME TO bob"),
        (session, "DROP USER log_none"),
        (session, "DROP USER log_a, log_none"),
        (session, "DROP USER CURRENT_USER"),
        (session, "ALTER USER PUBLIC CREATEDB"),
        (bob, "CREATE USER log_b"),
        (bob, "DROP USER log_a"),
        (bob, "ALTER USER log_a CREATEDB"),
    ]:
        with pytest.raises(psycopg.Error) as plain:
            who.execute(command)
        assert plain.value.diag.source_file.endswith((".c", ".y"))
        who.execute("SELECT 1")
    assert changes() == ["log_a create"]


def test_a_row_is_there_with_the_commit_and_not_before(login, changes):
    session = login()
    session.execute("BEGIN; CREATE USER log_a")
    assert changes() == []
    session.execute("COMMIT")
    assert changes() == ["log_a create"]
    session.execute("BEGIN; DROP USER log_a")
    session.close()
    assert changes() == ["log_a create"]


def test_no_password_is_in_the_log(login, admin, changes):
    admin.execute("CREATE USER log_a PASSWORD 'a secret'; ALTER USER log_a PASSWORD 'another secret'")
    assert changes() == ["log_a create", "log_a alter"]
    for view in COLUMNS:
        assert "secret" not in str(admin.execute("SELECT * FROM " + view).fetchall())


SMALL = {**EVERYTHING, "redshift_sessions.user_log_size": "5"}


@pytest.fixture(scope="module")
def small():
    server = Server("users", SMALL)
    yield server
    server.remove()


def names(server):
    with server.connect() as admin:
        return [name for (name,) in admin.execute("SELECT trim(username) FROM stl_userlog")]


def counts(server):
    with server.connect() as admin:
        return admin.execute("SELECT size, written, dropped FROM redshift_sessions.logs() WHERE log = 'stl_userlog'").fetchone()


def test_a_full_log_keeps_the_latest_over_a_restart(small):
    with small.connect() as admin:
        written = value(admin, "SELECT written FROM redshift_sessions.logs() WHERE log = 'stl_userlog'")
        for number in range(7):
            admin.execute("CREATE USER u%d PASSWORD 'a secret'" % number)
    assert names(small) == ["u2", "u3", "u4", "u5", "u6"]
    assert counts(small) == (5, written + 7, written + 2)
    with small.connect() as admin:
        rows = admin.execute("SELECT * FROM stl_userlog").fetchall()
    small.stop()
    saved = json.loads((small.directory() / "data/pg_stat/redshift_sessions.json").read_text())["logs"]
    texts = b"".join(struct.pack("=Q", word) for log in saved if log["log"] == "stl_userlog" for row in log["rows"] for word in row)
    assert b"u6" in texts and b"secret" not in texts
    small.start(SMALL)
    with small.connect() as admin:
        assert admin.execute("SELECT * FROM stl_userlog").fetchall()[-5:] == rows


def test_users_that_many_sessions_make_are_each_a_row(small):
    small.restart({**EVERYTHING, "redshift_sessions.user_log_size": "1000"})
    sessions = [small.connect() for _ in range(4)]
    for number, session in enumerate(sessions):
        session.pgconn.send_query(b"DO $$ BEGIN FOR n IN 1..50 LOOP EXECUTE format('CREATE USER m%s_%s', " + b"%d" % number + b", n); COMMIT; END LOOP; END $$")
    for session in sessions:
        while session.pgconn.get_result():
            pass
        session.close()
    made = [name for name in eventually(lambda: names(small)) if name.startswith("m")]
    assert sorted(made) == sorted("m%d_%d" % (number, n) for number in range(4) for n in range(1, 51))


def test_a_log_that_is_off_is_an_error_and_users_are_made(small):
    small.restart({**EVERYTHING, "redshift_sessions.user_log_size": "0"})
    with small.connect() as admin:
        admin.execute("CREATE USER off; ALTER USER off CREATEDB; DROP USER off")
        for view in COLUMNS:
            with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="the log behind stl_userlog is not kept"):
                admin.execute("SELECT * FROM " + view)
    assert counts(small) is None
