"""Who terminates and cancels whom? Callers of every kind, and a model of the rule that their answers must follow."""

import asyncio
import time

from client import Gone, Interrupted
from ledger import BOUND, SUPERUSERS, USERS, Attempt, allowed

EDGES = [0, -1, 1, 2, 2**15, 2**22, 2**31 - 1, 2**31 - 2, -(2**31), -(2**31) + 1]
DENIED, MISSING, SENT, STAYED = "42501", "22023", "sent", "01000"
# How a call may be written. All follow the same rule; the second of each needs a function of PL/pgSQL, the last waits.
FORMS = {
    "TERMINATE": [
        "SELECT pg_terminate_backend(%d)",
        "SELECT redshift_sessions.pg_terminate_backend(%d)",
        "SELECT bool_and(pg_terminate_backend(%d))",
        "SELECT ends(%d)",
        "SELECT pg_terminate_backend(%d, 300)",
    ],
    "CANCEL": [
        "SELECT pg_cancel_backend(%d)",
        "SELECT redshift_sessions.pg_cancel_backend(%d)",
        "SELECT bool_and(pg_cancel_backend(%d))",
        "SELECT cancels(%d)",
    ],
}
FUNCTIONS = """
    CREATE FUNCTION ends(int) RETURNS bool LANGUAGE plpgsql AS 'BEGIN RETURN pg_terminate_backend($1); END';
    CREATE FUNCTION cancels(int) RETURNS bool LANGUAGE sql AS 'SELECT pg_cancel_backend($1)';
"""


async def calls(storm, number, user=None):
    """A session that calls, and another one when it has ended. Nobody may end those of a user who is named."""
    dice = storm.dice("caller", number)
    while not storm.ledger.stopping:
        session = None
        try:
            session = await storm.connect(user or dice.choice(USERS + ["canceller", "chief"]), protected=user is not None)
            for _ in range(dice.randint(5, 60)):
                if storm.ledger.stopping:
                    break
                await asyncio.sleep(dice.random() * 0.4)  # the load, not a condition
                try:
                    await call(storm, session, dice)
                except Interrupted:
                    pass
            await storm.close(session)
        except Gone:
            await asyncio.sleep(0.1)


def choose(storm, session, dice, kind):
    """A pid, and what is behind it: a Session, "background", or None for nothing that could be signalled."""
    ledger, what = storm.ledger, dice.random()
    if what < 0.05:
        return dice.choice(EDGES), None
    if what < 0.15 and ledger.dead:
        return dice.choice(ledger.dead), None
    if what < 0.2:
        return dice.choice(storm.processes["never"]), None
    # A superuser who ends the launchers all the time would only keep the postmaster busy.
    if what < 0.25 and storm.processes["background"] and (session.user not in SUPERUSERS or kind == "CANCEL"):
        return dice.choice(storm.processes["background"]), "background"
    if what < 0.27 and not session.protected:
        return session.pid, session
    # What is entitled would end everybody soon: mostly it is cancelled, and refused otherwise.
    for _ in range(20):
        target = dice.choice(list(ledger.live.values()))
        entitled = allowed(kind, session.user, target.user)
        if entitled and (target.protected or kind == "TERMINATE" and dice.random() < 0.5):
            continue
        return target.pid, target
    return 0, None


async def call(storm, session, dice):
    ledger = storm.ledger
    kind = dice.choice(["TERMINATE", "CANCEL"])
    pid, target = choose(storm, session, dice, kind)
    statement = dice.choice(FORMS[kind]) % pid
    if kind == "CANCEL" and dice.random() < 0.2:
        statement = "SELECT redshift_sessions.cancel(%d, 'storm %d')" % (pid, dice.randrange(100))
    attempt = Attempt(kind, session.user, pid)
    ledger.attempts[pid].append(attempt)
    key = (pid, kind, session.user)
    try:
        answer = await asked(storm, session, statement)
    except (Gone, Interrupted):
        ledger.uncertain[key] += 1
        raise
    finally:
        attempt.answered = time.monotonic()
    judge(ledger, session, kind, pid, target, statement, answer)
    if answer in (SENT, STAYED):
        ledger.certain[key] += 1
        if kind == "TERMINATE":
            ledger.to_end.append((time.monotonic() + BOUND, attempt))


async def asked(storm, session, statement):
    """Sent, denied, missing, or still there after its timeout."""
    storm.ledger.figures["calls"] += 1
    try:
        [(answer,)] = await storm.run(session, statement, documented=(DENIED, MISSING))
    except Interrupted as error:
        if str(error) in (DENIED, MISSING):
            return str(error)
        raise
    return SENT if answer else session.notice


def judge(ledger, session, kind, pid, target, statement, answer):
    """Is the answer the one of the rule? A session may have gone meanwhile; a pid may have come into use."""
    owner = target.user if hasattr(target, "user") else None
    # The session of "timed" ends by itself, and its client hears of it later.
    gone = target is None or target == "background" or owner == "timed" or target.over or ledger.asks_for(target, "TERMINATE", target.begun)
    right = {SENT, STAYED} if allowed(kind, session.user, owner) else {DENIED}
    if target is None:
        right = {MISSING} if pid not in ledger.live else {MISSING, DENIED, SENT}
        if pid not in EDGES:  # the system gives pids again, perhaps to a session that its client has not heard of, the caller's own user's
            right |= {DENIED, SENT}
    elif gone:
        right |= {MISSING, DENIED}
    ledger.check("answer", answer in right or ledger.excused, "%s of %s for %s, not %s: %s" % (answer, session.user, owner or target, right, statement))
    ledger.figures[{SENT: "sent", STAYED: "sent", DENIED: "refused"}.get(answer, "missing")] += 1
    if answer == DENIED:
        ledger.checked["effect"] += 1  # its effect would be the end of the session, which its client would see


async def bound(storm, admin):
    """Those who were terminated: have they ended in time? And which pids are those of no session?"""
    while not storm.ledger.stopping:
        await asyncio.sleep(1)
        try:
            rows = await storm.run(admin, "SELECT pid, backend_type, extract(epoch FROM clock_timestamp() - backend_start)::float FROM pg_stat_activity")
        except (Gone, Interrupted):
            return
        age = {pid: seconds for pid, _, seconds in rows}
        types = {kind: pid for pid, kind, _ in rows}
        storm.processes["never"] = [types[kind] for kind in ("checkpointer", "background writer", "walwriter") if kind in types]
        storm.processes["never"].append(storm.postmaster)
        launchers = ("autovacuum launcher", "logical replication launcher")
        storm.processes["background"] = [types[kind] for kind in launchers if kind in types]
        now, waiting = time.monotonic(), []
        for deadline, attempt in storm.ledger.to_end:
            # Older than the call: the same session.
            alive = age.get(attempt.pid, 0) > now - attempt.begun + 0.5
            if alive and now < deadline:
                waiting.append((deadline, attempt))
            else:
                storm.ledger.check("bound", not alive, "%d, terminated by %s, is still there" % (attempt.pid, attempt.caller))
        storm.ledger.to_end[:] = waiting
