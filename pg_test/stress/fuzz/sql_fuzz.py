#!/usr/bin/env python3
"""Does a random statement with native calls do what it does in a PostgreSQL without the library?

It does for a superuser, to whom both rules say yes. For all others it does, or is refused: nothing is ever more permissive than PostgreSQL.

Two private servers in the same state run the same statements: rows are the same but for the integer in the place of a boolean, errors
have the same SQLSTATE, and as many warnings are given. Our functions get every value that their types have at their edges, and the server startup packets that no driver sends.

usage: make stress KIND=fuzz [DURATION=60] [SEED=...]
"""

import itertools
import os
import random
import re
import time

import psycopg

from conftest import EVERYTHING, Server, eventually, is_alive, pid_of, value
from memory_use import VIEWS
from protocol import Raw, Refused
from sql_statements import STATE, Statements
from startup_packets import Packets

DURATION = float(os.environ.get("DURATION") or 60)
PACKETS = 500
SEED = int(os.environ.get("SEED") or time.time())
DENIED = "42501"
# The superuser twice as often as all others together.
ROLES = ["awsuser"] * 10 + ["alice", "bob", "canceller", "member", "reader"]
EDGES = {
    "integer": ["NULL", "0", "-1", "1", "2147483647", "-2147483648", "2147483648", "'7'", "'x'", "1.5", "true", "1::oid", "'{}'::int[]", "ROW(1)"],
    "bigint": ["NULL", "0", "-1", "1", "9223372036854775807", "-9223372036854775808", "9223372036854775808", "-4294967296", "4294967295", "1e3", "'x'"],
    "text": ["NULL", "''", "'a'", "'%s %n'", "repeat('x', 255)", "repeat('ä', 128)", "repeat('𝄞', 70)", "repeat('y', 1000000)", "E'\\n\\t\\x01'", "1", "now()"],
    "text[]": ["NULL", "'{}'", "'{NULL}'", "'{{a,b},{c,d}}'", "'{idle_session_timeout=}'", "'{idle_session_timeout=-1}'", "'{idle_session_timeout=1e300d}'",
               "'{idle_session_timeout=2147483647}'", "'[-5:-4]={x,idle_session_timeout=7s}'", "array_fill('x'::text, '{100000}')", "'{1}'::int[]"],
}  # fmt: skip


class Side:
    """One of the two servers, with a session that is never ended and is cancelled all the time."""

    def __init__(self, name, settings, extension):
        self.server = Server(name, settings, extension)
        self.session = self.server.connect()
        self.session.execute(STATE)
        self.victim = self.server.connect("alice")

    def run(self, statements, protocol, role="awsuser"):
        """For each statement its rows, or its SQLSTATE, and the number of warnings."""
        answers = []
        self.session.execute("BEGIN; SET LOCAL ROLE " + role)
        for statement in statements:
            self.session.notices.clear()
            pid = str(pid_of(self.victim))
            statement = statement.replace("VICTIM", pid)
            try:
                cursor = self.session.execute(statement, **protocol)
                rows = [] if "EXPLAIN" in statement or cursor.description is None else cursor.fetchall()
                answer = sorted(repr(tuple(map(plain, row))).replace(pid, "VICTIM") for row in rows)
            except psycopg.Error as error:
                assert error.sqlstate and not error.sqlstate.startswith(("XX", "57P", "08")), (statement, error)
                answer = error.sqlstate
            answers.append((answer, len([notice for notice in self.session.notices if notice.severity == "WARNING"])))
            if isinstance(answer, str):
                break
        self.session.execute("ROLLBACK; DEALLOCATE ALL; DISCARD TEMP")
        return answers

    def is_healthy(self):
        log = (self.server.directory() / "log").read_text(errors="replace")
        assert not re.search("PANIC|was terminated by signal|XX000|stack trace|panicked", log), log[-5000:]
        assert value(self.victim, "SELECT 1") == 1


def plain(value):
    """As if every boolean were an integer."""
    return int(value) if isinstance(value, bool) else value


def compare(sides, statements):
    """Random statements, in turn by each protocol, until the time is up."""
    deadline, count, failed, dice = time.monotonic() + DURATION, 0, 0, random.Random(SEED)
    while time.monotonic() < deadline:
        batch = statements.batch()
        protocol = [{"prepare": False}, {"prepare": True}, {"prepare": False, "binary": True}][count % 3]
        role = dice.choice(ROLES)
        answers = [side.run(batch, protocol, role) for side in sides]
        if "LANGUAGE sql" in batch[0]:
            # Inlined without the library, and not with it: PostgreSQL may leave out a condition that it knows to be false or NULL.
            answers = [[(rows, None) for rows, _ in answer] for answer in answers]
        story = "\n".join(["seed %d, number %d, %s, %s" % (SEED, count, protocol, role), *batch, *map(str, answers)])
        assert answers[0] == answers[1] or role != "awsuser" and is_stricter(*answers, batch), story
        count, failed = count + 1, failed + isinstance(answers[0][-1][0], str)
    return count, failed


