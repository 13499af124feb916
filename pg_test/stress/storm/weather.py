"""What changes under the sessions while they live? Roles renamed and dropped, databases dropped, the extension dropped and created."""

import asyncio

from client import Gone, Interrupted
from ledger import Attempt

# PostgreSQL does not lock functions: one that is dropped between planning and running is XX000, its cache lookup fails.
GONE_OBJECTS = ("42P01", "42883", "3F000", "0A000", "XX000")


async def again(storm, name, change):
    """Once a second or so, with an administrator's session that nobody may end."""
    count = 0
    try:
        admin = await storm.connect("awsuser", protected=True)
        while not storm.ledger.stopping:
            await asyncio.sleep(1)
            try:
                await change(storm, admin, count)
                storm.ledger.figures[name] += 1
            except Interrupted:
                storm.ledger.check("error", storm.ledger.excused, "%s was interrupted" % name)
            count += 1
        await storm.close(admin)
    except Gone:
        storm.ledger.check("error", storm.ledger.excused, "%s lost its session" % name)


async def rename(storm, admin, count):
    """The rows stay the session's own, under the new name; calls for others stay refused."""
    if not count and not await storm.run(admin, "SELECT 1 FROM pg_roles WHERE rolname = 'nomad'"):
        await storm.run(admin, "ALTER ROLE renamed RENAME TO nomad")  # the fault of an earlier round came in between
    session = await storm.connect("nomad", protected=True)
    for name in ("renamed", "nomad"):
        await storm.run(admin, "ALTER ROLE %s RENAME TO %s" % (("nomad", "renamed") if name == "renamed" else ("renamed", "nomad")))
        [(users, own)] = await storm.run(session, "SELECT array_agg(DISTINCT trim(user_name)), bool_or(process = pg_backend_pid()) FROM stv_sessions")
        storm.ledger.check("owner", users == [name] and own, "renamed to %s, it sees %s" % (name, users))
        await storm.read_view(session, "svv_transactions")
    await storm.close(session)


async def drop_role(storm, admin, count):
    """A session outlives its role: it sees itself, under no name, and others see it."""
    role = "leaf%d" % next(storm.serial)
    await storm.run(admin, "CREATE ROLE %s LOGIN" % role)
    session = await storm.connect(role, protected=True)
    await storm.run(admin, "DROP ROLE %s" % role)
    for view, process in (("svv_transactions", "pid"), ("stv_sessions", "process"), ("stv_inflight", "pid"), ("sys_session_history", "session_id")):
        [(rows, others)] = await storm.run(session, "SELECT count(*), count(*) FILTER (WHERE %s <> pg_backend_pid()) FROM %s" % (process, view))
        storm.ledger.check("owner", rows > 0 and others == 0, "without a role: %d rows of %s, %d of others" % (rows, view, others))
    [(rows,)] = await storm.run(admin, "SELECT count(*) FROM stv_sessions WHERE process = %d AND user_name IS NULL" % session.pid)
    storm.ledger.check("owner", rows == 1, "a session whose role was dropped is not in stv_sessions")
    await storm.close(session)


async def drop_database(storm, admin, count):
    """Its sessions are ended by DROP DATABASE ... FORCE, which is entitled to it, while everybody lists them."""
    name = "leaf%d" % next(storm.serial)
    await storm.run(admin, "CREATE DATABASE %s" % name)
    sessions = [await storm.connect("awsuser", dbname=name, protected=True) for _ in range(3)]
    await storm.run(sessions[0], "CREATE TABLE own (); BEGIN; LOCK own")
    for session in sessions:
        storm.ledger.attempts[session.pid].append(Attempt("TERMINATE", "awsuser", session.pid))
    await storm.run(admin, "DROP DATABASE %s WITH (FORCE)" % name)
    for session in sessions:
        try:
            await storm.run(session, "SELECT 1")
        except Gone:
            continue
        storm.ledger.check("ended", False, "a session of a dropped database goes on")


async def drop_extension(storm, admin, count):
    """In a database of its own. Rows that depend on nothing that is there come back as PostgreSQL's errors."""
    if not count:
        await storm.run(admin, "DROP DATABASE IF EXISTS ext WITH (FORCE)")  # of an earlier round
        await storm.run(admin, "CREATE DATABASE ext")
    session = await storm.connect("awsuser", dbname="ext", protected=True)
    users = [asyncio.ensure_future(use_extension(storm, number)) for number in range(4)]
    try:
        for _ in range(5):
            await storm.run(session, "CREATE EXTENSION redshift_sessions")
            await asyncio.sleep(0.05)
            await storm.run(session, "DROP EXTENSION redshift_sessions")
    finally:
        results = await asyncio.gather(*users, return_exceptions=True)
    if any(results):
        raise Gone
    await storm.close(session)


async def use_extension(storm, number):
    dice = storm.dice("extension", number)
    session = await storm.connect("awsuser", dbname="ext", protected=True)
    for _ in range(60):
        statement = dice.choice(
            ["SELECT pg_terminate_backend(0)", "SELECT bool_or(pg_cancel_backend(-1))", "SELECT redshift_sessions.pg_cancel_backend(0)"]
            + ["SELECT count(*) FROM " + view for view in ("svv_transactions", "stv_sessions", "stv_recents", "sys_session_history")]
        )
        try:
            await storm.run(session, statement, documented=GONE_OBJECTS)
        except Interrupted:
            pass
    await storm.close(session)


async def finish_prepared(storm, admin, count, age=5):
    """What sessions prepared that were ended before they could finish it."""
    query = "SELECT gid FROM pg_prepared_xacts WHERE database = 'dev' AND prepared < clock_timestamp() - interval '%d s'"
    for (gid,) in await storm.run(admin, query % age):
        try:
            await storm.run(admin, "ROLLBACK PREPARED '%s'" % gid, documented=("42704", "55000"))
        except Interrupted:
            pass  # its session was faster


WEATHER = {
    "role renamed": rename,
    "role dropped": drop_role,
    "database dropped": drop_database,
    "extension dropped": drop_extension,
    "prepared finished": finish_prepared,
}
