"""stv_recents: statements that run, and those that have finished. query_group: their label."""

import psycopg
import pytest

from conftest import EVERYTHING, Server, eventually, outcome, pid_of, send, value

MARKS = iter(range(10**6))
FIND = "SELECT trim(status), trim(query) FROM stv_recents WHERE query LIKE '%%' || %s || '%%' AND query NOT LIKE '%%stv_recents%%' ORDER BY starttime"


@pytest.fixture
def mark():
    """A text that no other statement has."""
    return "mark %d of this test" % next(MARKS)


def recents(connection, mark):
    return connection.execute(FIND, (mark,)).fetchall()


def done(*queries):
    return [("Done", query) for query in queries]


def test_running_and_finished_statements(login, admin, mark):
    runs, finished = login("alice"), login("bob")
    first, second = "SELECT '%s', count(*) FROM pg_class" % mark, "SELECT '%s again'" % mark
    finished.execute(first)
    finished.execute(second)
    send(admin, runs, "SELECT '%s too', pg_sleep(600)" % mark)
    userid = dict(admin.execute("SELECT rolname, oid::int FROM pg_roles").fetchall())
    find = "SELECT userid, trim(status), trim(user_name), trim(db_name), trim(query), pid FROM stv_recents WHERE query LIKE %s AND user_name IN ('alice', 'bob')"
    assert admin.execute(find, ("SELECT '" + mark + "%",)).fetchall() == [  # newest first
        (userid["alice"], "Running", "alice", "dev", "SELECT '%s too', pg_sleep(600)" % mark, pid_of(runs)),
        (userid["bob"], "Done", "bob", "dev", second, -1),
        (userid["bob"], "Done", "bob", "dev", first, -1),
    ]
    duration = "SELECT duration FROM stv_recents WHERE pid = %d" % pid_of(runs)
    before = value(admin, duration)
    assert 0 <= before < value(admin, duration)
    start = "SELECT r.starttime = a.query_start AT TIME ZONE 'UTC' FROM stv_recents r JOIN pg_stat_activity a USING (pid) WHERE r.pid = %s"
    assert value(admin, start, pid_of(runs)) is True
    admin.execute("SELECT pg_terminate_backend(%s)", (pid_of(runs),))
    outcome(runs)
    eventually(lambda: recents(admin, mark + " too") == done("SELECT '%s too', pg_sleep(600)" % mark))


def test_durations_are_those_of_the_statements(login, admin, mark):
    """In a transaction block and outside of it; the time that the client takes is not part of it."""
    session = login("alice")
    for query in ("SELECT '%s', pg_sleep(1)", "BEGIN /* %s */", "SELECT '%s in a block', pg_sleep(1)", "COMMIT /* %s */"):
        session.execute(query % mark)
        admin.execute("SELECT pg_sleep(1)")  # meanwhile alice's client does nothing
    session.execute("SELECT 'the last one %s'" % mark)
    rows = admin.execute(
        """
        SELECT duration, extract(epoch FROM lead(starttime) OVER (ORDER BY starttime) - starttime) * 1000000
        FROM stv_recents WHERE query LIKE '%%' || %s || '%%' AND user_name = 'alice' ORDER BY starttime
        """,
        (mark,),
    ).fetchall()
    durations = [duration for duration, _ in rows]
    assert len(rows) == 5 and min(durations[0], durations[2]) >= 1_000_000
    assert all(duration <= next_start - 1_000_000 for duration, next_start in rows[:4])


