#!/usr/bin/env python3
"""Many sessions connect, run, are cancelled and terminated, for a while; then the books must balance, to the last row.

usage: make soak [DURATION=60] [SESSIONS=200] [SEED=...]
"""

import os
import pathlib
import random
import re
import sys
import threading
import time

import psycopg

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "sessions"))
from conftest import EVERYTHING, Server, eventually, value  # noqa: E402

DURATION = float(os.environ.get("DURATION") or 60)
SESSIONS = int(os.environ.get("SESSIONS") or 200)
SEED = int(os.environ.get("SEED") or time.time())
USERS = ["alice", "bob", "canceller", "member", "reader"]
SETTINGS = {
    **EVERYTHING,
    "max_connections": str(SESSIONS + 20),
    "redshift_sessions.terminate_log_size": "1000000",
    "redshift_sessions.connection_log_size": "1000000",
    "redshift_sessions.session_log_size": "1000000",
}
STATEMENTS = [
    *["SELECT pg_sleep(1)"] * 6,
    "SELECT count(*) FROM t",
    "BEGIN; UPDATE t SET v = v + 1 WHERE id = %d; COMMIT",
    "BEGIN; LOCK t IN ACCESS EXCLUSIVE MODE; COMMIT",
    "SET application_name = 'soak %d'",
    "SELECT count(*) FROM svv_transactions",
    "SELECT count(*) FROM stv_sessions",
    "SELECT count(*) FROM stv_recents, stv_inflight",
    "SELECT count(*) FROM sys_session_history",
]
DOCUMENTED = re.compile("does not exist. The session PID might|due to administrator command|on user's request|due to user request|there is no transaction in progress")


class Soak:
    def __init__(self, server):
        self.server, self.stop = server, threading.Event()
        self.lock, self.connected, self.sent, self.unexpected = threading.Lock(), 0, {"CANCEL": 0, "TERMINATE": 0}, []
        self.most_live = 0

    def client(self, number):
        """Lives many short lives."""
        dice = random.Random(SEED * 1000 + number)
        while not self.stop.is_set():
            try:
                with self.server.connect(dice.choice(USERS)) as session:
                    with self.lock:
                        self.connected += 1
                    for _ in range(dice.randint(1, 30)):  # long lives, so that most are live at once
                        try:
                            statement = dice.choice(STATEMENTS)
                            session.execute(statement % dice.randint(1, 10) if "%d" in statement else statement)
                        except (psycopg.errors.QueryCanceled, psycopg.errors.DeadlockDetected):
                            session.execute("ROLLBACK")
            except psycopg.errors.QueryCanceled:
                pass
            except psycopg.OperationalError as error:
                if not DOCUMENTED.search(str(error)) and "connection" not in str(error):
                    self.unexpected.append(str(error))

    def sender(self, number):
        """Nobody ends boss, so each answer arrives."""
        dice = random.Random(SEED * 1000 - number)
        with self.server.connect("boss") as session:
            while not self.stop.is_set():
                kind = dice.choice(["CANCEL", "CANCEL", "TERMINATE"])
                query = "SELECT pg_%s_backend(process) FROM stv_sessions WHERE user_name NOT IN ('boss', 'awsuser') ORDER BY random() LIMIT 3"
                sent = sum(answer for (answer,) in session.execute(query % kind.lower()))
                with self.lock:
                    self.sent[kind] += sent
                session.notices.clear()
                self.stop.wait(0.2)


def main():
    print("soak: %d sessions, %.0f seconds, SEED=%d" % (SESSIONS, DURATION, SEED), flush=True)
    server = Server("soak", SETTINGS)
    try:
        return run(server)
    finally:
        server.remove()


def run(server):
    with server.connect() as admin:
        admin.execute("CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t SELECT g, 0 FROM generate_series(1, 10) g; GRANT ALL ON t TO PUBLIC")
        soak = Soak(server)
        threads = [threading.Thread(target=soak.client, args=(number,)) for number in range(SESSIONS)]
        threads += [threading.Thread(target=soak.sender, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        end = time.monotonic() + DURATION
        while (left := end - time.monotonic()) > 0:
            soak.stop.wait(min(5, left))
            live = value(admin, "SELECT count(*) FROM stv_sessions")
            soak.most_live = max(soak.most_live, live)
            print("%5.0f s left  %6d connected  %5d live  %s sent" % (max(left - 5, 0), soak.connected, live, soak.sent), flush=True)
        soak.stop.set()
        for thread in threads:
            thread.join()
        eventually(lambda: value(admin, "SELECT count(*) FROM stv_sessions WHERE process <> pg_backend_pid()") == 0)
        return 0 if balance(server, soak, admin) else 1


def balance(server, soak, admin):
    count = lambda query: value(admin, "SELECT count(*) FROM " + query)
    started = count("stl_connection_log WHERE event = 'initiating session'")
    ended, live = count("stl_sessions"), count("stv_sessions")
    logged = dict(admin.execute("SELECT type, count(*) FROM svl_terminate GROUP BY type").fetchall())
    dropped = value(admin, "SELECT sum(dropped) FROM redshift_sessions.logs() WHERE log <> 'stv_recents'")
    killed = count("stl_sessions WHERE timed_out = 3")
    log = (server.directory() / "log").read_text(errors="replace").splitlines()
    bad = [line for line in log if re.search("PANIC|TRAP|terminated by signal|could not", line)]
    bad += [line for line in log if "WARNING" in line and not DOCUMENTED.search(line)]
    rows = [
        ("sessions started = ended + live", started, ended + live),
        ("cancels sent = rows", soak.sent["CANCEL"], logged.get("CANCEL", 0)),
        ("terminates sent = rows", soak.sent["TERMINATE"], logged.get("TERMINATE", 0)),
        ("rows dropped", dropped, 0),
        ("sessions in sys_session_history", count("sys_session_history"), ended + live),
        ("unexpected errors of clients", len(soak.unexpected), 0),
        ("bad lines in the server's log", len(bad), 0),
    ]
    print("%-36s %8d" % ("sessions live at once, most seen", soak.most_live))
    for name, left, right in rows:
        print("%-36s %8d %8d  %s" % (name, left, right, "ok" if left == right else "WRONG"))
    print("%-36s %8d %8d  %s" % ("sessions terminated <= terminates", killed, logged.get("TERMINATE", 0), "ok" if killed <= logged.get("TERMINATE", 0) else "WRONG"))
    for line in (soak.unexpected + bad)[:10]:
        print("    " + line)
    passed = sum(left == right for _, left, right in rows) + (killed <= logged.get("TERMINATE", 0))
    print("%d passed, %d failed" % (passed, len(rows) + 1 - passed))
    return passed == len(rows) + 1


if __name__ == "__main__":
    sys.exit(main())
