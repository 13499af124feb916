"""What the functions answer: values, types, warnings and errors."""

import os
import re
import signal
import subprocess
import threading

import psycopg
import psycopg2
import pytest

from conftest import eventually, is_alive, pid_of, value

MISSING = (
    "Session %d does not exist. The session PID might have changed. "
    "Check the stl_restarted_sessions system table for details."
)
FUNCTIONS = ["pg_terminate_backend", "pg_cancel_backend"]
INT4, BOOL = 23, 16


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_bare_output_column_is_an_integer_named_after_the_function(login, function):
    target = login("alice")
    cursor = login("alice").execute("SELECT %s(%d)" % (function, pid_of(target)))
    assert [(column.name, column.type_code) for column in cursor.description] == [(function, INT4)]
    assert cursor.fetchall() == [(1,)]


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("pid", [0, -1, 1, 2**31 - 1, -(2**31)])
def test_no_session_is_a_warning_and_zero(login, admin, function, pid):
    for way in ("{f}({p})", "pg_catalog.{f}({p})", "redshift_sessions.{f}({p})", "{f}('{p}')", "{f}({p}) AND true"):
        admin.notices.clear()
        answer = value(admin, "SELECT " + way.format(f=function, p=pid))
        assert answer == (False if "AND" in way else 0)
        assert [(n.severity, n.sqlstate, n.message_primary) for n in admin.notices] == [
            ("WARNING", "22023", MISSING % pid)
        ]


@pytest.mark.parametrize("name", ["checkpointer", "background writer", "walwriter", "postmaster"])
def test_auxiliary_processes_and_the_postmaster_are_no_sessions(server, admin, name):
    if name == "postmaster":
        pid = int((server.directory() / "data/postmaster.pid").read_text().split()[0])
    else:
        pid = value(admin, "SELECT pid FROM pg_stat_activity WHERE backend_type = %s", name)
    for function in FUNCTIONS:
        assert value(admin, "SELECT %s(%d)" % (function, pid)) == 0
    assert [n.sqlstate for n in admin.notices] == ["22023"] * 2


@pytest.mark.parametrize("function", FUNCTIONS)
def test_null_gives_null(admin, function):
    assert value(admin, "SELECT %s(NULL)" % function) is None
    assert value(admin, "SELECT %s(%%s::int)" % function, None) is None
    assert admin.notices == []


def test_own_pid_ends_the_own_session(login, admin):
    for query in ("SELECT pg_terminate_backend(pg_backend_pid())", "SELECT redshift_sessions.pg_terminate_backend(pg_backend_pid())"):
        session = login("alice")
        pid = pid_of(session)  # the driver forgets it
        with pytest.raises(psycopg.errors.AdminShutdown):
            session.execute(query)
        eventually(lambda: not is_alive(admin, pid))
    with pytest.raises(psycopg.errors.QueryCanceled):
        login("alice").execute("SELECT pg_cancel_backend(pg_backend_pid())")


def test_the_timeout_form_waits_and_answers_as_in_postgresql(login, admin):
    target = login("alice")
    caller = login("alice")
    assert value(caller, "SELECT pg_terminate_backend(%s, 30000)", pid_of(target)) is True
    assert not is_alive(admin, pid_of(target))  # it waited
    assert caller.notices == []
    assert value(caller, "SELECT pg_terminate_backend(pid => %s, timeout => 30000)", pid_of(target)) is False
    assert [n.sqlstate for n in caller.notices] == ["22023"]
    with pytest.raises(psycopg.errors.NumericValueOutOfRange, match='"timeout" must not be negative'):
        caller.execute("SELECT pg_terminate_backend(1, -1)")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        caller.execute("SELECT pg_terminate_backend(%s, 100)", (pid_of(admin),))