def is_stricter(without, with_it, batch):
    """The first answer that differs is that Redshift's rule says no. A function that catches errors may go on with something else."""
    first = next(pair for pair in itertools.zip_longest(without, with_it) if pair[0] != pair[1])
    return first[1] is not None and first[1][0] == DENIED or "EXCEPTION" in batch[0]


def edges(side):
    """Each of our functions, with each combination of edges: nothing but PostgreSQL's usual errors."""
    functions = side.session.execute("""
        SELECT p.oid::regproc::text, array(SELECT format_type(u, NULL) FROM unnest(p.proargtypes) u), p.pronargdefaults
        FROM pg_proc p WHERE probin LIKE '%redshift_sessions' ORDER BY 1
    """).fetchall()
    count = 0
    for name, types, defaults in functions:
        for arity in range(len(types) - defaults, len(types) + 1):
            for arguments in itertools.product(*(EDGES[kind] for kind in types[:arity])):
                for form in ("SELECT %s(%s)", "SELECT * FROM %s(%s) AS f"):
                    side.run([form % (name, ", ".join(arguments))], {"prepare": False})
                    count += 1
    return count, len(functions)


def startups(side):
    """A session, or a refusal of PostgreSQL's; what is left in the logs can be read."""
    packets, sessions = Packets(SEED), 0
    for number in range(PACKETS):
        packet = packets.packet()
        try:
            session = Raw(side.server.port, **packet)
            sessions += 1
            if "replication" not in packet:
                assert session.value("SELECT 1") == "1"
            session.close()
        except Refused as refused:
            assert not refused.sqlstate.startswith("XX"), (SEED, number, packet, refused)
        except Exception as error:
            raise AssertionError("seed %d, packet %d, %.3000s" % (SEED, number, packet)) from error
    for view in VIEWS:
        side.session.execute("SELECT * FROM " + view).fetchall()
    return PACKETS, sessions


def victims(sides):
    """Sessions that are ended, in ways of which each calls the function once."""
    once = [
        "SELECT pg_terminate_backend(VICTIM)",
        "SELECT 1 WHERE pg_terminate_backend(VICTIM)",
        "WITH c AS MATERIALIZED (SELECT pg_terminate_backend(VICTIM) AS x) SELECT x, x FROM c",
        "SELECT x FROM (VALUES (VICTIM)) v(p), LATERAL (SELECT pg_terminate_backend(p) AND true AS x OFFSET 0) l",
        "INSERT INTO t VALUES (7, 7, pg_terminate_backend(VICTIM)) RETURNING b",
        "SELECT bool_and(pg_terminate_backend(VICTIM)) FROM generate_series(1, 1)",
        "SELECT pg_terminate_backend(VICTIM, 10000)",
    ]
    for statement in once:
        answers = []
        for side in sides:
            kept, side.victim = side.victim, side.server.connect("bob")
            pid = pid_of(side.victim)
            answers.append(side.run([statement], {"prepare": False}))
            eventually(lambda side=side, pid=pid: not is_alive(side.session, pid))
            side.victim = kept
        assert answers[0] == answers[1] and answers[0][0][0], (statement, answers)
    return len(once)


def main():
    print("seed", SEED, flush=True)
    settings = {key: text for key, text in EVERYTHING.items() if key != "shared_preload_libraries"}
    sides = []
    try:
        sides.append(Side("fuzz-without", settings, extension=False))
        sides.append(Side("fuzz-with", EVERYTHING, extension=True))
        print("%d ways to end a session gave the same" % victims(sides), flush=True)
        print("%d calls at the edges of %d functions gave rows or PostgreSQL's errors" % edges(sides[1]), flush=True)
        print("%d random statements gave the same, %d of them an error, or were refused by Redshift's rule" % compare(sides, Statements(SEED, sides[0].server.version())), flush=True)
        print("%d startup packets, %d of them a session" % startups(sides[1]), flush=True)
        for side in sides:
            side.is_healthy()
    finally:
        for side in sides:
            side.server.remove()


if __name__ == "__main__":
    main()
