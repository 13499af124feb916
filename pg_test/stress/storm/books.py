"""Do the logs add up? Read while they fill, and compared with what clients saw when all is calm."""

import asyncio
import collections
import re

from client import Gone, Interrupted
from ledger import SURE_CALLER

LOGS = ["svl_terminate", "stl_sessions", "stl_connection_log"]
LIVE = "SELECT count(*) FROM stv_sessions"
COUNTS = "SELECT log, written FROM redshift_sessions.logs() WHERE log <> 'stv_recents'"


class Books:
    """What a round wrote. Rows are kept by the server for a while only, so they are collected every few seconds."""

    def __init__(self, storm):
        self.storm, self.rows = storm, {log: set() for log in LOGS}

    async def open(self, admin):
        """What was there before this round is not of it."""
        before = None
        while (counts := dict(await self.storm.run(admin, COUNTS))) != before:
            before = counts
            self.old = {log: set(await self.storm.run(admin, "SELECT * FROM " + log)) for log in LOGS}
            [(self.live,)] = await self.storm.run(admin, LIVE)
        self.written = before

    async def collect(self, admin):
        for log in LOGS:
            self.rows[log] |= set(await self.storm.run(admin, "SELECT * FROM " + log)) - self.old[log]

    async def keep(self, admin):
        while not self.storm.ledger.stopping:
            try:
                await self.collect(admin)
            except (Gone, Interrupted):
                return
            await asyncio.sleep(2)

    async def balance(self, admin, names):
        """Once nobody else is connected. `names` are those of the storm's users by oid."""
        ledger, check = self.storm.ledger, self.storm.ledger.check
        counts = dict(await self.storm.run(admin, COUNTS))
        await self.collect(admin)
        for log in LOGS:
            found, written = len(self.rows[log]), counts[log] - self.written[log]
            check("books", found == written, "%s: %d rows written, %d seen" % (log, written, found))
        await self.history(admin)
        self.signals(names)
        self.ends(names)
        events = collections.Counter(row[0].strip() for row in self.rows["stl_connection_log"] if row[6].strip() in names.values())
        of = lambda event: events[event]
        counted = [len([s for s in ledger.sessions if s.user in names.values()])]
        counted += [of("authenticated"), of("initiating session"), of("disconnecting session")]
        # The storm's own sessions are open still.
        check("books", len(set(counted[:3])) == 1, "sessions, authenticated, initiating: %s" % counted)
        ended = sum(s.over for s in ledger.sessions if s.user in names.values())
        check("books", counted[3] == ended, "disconnecting: %d, ended: %d" % (counted[3], ended))

    async def history(self, admin):
        """Who has begun has ended or is live, whoever it was, and is in the history once."""
        check, logged, ended = self.storm.ledger.check, self.rows["stl_connection_log"], len(self.rows["stl_sessions"])
        began = sum(row[0].strip() == "initiating session" for row in logged)
        [(live,)] = await self.storm.run(admin, LIVE)
        check("books", self.live + began == ended + live, "%d sessions before, %d began, %d ended, %d are live" % (self.live, began, ended, live))
        [(kept,)] = await self.storm.run(admin, "SELECT count(*) FROM stl_sessions")
        [(history,)] = await self.storm.run(admin, "SELECT count(*) FROM sys_session_history")
        check("books", history == kept + live, "sys_session_history has %d rows, for %d ended and %d live sessions" % (history, kept, live))
        figures = self.storm.ledger.figures
        figures["sessions that the logs have"] += began
        figures["signals that the logs have"] += len(self.rows["svl_terminate"])

    def signals(self, names):
        """Each signal that a caller knows to be sent has a row; other rows are of callers that never got their answer."""
        ledger = self.storm.ledger
        logged = collections.Counter((pid, kind, names.get(user)) for pid, _, user, kind in self.rows["svl_terminate"])
        missing = ledger.certain - logged
        surplus = logged - ledger.certain - ledger.uncertain
        ledger.checked["books"] += sum(ledger.certain.values())
        ledger.check("books", not missing, "sent, not in svl_terminate: %s" % dict(missing))
        ledger.check("books", not surplus, "in svl_terminate, not sent: %s" % dict(surplus))
        for kind in ("TERMINATE", "CANCEL"):
            sent, rows = (sum(number for key, number in counts.items() if key[1:] == (kind, SURE_CALLER)) for counts in (ledger.certain, logged))
            ledger.check("books", sent == rows, "%s by %s, who gets each answer: %d sent, %d rows" % (kind, SURE_CALLER, sent, rows))

    def ends(self, names):
        """Each session of each pid, in the order of their time, has a row that says how it ended."""
        ledger, rows, sessions = self.storm.ledger, collections.defaultdict(list), collections.defaultdict(list)
        for userid, start, _, pid, _, _, _, how in self.rows["stl_sessions"]:
            if userid in names:
                rows[pid, names[userid]].append((start, int(how)))
        for session in ledger.sessions:
            if session.over and session.user in names.values():
                sessions[session.pid, session.user].append(session)
        for key in rows.keys() | sessions.keys():
            said, known = [how for _, how in sorted(rows[key])], sorted(sessions[key], key=lambda session: session.begun)
            right = len(said) == len(known) and all(how in session.how for how, session in zip(said, known))
            ledger.check("books", right, "%s: stl_sessions says %s, clients %s" % (key, said, [session.how for session in known]))
        ended = sum(how == 3 for ends in rows.values() for _, how in ends)
        signals = sum(kind == "TERMINATE" for _, _, _, kind in self.rows["svl_terminate"])
        ledger.check("books", ended <= signals, "%d sessions were terminated, by %d signals" % (ended, signals))


