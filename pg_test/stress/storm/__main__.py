#!/usr/bin/env python3
"""Does anything crash, leak or lie while hundreds of sessions and every kind of fault go on at once?

usage: make stress KIND=storm [DURATION=300] [SESSIONS=220] [SEED=...] [FAULT=none,kill,...]

Rounds of one storm on one server. The first has no fault (FAULT=none): everybody leaves, and the books must balance to the last row. Each of the
others ends in another way of going down. Then come the faults that have servers of their own. What a client decides follows from SEED; what the
machine makes of it does not.
"""

import asyncio
import os
import sys
import time

import caller
import client
import limits
import promotion
import strike
import watcher
import weather
from books import Books
from conftest import EVERYTHING, Server
from ledger import INVARIANTS, ROLES, SURE_CALLER, USERS, Ledger

DURATION = float(os.environ.get("DURATION") or 300)
SESSIONS = int(os.environ.get("SESSIONS") or 220)
SEED = int(os.environ.get("SEED") or time.time())
ALONE = {"memory": limits.out_of_memory, "leaks": limits.leaks, "signals": limits.interrupted, "promotion": promotion.promotion}
FAULTS = [*strike.STRIKES, *ALONE]
WANTED = (os.environ.get("FAULT") or ",".join(FAULTS)).split(",")
CALLERS, SURE_CALLERS = 24, 4
SETTINGS = {
    **EVERYTHING,
    "max_connections": str(SESSIONS + CALLERS + SURE_CALLERS + 60),
    "max_prepared_transactions": "60",
    "deadlock_timeout": "200ms",
    "log_line_prefix": "%m [%p] %d ",
    # Full soon, so that reading them takes no more memory from then on; read more often than they turn round.
    "redshift_sessions.connection_log_size": "4000",
    "redshift_sessions.session_log_size": "1000",
    "redshift_sessions.terminate_log_size": "1000",
}
TABLE = "CREATE TABLE t# (id int PRIMARY KEY, v int); INSERT INTO t# SELECT g, 0 FROM generate_series(1, %d) g; GRANT ALL ON t# TO PUBLIC" % client.ROWS


class Round:
    """One storm from its first connection to its end."""

    def __init__(self, storm, name, seconds):
        self.storm, self.name, self.seconds = storm, name, seconds
        self.log = storm.server.directory() / "log"

    async def run(self):
        storm, ledger = self.storm, self.storm.ledger
        ledger.new_round()
        storm.postmaster = int((storm.server.directory() / "data/postmaster.pid").read_text().split()[0])
        storm.processes = {"never": [storm.postmaster], "background": []}
        admin, bound, waiters = [await storm.connect("awsuser", protected=True) for _ in range(3)]
        books = Books(storm)
        await books.open(admin)
        readers = [await storm.connect(user, protected=True) for user in ("boss", "alice", "reader", "grantee", "canceller")]
        work = [books.keep(admin), caller.bound(storm, bound), watcher.waiters(storm, waiters)]
        work += [watcher.views(storm, session) for session in readers]
        work += [client.life(storm, number) for number in range(SESSIONS)]
        work += [caller.calls(storm, number) for number in range(CALLERS)]
        work += [caller.calls(storm, CALLERS + number, SURE_CALLER) for number in range(SURE_CALLERS)]
        work += [weather.again(storm, name, change) for name, change in weather.WEATHER.items()]
        tasks = [asyncio.ensure_future(one) for one in work]
        try:
            await self.blow(admin, [session.pid for session in readers + [waiters]])
        finally:
            ledger.stopping = True
            for result in await asyncio.gather(*tasks, return_exceptions=True):
                ledger.check("error", not isinstance(result, Exception), repr(result))
        if self.name == "none":
            await self.settle(books, admin, readers + [bound, waiters])
        for session in list(ledger.live.values()):
            await storm.close(session)
        log = self.log.read_bytes()
        strike.inspect(storm, self.name, log[storm.log_read :].decode(errors="replace"))
        storm.log_read = len(log)

    async def blow(self, admin, readers):
        await self.pass_time(self.seconds / 3)
        memory = watcher.Memory(self.storm.ledger, readers)
        await self.pass_time(self.seconds * 2 / 3)
        if self.seconds > 30:  # in less nobody gets warm
            memory.compare()
        await strike.STRIKES[self.name](self.storm, admin, SETTINGS)

    async def pass_time(self, seconds):
        ledger, end = self.storm.ledger, time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            await asyncio.sleep(min(5, left))
            f = ledger.figures
            print(
                "%7.0f s  %-10s %5d live  %7d sessions  %8d statements  %6d sent  %6d refused  %4d broken"
                % (time.monotonic() - BEGUN, self.name, len(ledger.live), f["sessions"], f["statements"], f["sent"], f["refused"], sum(map(len, ledger.broken.values()))),
                flush=True,
            )

    async def settle(self, books, admin, sessions):
        """Everybody goes; then nothing is left, and the books are balanced."""
        storm, ledger = self.storm, self.storm.ledger
        for session in sessions:
            await storm.close(session)
        await weather.finish_prepared(storm, admin, 0, age=0)
        left = "SELECT (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()), (SELECT count(*) FROM pg_locks WHERE pid IS DISTINCT FROM pg_backend_pid()), (SELECT count(*) FROM svv_transactions WHERE pid IS DISTINCT FROM pg_backend_pid() AND txn_owner <> 'rdsdb')"
        deadline = time.monotonic() + 30
        while (rows := await storm.run(admin, left)) != [(0, 0, 0)] and time.monotonic() < deadline:
            await asyncio.sleep(0.1)
        ledger.check("left", rows == [(0, 0, 0)], "sessions, locks, transactions: %s" % rows)
        names = dict(await storm.run(admin, "SELECT oid::int, rolname FROM pg_roles"))
        known = {*USERS, SURE_CALLER, "nomad"}
        await books.balance(admin, {oid: name for oid, name in names.items() if name in known})


