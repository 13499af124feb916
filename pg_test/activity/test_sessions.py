"""stv_sessions, stv_recents, stv_inflight, svv_query_inflight, stl_restarted_sessions: what sessions do."""

import datetime

import pytest

from conftest import check_columns, eventually, pid_of, send, value

COLUMNS = {
    "stv_sessions": [
        ("starttime", "timestamp without time zone"),
        ("process", "integer"),
        ("user_name", "character(50)"),
        ("db_name", "character(50)"),
        ("timeout_sec", "integer"),
    ],
    "stv_recents": [
        ("userid", "integer"),
        ("status", "character(20)"),
        ("starttime", "timestamp without time zone"),
        ("duration", "integer"),
        ("user_name", "character(50)"),
        ("db_name", "character(50)"),
        ("query", "character(600)"),
        ("pid", "integer"),
    ],
    "stv_inflight": [
        ("userid", "integer"),
        ("slice", "integer"),
        ("query", "integer"),
        ("label", "character(320)"),
        ("xid", "bigint"),
        ("pid", "integer"),
        ("starttime", "timestamp without time zone"),
        ("text", "character(100)"),
        ("suspended", "integer"),
        ("insert_pristine", "integer"),
        ("concurrency_scaling_status", "integer"),
    ],
    "svv_query_inflight": [
        ("userid", "integer"),
        ("slice", "integer"),
        ("query", "integer"),
        ("pid", "integer"),
        ("starttime", "timestamp without time zone"),
        ("suspended", "integer"),
        ("text", "character(200)"),
        ("sequence", "integer"),
    ],
    "stl_restarted_sessions": [
        ("currenttime", "timestamp without time zone"),
        ("dbname", "character(50)"),
        ("newpid", "integer"),
        ("oldpid", "integer"),
        ("username", "character(50)"),
        ("remotehost", "character(45)"),
        ("remoteport", "character(32)"),
        ("parkedtime", "timestamp without time zone"),
        ("session_vars", "character(2000)"),
    ],
}
OF_SESSIONS = ["stv_sessions", "stv_recents", "stv_inflight", "svv_query_inflight"]


def names(rows):
    return {name.rstrip() for (name,) in rows}


@pytest.mark.parametrize("view", COLUMNS)
def test_columns_and_comments(admin, view):
    check_columns(admin, view, COLUMNS[view])


def test_stv_sessions_lists_clients_until_they_end(login, admin):
    session = login("alice", "postgres")
    find = "SELECT starttime, user_name, db_name, timeout_sec FROM stv_sessions WHERE process = %s"
    start, user, database, timeout = admin.execute(find, (pid_of(session),)).fetchone()
    assert (user, database, timeout) == ("alice".ljust(50), "postgres".ljust(50), 0)
    now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
    assert datetime.timedelta(0) <= now - start < datetime.timedelta(minutes=1)
    # Background processes are no sessions.
    listed = {pid for (pid,) in admin.execute("SELECT process FROM stv_sessions")}
    clients = {pid for (pid,) in admin.execute("SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend'")}
    assert listed == clients
    # Gone at once, also within a transaction that has seen it.
    admin.execute("BEGIN")
    assert admin.execute(find, (pid_of(session),)).fetchone()
    assert value(admin, "SELECT pg_terminate_backend(process, 30000) FROM stv_sessions WHERE process = %s", pid_of(session))
    assert admin.execute(find, (pid_of(session),)).fetchone() is None
    admin.execute("COMMIT")


@pytest.mark.parametrize("replication, database", [("true", None), ("database", "dev".ljust(50))])
def test_a_replication_connection_is_its_users_session(login, admin, replication, database):
    admin.execute("CREATE ROLE streams LOGIN REPLICATION")
    try:
        pid = pid_of(login("streams", replication=replication))
        find = "SELECT user_name, db_name FROM stv_sessions WHERE process = %s"
        own = login("streams")
        for reader, rows in ((admin, [("streams".ljust(50), database)]), (own, [("streams".ljust(50), database)]), (login("bob"), [])):
            assert reader.execute(find, (pid,)).fetchall() == rows
        assert value(login("canceller"), "SELECT pg_cancel_backend(%s)", pid) == 1
        assert value(own, "SELECT pg_terminate_backend(%s)", pid) == 1
        eventually(lambda: admin.execute(find, (pid,)).fetchall() == [])
        own.close()
    finally:
        admin.execute("DROP ROLE streams")


