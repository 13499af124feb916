#!/usr/bin/env python3
"""Does the library read memory that it must not, or that nobody has written? The main paths on a server that valgrind watches.

The server is built from PostgreSQL's own source, which tells valgrind about its memory contexts, and its known noise is suppressed by
PostgreSQL's own list.

usage: make stress KIND=valgrind [DURATION=60] [SEED=...]
"""

import os
import pathlib
import random
import subprocess
import sys
import time

import psycopg

import conftest
from conftest import ROLES, Server, free_port, is_alive, pid_of, value
from fuzz.sql_statements import STATE, Statements
from memory_use import VIEWS, hold_tables
from protocol import Raw, Refused

HERE = pathlib.Path(__file__).resolve().parent
DURATION = float(os.environ.get("DURATION") or 60)
SEED = int(os.environ.get("SEED") or time.time())
conftest.PATIENCE = 300  # a session takes seconds to begin
AS_SERVER_USER = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
MARK = "VALGRINDERROR"


def source(what):
    return pathlib.Path(subprocess.run([HERE / "source", what], check=True, text=True, stdout=subprocess.PIPE).stdout.strip())


class Watched(Server):
    def __init__(self):
        self.port, self.bin, self.tree = free_port(), source("valgrind").parent, source("tree")
        self.place = pathlib.Path(self.call("directory", "valgrind"))
        subprocess.run(["rm", "-rf", self.place], check=True)
        self.place.mkdir(parents=True)
        if AS_SERVER_USER:
            subprocess.run(["chown", AS_SERVER_USER[2], self.place], check=True)
        self.run(self.bin / "initdb", "-D", self.place / "data", "-U", "awsuser", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync")

    def run(self, *command):
        subprocess.run([*AS_SERVER_USER, *command], check=True, cwd="/", stdout=subprocess.DEVNULL)

    def start(self):
        settings = {"shared_preload_libraries": "redshift_sessions", "listen_addresses": "127.0.0.1", "unix_socket_directories": "", "port": self.port,
                    "fsync": "off", "max_connections": 30, "max_prepared_transactions": 5, "autovacuum": "off", "authentication_timeout": 300}  # fmt: skip
        valgrind = ["valgrind", "--quiet", "--trace-children=yes", "--leak-check=no", "--track-origins=yes", "--read-var-info=no", "--num-callers=30",
                    "--error-markers=%s-BEGIN,%s-END" % (MARK, MARK), "--suppressions=%s" % (self.tree / "src/tools/valgrind.supp"),
                    "--log-file=%s" % (self.place / "valgrind-%p.log")]  # fmt: skip
        options = [part for name, setting in settings.items() for part in ("-c", "%s=%s" % (name, setting))]
        with open(self.place / "log", "a") as log:
            self.process = subprocess.Popen([*AS_SERVER_USER, *valgrind, self.bin / "postgres", "-D", self.place / "data", *options], cwd="/", stdout=log, stderr=log)
        conftest.eventually(self.answers)

    def answers(self):
        assert self.process.poll() is None, (self.place / "log").read_text()[-3000:]
        try:
            self.connect(dbname="postgres").close()
        except psycopg.OperationalError:
            return False
        return True

    def stop(self):
        self.run(self.bin / "pg_ctl", "stop", "-s", "-w", "-t", "300", "-m", "fast", "-D", self.place / "data")
        self.process.wait(timeout=300)

    def findings(self):
        texts = [log.read_text(errors="replace") for log in self.place.glob("valgrind-*.log")]
        return [block.split(MARK + "-END")[0] for text in texts for block in text.split(MARK + "-BEGIN")[1:]]


def main_paths(server):
    admin, alice = server.connect(), server.connect("alice")
    hold_tables(admin, 20)
    for reader in (server.connect(), alice):
        for view in VIEWS:
            try:
                reader.execute("SELECT * FROM " + view).fetchall()
            except psycopg.errors.InsufficientPrivilege:
                pass
    admin.execute("ROLLBACK")
    alice.pgconn.send_query("SELECT 'ä', pg_sleep(600)".encode())
    conftest.eventually(lambda: value(admin, "SELECT count(*) FROM stv_inflight WHERE pid = %s", pid_of(alice)))
    admin.execute("SELECT redshift_sessions.cancel(%s, repeat('ä', 200))", (pid_of(alice),))
    print("cancelled:", conftest.outcome(alice))
    alice.execute("SET statement_timeout = 100")
    try:
        alice.execute("SELECT pg_sleep(600)")
    except psycopg.errors.QueryCanceled as error:
        print("timed out:", error)
    admin.execute("SELECT pg_terminate_backend(%s)", (pid_of(alice),))
    conftest.eventually(lambda: not is_alive(admin, pid_of(alice)))
    admin.execute("BEGIN; SELECT * FROM t; PREPARE TRANSACTION 'p'")
    admin.execute("SELECT * FROM svv_transactions")
    admin.execute("ROLLBACK PREPARED 'p'")
    Raw(server.port, client_protocol_version="2", driver_version="\udcff" * 300, os_version="x", tomorrow="y").close()
    for refused in ({"user": "\udcff\udcf0"}, {"redshift_sessions.redirect": "off"}):
        try:
            Raw(server.port, **refused)
        except Refused as error:
            print("refused:", error.sqlstate)
    admin.close()


def random_statements(server):
    session, victim, statements = server.connect(), server.connect("bob"), Statements(SEED, server.version())
    deadline, count = time.monotonic() + DURATION, 0
    while time.monotonic() < deadline:
        session.execute("BEGIN")
        for statement in statements.batch():
            count += 1
            try:
                session.execute(statement.replace("VICTIM", str(pid_of(victim))), prepare=random.random() < 0.5)
            except psycopg.Error as error:
                assert error.sqlstate and not error.sqlstate.startswith(("XX", "57P", "08")), (statement, error)
                break
        session.execute("ROLLBACK; DEALLOCATE ALL; DISCARD TEMP")
    return count


def work(server):
    with server.connect(dbname="postgres") as admin:
        admin.execute("CREATE DATABASE dev")
    with server.connect() as admin:
        admin.execute(ROLES)
        admin.execute("CREATE EXTENSION redshift_sessions; " + STATE)
    main_paths(server)
    print("%d random statements" % random_statements(server), flush=True)
    # The logs go into their file and come back.
    server.stop()
    server.start()
    main_paths(server)


def main():
    print("seed", SEED, flush=True)
    server = Watched()
    server.start()
    try:
        work(server)
    finally:
        server.stop()
        findings = server.findings()
        ours = [finding for finding in findings if "redshift_sessions" in finding]
        for finding in (ours or findings)[:5]:
            print(finding)
        print("%d errors of valgrind, %d of them with the library on the stack" % (len(findings), len(ours)), flush=True)
    sys.exit(bool(findings))


if __name__ == "__main__":
    main()
