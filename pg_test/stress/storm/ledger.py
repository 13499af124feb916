"""What does the storm know that the server must agree with? Who is connected, who asked for whose end, and what was found wrong."""

import collections
import re
import time

BOUND = 20  # seconds in which a session that was terminated has ended
INVARIANTS = {
    "ended": "no session ends that nobody entitled ended",
    "effect": "a refused call has no effect",
    "cancelled": "no statement is cancelled that nobody entitled cancelled",
    "bound": "a terminated session has ended within %d s" % BOUND,
    "answer": "calls answer as the rule says",
    "owner": "a view has rows that its reader may see, no others",
    "waiter": "who waits, and for whom, is in svv_transactions",
    "xid": "a transaction has one xid and one row of its own",
    "error": "no error but the documented ones",
    "books": "logs and clients count the same",
    "log": "no unexpected line in the server's log",
    "left": "nothing is left: sessions, locks, prepared transactions",
    "memory": "no memory grows",
}
SUPERUSERS = {"boss", "chief", "awsuser"}
CANCELLERS = {"canceller", "monitor"}
READERS_OF_ALL = {"reader", "monitor"} | SUPERUSERS
GRANTEES = {"grantee"} | SUPERUSERS
SURE_CALLER = "boss"  # whom nobody ends or cancels, so that each of his calls gets its answer
USERS = ["chief", "alice", "bob", "carol", "canceller", "reader", "monitor", "member", "grantee", "timed"]
ROLES = """
    CREATE ROLE chief LOGIN SUPERUSER;
    CREATE ROLE carol LOGIN;
    CREATE ROLE monitor LOGIN IN ROLE pg_signal_backend, pg_read_all_stats;
    CREATE ROLE grantee LOGIN;
    CREATE ROLE timed LOGIN;
    CREATE ROLE nomad LOGIN;
    ALTER ROLE timed SET idle_session_timeout = '1500ms';
    GRANT SELECT ON svl_terminate, stl_tr_conflict, stl_connection_log, stv_locks TO grantee;
"""


TEXTS = "^(Query \\(\\d+\\) cancelled on user's request|canceling statement due to user request|storm \\d+)"


def allowed(kind, caller, owner):
    """The README's table. `owner` is None for a background process."""
    if caller in SUPERUSERS or caller == owner:
        return True
    return kind == "CANCEL" and caller in CANCELLERS and owner is not None and owner not in SUPERUSERS


class Attempt:
    """A call of terminate or cancel. Its signal may have been sent at any time between begun and answered."""

    def __init__(self, kind, caller, pid):
        self.kind, self.caller, self.pid = kind, caller, pid
        self.begun, self.answered = time.monotonic(), None


class Session:
    """A connection of the storm, as long as its client knows it to be there."""

    def __init__(self, connection, user, begun, protected):
        self.connection, self.user, self.begun, self.protected = connection, user, begun, protected
        self.pid = connection.info.backend_pid
        self.statement_begun = begun
        self.notice = None
        self.over = False  # closing, or found dead
        self.how = set()  # what stl_sessions may say of its end
        # The first of a statement: behind it may come why the session ends.
        connection.add_notice_handler(lambda diagnostic: setattr(self, "notice", self.notice or diagnostic.sqlstate))


class Ledger:
    """The books of one round; counts and findings of the whole storm."""

    def __init__(self):
        self.checked, self.broken = collections.Counter(), collections.defaultdict(list)
        self.figures = collections.Counter()
        self.new_round()

    def new_round(self):
        self.live, self.sessions, self.dead = {}, [], collections.deque(maxlen=300)
        self.attempts = collections.defaultdict(list)
        self.certain, self.uncertain = collections.Counter(), collections.Counter()
        self.to_end = []
        self.excused = False  # a fault ends sessions now
        self.stopping = False

    def check(self, invariant, holds, finding=""):
        self.checked[invariant] += 1
        if not holds:
            self.broken[invariant].append(finding)
            if len(self.broken[invariant]) <= 3:
                print("    %s: %s" % (invariant, finding), flush=True)
        return holds

    def opened(self, session):
        self.live[session.pid] = session
        self.sessions.append(session)
        self.figures["sessions"] += 1
        self.figures["most live at once"] = max(self.figures["most live at once"], len(self.live))

    def over(self, session):
        session.over = True
        if self.live.get(session.pid) is session:
            del self.live[session.pid]
            self.dead.append(session.pid)

    def asks_for(self, session, kind, since):
        """Entitled calls that may have reached the session since then."""
        return [a for a in self.tries(session, kind, since) if allowed(kind, a.caller, session.user)]

    def tries(self, session, kind, since):
        return [a for a in self.attempts[session.pid] if a.kind == kind and (a.answered is None or a.answered >= since)]

    def closing(self, session):
        """The client goes by itself. Whoever terminated it just before may have been faster."""
        session.how = {2} | ({3} if self.asks_for(session, "TERMINATE", session.begun) else set())
        if session.user == "timed":
            session.how.add(1)
        self.over(session)

    def died(self, session, error):
        """The client found its session gone: did anybody entitled ask for it?"""
        self.over(session)
        if self.excused:
            return
        if session.user == "timed" and error.sqlstate in ("57P05", None):
            session.how = {1} if error.sqlstate else {1, 3}
            return
        asked = self.asks_for(session, "TERMINATE", session.begun)
        refused = self.tries(session, "TERMINATE", session.begun)
        fine = bool(asked) and error.sqlstate in ("57P01", None)
        text = "session %d of %s ended: %s, %s" % (session.pid, session.user, error.sqlstate, str(error).strip())
        self.check("effect" if refused and not asked else "ended", fine, text)
        session.how = {3} if error.sqlstate else {2, 3}

    def cancelled(self, session, error):
        asked = self.asks_for(session, "CANCEL", session.statement_begun)
        refused = self.tries(session, "CANCEL", session.statement_begun)
        text = "statement of %d of %s was cancelled: %s" % (session.pid, session.user, error)
        self.check("effect" if refused and not asked else "cancelled", bool(asked) or self.excused, text)
        self.check("cancelled", re.search(TEXTS, str(error)), "a text that nobody left: " + text)
        self.figures["statements cancelled"] += 1
