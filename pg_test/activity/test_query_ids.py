"""One number for each statement: ascending, and the same in all views, pg_last_query_id() and the error of a cancel."""

import threading

import psycopg
import pytest

from conftest import EVERYTHING, Server, eventually, outcome, pid_of, send, value, wait_for_lock

LAST = "SELECT query_id FROM sys_query_history WHERE session_id = pg_backend_pid() AND query_text LIKE '%%%s%%' AND status <> 'running'"


def numbers(admin, session, columns="query_id"):
    """Of what a session has finished, in the order in which it began."""
    query = "SELECT %s FROM sys_query_history WHERE session_id = %d AND status <> 'running' ORDER BY start_time" % (columns, pid_of(session))
    return [row[0] for row in admin.execute(query).fetchall()]


def test_numbers_ascend_over_all_sessions(login, admin):
    sessions = [login("alice"), login("bob"), login("alice")]
    for _ in range(5):
        for session in sessions:
            session.execute("SELECT 1")
    found = [numbers(admin, session)[-5:] for session in sessions]
    in_order = [found[session][turn] for turn in range(5) for session in range(3)]
    assert in_order == sorted(in_order) and len(set(in_order)) == 15


def test_a_running_statement_has_one_number_everywhere(login, admin):
    session = login("alice")
    send(admin, session, "SELECT 'the number of this', pg_sleep(600)")
    pid = pid_of(session)
    views = ["stv_inflight", "svv_query_inflight", "sys_query_history", "sys_query_text"]
    of = {view: ("query_id", "session_id") if view.startswith("sys") else ("query", "pid") for view in views}
    seen = {value(admin, "SELECT %s FROM %s WHERE %s = %d" % (of[view][0], view, of[view][1], pid)) for view in views for _ in range(2)}
    assert len(seen) == 1
    admin.execute("SELECT pg_cancel_backend(%s)", (pid,))
    assert outcome(session) == ("57014", "Query (%d) cancelled on user's request" % seen.copy().pop())
    for view, query, of_session in (("stl_query", "query", "pid"), ("stl_querytext", "query", "pid"), ("svl_qlog", "query", "pid"), ("sys_query_history", "query_id", "session_id")):
        seen.add(value(admin, "SELECT max(%s) FROM %s WHERE %s = %d" % (query, view, of_session, pid)))
    assert len(seen) == 1
    session.execute("SELECT 1")
    assert {value(session, "SELECT pg_last_query_id()")} > set() and value(session, "SELECT pg_last_query_id()") > seen.pop()


def test_a_statement_that_waits_before_it_is_analyzed_has_its_number(login, admin, table):
    """PostgreSQL locks the table first, and has told nobody of the statement: its first reader gives the number."""
    holder, session = login("alice"), login("boss")
    holder.execute("BEGIN; LOCK t IN ACCESS EXCLUSIVE MODE")
    send(admin, session, "SELECT * FROM t")
    wait_for_lock(admin, session)
    number = value(admin, "SELECT query FROM stv_inflight WHERE pid = %s", pid_of(session))
    later = value(admin, "SELECT query FROM stv_inflight WHERE pid = pg_backend_pid()")
    assert later > number == value(admin, "SELECT query FROM stv_inflight WHERE pid = %s", pid_of(session))
    holder.execute("ROLLBACK")
    assert outcome(session) == (None, None)
    assert numbers(admin, session)[-1] == number


def test_each_statement_has_a_number_of_its_own(login, admin):
    session = login("alice")
    session.execute("BEGIN")
    session.execute("SAVEPOINT s")
    with pytest.raises(psycopg.errors.SyntaxError):
        session.execute("SELEKT 1")
    session.execute("ROLLBACK TO s")
    session.execute("SELECT 1; SELECT 2")
    session.execute("COMMIT")
    with session.pipeline():
        for _ in range(3):
            session.execute("SELECT %s::int", (1,), prepare=True)
    session.execute("SELECT 'last'")
    texts = numbers(admin, session, "trim(query_text)")
    assert texts[-10:] == ["BEGIN", "SAVEPOINT s", "SELEKT 1", "ROLLBACK TO s", "SELECT 1; SELECT 2", "COMMIT"] + ["SELECT $1::int"] * 3 + ["SELECT 'last'"]
    found = numbers(admin, session)
    assert found == sorted(found) and len(set(found)) == len(found)


def test_numbers_go_on_after_a_clean_restart(tmp_path):
    server = Server("numbers", EVERYTHING)
    try:
        with server.connect() as admin:
            for _ in range(100):
                admin.execute("SELECT 1")
            before = value(admin, "SELECT query FROM stv_inflight WHERE pid = pg_backend_pid()")
        server.restart(EVERYTHING)
        with server.connect() as admin:
            after = value(admin, "SELECT query FROM stv_inflight WHERE pid = pg_backend_pid()")
        assert 100 < before < after < before + 100
        server.restart({**EVERYTHING, "redshift_sessions.statement_log_size": "0"}, "fast")
        with server.connect() as admin:
            assert value(admin, "SELECT query FROM stv_inflight WHERE pid = pg_backend_pid()") > after
    finally:
        server.remove()


def test_readers_and_sessions_agree_while_statements_come_and_go(login, admin):
    """Each number that a reader sees is that of the statement in the history, too."""
    sessions, seen, found, stop = [login("alice") for _ in range(3)], {}, {}, threading.Event()

    def work(session):
        while not stop.is_set():
            session.execute("SELECT 'turn', count(*) FROM generate_series(1, 30000)")

    def both():
        return [key for key in seen if key in found]

    def read():
        running = admin.execute("SELECT pid, starttime, query FROM stv_inflight WHERE text LIKE 'SELECT ''turn%'").fetchall()
        history = admin.execute("SELECT pid, starttime, query FROM stl_query WHERE querytxt LIKE 'SELECT ''turn%'").fetchall()
        for of, rows in ((seen, running), (found, history)):
            for pid, start, number in rows:
                assert of.setdefault((pid, start), number) == number
        return len(both()) > 15

    threads = [threading.Thread(target=work, args=(session,)) for session in sessions]
    for thread in threads:
        thread.start()
    try:
        eventually(read)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert all(seen[key] == found[key] for key in both())
    assert len(set(found.values())) == len(found)


def test_without_preload_numbers_are_made_up():
    server = Server("numbers", {**EVERYTHING, "shared_preload_libraries": "", "session_preload_libraries": "redshift_sessions"})
    try:
        with server.connect() as admin, server.connect("alice") as session:
            send(admin, session, "SELECT pg_sleep(600)")
            query = "SELECT query FROM stv_inflight WHERE pid = %d" % pid_of(session)
            assert value(admin, query) == value(admin, query) > 0
            history = "SELECT query_id, trim(status) FROM sys_query_history WHERE session_id = %d" % pid_of(session)
            assert admin.execute(history).fetchall() == [(value(admin, query), "running")]
            session.cancel()
            eventually(lambda: outcome(session))
    finally:
        server.remove()
