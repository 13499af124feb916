"""Do the views tell the truth while the storm blows? Rows of others, waiters and whom they wait for, transaction ids, memory."""

import asyncio
import re
import pathlib

from client import GRANTED_VIEWS, VIEWS, Gone, Interrupted

WAITERS = """
    SELECT pid, waitstart, locktype, relation::int, pg_blocking_pids(pid)
    FROM pg_locks WHERE NOT granted AND waitstart IS NOT NULL AND locktype IN ('relation', 'tuple', 'transactionid') AND database IS NOT DISTINCT FROM
        CASE WHEN locktype = 'transactionid' THEN NULL ELSE (SELECT oid FROM pg_database WHERE datname = current_database()) END
"""
ROWS = "SELECT pid, xid, txn_start, relation, lockable_object_type, lock_mode, granted FROM svv_transactions"
GROWTH = 2048  # KiB that a session may gain once it is warm, for PostgreSQL itself keeps what it knows of new roles and databases


async def views(storm, session):
    """Every view, again and again, by one user whose session nobody may end."""
    dice = storm.dice("views", session.user)
    order = [*VIEWS, *GRANTED_VIEWS]
    while not storm.ledger.stopping:
        dice.shuffle(order)
        for view in order:
            try:
                await storm.read_view(session, view)
                storm.ledger.figures["views read"] += 1
            except Interrupted:
                pass
            except Gone:
                return
            await asyncio.sleep(dice.random() * 0.2)


async def waiters(storm, admin):
    """What waits before and after a reading waited during it, with those in its way.

    A transaction that has ended gives its locks back a moment later, which may be long where processes wait for a processor: until then it
    is in the way and no transaction any more. So who is in the way has to be missing twice in a row."""
    ledger, missing = storm.ledger, set()
    while not ledger.stopping:
        await asyncio.sleep(0.2)
        try:
            before = await storm.run(admin, WAITERS)
            rows = await storm.run(admin, ROWS)
            after = await storm.run(admin, WAITERS)
        except Gone:
            return
        except Interrupted:
            continue
        seen = {(row[0], None if row[4] == "transactionid" else row[3], row[6]) for row in rows}
        later = {row[:4]: set(row[4]) for row in after}
        missing_before, missing = missing, set()
        for pid, start, locktype, relation, blockers in before:
            if (pid, start, locktype, relation) not in later:
                continue
            table = None if locktype == "transactionid" else relation
            ledger.check("waiter", (pid, table, False) in seen, "%d waits for %s %s and is not shown" % (pid, locktype, relation))
            if locktype == "tuple":
                continue  # the holder of a row's lock is behind it for an instant only
            for blocker in set(blockers) & later[pid, start, locktype, relation] - {0}:
                shown = (blocker, table, True) in seen or (blocker, table, False) in seen
                if not shown:
                    missing.add((pid, start, blocker))
                twice = (pid, start, blocker) in missing & missing_before
                ledger.check("waiter", not twice, "%d waits for %d, which is not shown with %s" % (pid, blocker, table))
        one_xid(ledger, rows)


def one_xid(ledger, rows):
    xids, own = {}, {}
    for pid, xid, start, _, kind, mode, granted in rows:
        if pid is not None:
            xids.setdefault((pid, start), set()).add(xid)
        if kind == "transactionid" and mode == "ExclusiveLock" and granted:
            own[pid, xid] = own.get((pid, xid), 0) + 1
    for transaction, found in xids.items():
        ledger.check("xid", len(found) == 1, "%s has %s" % (transaction, found))
    for pid, xid in {(row[0], row[1]) for row in rows}:
        ledger.check("xid", own.get((pid, xid)) == 1, "%s, %s has %s rows of its own" % (pid, xid, own.get((pid, xid), 0)))


def memory(pid):
    """KiB of its own that a process has in memory."""
    status = pathlib.Path("/proc/%d/status" % pid).read_text()
    return int(re.search(r"RssAnon:\s+(\d+)", status)[1])


class Memory:
    """Sessions that read all the time: what have they gained since they were warm?"""

    def __init__(self, ledger, pids):
        self.ledger, self.warm = ledger, {pid: memory(pid) for pid in pids}

    def compare(self):
        for pid, before in self.warm.items():
            gained = memory(pid) - before
            self.ledger.figures["most KiB gained by a session"] = max(self.ledger.figures["most KiB gained by a session"], gained)
            self.ledger.check("memory", gained <= GROWTH, "process %d has gained %d KiB, from %d" % (pid, gained, before))
