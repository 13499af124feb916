"""What differs between server versions, as docs/compatibility.md says in its section "Server versions"."""

import psycopg
import pytest

from conftest import eventually, is_alive, pid_of, value


@pytest.fixture
def major(server):
    return server.version()


def test_unknown_settings_below_our_prefix(major, login):
    session = login("alice")
    if major >= 15:
        with pytest.raises(psycopg.errors.InvalidName, match="invalid configuration parameter name"):
            session.execute("SET redshift_sessions.redirekt = off")
    else:
        session.execute("SET redshift_sessions.redirekt = off")


def test_a_superusers_setting_can_be_granted(major, login, admin):
    grant = "GRANT SET ON PARAMETER redshift_sessions.redirect TO bob"
    if major >= 15:
        admin.execute(grant)
        login("bob").execute("SET redshift_sessions.redirect = off")
        admin.execute("REVOKE SET ON PARAMETER redshift_sessions.redirect FROM bob")
    else:
        with pytest.raises(psycopg.errors.SyntaxError):
            admin.execute(grant)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        login("bob").execute("SET redshift_sessions.redirect = off")


def test_views_over_ours_show_what_their_reader_may_see(major, login, admin):
    """Whoever owns them, and with security_invoker, which 15 brought, or without."""
    alice, bob = login("alice"), login("bob")
    users = {}
    try:
        for options in [""] + (["WITH (security_invoker = true)"] if major >= 15 else []):
            admin.execute("DROP VIEW IF EXISTS through, closed")
            admin.execute("CREATE VIEW through %s AS SELECT trim(user_name) FROM stv_sessions" % options)
            admin.execute("CREATE VIEW closed %s AS SELECT * FROM stv_locks" % options)
            admin.execute("GRANT SELECT ON through, closed TO PUBLIC")
            users[options] = {user for (user,) in alice.execute("SELECT * FROM through").fetchall()}
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                bob.execute("SELECT * FROM closed")
    finally:
        admin.execute("DROP VIEW IF EXISTS through, closed")
    assert all(found == {"alice"} for found in users.values())


def test_postgresqls_own_refusal_has_other_words(major, login, admin):
    admin.execute("ALTER ROLE bob SET redshift_sessions.redirect = off")
    try:
        with pytest.raises(psycopg.errors.InsufficientPrivilege) as error:
            login("bob").execute("SELECT pg_terminate_backend(%d)" % pid_of(login("alice")))
    finally:
        admin.execute("ALTER ROLE bob RESET redshift_sessions.redirect")
    if major >= 16:
        assert error.value.diag.message_primary == "permission denied to terminate process"
    else:
        assert error.value.diag.message_primary.startswith("must be a member of the role whose process is being terminated")


def test_a_membership_that_is_not_inherited_counts_for_nothing(major, login, admin):
    """A property of the role up to 15, and of each membership from 16 on."""
    admin.execute("CREATE ROLE heir LOGIN %s" % ("" if major >= 16 else "NOINHERIT"))
    try:
        for role in "pg_signal_backend", "pg_read_all_stats":
            admin.execute("GRANT %s TO heir %s" % (role, "WITH INHERIT FALSE" if major >= 16 else ""))
        alice, heir = login("alice"), login("heir")
        # In our words: PostgreSQL's function would refuse it as well.
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="Only the user who owns the session or a superuser"):
            heir.execute("SELECT pg_cancel_backend(%d)" % pid_of(alice))
        assert value(heir, "SELECT count(*) FROM stv_sessions WHERE user_name = 'alice'") == 0
        heir.close()
    finally:
        admin.execute("DROP ROLE heir")


def test_a_transaction_that_took_too_long(major, login, admin):
    session = login("alice")
    if major < 17:
        with pytest.raises(psycopg.errors.UndefinedObject):
            session.execute("SET transaction_timeout = 50")
        return
    pid = pid_of(session)
    session.execute("SET transaction_timeout = 50")
    with pytest.raises(psycopg.Error, match="transaction timeout"):
        session.execute("SELECT pg_sleep(600)")
    ended = "SELECT timed_out FROM stl_sessions WHERE process = %s"
    assert eventually(lambda: admin.execute(ended, (pid,)).fetchone()) == (1,)


def test_event_triggers_of_logins(major, login, admin):
    """What they run is nobody's statement, and our functions follow their rule in it."""
    admin.execute("CREATE TABLE answers (pid int, answer boolean); GRANT INSERT ON answers TO PUBLIC")
    admin.execute(
        "CREATE FUNCTION on_login() RETURNS event_trigger LANGUAGE plpgsql AS"
        " 'BEGIN INSERT INTO answers SELECT pg_backend_pid(), pg_terminate_backend(0); END'"
    )
    create = "CREATE EVENT TRIGGER on_login ON login EXECUTE FUNCTION on_login()"
    try:
        if major >= 17:
            admin.execute(create)
            session = login("alice")
            assert session.execute("SELECT pg_last_query_id()").fetchone() == (-1,)
            assert admin.execute("SELECT answer FROM answers WHERE pid = %s", (pid_of(session),)).fetchall() == [(False,)]
            assert value(admin, "SELECT count(*) FROM svv_transactions WHERE pid = %s", pid_of(session)) == 0
            assert value(admin, "SELECT count(*) FROM stv_recents WHERE query LIKE 'INSERT INTO answers%%'") == 0
        else:
            with pytest.raises(psycopg.errors.SyntaxError, match="unrecognized event name"):
                admin.execute(create)
    finally:
        admin.execute("DROP FUNCTION on_login() CASCADE; DROP TABLE answers")


