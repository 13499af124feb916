"""redshift_sessions.explain_terminate(): what pg_terminate_backend would do, and whether one may, without doing it."""

import re

import psycopg
import pytest

from conftest import is_alive, pid_of, send, value, wait_for_lock

MISSING = "Session %d does not exist. The session PID might have changed. Check the stl_restarted_sessions system table for details."
SUPERUSER, OWN = "you are a superuser.", "it is a session of your user."
MEMBER = "you are a member of pg_signal_backend, and its user is no superuser."


def explain(reader, pid):
    """Without durations."""
    lines = reader.execute("SELECT * FROM redshift_sessions.explain_terminate(%s)", (pid,)).fetchall()
    return [re.sub(r"\b\d+ (s|min|h|d)\b( \d+ (s|min|h)\b)?", "N", line) for (line,) in lines]


def test_what_would_go_and_who_waits(login, admin, table):
    holder, waiter, behind = login("alice"), login("bob"), login("bob")
    holder.execute("SELECT pg_advisory_lock(1); BEGIN; UPDATE t SET v = 1 WHERE id = 1")
    send(admin, waiter, "BEGIN; LOCK t")
    wait_for_lock(admin, waiter)
    send(admin, behind, "SELECT 1 FROM t")
    wait_for_lock(admin, behind)
    xid = value(holder, "SELECT pg_current_xact_id()::text::bigint")
    assert explain(admin, pid_of(holder)) == [
        "Session %d belongs to alice, in database dev." % pid_of(holder),
        "You may terminate it: " + SUPERUSER,
        "You may cancel its query: " + SUPERUSER,
        "It has been idle for N, after: SELECT pg_current_xact_id()::text::bigint",
        "With it would go transaction %d, open for N, and 3 locks:" % xid,
        "    RowExclusiveLock on table public.t",
        "    RowExclusiveLock on index public.t_pkey",
        "    1 lock on rows, objects or numbers",
        "Who waits for it:",
        "    %d bob@dev waits N for AccessExclusiveLock on table public.t: BEGIN; LOCK t" % pid_of(waiter),
        "        %d bob@dev waits N for AccessShareLock on table public.t, queued behind %d: SELECT 1 FROM t" % (pid_of(behind), pid_of(waiter)),
    ]
    lines = explain(admin, pid_of(behind))
    assert "It waits N for AccessShareLock on table public.t; in its way: %d." % pid_of(waiter) in lines
    assert lines[-1] == "Nobody waits for it."
    assert all(is_alive(admin, pid_of(session)) for session in (holder, waiter, behind))
    assert value(admin, "SELECT count(*) FROM svl_terminate WHERE pid IN (%s, %s)", pid_of(holder), pid_of(waiter)) == 0


def test_whoever_waits_for_another_too_says_so(login, admin, table):
    one, two, waiter = login("alice"), login("bob"), login("alice")
    for holder in (one, two):
        holder.execute("BEGIN; LOCK t IN ACCESS SHARE MODE")
    send(admin, waiter, "BEGIN; LOCK t")
    wait_for_lock(admin, waiter)
    for holder, other in ((one, two), (two, one)):
        last = explain(admin, pid_of(holder))[-1]
        assert last.startswith("    %d alice@dev waits N" % pid_of(waiter)) and ", also for %d: " % pid_of(other) in last


def test_an_idle_session_loses_nothing(login, admin):
    session = login("alice")
    session.execute("SELECT 1")
    assert explain(admin, pid_of(session))[3:] == [
        "It has been idle for N, after: SELECT 1",
        "It has no open transaction and no lock.",
        "Nobody waits for it.",
    ]


@pytest.mark.parametrize(
    "caller, owner, terminate, cancel",
    [
        ("awsuser", "alice", SUPERUSER, SUPERUSER),
        ("awsuser", "boss", SUPERUSER, SUPERUSER),
        ("alice", "alice", OWN, OWN),
        ("bob", "alice", None, None),
        ("member", "alice", None, None),
        ("reader", "alice", None, None),
        ("canceller", "alice", None, MEMBER),
        ("canceller", "canceller", OWN, OWN),
        ("canceller", "boss", None, None),
    ],
)
def test_it_says_what_the_functions_do(login, admin, caller, owner, terminate, cancel):
    """The same verdict, and the same reason, as of those who try."""
    session, target = login(caller), login(owner)
    told = explain(session, pid_of(target))[1:3]
    for line, right, verb, function in zip(told, (terminate, cancel), ("terminate it", "cancel its query"), ("terminate", "cancel")):
        if right:
            assert line == "You may %s: %s" % (verb, right)
        else:
            with pytest.raises(psycopg.errors.InsufficientPrivilege) as error:
                session.execute("SELECT pg_%s_backend(%s)" % (function, pid_of(target)))
            assert line == "You may not %s: %s" % (verb, error.value.diag.message_detail)
    assert is_alive(admin, pid_of(target))
    if cancel:
        assert value(session, "SELECT pg_cancel_backend(%s)", pid_of(target)) == 1
    if terminate:
        assert value(session, "SELECT pg_terminate_backend(%s)", pid_of(target)) == 1


