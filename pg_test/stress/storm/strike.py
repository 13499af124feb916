"""How may a server go down in the middle of it all, and what must be there afterwards?"""

import os
import re
import signal
import time

import psycopg

from books import LOGS, unexpected_lines

FILE = "pg_stat/redshift_sessions.json"


async def none(storm, admin, settings):
    """It does not: the round ends when its clients go."""


async def kill(storm, admin, settings):
    """kill -9 of a session: PostgreSQL ends all others and starts anew by itself."""
    storm.ledger.excused = True
    victim = storm.dice("kill").choice([pid for pid, session in storm.ledger.live.items() if session is not admin])
    os.kill(victim, signal.SIGKILL)


async def no_file(storm, admin, settings):
    """The file for the logs cannot be made: the server stops cleanly all the same, and says so."""
    storm.ledger.excused = True
    obstacle = storm.server.directory() / "data" / (FILE + ".tmp")
    obstacle.mkdir()
    storm.server.stop("fast")
    obstacle.rmdir()
    storm.server.start(settings)


async def stop_and_start(storm, admin, settings, mode):
    """By command, however rude: the rows that were there are there again."""
    rows = {log: await storm.run(admin, "SELECT * FROM " + log) for log in LOGS}
    storm.ledger.excused = True
    storm.server.stop(mode)
    storm.server.start(settings)
    with connected(storm) as connection:
        for log in LOGS:
            now = set(connection.execute("SELECT * FROM " + log).fetchall())
            # The ends of all sessions came on top: what they pushed out is the oldest.
            kept = [row for row in rows[log] if row in now]
            oldest = len(rows[log]) - len(kept)
            fine = kept == rows[log][oldest:] and bool(kept) == bool(rows[log])
            storm.ledger.check("books", fine, "%s: %d of %d rows after a restart" % (log, len(kept), len(rows[log])))


async def immediate(storm, admin, settings):
    await stop_and_start(storm, admin, settings, "immediate")


async def restart(storm, admin, settings):
    await stop_and_start(storm, admin, settings, "fast")


STRIKES = {"none": none, "kill": kill, "no_file": no_file, "immediate": immediate, "restart": restart}
SAYS = {
    "kill": r"LOG:  (?:server process|client backend) \(PID \d+\) was terminated by signal 9: Killed",
    "no_file": r'LOG:  logs of redshift_sessions were not written to file "%s": File exists' % FILE,
}


def connected(storm):
    """As soon as the server is there again."""
    deadline = time.monotonic() + 60
    while True:
        try:
            return storm.server.connect()
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise


def inspect(storm, name, log):
    """After the strike: it works, its logs begin as documented, and its own log says what happened, once."""
    check = storm.ledger.check
    with connected(storm) as connection:
        written = dict(connection.execute("SELECT log, written FROM redshift_sessions.logs()").fetchall())
        if name in ("kill", "no_file"):
            check("books", written["svl_terminate"] == 0 and written["stl_sessions"] < 10, "logs after %s: %s" % (name, written))
        for view in ("svv_transactions", "stv_sessions", "stv_recents", "stv_inflight", "stv_locks", "sys_session_history"):
            connection.execute("SELECT count(*) FROM " + view)
        for (gid,) in connection.execute("SELECT gid FROM pg_prepared_xacts WHERE database = 'dev'").fetchall():
            connection.execute("ROLLBACK PREPARED '%s'" % gid)
    if name in SAYS:
        said = len(re.findall(SAYS[name], log))
        check("log", said == 1, "%s says it %d times" % (name, said))
    if name in ("no_file", "restart"):
        check("log", "database system is shut down" in log, "%s: no clean shutdown" % name)
    for line in unexpected_lines(log, SAYS.get(name, "(?!)")):
        check("log", False, line)
    storm.ledger.checked["log"] += log.count("\n")