# What a storm leaves in the server's log, and nothing else. Lines without a level belong to the one before.
EXPECTED = re.compile(
    "|".join(
        [
            "^LOG:  (starting PostgreSQL|listening on|\\d+ two-phase state file|skipping (vacuum|analyze) of|database system|checkpoint|redirecting|received (fast|immediate|smart) shutdown request|aborting any active)",
            "^LOG:  (shutting down|background worker \"logical replication launcher\"|restored|recovering prepared|redo |invalid (record length|magic number)|unexpected pageaddr|record with incorrect|contrecord|selected new timeline)",
            "^LOG:  (all server processes terminated|terminating any other active server processes|archive recovery|consistent recovery|entering standby)",
            "^LOG:  (started streaming|received promote request|promot|duration|process \\d+ (still waiting|acquired|avoided|detected)|automatic (vacuum|analyze))",
            "^LOG:  (unexpected EOF on client|could not (send|receive) data (to|from) client|waiting for|still waiting for backend|database was interrupted|last completed)",
            "^FATAL:  (database (\\d+|\"leaf\\d+\") does not exist|terminating connection due to (administrator command|idle-session timeout)|the database system is|connection to client lost)",
            "^FATAL:  (terminating autovacuum process|terminating walreceiver|terminating logical replication|terminating background)",
            "^WARNING:  (could not open directory \"base|some useless files may|Session -?\\d+ does not exist|there is no transaction in progress|backend with PID \\d+ did not|terminating connection because of crash)",
            "^ERROR:  (permission denied|Query \\(\\d+\\) cancelled|canceling (statement|autovacuum)|storm \\d+|deadlock detected|could not serialize access|Session -?\\d+ does)",
            "^ERROR:  (maximum number of prepared transactions|current transaction is aborted|canceling autovacuum)",
        ]
    )
)
# In the database where the extension comes and goes, names are missing, and PostgreSQL's own functions answer.
EXPECTED_THERE = re.compile(r"^WARNING:  PID -?\d+ is not a PostgreSQL|^ERROR:  .* does not exist|^ERROR:  cache lookup failed for function|^ERROR:  cached plan must not")
LEVEL = re.compile(r"^\S+ \S+ \S+ \[\d+\] (\S*) (LOG|FATAL|PANIC|ERROR|WARNING|NOTICE|INFO|DEBUG\d): ")


def unexpected_lines(text, also="(?!)"):
    """Lines of a server's log that a storm cannot explain. Some faults explain a few more."""
    found = []
    for line in text.splitlines():
        line = line.strip("\0")
        level = LEVEL.match(line)
        if level:
            database, message = level[1], line[level.start(2) :]
            there = database == "ext" and EXPECTED_THERE.search(message)
            if not there and not EXPECTED.search(message) and not re.search(also, message):
                found.append(line)
        elif re.search("TRAP:|PANIC|panicked|stack backtrace|allocation of .* failed|memory allocation", line):
            found.append(line)
    return found