def test_a_session_that_does_not_end_in_time_is_not_called_missing(login, server, admin):
    """Stopped by the system, a session cannot end: PostgreSQL's own warning, and false."""
    target, caller = login("alice"), login("alice")
    os.kill(pid_of(target), signal.SIGSTOP)
    try:
        assert value(caller, "SELECT pg_terminate_backend(%s, 100)", pid_of(target)) is False
        assert value(caller, "SELECT pg_terminate_backend(%s, 1)", pid_of(target)) is False
        assert [(n.sqlstate, n.message_primary) for n in caller.notices] == [
            ("01000", "backend with PID %d did not terminate within %s" % (pid_of(target), time))
            for time in ("100 milliseconds", "1 millisecond")
        ]
    finally:
        os.kill(pid_of(target), signal.SIGCONT)
    eventually(lambda: not is_alive(admin, pid_of(target)))


def test_after_a_call_messages_are_written_as_before(login, admin, server):
    """During it PostgreSQL's own are not: ours say the same. Since 19 what decides is not the setting that SHOW shows."""
    target = login("alice")
    admin.execute("SET client_min_messages = log; SET log_min_messages = info")
    levels = "SELECT current_setting('client_min_messages'), current_setting('log_min_messages')"
    for call in ("pg_cancel_backend(%d)", "pg_terminate_backend(%d, -1)", "pg_terminate_backend(%d)"):
        try:
            admin.execute("SELECT " + call % pid_of(target))
        except psycopg.errors.NumericValueOutOfRange:
            assert "-1" in call
        assert admin.execute(levels).fetchall() == [("log", "info")], call
        admin.execute("DO $$ BEGIN RAISE INFO 'after %s'; END $$" % call.replace("%d", "it"))
        assert "INFO:  after %s" % call.replace("%d", "it") in (server.directory() / "log").read_text(errors="replace")


def test_the_second_call_for_a_session_is_harmless(login, admin):
    target = login("alice")
    for _ in range(20):
        assert value(admin, "SELECT pg_terminate_backend(%s)", pid_of(target)) in (0, 1)
    eventually(lambda: value(admin, "SELECT pg_terminate_backend(%s)", pid_of(target)) == 0)


def test_transactions_are_rolled_back_and_locks_released(login, admin, table):
    target = login("alice")
    target.execute("BEGIN; UPDATE t SET v = 99; LOCK t IN ACCESS EXCLUSIVE MODE")
    assert value(admin, "SELECT pg_terminate_backend(%s)", pid_of(target)) == 1
    assert value(admin, "SELECT max(v) FROM t") == 0


def test_one_query_over_many_pids_runs_on(login, admin):
    targets = [login("alice") for _ in range(3)]
    pids = [0, *map(pid_of, targets), -5]
    answers = admin.execute("SELECT pg_terminate_backend(p) FROM unnest(%s::int[]) AS p", (pids,)).fetchall()
    assert answers == [(0,), (1,), (1,), (1,), (0,)]
    assert [n.message_primary for n in admin.notices] == [MISSING % 0, MISSING % -5]


def test_read_only_transactions_may_call_them(login, admin):
    target, caller = login("alice"), login("alice")
    caller.execute("BEGIN TRANSACTION ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE")
    assert value(caller, "SELECT pg_cancel_backend(%s)", pid_of(target)) == 1
    assert value(caller, "SELECT count(*) > 0 FROM svv_transactions")
    assert value(caller, "SELECT pg_terminate_backend(%s)", pid_of(target)) == 1
    caller.execute("COMMIT")