def test_whoever_may_not_execute_postgresqls_function_may_not(login, admin):
    session, target = login("alice"), login("alice")
    admin.execute("REVOKE EXECUTE ON FUNCTION pg_terminate_backend(int, bigint) FROM PUBLIC")
    try:
        told = explain(session, pid_of(target))[1:3]
        with pytest.raises(psycopg.errors.InsufficientPrivilege) as error:
            session.execute("SELECT pg_terminate_backend(%s)" % pid_of(target))
        assert told == ["You may not terminate it: %s" % error.value.diag.message_primary, "You may cancel its query: " + OWN]
    finally:
        admin.execute("GRANT EXECUTE ON FUNCTION pg_terminate_backend(int, bigint) TO PUBLIC")


def test_no_session_in_the_words_of_the_warning(login, admin):
    session = login("alice")
    checkpointer = value(admin, "SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'")
    for pid in (0, -1, 2147483647, checkpointer):
        assert explain(session, pid) == [MISSING % pid]
        assert value(session, "SELECT pg_terminate_backend(%s)", pid) == 0
        assert session.notices[-1].message_primary == MISSING % pid
    assert session.execute("SELECT redshift_sessions.explain_terminate(NULL)").fetchall() == []


def test_a_session_that_one_may_not_see(login, admin, table):
    """No user, no database, no lock, no statement, and only waits of one's own."""
    reader, own, other, target = login("alice"), login("alice"), login("bob"), login("boss")
    target.execute("BEGIN; LOCK t; SELECT 'a secret'")
    hidden = [
        "Session %d is not one that alice may see." % pid_of(target),
        "You may not terminate it: Only the user who owns the session or a superuser may terminate it.",
    ]
    lines = explain(reader, pid_of(target))
    assert lines[:2] == hidden and len(lines) == 3
    send(admin, other, "SELECT 1 FROM t")
    wait_for_lock(admin, other)
    assert explain(reader, pid_of(target)) == lines
    send(admin, own, "SELECT 2 FROM t")
    wait_for_lock(admin, own)
    told = explain(reader, pid_of(target))
    assert told[:3] == lines
    assert told[3:] == [
        "Which of your sessions wait for it:",
        "    %d alice@dev waits N for AccessShareLock on table public.t: SELECT 2 FROM t" % pid_of(own),
    ]


def test_a_background_process_and_oneself(login, admin):
    launcher = value(admin, "SELECT pid FROM pg_stat_activity WHERE backend_type = 'autovacuum launcher'")
    lines = explain(admin, launcher)
    assert lines[0].startswith("Process %d is a background process" % launcher) and lines[0].endswith("has no owner.")
    session = login("alice")
    denied = explain(session, launcher)
    assert denied[0] == "Session %d is not one that alice may see." % launcher
    assert all(line.startswith("You may not ") for line in denied[1:]) and len(denied) == 3
    assert explain(session, pid_of(session))[0] == "Session %d belongs to alice, in database dev. It is the session that asks." % pid_of(session)


def test_the_caller_is_current_user(login, admin):
    """SET ROLE changes who asks, not whose session it is."""
    session, target = login("member"), login("member")
    assert explain(session, pid_of(target))[1] == "You may terminate it: " + OWN
    session.execute("SET ROLE alice")
    assert explain(session, pid_of(target))[0] == "Session %d is not one that alice may see." % pid_of(target)
    assert explain(session, pid_of(login("alice")))[1] == "You may terminate it: " + OWN


def test_a_function_of_a_definer_has_its_owners_rights(login, admin):
    admin.execute(
        "CREATE FUNCTION asks(int) RETURNS SETOF text LANGUAGE sql SECURITY DEFINER AS 'SELECT redshift_sessions.explain_terminate($1)'"
    )
    try:
        told = login("alice").execute("SELECT asks(%s)", (pid_of(login("bob")),)).fetchall()
        assert told[1] == ("You may terminate it: " + SUPERUSER,)
    finally:
        admin.execute("DROP FUNCTION asks(int)")