def table(ledger, faults):
    """The summary: what was done, how each fault ended, what was checked how often and found broken."""
    print("\n%-58s %12s" % ("what happened", "number"))
    for name, number in ledger.figures.items():
        print("%-58s %12d" % (name, number))
    print("\n%-58s %12s" % ("faults", "verdict"))
    for name, broken in faults:
        print("%-58s %12s" % (name, "ok" if not broken else "%d broken" % broken))
    print("\n%-58s %12s %8s" % ("what must hold", "checked", "broken"))
    for invariant, sentence in INVARIANTS.items():
        print("%-58s %12d %8d" % (sentence, ledger.checked[invariant], len(ledger.broken[invariant])))
    for invariant, findings in ledger.broken.items():
        for finding in findings[:10]:
            print("    %s: %s" % (invariant, finding))


async def weathered(storm):
    rounds = [name for name in strike.STRIKES if name in WANTED]
    faults = []
    alone = [name for name in ALONE if name in WANTED]
    seconds = max(5, (DURATION - 25 * len(alone)) / max(1, len(rounds) + ("none" in rounds)))
    for name in rounds:
        before = sum(map(len, storm.ledger.broken.values()))
        try:
            await Round(storm, name, seconds * (2 if name == "none" else 1)).run()
        except (client.Gone, client.Interrupted, OSError) as error:
            storm.ledger.check("ended", False, "%s stopped early, for a session that nobody may end has ended: %r" % (name, error))
        faults.append((name, sum(map(len, storm.ledger.broken.values())) - before))
    return faults


def rounds(ledger):
    server = Server("storm", SETTINGS)
    try:
        with server.connect() as admin:
            admin.execute(ROLES + caller.FUNCTIONS)
            for number in range(client.TABLES):
                admin.execute(TABLE.replace("#", str(number)))
        return asyncio.run(weathered(client.Storm(server, ledger, SEED)))
    finally:
        server.remove()


def main():
    if unknown := set(WANTED) - set(FAULTS):
        sys.exit("error: FAULT has %s; there are %s" % (", ".join(sorted(unknown)), ", ".join(FAULTS)))
    print("storm: %d sessions, %.0f seconds, SEED=%d" % (SESSIONS, DURATION, SEED), flush=True)
    ledger = Ledger()
    faults = rounds(ledger) if set(WANTED) & set(strike.STRIKES) else []
    for name in ALONE:
        if name in WANTED:
            before = sum(map(len, ledger.broken.values()))
            print("%7.0f s  %s, on a server of its own" % (time.monotonic() - BEGUN, name), flush=True)
            ALONE[name](ledger, SEED)
            faults.append((name, sum(map(len, ledger.broken.values())) - before))
    table(ledger, faults)
    broken = sum(map(len, ledger.broken.values()))
    print("\n%d broken" % broken)
    return 1 if broken else 0


BEGUN = time.monotonic()
if __name__ == "__main__":
    sys.exit(main())
