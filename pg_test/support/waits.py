"""What redshift_sessions.blocking() says, for its tests."""

import json

from conftest import value


def tree(reader):
    return [line for (line,) in reader.execute("SELECT * FROM redshift_sessions.blocking()")]


def document(reader):
    (row,) = reader.execute("SELECT * FROM redshift_sessions.blocking('json')").fetchall()
    return json.loads(row[0])


def edges(found):
    """Of a document: waiter's pid, blocker's pid and whether it is only queued. A prepared transaction has pid 0."""
    pids = {session["id"]: session["pid"] or 0 for session in found["sessions"]}
    return {(pids[wait["waiter"]], pids[wait["blocker"]], wait["queued"]) for wait in found["waits"]}


def check_against_postgresql(admin, found):
    """The same blockers of everybody who waits as pg_blocking_pids counts them."""
    waiting = "SELECT DISTINCT coalesce(a.leader_pid, a.pid) FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE NOT granted"
    theirs = {(pid, blocker) for (pid,) in admin.execute(waiting) for blocker in value(admin, "SELECT pg_blocking_pids(%s)", pid)}
    assert {(waiter, blocker) for waiter, blocker, _ in edges(found)} == theirs
    assert theirs


def session_of(found, pid):
    (session,) = [session for session in found["sessions"] if session["pid"] == pid]
    return session