@pytest.mark.parametrize(
    "query, is_integer",
    [
        ("SELECT pg_terminate_backend(0)", True),
        ("SELECT pg_catalog.pg_terminate_backend(0) AS x", True),
        ("SELECT pg_terminate_backend('0')", True),
        ("SELECT pg_terminate_backend(pid => 0)", True),
        ("SELECT 1, pg_cancel_backend(0)", True),
        ("(SELECT pg_terminate_backend(0))", True),
        ("WITH p AS (SELECT 0 AS pid) SELECT pg_terminate_backend(pid) FROM p", True),
        ("SELECT pg_terminate_backend(p) FROM (VALUES (0)) AS v(p) ORDER BY p LIMIT 1", True),
        ("SELECT pg_terminate_backend(p) FROM (VALUES (0)) AS v(p) GROUP BY p", True),
        ("SELECT pg_terminate_backend(0)::int", True),
        ("EXECUTE prepared", True),
        ("SELECT pg_terminate_backend(0, 0)", False),
        ("SELECT pg_terminate_backend(0) IS TRUE", False),
        ("SELECT NOT NOT pg_terminate_backend(0)", False),
        ("SELECT bool_or(pg_cancel_backend(0))", False),
        ("SELECT (SELECT pg_terminate_backend(0))", False),
        ("SELECT x FROM (SELECT pg_terminate_backend(0) AS x) AS s", False),
        ("WITH p AS (SELECT pg_terminate_backend(0) AS x) SELECT x FROM p", False),
        ("SELECT * FROM pg_terminate_backend(0)", False),
        ("SELECT DISTINCT pg_terminate_backend(0)", False),
        ("SELECT pg_terminate_backend(0) ORDER BY 1", False),
        ("SELECT pg_terminate_backend(0) UNION ALL SELECT true", False),
        ("VALUES (pg_terminate_backend(0))", False),
        ("FETCH a_cursor", False),
        ("SELECT * FROM a_view", False),
        ("SELECT in_plpgsql()", False),
        ("INSERT INTO answers SELECT pg_terminate_backend(0) RETURNING *", False),
    ],
)
def test_where_the_integer_is(admin, query, is_integer):
    admin.execute("SET client_min_messages = error")
    admin.execute("PREPARE prepared AS SELECT pg_terminate_backend(0)")
    admin.execute("CREATE TEMP VIEW a_view AS SELECT pg_terminate_backend(0)")
    admin.execute("CREATE TEMP TABLE answers AS SELECT pg_terminate_backend(0)")
    admin.execute("CREATE OR REPLACE FUNCTION pg_temp.in_plpgsql() RETURNS boolean LANGUAGE plpgsql AS 'DECLARE r boolean; BEGIN EXECUTE ''SELECT pg_terminate_backend(0)'' INTO r; RETURN r; END'")
    admin.execute("BEGIN; DECLARE a_cursor CURSOR FOR SELECT pg_terminate_backend(0)")
    query = query.replace("in_plpgsql", "pg_temp.in_plpgsql")
    cursor = admin.execute(query)
    assert cursor.description[-1].type_code == (INT4 if is_integer else BOOL)
    assert cursor.fetchone()[-1] == 0
    admin.execute("ROLLBACK")


def test_copy_of_a_query_stays_boolean(admin):
    with admin.cursor().copy("COPY (SELECT pg_terminate_backend(0)) TO STDOUT") as copy:
        assert bytes(copy.read()) == b"f\n"