def test_a_loop_that_ends_sessions_until_none_is_left_ends(login, admin):
    """Published scripts do this within one transaction."""
    for _ in range(5):
        login("alice")
    admin.execute("""
        DO $$
        BEGIN
            WHILE (SELECT count(*) FROM stv_sessions WHERE user_name = 'alice') > 0 LOOP
                PERFORM pg_terminate_backend(process) FROM stv_sessions WHERE user_name = 'alice';
            END LOOP;
        END $$
    """)
    assert value(admin, "SELECT count(*) FROM stv_sessions WHERE user_name = 'alice'") == 0


@pytest.mark.parametrize(
    "settings, seconds",
    [
        ([], 0),
        (["ALTER ROLE bob SET idle_session_timeout = '10min'"], 600),
        (["ALTER ROLE bob SET idle_session_timeout = 90000"], 90),
        (["ALTER ROLE bob SET idle_session_timeout = 9001"], 10),
        (["ALTER ROLE bob SET work_mem = '1MB'", "ALTER ROLE bob SET idle_session_timeout = '1h'"], 3600),
        (["ALTER ROLE bob IN DATABASE dev SET idle_session_timeout = '30s'", "ALTER ROLE bob SET idle_session_timeout = '1h'"], 30),
        (["ALTER ROLE bob IN DATABASE dev SET idle_session_timeout = 0", "ALTER ROLE bob SET idle_session_timeout = '1h'"], 0),
        (["ALTER ROLE bob IN DATABASE postgres SET idle_session_timeout = '30s'"], 0),
        (["ALTER ROLE alice SET idle_session_timeout = '30s'"], 0),
    ],
)
def test_timeout_sec_is_the_users_own(login, admin, settings, seconds):
    try:
        for setting in settings:
            admin.execute(setting)
        session = login("bob")
        for reader in (admin, session):
            assert value(reader, "SELECT timeout_sec FROM stv_sessions WHERE process = %s", pid_of(session)) == seconds
    finally:
        for role in ("bob", "bob IN DATABASE dev", "bob IN DATABASE postgres", "alice"):
            admin.execute("ALTER ROLE %s RESET ALL" % role)


def test_a_session_without_a_statement_is_not_in_flight(login, admin):
    session = login("alice")
    assert value(admin, "SELECT count(*) FROM stv_inflight WHERE pid = %s", pid_of(session)) == 0
    assert value(admin, "SELECT count(*) FROM stv_recents WHERE pid = %s", pid_of(session)) == 0


def test_stv_inflight_and_svv_transactions_agree(login, admin, table):
    reads, writes = login("alice"), login("alice")
    send(admin, reads, "SELECT pg_sleep(600)")
    writes.execute("BEGIN; UPDATE t SET v = 1")
    xid = value(writes, "SELECT pg_current_xact_id()::text::bigint")
    send(admin, writes, "SELECT pg_sleep(600)")
    for session in (reads, writes):
        query = "SELECT s.xid, s.pid, s.label, s.slice, s.suspended, trim(s.text) FROM stv_inflight s JOIN svv_transactions t USING (xid, pid) WHERE pid = %s LIMIT 1"
        row = admin.execute(query, (pid_of(session),)).fetchone()
        assert row[2:] == ("default".ljust(320), 0, 0, "SELECT pg_sleep(600)")
        assert (row[0] == xid) == (session is writes) and (row[0] < 0) == (session is reads)
        admin.execute("SELECT pg_terminate_backend(%s)", (pid_of(session),))


def test_the_reader_is_in_flight_itself(login):
    session = login("alice")
    assert session.execute("SELECT pid FROM stv_inflight").fetchall() == [(pid_of(session),)]


def test_a_query_keeps_its_number_and_others_have_others(login, admin):
    sessions = [login("alice") for _ in range(5)]
    for session in sessions:
        send(admin, session, "SELECT pg_sleep(600)")
    find = "SELECT pid, query FROM %s WHERE pid <> pg_backend_pid() ORDER BY pid"
    numbers = admin.execute(find % "stv_inflight").fetchall()
    assert len({query for _, query in numbers}) == len(numbers) == 5
    assert admin.execute(find % "stv_inflight").fetchall() == admin.execute(find % "svv_query_inflight").fetchall() == numbers
    admin.execute("SELECT pg_terminate_backend(process) FROM stv_sessions WHERE user_name = 'alice'")


