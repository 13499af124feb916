"""svl_terminate and what all logs have in common: what happened, row by row; full rings, readers, restarts."""

import os
import signal
import subprocess
import threading

import psycopg
import pytest

from conftest import EVERYTHING, Server, check_columns, eventually, is_alive, outcome, pid_of, send, value

COLUMNS = {
    "svl_terminate": [
        ("pid", "integer"),
        ("eventtime", "timestamp without time zone"),
        ("userid", "integer"),
        ("type", "text"),
    ],
    "stl_tr_conflict": [
        ("xact_id", "bigint"),
        ("process_id", "bigint"),
        ("xact_start_ts", "timestamp without time zone"),
        ("abort_time", "timestamp without time zone"),
        ("table_id", "bigint"),
    ],
}


def signals(admin, pid):
    """Who sent what to a session, in order."""
    query = "SELECT r.rolname, l.type FROM svl_terminate l JOIN pg_roles r ON r.oid = l.userid WHERE l.pid = %s"
    return admin.execute(query, (pid,)).fetchall()


@pytest.mark.parametrize("view", COLUMNS)
def test_columns_comments_and_readers(login, admin, view):
    check_columns(admin, view, COLUMNS[view])
    bob, reader = login("bob"), login("reader")
    for session in (bob, reader):
        for query in ("SELECT * FROM %s", "SELECT * FROM redshift_sessions.%s()", "SELECT * FROM redshift_sessions.logs()"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                session.execute(query % view if "%s" in query else query)
    admin.execute("GRANT SELECT ON %s TO bob" % view)
    try:
        count = "SELECT count(*) FROM %s" % view
        assert value(bob, count) == value(admin, count)
    finally:
        admin.execute("REVOKE SELECT ON %s FROM bob" % view)


@pytest.mark.parametrize(
    "query, kind",
    [
        ("SELECT pg_terminate_backend(%s)", "TERMINATE"),
        ("SELECT redshift_sessions.pg_terminate_backend(%s)", "TERMINATE"),
        ("SELECT 1 WHERE pg_terminate_backend(%s)", "TERMINATE"),
        ("SELECT pg_terminate_backend(%s, 30000)", "TERMINATE"),
        ("DO $$ BEGIN PERFORM pg_terminate_backend(%s); END $$", "TERMINATE"),
        ("SELECT pg_cancel_backend(%s)", "CANCEL"),
        ("SELECT bool_and(pg_cancel_backend(%s))", "CANCEL"),
    ],
)
def test_a_signal_is_a_row_whichever_way_it_was_sent(login, admin, query, kind):
    target, caller = login("alice"), login("alice")
    before = value(admin, "SELECT now() AT TIME ZONE 'UTC'")
    caller.execute(query % pid_of(target))
    assert signals(admin, pid_of(target)) == [("alice", kind)]
    time = value(admin, "SELECT eventtime FROM svl_terminate WHERE pid = %s", pid_of(target))
    assert before <= time <= value(admin, "SELECT clock_timestamp() AT TIME ZONE 'UTC'")


def test_rolled_back_read_only_and_as_another_role(login, admin):
    target, caller = login("alice"), login("awsuser")
    caller.execute("BEGIN; SELECT pg_cancel_backend(%d); ROLLBACK" % pid_of(target))
    caller.execute("BEGIN READ ONLY; SELECT pg_cancel_backend(%d); COMMIT" % pid_of(target))
    caller.execute("SET ROLE alice; SELECT pg_cancel_backend(%d)" % pid_of(target))
    assert signals(admin, pid_of(target)) == [("awsuser", "CANCEL")] * 2 + [("alice", "CANCEL")]


def test_the_own_session_is_a_row(login, admin):
    for query in ("SELECT pg_terminate_backend(pg_backend_pid())", "SELECT pg_terminate_backend(pg_backend_pid(), 30000)"):
        session = login("alice")
        pid = pid_of(session)  # the driver forgets it
        with pytest.raises(psycopg.errors.AdminShutdown):
            session.execute(query)
        assert signals(admin, pid) == [("alice", "TERMINATE")]


# Counts the signals that a process sends, below PostgreSQL.
COUNT_KILLS = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
int kill(pid_t pid, int number)
{
	FILE *file = number == SIGTERM ? fopen("kills", "a") : NULL; /* a negative one is a process with those that it has made */
	if (file) { fprintf(file, "%d\\n", (int) (pid < 0 ? -pid : pid)); fclose(file); }
	return ((int (*)(pid_t, int)) dlsym(RTLD_NEXT, "kill"))(pid, number);
}
"""


@pytest.fixture
def counted(server, tmp_path, monkeypatch):
    (tmp_path / "kills.c").write_text(COUNT_KILLS)
    library = server.directory() / "kills.so"  # pytest's own directories are for its user only
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, tmp_path / "kills.c", "-ldl"], check=True)
    library.chmod(0o755)
    monkeypatch.setenv("LD_PRELOAD", str(library))
    server = Server("counted", EVERYTHING)
    monkeypatch.delenv("LD_PRELOAD")
    yield server
    server.remove()


def test_a_wait_sends_no_second_signal(counted):
    """The pid may be somebody else's by then, and nobody would have asked whether it may be signalled."""
    kills = counted.directory() / "data" / "kills"
    with counted.connect() as admin, counted.connect("alice") as target, counted.connect("alice") as stopped:
        pids = [pid_of(target), pid_of(stopped)]
        assert value(admin, "SELECT pg_terminate_backend(%s, 30000)", pids[0]) is True
        os.kill(pids[1], signal.SIGSTOP)
        try:
            assert value(admin, "SELECT pg_terminate_backend(%s, 250)", pids[1]) is False
        finally:
            os.kill(pids[1], signal.SIGCONT)
        eventually(lambda: not is_alive(admin, pids[1]))
        sent = kills.read_text().split()
        assert [sent.count(str(pid)) for pid in pids] == [1, 1]


def test_what_was_not_sent_is_no_row(login, admin):
    target, bob = login("alice"), login("bob")
    written = "SELECT written FROM redshift_sessions.logs() WHERE log = 'svl_terminate'"
    before = value(admin, written)
    for query in ("SELECT pg_terminate_backend(%d)", "SELECT pg_cancel_backend(%d)"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            bob.execute(query % pid_of(target))
        assert value(bob, query % 0) == 0
        assert value(bob, query.replace("%d", "NULL")) is None
    assert signals(admin, pid_of(target)) == []
    assert value(admin, written) == before


def test_a_signal_whose_caller_gave_up_waiting_is_a_row(login, admin):
    target, caller = login("alice"), login("alice")
    os.kill(pid_of(target), signal.SIGSTOP)
    try:
        send(admin, caller, "SELECT pg_terminate_backend(%d, 600000)" % pid_of(target))
        eventually(lambda: signals(admin, pid_of(target)) == [("alice", "TERMINATE")])
        admin.execute("SELECT pg_cancel_backend(%s)", (pid_of(caller),))
        assert outcome(caller)[0] == "57014"
    finally:
        os.kill(pid_of(target), signal.SIGCONT)
    eventually(lambda: not is_alive(admin, pid_of(target)))
    assert signals(admin, pid_of(target)) == [("alice", "TERMINATE")]


def counts(admin):
    return dict((log, (size, written, dropped)) for log, size, written, dropped in admin.execute("SELECT * FROM redshift_sessions.logs()"))


@pytest.fixture(scope="module")
def small():
    server = Server("small", {**EVERYTHING, "redshift_sessions.terminate_log_size": "5", "redshift_sessions.conflict_log_size": "0"})
    yield server
    server.remove()


def test_a_full_log_keeps_the_latest_and_counts_the_others(small):
    with small.connect() as admin, small.connect("alice") as target:
        for number in range(12):
            function = "pg_cancel_backend" if number < 9 else "redshift_sessions.pg_cancel_backend"
            admin.execute("SELECT %s(%d)" % (function, pid_of(target)))
        assert len(signals(admin, pid_of(target))) == 5
        assert counts(admin)["svl_terminate"] == (5, 12, 7)
        assert "stl_tr_conflict" not in counts(admin)


def test_a_log_that_is_off_is_an_error_with_its_setting(small):
    with small.connect() as admin:
        with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState) as error:
            admin.execute("SELECT * FROM stl_tr_conflict")
        assert error.value.diag.message_primary == "the log behind stl_tr_conflict is not kept"
        assert error.value.diag.message_hint == "Set this in postgresql.conf and restart the server: redshift_sessions.conflict_log_size above 0"


def test_a_crash_empties_the_logs_and_breaks_nothing(small):
    target, bystander = small.connect("alice"), small.connect()
    os.kill(pid_of(target), signal.SIGKILL)
    with pytest.raises(psycopg.OperationalError):
        target.execute("SELECT 1")

    def has_crashed():
        """Until the postmaster has noticed, and ends all sessions, it lets clients in."""
        try:
            bystander.execute("SELECT 1")
        except psycopg.OperationalError:
            return True

    eventually(has_crashed)

    def comes_back():
        try:
            return small.connect()
        except psycopg.OperationalError:
            return None

    with eventually(comes_back) as admin:
        assert value(admin, "SELECT count(*) FROM svl_terminate") == 0
        with small.connect("alice") as target:
            assert value(admin, "SELECT pg_cancel_backend(%s)", pid_of(target)) == 1
            assert signals(admin, pid_of(target)) == [("awsuser", "CANCEL")]


def test_the_books_balance_under_load(small):
    """Signals sent = rows + dropped, with many senders and a reader of whole rows."""
    stop, sent, odd = threading.Event(), [], []
    with small.connect("alice") as target, small.connect() as admin:
        before = counts(admin)["svl_terminate"][1]

        def work():
            with small.connect("alice") as caller:
                sent.append(value(caller, "SELECT sum(pg_cancel_backend(%s)::int) FROM generate_series(1, 500)", pid_of(target)))

        def read():
            with small.connect() as reader:
                while not stop.is_set():
                    whole = "type = 'CANCEL' AND userid IN (SELECT oid::int FROM pg_roles) AND eventtime <= clock_timestamp() AT TIME ZONE 'UTC'"
                    odd.extend(reader.execute("SELECT * FROM svl_terminate WHERE NOT (%s)" % whole).fetchall())

        threads = [threading.Thread(target=work) for _ in range(8)]
        reader = threading.Thread(target=read)
        reader.start()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        stop.set()
        reader.join()
        size, written, dropped = counts(admin)["svl_terminate"]
        assert sum(sent) == 4000 == written - before
        assert written - dropped == size == value(admin, "SELECT count(*) FROM svl_terminate")
        assert odd == []