class TestProtocols:
    """psql, psycopg2 and prepared statements of the extended protocol alike."""

    def test_extended_protocol_with_a_parameter(self, login):
        caller = login("alice")
        for prepare in (False, True, True):
            target = login("alice")
            answer = caller.execute("SELECT pg_terminate_backend(%s)", (pid_of(target),), prepare=prepare).fetchall()
            assert answer == [(1,)]
        assert caller.execute("SELECT pg_terminate_backend(%b)", (0,)).fetchall() == [(0,)]

    def test_a_parameter_without_a_type(self, login):
        caller = login("alice").pgconn
        result = caller.prepare(b"s", b"SELECT pg_terminate_backend($1)")
        assert result.status == psycopg.pq.ExecStatus.COMMAND_OK
        description = caller.describe_prepared(b"s")
        assert (description.param_type(0), description.ftype(0)) == (INT4, INT4)
        for _ in range(7):  # past the change to a generic plan
            result = caller.exec_prepared(b"s", [b"0"])
            assert (result.get_value(0, 0), result.ftype(0)) == (b"0", INT4)
        assert caller.exec_prepared(b"s", [None]).get_value(0, 0) is None

    def test_a_prepared_statement_that_is_planned_anew(self, login, admin, table):
        caller = login("alice")
        caller.execute("PREPARE p(int) AS SELECT pg_terminate_backend($1) FROM t WHERE id = 1")
        for _ in range(7):
            admin.execute("ANALYZE t")
            admin.execute("CREATE INDEX i ON t (v)")
            assert caller.execute("EXECUTE p(0)").fetchall() == [(0,)]
            admin.execute("DROP INDEX i")

    def test_a_statement_of_the_protocol_keeps_its_type(self, login, admin, table):
        """Whenever PostgreSQL analyzes it anew, after a change in the catalog: to describe it, to bind it, for EXECUTE in SQL."""
        session = login("awsuser")
        caller = session.pgconn
        session.execute("CREATE TEMP TABLE kept (b int)")
        assert caller.prepare(b"s", b"SELECT pg_terminate_backend(0) FROM t WHERE id = 1").status == psycopg.pq.ExecStatus.COMMAND_OK

        def described():
            return caller.describe_prepared(b"s").ftype(0)

        def bound():
            return caller.exec_prepared(b"s", []).ftype(0)

        def executed():
            return session.execute("EXECUTE s", prepare=False).description[0].type_code

        def explained():
            session.execute("EXPLAIN ANALYZE EXECUTE s", prepare=False)
            return INT4

        def created():
            session.execute("DROP TABLE kept; CREATE TEMP TABLE kept AS EXECUTE s", prepare=False)
            return session.execute("SELECT * FROM kept", prepare=False).description[0].type_code

        def created_and_explained():
            session.execute("EXPLAIN ANALYZE CREATE TEMP TABLE other AS EXECUTE s", prepare=False)
            session.execute("DROP TABLE other")
            return INT4

        for way in (described, bound, executed, explained, created, created_and_explained) * 2:
            admin.execute("CREATE INDEX i ON t (v)")  # whatever it was planned for is stale
            assert way() == INT4, way
            admin.execute("DROP INDEX i")
            assert way() == INT4, way

    @pytest.mark.parametrize("how", ["simple", "extended"])
    def test_commands_with_a_query_are_boolean(self, login, how):
        session = login("awsuser")
        run = lambda query: session.execute(query, prepare=how == "extended")
        run("EXPLAIN (VERBOSE, COSTS OFF) SELECT pg_terminate_backend(0)")
        verbose = str(run("EXPLAIN (VERBOSE, COSTS OFF) SELECT pg_terminate_backend(0)").fetchall())
        assert "pg_terminate_backend_bool(0" in verbose
        run("CREATE TEMP TABLE made AS SELECT pg_terminate_backend(0) AS b")
        run("CREATE TEMP VIEW v AS SELECT pg_terminate_backend(0) AS b")
        run("BEGIN")
        run("DECLARE c CURSOR FOR SELECT pg_terminate_backend(0) AS b")
        for query in ("TABLE made", "TABLE v", "FETCH c"):
            assert run(query).description[0].type_code == BOOL, query
        run("COMMIT")

    def test_psycopg2(self, login, server):
        connection = psycopg2.connect(server.dsn("alice"))
        cursor = connection.cursor()
        target = login("alice")
        cursor.execute("SELECT pg_terminate_backend(%s)", (pid_of(target),))
        assert cursor.description[0][:2] == ("pg_terminate_backend", INT4)
        assert cursor.fetchall() == [(1,)]
        cursor.execute("SELECT pg_terminate_backend(%s)", ("0",))
        assert cursor.fetchall() == [(0,)]
        assert connection.notices[-1] == "WARNING:  " + MISSING % 0 + "\n"
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            cursor.execute("SELECT pg_terminate_backend(%s)", (pid_of(login("bob")),))
        connection.close()

    def test_psql(self, login, server):
        target = login("alice")
        bindir = server.call("copy").rsplit("/", 1)[0]
        query = "SELECT PG_TERMINATE_BACKEND(%d)"
        run = lambda sql: subprocess.run(
            [bindir + "/psql", "-XAt", server.dsn("alice"), "-c", sql], text=True, capture_output=True
        )
        assert run(query % pid_of(target)).stdout == "1\n"
        refused = run(query % pid_of(login("bob")))
        assert (refused.returncode, refused.stdout) == (1, "")
        assert refused.stderr == (
            "ERROR:  permission denied to terminate session\n"
            "DETAIL:  Only the user who owns the session or a superuser may terminate it.\n"
        )