def test_a_statement_is_what_the_client_sent(login, admin, mark, table):
    session = login("alice")
    session.execute("CREATE FUNCTION pg_temp.inner() RETURNS int LANGUAGE plpgsql AS 'BEGIN PERFORM count(*) FROM pg_class; RETURN 1; END'")
    queries = [
        "SELECT pg_temp.inner() /* %s function */" % mark,
        "SELECT 1 /* %s */; SELECT 2; INSERT INTO t VALUES (100, 1)" % mark,
        "DO $$ BEGIN BEGIN PERFORM 1 / 0; EXCEPTION WHEN division_by_zero THEN END; UPDATE t SET v = 5; END $$ /* %s */" % mark,
        "DELETE FROM t /* %s */ WHERE id = 100" % mark,
        "LISTEN x /* %s */" % mark,
        "VACUUM t /* %s */" % mark,
        "EXPLAIN ANALYZE SELECT 1 /* %s */" % mark,
        "PREPARE p AS SELECT 1 /* %s */" % mark,
        "EXECUTE p /* %s */" % mark,
    ]
    for query in queries:
        session.execute(query)
    session.execute("SELECT 1")
    assert recents(admin, mark) == done(*queries)


def test_prepared_and_bound_statements_are_there_once_each(login, admin, mark):
    session = login("alice")
    for number in range(3):
        session.execute("SELECT %s::int, '" + mark + "'", (number,), prepare=True)
    session.execute("SELECT 1")
    assert recents(admin, mark) == done(*["SELECT $1::int, '%s'" % mark] * 3)
    with session.pipeline():
        for number in range(3):
            session.execute("SELECT %s::int, 'piped " + mark + "'", (number,), prepare=True)
    session.execute("SELECT 1")
    assert recents(admin, "piped " + mark) == done(*["SELECT $1::int, 'piped %s'" % mark] * 3)


def test_statements_that_failed_are_done_too(login, admin, mark):
    session = login("alice")
    queries = ["SELEKT '%s'", "SELECT '%s' FROM nowhere", "SELECT 1 / 0, '%s'", "BEGIN; SELECT 1 / 0, '%s'", "SELECT 'aborted %s'"]
    for query in queries:
        with pytest.raises(psycopg.Error):
            session.execute(query % mark)
    session.execute("ROLLBACK")
    assert recents(admin, mark) == done(*(query % mark for query in queries))


def test_the_last_statement_of_a_session_that_ended(login, admin, mark):
    session = login("alice")
    session.execute("SELECT '%s'" % mark)
    assert recents(admin, mark) == done("SELECT '%s'" % mark)
    pid = pid_of(session)
    session.close()
    eventually(lambda: value(admin, "SELECT count(*) FROM stv_sessions WHERE process = %s", pid) == 0)
    eventually(lambda: recents(admin, mark) == done("SELECT '%s'" % mark))


def test_regular_users_see_their_own(login, mark):
    alice, bob, reader = login("alice"), login("bob"), login("reader")
    for session in (alice, bob):
        session.execute("SELECT '%s'" % mark)
        session.execute("SELECT 1")
    assert len(recents(alice, mark)) == len(recents(bob, mark)) == 1
    assert len(recents(reader, mark)) == 2


def test_whoever_may_not_be_watched_is_not_kept(login, admin, mark):
    session = login("boss")
    session.execute("SET track_activities = off")
    session.execute("SELECT '%s'" % mark)
    session.execute("SET track_activities = on")
    session.execute("SELECT 1")
    assert recents(admin, mark) == []


@pytest.mark.parametrize("letter", ["ä", "日", "😀"])
def test_texts_are_cut_between_letters(login, admin, mark, letter):
    """Wherever in a letter the last byte that is kept would be."""
    session = login("alice")
    for before in range(len(letter.encode())):
        text = "SELECT '%s %s%s'" % (mark, "x" * before, letter * 4000)
        session.execute(text)
        assert recents(admin, mark)[-1] == ("Done", text[:600])
        whole = "SELECT query_text FROM sys_query_history WHERE session_id = %s ORDER BY query_id DESC LIMIT 1"
        assert value(admin, whole, pid_of(session)).rstrip() == text.encode()[:4000].decode(errors="ignore")