def test_autovacuum_stays_with_superusers(major, login, admin):
    """Up to 17 nobody else may signal it anyway; 18 has a role for that."""
    admin.execute("CREATE ROLE vacuums LOGIN; GRANT pg_signal_backend TO vacuums")
    if major >= 18:
        admin.execute("GRANT pg_signal_autovacuum_worker TO vacuums")
    admin.execute(
        "CREATE TABLE slowly (x int) WITH (autovacuum_vacuum_threshold = 1, autovacuum_vacuum_scale_factor = 0,"
        " autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1)"
    )
    try:
        admin.execute("INSERT INTO slowly SELECT generate_series(1, 100000); DELETE FROM slowly")
        find = "SELECT pid FROM svv_transactions WHERE relation = 'slowly'::regclass::oid::int AND txn_owner = 'rdsdb'"
        (pid,) = eventually(lambda: admin.execute(find).fetchone())
        session = login("vacuums")
        for function in "pg_cancel_backend", "pg_terminate_backend":
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                session.execute("SELECT %s(%d)" % (function, pid))
        if major >= 18:
            admin.execute("ALTER ROLE vacuums SET redshift_sessions.redirect = off")
            assert value(login("vacuums"), "SELECT pg_terminate_backend(%s)", pid) is True
            eventually(lambda: not is_alive(admin, pid))
        session.close()
    finally:
        admin.execute("DROP TABLE slowly")
        admin.execute("DROP ROLE vacuums")


def test_the_log_says_who_terminated(major, login, admin, server):
    """With our function it is the session that called it, as with PostgreSQL's own."""
    session, caller = login("alice"), login("alice")
    ended = "terminating connection due to administrator command"
    pid = pid_of(session)
    assert value(caller, "SELECT pg_terminate_backend(%s)", pid) == 1
    eventually(lambda: not is_alive(admin, pid))
    log = (server.directory() / "log").read_text(errors="replace")
    assert log.count(ended) > 0
    assert ("Signal sent by PID %d, UID " % pid_of(caller) in log) == (major >= 19)


GRAPH = "CREATE TEMP TABLE nodes (id int PRIMARY KEY); INSERT INTO nodes VALUES (0); CREATE TEMP PROPERTY GRAPH g VERTEX TABLES (nodes); "
LASTS = "CREATE TEMP TABLE lasts (id int, during int4range); INSERT INTO lasts VALUES (0, '[1,9)'); "


@pytest.mark.parametrize(
    "since, statement, expected",
    [
        (14, "DO $$ DECLARE b boolean; BEGIN SELECT pg_cancel_backend(0) INTO b; END $$", None),
        (15, "MERGE INTO t USING (SELECT 1 AS id, pg_cancel_backend(0) AS c) s ON t.id = s.id WHEN MATCHED AND NOT c THEN UPDATE SET v = 99", None),
        (17, "MERGE INTO t USING (SELECT 1 AS id) s ON t.id = s.id WHEN MATCHED THEN UPDATE SET v = 1 RETURNING pg_cancel_backend(0)", False),
        (18, "UPDATE t SET v = 2 WHERE id = 1 RETURNING old.v, new.v, pg_cancel_backend(0)", (1, 2, False)),
        (19, "INSERT INTO t VALUES (1, 5) ON CONFLICT (id) DO SELECT RETURNING pg_cancel_backend(0)", False),
        (19, "INSERT INTO t VALUES (1, 5) ON CONFLICT (id) DO SELECT FOR UPDATE WHERE NOT pg_cancel_backend(0) RETURNING v", 1),
        (19, "SELECT first_value(pg_cancel_backend(0)) IGNORE NULLS OVER () FROM t LIMIT 1", False),
        (19, "SELECT error_on_null(pg_cancel_backend(0))", False),
        (20, GRAPH + "SELECT * FROM GRAPH_TABLE (g MATCH (n WHERE NOT pg_cancel_backend(n.id)) COLUMNS (pg_cancel_backend(n.id) AS b))", None),
        (20, LASTS + "UPDATE lasts FOR PORTION OF during FROM pg_cancel_backend(0)::int TO 5 SET id = 1", None),
    ],
)
def test_calls_in_newer_syntax_follow_the_rule(major, login, admin, table, since, statement, expected):
    """Redshift's warning for a session that does not exist shows that the call was redirected. 19beta2 had what is of 20 here."""
    admin.execute("UPDATE t SET v = 1")
    session = login("boss")
    try:
        result = session.execute(statement)
    except psycopg.Error:
        assert major < since
        return
    assert {notice.message_primary.split(".")[0] for notice in session.notices} == {"Session 0 does not exist"}
    if expected is not None:
        row = result.fetchone()
        assert tuple(map(int, row)) == tuple(map(int, expected if isinstance(expected, tuple) else (expected,)))


def test_copy_to_json_follows_the_rule(major, login):
    session = login("boss")
    reading = "COPY (SELECT pg_cancel_backend(0)) TO STDOUT (FORMAT json)"
    if major < 19:
        with pytest.raises((psycopg.errors.InvalidParameterValue, psycopg.errors.SyntaxError)), session.cursor().copy(reading):
            pass
        return
    with session.cursor().copy(reading) as copy:
        assert b"".join(copy) == b'{"pg_cancel_backend":false}\n'
    assert session.notices[0].message_primary.startswith("Session 0 does not exist")
