"""How statements end, where that is not plain: with queries that are not the client's, ends of transactions inside, and full logs."""

import time

import psycopg
import pytest

from conftest import EVERYTHING, Server, eventually, pid_of, value
from protocol import Raw, Refused


def last(admin, pid, columns="trim(query_type), trim(status), returned_rows", number=1):
    query = "SELECT %s FROM sys_query_history WHERE session_id = %d ORDER BY query_id DESC LIMIT %d" % (columns, pid, number)
    return admin.execute(query).fetchall()[::-1]


OBJECTS = """
    CREATE TABLE parent (id int PRIMARY KEY); INSERT INTO parent SELECT generate_series(1, 10);
    CREATE TABLE child (id int REFERENCES parent);
    CREATE TABLE fires (x int);
    CREATE TABLE later (x int);
    CREATE TABLE catches (x int);
    CREATE FUNCTION performs() RETURNS trigger LANGUAGE plpgsql AS
        'DECLARE r record; BEGIN FOR r IN SELECT generate_series(1, 50) LOOP NULL; END LOOP; PERFORM generate_series(1, 50); RETURN NULL; END';
    CREATE FUNCTION catches() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN BEGIN PERFORM 1 / (n - 3) FROM generate_series(1, 4) n; EXCEPTION WHEN division_by_zero THEN NULL; END; RETURN NULL; END';
    CREATE TRIGGER t AFTER INSERT ON fires FOR EACH ROW EXECUTE FUNCTION performs();
    CREATE CONSTRAINT TRIGGER t AFTER INSERT ON later DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION performs();
    CREATE TRIGGER t AFTER INSERT ON catches FOR EACH ROW EXECUTE FUNCTION catches();
    CREATE FUNCTION loops() RETURNS int IMMUTABLE LANGUAGE plpgsql AS
        'DECLARE r record; BEGIN FOR r IN SELECT generate_series(1, 50) LOOP NULL; END LOOP; RETURN 1; END';
    CREATE PROCEDURE ends() LANGUAGE plpgsql AS
        'BEGIN INSERT INTO fires VALUES (1); ROLLBACK; PERFORM generate_series(1, 10); INSERT INTO fires VALUES (2); COMMIT; END';
    GRANT ALL ON parent, child, fires, later, catches TO PUBLIC;
"""
NAMES = "parent, child, fires, later, catches"


@pytest.fixture
def objects(admin):
    admin.execute(OBJECTS)
    yield
    admin.execute("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE relation = 'parent'::regclass AND pid <> pg_backend_pid()")
    admin.execute("DROP TABLE %s; DROP FUNCTION performs(), catches(), loops(); DROP PROCEDURE ends()" % NAMES)


@pytest.mark.parametrize("prepare", [None, True])
@pytest.mark.parametrize(
    "statement, kind, rows",
    [
        ("INSERT INTO child SELECT generate_series(1, 10)", "INSERT", 0),
        ("INSERT INTO fires VALUES (1)", "INSERT", 0),
        ("INSERT INTO later VALUES (1)", "INSERT", 0),
        ("INSERT INTO catches VALUES (1)", "INSERT", 0),
        ("SELECT loops()", "SELECT", 1),
        ("CALL ends()", "UTILITY", 0),
        ("DO $$ BEGIN INSERT INTO fires VALUES (1); ROLLBACK; END $$", "UTILITY", 0),
    ],
)
def test_queries_that_are_not_the_clients_do_not_count(login, admin, objects, statement, kind, rows, prepare):
    session = login("alice")
    session.execute(statement, prepare=prepare)
    shown = last(admin, pid_of(session), "trim(query_text), trim(query_type), trim(status), returned_rows")
    assert shown == [(statement, kind, "success", rows)]
    session.execute("SELECT 'next'")
    # What comes after changes nothing, and neither does the end of the session.
    before = last(admin, pid_of(session), "*", 2)
    pid = pid_of(session)
    session.close()
    eventually(lambda: value(admin, "SELECT count(*) FROM stv_sessions WHERE process = %s", pid) == 0)
    assert last(admin, pid, "*", 2) == before and before[0][7].rstrip() == "success"


def test_a_long_statement_does_not_slow_down_the_queries_inside(login, admin):
    session = login("alice")
    # Two seconds; a minute if each query inside reads all of the statement.
    session.execute("SET statement_timeout = '20s'")
    session.execute("DO $$ BEGIN FOR i IN 1..50000 LOOP PERFORM i FROM pg_class LIMIT 1; END LOOP; END $$ --" + " " * 30_000_000)
    assert last(admin, pid_of(session)) == [("UTILITY", "success", 0)]