def test_long_statements_are_cut_or_in_pieces(login, admin):
    session = login("alice")
    text = "SELECT pg_sleep(600) /* " + "äöü 0123456789 " * 40 + "*/"
    send(admin, session, text)
    pid = pid_of(session)
    assert value(admin, "SELECT text FROM stv_inflight WHERE pid = %s", pid) == text[:100]
    assert value(admin, "SELECT query FROM stv_recents WHERE pid = %s", pid) == text[:600]
    pieces = admin.execute("SELECT text, sequence FROM svv_query_inflight WHERE pid = %s ORDER BY sequence", (pid,)).fetchall()
    assert [sequence for _, sequence in pieces] == [0, 1, 2, 3]
    assert "".join(piece for piece, _ in pieces).rstrip() == text
    admin.execute("SELECT pg_terminate_backend(%s)", (pid,))


class TestWhoSeesWhat:
    @pytest.fixture
    def sessions(self, login, admin):
        sessions = {name: login(name) for name in ("alice", "bob", "boss", "member")}
        for session in sessions.values():
            send(admin, session, "SELECT pg_sleep(600)")
        yield sessions
        for session in sessions.values():
            admin.execute("SELECT pg_terminate_backend(%s)", (pid_of(session),))

    def test_rows_of_others(self, login, sessions):
        everyone = {"alice", "bob", "boss", "member"}
        for reader, seen in (
            ("awsuser", everyone),
            ("boss", everyone),
            ("reader", everyone),
            ("alice", {"alice"}),
            ("member", {"member"}),
            ("canceller", set()),
        ):
            reader = login(reader)
            for view in OF_SESSIONS:
                pid = "process" if view == "stv_sessions" else "pid"
                query = "SELECT DISTINCT u.rolname FROM %s v JOIN pg_stat_get_activity(NULL) a ON a.pid = v.%s JOIN pg_roles u ON u.oid = a.usesysid WHERE a.pid <> pg_backend_pid()"
                assert names(reader.execute(query % (view, pid))) & everyone == seen, view
            direct = reader.execute("SELECT user_name FROM redshift_sessions.sessions() WHERE process <> pg_backend_pid()")
            assert names(direct) & everyone == seen


def test_no_session_is_ever_restarted(login):
    assert login("alice").execute("SELECT * FROM stl_restarted_sessions").fetchall() == []


def test_pg_last_query_id_is_the_number_in_stv_inflight(login, admin):
    session = login("alice")
    last = "SELECT pg_last_query_id()"
    assert value(session, last) == -1
    send(admin, session, "SELECT pg_sleep(600)")
    number = value(admin, "SELECT query FROM stv_inflight WHERE pid = %s", pid_of(session))
    admin.execute("SELECT pg_cancel_backend(%s)", (pid_of(session),))
    while session.pgconn.get_result() is not None:
        pass
    assert value(session, last) == number
    assert value(session, last) not in (-1, number)  # that of the one before
    # Also for plans that are reused, and with a function's own queries left out.
    session.execute("CREATE FUNCTION pg_temp.busy() RETURNS int LANGUAGE plpgsql AS 'BEGIN PERFORM count(*) FROM pg_class; RETURN 1; END'")
    for _ in range(8):
        number = session.execute("SELECT query, pg_temp.busy() FROM stv_inflight WHERE pid = pg_backend_pid()", prepare=True).fetchone()[0]
        assert session.execute(last, prepare=True).fetchone()[0] == number
    for command, counts in (("CREATE TEMP TABLE made AS SELECT 1", True), ("EXPLAIN ANALYZE SELECT 1", True), ("EXPLAIN SELECT 1", False)):
        session.execute(command)
        number = value(admin, "SELECT max(query_id) FROM sys_query_history WHERE session_id = %s", pid_of(session))
        assert (value(session, last) == number) == counts
    session.execute("DECLARE held CURSOR WITH HOLD FOR SELECT 1")
    number = value(admin, "SELECT max(query) FROM stl_query WHERE pid = %s", pid_of(session))
    assert value(session, last) == number
