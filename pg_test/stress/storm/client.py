"""What do ordinary clients do? Connect, read, write, lock, wait, prepare, listen, hold cursors, sit idle, and go."""

import asyncio
import itertools
import random
import time

import psycopg

from ledger import GRANTEES, READERS_OF_ALL, USERS, Session

TABLES, ROWS = 8, 10
HANG = 60  # seconds after which the server is asked what it waits for
# What a client may read in a storm: deadlock, serialization failure, lock_timeout, too many prepared transactions, prepared by somebody just now.
DOCUMENTED = {"40P01", "40001", "55P03", "53400", "42710"}
# The column that names the owner, and what the reader's own rows have there.
VIEWS = {
    "svv_transactions": "txn_owner IS DISTINCT FROM current_user::text",
    "stv_sessions": "trim(user_name) IS DISTINCT FROM current_user::text",
    "stv_recents": "userid <> (SELECT oid FROM pg_roles WHERE rolname = current_user)::int",
    "stv_inflight": "userid <> (SELECT oid FROM pg_roles WHERE rolname = current_user)::int",
    "svv_query_inflight": "userid <> (SELECT oid FROM pg_roles WHERE rolname = current_user)::int",
    "stl_sessions": "userid <> (SELECT oid FROM pg_roles WHERE rolname = current_user)::int",
    "sys_session_history": "user_id <> (SELECT oid FROM pg_roles WHERE rolname = current_user)::int",
    "stl_restarted_sessions": "true",
}
GRANTED_VIEWS = ["svl_terminate", "stl_tr_conflict", "stl_connection_log", "stv_locks"]


class Interrupted(Exception):
    """The statement failed as documented; the session goes on."""


class Gone(Exception):
    """The session has ended."""


class Storm:
    """A server and what is known about it; every statement of the storm goes through here."""

    def __init__(self, server, ledger, seed):
        self.server, self.ledger, self.seed = server, ledger, seed
        self.serial = itertools.count()  # for names that no round has used
        self.log_read = 0  # bytes of the server's log that were inspected

    def dice(self, *who):
        return random.Random("%s %s" % (self.seed, who))

    async def connect(self, user, dbname="dev", protected=False, options=""):
        begun = time.monotonic()
        try:
            connection = await psycopg.AsyncConnection.connect(
                self.server.dsn(user, dbname), autocommit=True, options="-c lock_timeout=4s " + options
            )
        except psycopg.OperationalError as error:
            self.ledger.check("error", self.ledger.excused or self.ledger.stopping, "%s cannot connect: %s" % (user, error))
            raise Gone from None
        session = Session(connection, user, begun, protected)
        self.ledger.opened(session)
        return session

    async def close(self, session):
        if not session.over:
            self.ledger.closing(session)
        await session.connection.close()

    async def run(self, session, statement, parameters=None, documented=()):
        session.statement_begun, session.notice = time.monotonic(), None
        self.ledger.figures["statements"] += 1
        try:
            task = asyncio.ensure_future(session.connection.execute(statement, parameters))
            while not (await asyncio.wait({task}, timeout=HANG))[0]:
                self.slow(session, statement, task)
            cursor = await task
            return await cursor.fetchall() if cursor.description else []
        except asyncio.CancelledError:
            self.ledger.over(session)
            raise Gone from None
        except psycopg.Error as error:
            await self.failed(session, statement, error, documented)

    def slow(self, session, statement, task):
        """Is it the server, or does the storm itself not get to read the answer?"""
        with self.server.connect() as admin:
            query = "SELECT state, wait_event FROM pg_stat_activity WHERE pid = %d" % session.pid
            doing = admin.execute(query).fetchone()
        ours = doing is None or doing[0] != "active" or doing[1] in ("ClientRead", "ClientWrite")
        self.ledger.figures["answers read late"] += 1
        if not self.ledger.check("error", ours, "%d of %s hangs for %d s with %s in %s" % (session.pid, session.user, HANG, doing, statement)):
            task.cancel()

    async def failed(self, session, statement, error, documented):
        if session.connection.closed:
            self.ledger.died(session, error)
            raise Gone from None
        if isinstance(error, psycopg.errors.QueryCanceled):
            self.ledger.cancelled(session, error)
        else:
            fine = self.ledger.excused or error.sqlstate in DOCUMENTED or error.sqlstate in documented
            self.ledger.check("error", fine, "%s reads %s %s in %s" % (session.user, error.sqlstate, str(error).strip(), statement))
        if session.connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
            await self.run(session, "ROLLBACK")
        raise Interrupted(error.sqlstate) from None

    async def read_view(self, session, view):
        """Are there rows of others among the reader's?"""
        user = session.user
        if view in GRANTED_VIEWS:
            if user in GRANTEES:
                await self.run(session, "SELECT count(*) FROM " + view)
                return
            try:
                await self.run(session, "SELECT count(*) FROM " + view, documented=("42501",))
            except Interrupted as error:
                self.ledger.check("owner", str(error) in ("42501", "57014"), "%s reads %s" % (error, view))
            else:
                self.ledger.check("owner", False, "%s may read %s" % (user, view))
            return
        [(rows, others)] = await self.run(session, "SELECT count(*), count(*) FILTER (WHERE %s) FROM %s" % (VIEWS[view], view))
        self.ledger.figures["rows of views"] += rows
        fine = user in READERS_OF_ALL or others == 0
        self.ledger.check("owner", fine, "%s sees %d of %d rows of others in %s" % (user, others, rows, view))