def test_texts_of_another_encoding(login, admin, mark):
    admin.execute("CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
    try:
        with login("alice", "latin") as session:
            session.execute("SELECT '%s ä'" % mark)
            session.execute("SELECT 1")
        assert recents(admin, mark) == done("SELECT '%s ?'" % mark)
    finally:
        eventually(lambda: value(admin, "SELECT count(*) FROM pg_stat_activity WHERE datname = 'latin'") == 0)
        admin.execute("DROP DATABASE latin")


def test_the_history_is_bounded_counted_and_in_no_file(mark):
    server = Server("recents", {**EVERYTHING, "redshift_sessions.statement_log_size": "5"})
    try:
        with server.connect() as admin:
            with server.connect("alice") as session:
                for number in range(20):
                    session.execute("SELECT '%s', %d" % (mark, number))
                # The last one is the session's own still, and four or five are in the ring.
                numbers = [int(query.split()[-1]) for _, query in recents(admin, mark)]
                assert numbers == list(range(19 - len(numbers) + 1, 20)) and 4 <= len(numbers) <= 6
            size, written, dropped = admin.execute("SELECT size, written, dropped FROM redshift_sessions.logs() WHERE log = 'stv_recents'").fetchone()
            assert size == 5 and written - dropped == 5
        server.restart({**EVERYTHING, "redshift_sessions.statement_log_size": "0"})
        with server.connect() as admin, server.connect("alice") as session:
            assert recents(admin, mark) == []
            session.execute("SELECT '%s', 1" % mark)
            session.execute("SELECT '%s', 2" % mark)
            assert recents(admin, mark) == done("SELECT '%s', 2" % mark)
        server.stop()
        saved = server.directory() / "data" / "pg_stat" / "redshift_sessions.json"
        assert '"stl_sessions"' in saved.read_text() and "stv_recents" not in saved.read_text()
    finally:
        server.remove()


def label(admin, session):
    send(admin, session, "SELECT pg_sleep(600)")
    shown = value(admin, "SELECT label FROM stv_inflight WHERE pid = %s", pid_of(session))
    session.cancel()
    outcome(session)
    return shown.rstrip()


def test_query_group_is_the_label(login, admin):
    session = login("alice")
    assert label(admin, session) == value(session, "SHOW query_group") == "default"
    session.execute("SET query_group TO 'superuser'")
    assert label(admin, session) == "superuser"
    session.execute("BEGIN; SET LOCAL query_group TO 'for a while'; ROLLBACK")
    assert label(admin, session) == "superuser"
    session.execute("SET query_group TO %s" % ("'" + "ü" * 200 + "'"))
    assert label(admin, session) == "ü" * 160  # 320 bytes
    session.execute("RESET query_group")
    assert label(admin, session) == "default"


def test_query_group_of_role_and_of_the_next_session(login, admin):
    admin.execute("ALTER ROLE alice SET query_group = 'of alice'")
    try:
        session = login("alice")
        assert label(admin, session) == "of alice"
        # Whoever gets the same place afterwards has none of it.
        session.close()
        others = [login("bob") for _ in range(10)]
        assert {label(admin, other) for other in others} == {"default"}
    finally:
        admin.execute("ALTER ROLE alice RESET query_group")


def test_query_group_of_the_configuration_file(server, admin, login):
    """Only while the server runs: it would not start with it, see test_settings_taken.py."""
    file = server.directory() / "data/postgresql.conf"
    before = file.read_text()
    try:
        for group in ("of all", "grün", "ü" * 200):
            file.write_text(before + "query_group = '%s'\n" % group)
            admin.execute("SELECT pg_reload_conf()")
            eventually(lambda: value(login("bob"), "SHOW query_group") == group)
            assert label(admin, login("alice")) == group[:160]
    finally:
        file.write_text(before)
        admin.execute("SELECT pg_reload_conf()")
        eventually(lambda: value(login("bob"), "SHOW query_group") == "default")