@pytest.mark.parametrize("block", [False, True])
def test_a_timeout_that_comes_too_late_is_nothing_of_the_statement(server, admin, block):
    """PostgreSQL looks for it once more when the next one comes, and refuses that."""
    session = Raw(server.port, user="alice", database="dev")
    pid = int(session.value("SELECT pg_backend_pid()"))
    session.query("DO $$ BEGIN PERFORM set_config('my.long', repeat('x', 100000000), false); END $$")
    session.query("CREATE PROCEDURE pg_temp.takes(text) LANGUAGE sql AS ''")
    # Nothing looks for a timeout once this has begun.
    statement = "CALL pg_temp.takes(md5(current_setting('my.long')))"
    taken = []
    for _ in range(3):
        before = time.monotonic()
        session.query(statement)
        taken.append(time.monotonic() - before)
    session.query("SET statement_timeout = %d" % (min(taken) * 1000 / 4))
    if block:
        session.query("BEGIN")
    session.query(statement)
    with pytest.raises(Refused):
        session.query("SELECT 'next'")
    assert last(admin, pid, "trim(query_text), trim(status), error_message") == [(statement, "success", None)]
    session.close()


def test_what_a_commit_runs_is_no_query(login, admin, objects):
    session = login("alice")
    for statement in ("BEGIN", "DECLARE c CURSOR WITH HOLD FOR SELECT generate_series(1, 1000)", "INSERT INTO later VALUES (1)", "COMMIT"):
        session.execute(statement)
    assert last(admin, pid_of(session)) == [("UTILITY", "success", 0)]


def test_a_foreign_key_that_fails_after_many_rows(login, admin, objects):
    session = login("alice")
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        session.execute("INSERT INTO child SELECT CASE n WHEN 80000 THEN -1 ELSE 1 END FROM generate_series(1, 80000) n")
    assert last(admin, pid_of(session)) == [("INSERT", "failed", 0)]


def test_an_error_after_very_many_queries_in_one_message(login, admin):
    session = login("alice")
    with pytest.raises(psycopg.errors.DivisionByZero):
        session.execute("SELECT 1;" * 70_000 + "SELECT 1 / (n - 1) FROM generate_series(1, 1) n")
    assert last(admin, pid_of(session)) == [("SELECT", "failed", 70_000)]


def test_the_end_of_a_transaction_is_not_that_of_its_last_statement(login, admin):
    session = login("alice")
    session.execute("BEGIN")
    session.execute("SELECT 'idle'")
    pid = pid_of(session)
    before = last(admin, pid, "elapsed_time, end_time")
    assert value(admin, "SELECT pg_terminate_backend(%s, 30000)", pid) is True
    assert last(admin, pid, "elapsed_time, end_time") == before


@pytest.mark.parametrize("level", ["log", "fatal", "panic"])
def test_errors_that_are_not_logged(login, admin, objects, level):
    session = login("boss")
    session.execute("SET log_min_messages = %s" % level)
    for statement, kind in (("INSERT INTO child VALUES (-1)", "INSERT"), ("SELECT 1 / (n - 3) FROM generate_series(1, 4) n", "SELECT")):
        with pytest.raises(psycopg.Error):
            session.execute(statement)
        shown = last(admin, pid_of(session), "trim(query_text), trim(query_type), trim(status), error_message")
        assert shown == [(statement, kind, "failed", None)]


def test_a_pipeline_ends_each_statement_when_it_ends(login, admin):
    session = login("alice")
    with session.pipeline():
        session.execute("SELECT 'first', pg_sleep(0)", prepare=True)
        session.execute("SELECT 'second', pg_sleep(1)", prepare=True)
    first, second = last(admin, pid_of(session), "elapsed_time", 2)
    assert first[0] < 900_000 < second[0]


def test_a_statement_that_is_no_longer_in_the_log_has_no_outcome():
    server = Server("ends", {**EVERYTHING, "redshift_sessions.statement_log_size": "1"})
    try:
        with server.connect() as admin, server.connect("alice") as session:
            with pytest.raises(psycopg.Error):
                session.execute("SELECT 1 / 0")
            pid = pid_of(session)
            assert last(admin, pid, "trim(status), trim(error_message)") == [("failed", "division by zero")]
            admin.execute("SELECT 'it is overwritten'")
            number = value(admin, "SELECT query_id FROM sys_query_history WHERE session_id = %s", pid)
            assert last(admin, pid, "query_id, status, query_type, error_message, trim(query_text)") == [(number, None, None, None, "SELECT 1 / 0")]
            assert value(admin, "SELECT count(*) FROM svl_statementtext WHERE pid = %s", pid) == 0
            assert value(admin, "SELECT count(*) FROM stv_recents WHERE query = 'SELECT 1 / 0'") == 1
    finally:
        server.remove()


def test_what_never_ran_has_no_outcome(login, admin):
    session = login("alice")
    session.execute("-- a comment")
    assert last(admin, pid_of(session), "status, query_type, trim(query_text)") == [(None, None, "-- a comment")]


def test_replication_connections_are_numbered_like_others(login, admin):
    replication = psycopg.connect(login().info.dsn, user="awsuser", replication="database", autocommit=True)
    try:
        with pytest.raises(psycopg.Error):
            replication.execute("SELECT 1 / 0")
        number = last(admin, replication.info.backend_pid, "query_id")[0][0]
        here = value(admin, "SELECT query FROM stv_inflight WHERE pid = pg_backend_pid()")
        assert here - 100 < number < here
    finally:
        replication.close()


def test_an_empty_label_is_empty(login, admin):
    session = login("alice")
    session.execute("SET query_group TO ''")
    session.execute("SELECT 1")
    assert last(admin, pid_of(session), "query_label = ''") == [(True,)]