def test_a_thousand_calls_from_twenty_sessions(server, login, admin):
    """They meet live sessions, dying ones, missing ones and those of others; the server stays well."""
    victims = [login("alice") for _ in range(20)]
    others = [login("bob") for _ in range(5)]
    pids = [pid_of(session) for session in victims + others]
    before = (server.directory() / "log").stat().st_size
    failures = []

    def work(number):
        with server.connect("alice") as caller:
            for step in range(50):
                pid = pids[(number + step) % len(pids)]
                try:
                    answer = value(caller, "SELECT pg_terminate_backend(%s)", pid)
                    if pid in pids[20:] or answer not in (0, 1):
                        failures.append((pid, answer))
                except psycopg.errors.InsufficientPrivilege:
                    if pid not in pids[20:]:
                        failures.append((pid, "denied"))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    eventually(lambda: not any(is_alive(admin, pid) for pid in pids[:20]))
    assert all(value(session, "SELECT 1") == 1 for session in others)
    with (server.directory() / "log").open(errors="replace") as log:
        log.seek(before)
        lines = [line for line in log if any(word in line for word in ("WARNING", "PANIC", "FATAL", "terminated by"))]
    documented = ("does not exist. The session PID might", "terminating connection due to administrator command")
    assert [line for line in lines if not any(text in line for text in documented)] == []


def test_a_session_that_ends_between_being_found_and_being_signalled(server, login, admin):
    """Callers race to end the same sessions: whoever comes too late gives the documented warning, and no other."""
    texts = set()

    def work(victims, together):
        with server.connect("alice") as caller:
            for pid in victims:
                together.wait()
                # The session dies while this runs.
                caller.execute("SELECT count(pg_terminate_backend(%s)) FROM generate_series(1, 100)", (pid,))
            texts.update(re.sub(r"\d+", "N", notice.message_primary) for notice in caller.notices)

    for _ in range(6):
        victims = [pid_of(login("alice")) for _ in range(50)]
        together = threading.Barrier(3)
        threads = [threading.Thread(target=work, args=(victims, together)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert texts == {(MISSING % 1).replace("1", "N")}


def test_calls_leave_no_memory_behind(admin):
    # But for what comes and goes as others change the catalog, or as 14 reports what it counted, twice a second.
    ours = """
        FROM pg_backend_memory_contexts WHERE name NOT IN
            ('CacheMemoryContext', 'index info', 'relation rules', 'pgstat TabStatusArray lookup hash table')
    """
    used, contexts = "SELECT sum(used_bytes) " + ours, "SELECT name, count(*) " + ours + " GROUP BY 1 ORDER BY 1"
    admin.execute("SET client_min_messages = error")
    work = """
        DO $$ BEGIN
            FOR i IN 1 .. 2000 LOOP
                PERFORM pg_terminate_backend(0);
                PERFORM redshift_sessions.pg_cancel_backend(0);
                PERFORM count(*) FROM svv_transactions;
            END LOOP;
        END $$
    """
    admin.execute(work)
    before = value(admin, used), admin.execute(contexts).fetchall()
    admin.execute(work)
    after = value(admin, used), admin.execute(contexts).fetchall()
    assert after[0] - before[0] < 64 * 1024
    assert after[1] == before[1]