async def life(storm, number):
    """One client after the other, each with a few things to do, until the round ends."""
    dice = storm.dice("client", number)
    while not storm.ledger.stopping:
        try:
            session = await storm.connect(dice.choice(USERS))
            for _ in range(dice.randint(1, 40)):
                if storm.ledger.stopping:
                    break
                await asyncio.sleep(dice.random() * 0.6)  # the load, not a condition
                try:
                    await dice.choice(ACTIONS)(storm, session, dice)
                except Interrupted:
                    pass
            await storm.close(session)
        except Gone:
            await asyncio.sleep(0.1)


def table(dice):
    return "t%d" % dice.randrange(TABLES)


async def read(storm, session, dice):
    await storm.run(session, "SELECT count(*) FROM " + table(dice))


async def write(storm, session, dice):
    await storm.run(session, "BEGIN")
    for _ in range(dice.randint(1, 3)):
        await storm.run(session, "UPDATE %s SET v = v + 1 WHERE id = %d" % (table(dice), dice.randint(1, ROWS)))
        await asyncio.sleep(dice.random() * 0.2)
    await own_xid(storm, session)
    await storm.run(session, dice.choice(["COMMIT", "ROLLBACK"]))


async def own_xid(storm, session):
    query = "SELECT array_agg(DISTINCT xid) = ARRAY[pg_current_xact_id()::text::bigint] FROM svv_transactions WHERE pid = pg_backend_pid()"
    [(same,)] = await storm.run(session, query)
    storm.ledger.check("xid", same, "%d does not see its own transaction id, and no other" % session.pid)


async def serializable(storm, session, dice):
    await storm.run(session, "BEGIN ISOLATION LEVEL SERIALIZABLE")
    one = table(dice)
    await storm.run(session, "SELECT sum(v) FROM " + one)
    await storm.run(session, "UPDATE %s SET v = v + 1 WHERE id = %d" % (one, dice.randint(1, ROWS)))
    await storm.run(session, "COMMIT")


async def savepoints(storm, session, dice):
    await storm.run(session, "BEGIN; SAVEPOINT a; UPDATE %s SET v = v + 1 WHERE id = %d" % (table(dice), dice.randint(1, ROWS)))
    await storm.run(session, "SAVEPOINT b; SELECT * FROM %s WHERE id = %d FOR UPDATE" % (table(dice), dice.randint(1, ROWS)))
    await own_xid(storm, session)
    await asyncio.sleep(dice.random() * 0.2)
    await storm.run(session, "ROLLBACK TO a; RELEASE a; COMMIT")


async def lock(storm, session, dice):
    mode = dice.choice(["ACCESS SHARE", "ROW EXCLUSIVE", "SHARE", "EXCLUSIVE", "ACCESS EXCLUSIVE"])
    await storm.run(session, "BEGIN; LOCK %s IN %s MODE" % (table(dice), mode))
    await asyncio.sleep(dice.random() * 0.3)
    await storm.run(session, "COMMIT")


async def prepare(storm, session, dice):
    name = "storm %d %d" % (session.pid, dice.randrange(1 << 30))
    await storm.run(session, "BEGIN; UPDATE %s SET v = v + 1 WHERE id = %d" % (table(dice), dice.randint(1, ROWS)))
    await storm.run(session, "PREPARE TRANSACTION '%s'" % name)
    try:
        await asyncio.sleep(dice.random() * 0.2)
    finally:
        await storm.run(session, "%s PREPARED '%s'" % (dice.choice(["COMMIT", "ROLLBACK"]), name))


async def listen(storm, session, dice):
    await storm.run(session, "LISTEN storm; NOTIFY storm; UNLISTEN *")


async def cursor(storm, session, dice):
    view = dice.choice(sorted(VIEWS))
    hold = dice.choice(["WITH", "WITHOUT"])
    await storm.run(session, "BEGIN; DECLARE c CURSOR %s HOLD FOR SELECT * FROM %s" % (hold, view))
    await storm.run(session, "FETCH 5 FROM c")
    await asyncio.sleep(dice.random() * 0.3)
    await storm.run(session, "FETCH ALL FROM c; CLOSE c; COMMIT")


async def idle(storm, session, dice):
    await asyncio.sleep(dice.random() * 2.5)


async def sleep(storm, session, dice):
    await storm.run(session, "SELECT pg_sleep(%f)" % (dice.random() * 3))


async def name(storm, session, dice):
    await storm.run(session, "SET application_name = 'storm %d'; SET query_group = 'group %d'" % (dice.randrange(9), dice.randrange(9)))


async def view(storm, session, dice):
    await storm.read_view(session, dice.choice([*VIEWS, *GRANTED_VIEWS]))


async def odd_reads(storm, session, dice):
    """The other ways into the same code: the whole row, the function, a parameter, COPY's kind of destination, the last query."""
    await storm.run(
        session,
        dice.choice(
            [
                "SELECT count(v) FROM svv_transactions AS v",
                "SELECT count(*) FROM (SELECT * FROM svv_transactions UNION ALL SELECT * FROM svv_transactions) AS twice",
                "SELECT s.process FROM stv_sessions AS s, LATERAL (SELECT count(*) FROM svv_transactions AS x WHERE x.pid = s.process) AS c LIMIT 3",
                "CREATE TEMP TABLE IF NOT EXISTS copy AS SELECT * FROM svv_transactions; DROP TABLE copy",
                "SELECT pg_last_query_id()",
            ]
        ),
    )
    await storm.run(session, "SELECT count(*) FROM svv_transactions WHERE pid = %s", (session.pid,))


ACTIONS = [read, read, write, write, write, serializable, savepoints, lock, lock, prepare, listen, cursor, idle, sleep, name, view, view, odd_reads]
