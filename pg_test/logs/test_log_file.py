"""Logs while the server is down: kept over a clean restart, not over a crash; a file is never trusted."""

import json
import os
import pathlib
import re
import struct
import subprocess

import psycopg
import pytest

from conftest import EVERYTHING, Server, eventually, pid_of, value

LOGS = ["svl_terminate", "stl_tr_conflict", "stl_connection_log", "stl_sessions", "stl_userlog", "sys_transaction_history"]


@pytest.fixture
def server():
    server = Server("kept", EVERYTHING)
    with server.connect() as admin, server.connect("alice") as target:
        for _ in range(7):
            admin.execute("SELECT pg_cancel_backend(%s)", (pid_of(target),))
        with pytest.raises(Exception, match="conflict"):
            admin.execute("DO $$ BEGIN RAISE EXCEPTION 'conflict' USING ERRCODE = '40001'; END $$")
    yield server
    server.remove()


def everything(server):
    """All rows but those of this very connection."""
    with server.connect() as admin:
        own = {"stl_connection_log": "WHERE pid <> pg_backend_pid()"}
        rows = {log: admin.execute("SELECT * FROM %s %s" % (log, own.get(log, ""))).fetchall() for log in LOGS}
        return rows, dict((row[0], row[2:]) for row in admin.execute("SELECT * FROM redshift_sessions.logs()"))


def saved_file(server):
    return server.directory() / "data/pg_stat/redshift_sessions.json"


def test_a_clean_restart_keeps_rows_and_counts(server):
    rows, counts = everything(server)
    assert all(rows.values())
    server.stop()
    assert saved_file(server).exists()
    server.start(EVERYTHING)
    assert not saved_file(server).exists()
    again, counts_again = everything(server)
    # Meanwhile a few sessions came and went, this very one among them: those of the tests' own set-up.
    for log in LOGS:
        assert [row for row in again[log] if row in rows[log]] == rows[log]
    for log in ("svl_terminate", "stl_tr_conflict"):
        assert again[log] == rows[log] and counts_again[log] == counts[log]


def test_no_statement_is_in_the_file(server):
    with server.connect("alice") as session, server.connect() as admin:
        session.execute("SELECT 'a secret'")
        session.execute("SELECT 1")
        assert value(admin, "SELECT count(*) FROM stv_recents WHERE query LIKE '%%a secret%%' AND status = 'Done'") == 1
    server.stop()
    saved = json.loads(saved_file(server).read_text())["logs"]
    assert {log["log"] for log in saved} == {*LOGS, "query ids"}
    texts = b"".join(struct.pack("=Q", word) for log in saved for row in log["rows"] for word in row)
    assert b"alice" in texts and b"a secret" not in texts


def test_a_start_that_fails_keeps_the_file(server):
    rows, counts = everything(server)
    server.stop()
    hba = server.directory() / "data/pg_hba.conf"
    good = hba.read_text()
    hba.write_text("no such line\n" + good)
    for _ in range(2):
        with pytest.raises(AssertionError, match="the server did not start"):
            server.start(EVERYTHING)
        assert re.search("could not load .*pg_hba.conf", (server.directory() / "log").read_text())
    hba.write_text(good)
    server.start(EVERYTHING)
    again, counts_again = everything(server)
    for log in ("svl_terminate", "stl_tr_conflict"):
        assert again[log] == rows[log] and counts_again[log] == counts[log]
    assert not saved_file(server).exists()


def test_a_server_that_nobody_came_to_keeps_them_too(server):
    """Started and stopped, and crashed, without a client in between."""
    rows, _ = everything(server)
    server.stop()
    data, bin_directory = server.directory() / "data", os.path.dirname(server.call("copy"))
    for mode in ("fast", "immediate"):
        for command in ("start", "-l", server.directory() / "log"), ("stop", "-m", mode):
            user = [] if os.getuid() else ["runuser", "-u", "postgres", "--"]
            subprocess.run([*user, bin_directory + "/pg_ctl", "-s", "-w", "-D", data, *command], check=True, cwd="/")
        assert saved_file(server).exists()
    server.start(EVERYTHING)
    assert everything(server)[0]["svl_terminate"] == rows["svl_terminate"]


# A library whose part in the start of the server makes ours happen twice, as in each process of a server that executes its children: the memory
# is found, and is not to be emptied.
TWICE = """
#include "postgres.h"
#include "fmgr.h"
#include "storage/ipc.h"
PG_MODULE_MAGIC;
void _PG_init(void);
static shmem_startup_hook_type next;
static void twice(void) { next(); next(); }
void _PG_init(void) { next = shmem_startup_hook; shmem_startup_hook = twice; }
"""


def test_memory_that_is_there_already_is_not_emptied(server, tmp_path):
    rows, counts = everything(server)
    pg_config = server.call("copy")
    origin = pathlib.Path(pg_config).with_name("origin").read_text().strip()
    headers = subprocess.run([origin, "--includedir-server"], text=True, capture_output=True, check=True).stdout.strip()
    library = pathlib.Path(subprocess.run([pg_config, "--pkglibdir"], text=True, capture_output=True, check=True).stdout.strip()) / "twice.so"
    (tmp_path / "twice.c").write_text(TWICE)
    subprocess.run(["cc", "-shared", "-fPIC", "-I", headers, "-o", library, tmp_path / "twice.c"], check=True)
    try:
        server.restart({**EVERYTHING, "shared_preload_libraries": "redshift_sessions,twice"})
        again, counts_again = everything(server)
        for log in ("svl_terminate", "stl_tr_conflict"):
            assert again[log] == rows[log] and counts_again[log] == counts[log]
        server.restart(EVERYTHING)
        assert everything(server)[0]["svl_terminate"] == rows["svl_terminate"]
    finally:
        server.stop()
        library.unlink()


def test_a_smaller_log_keeps_the_latest_and_counts_the_others(server):
    server.restart({**EVERYTHING, "redshift_sessions.terminate_log_size": "3"})
    with server.connect() as admin:
        assert value(admin, "SELECT count(*) FROM svl_terminate") == 3
        query = "SELECT written, dropped FROM redshift_sessions.logs() WHERE log = 'svl_terminate'"
        assert admin.execute(query).fetchone() == (7, 4)


def damage(text, kind):
    if kind == "nothing":
        return b""
    if kind == "half":
        return text[: len(text) // 2]
    if kind == "foreign":
        return b"\x7fELF\x00\xff"
    saved = json.loads(text)
    if kind == "version":
        saved["redshift_sessions"] = 99
    else:
        saved["logs"][0]["rows"][0][0] += 1
    return json.dumps(saved).encode()


@pytest.mark.parametrize(
    "kind, reason",
    [
        ("nothing", "EOF while parsing"),
        ("half", "EOF while parsing"),
        ("foreign", "expected value"),
        ("version", "it is of version 99, not 2"),
        ("row", "its checksum is wrong"),
    ],
)
def test_a_damaged_file_is_set_aside_with_a_line_in_the_log(server, kind, reason):
    server.stop()
    file = saved_file(server)
    file.write_bytes(damage(file.read_bytes(), kind))
    server.start(EVERYTHING)
    assert not file.exists() and file.with_name(file.name + ".bad").exists()
    log = (server.directory() / "log").read_text()
    assert 'LOG:  logs of redshift_sessions were not read from file "pg_stat/redshift_sessions.json": ' in log and reason in log
    with server.connect() as admin:
        assert value(admin, "SELECT count(*) FROM svl_terminate") == 0


def replace(file, kind):
    """What somebody may put in the file's place who can write to the data directory, and wants more, or to stop the server."""
    text = file.read_bytes()
    file.unlink()
    if kind == "pipe":
        os.mkfifo(file)
    elif kind == "link":
        file.symlink_to("/dev/zero")
    elif kind == "directory":
        (file / "x").mkdir(parents=True)
    elif kind == "without end":
        file.touch()
        os.truncate(file, 1 << 40)
    elif kind == "random":
        file.write_bytes(b"\xff" + os.urandom(100_000))
    elif kind == "unreadable":
        file.write_bytes(text)
        file.chmod(0)
    elif kind == "deep":
        file.write_bytes(b"[" * 1_000_000)
    else:
        saved = json.loads(text)
        saved["logs"][0]["counts"] = {"written": 2**64 - 1, "dropped": -1}
        file.write_text(json.dumps(saved))


@pytest.mark.parametrize(
    "kind, reason",
    [
        ("pipe", "it is not a file"),
        ("link", "it is not a file"),
        ("directory", "it is not a file"),
        ("without end", "it is larger than "),
        ("random", "expected value"),
        ("unreadable", "Permission denied"),
        ("deep", "invalid type"),
        ("counts", "invalid value"),
    ],
)
def test_what_is_in_the_files_place_is_set_aside_and_the_server_starts(server, kind, reason):
    server.stop()
    file = saved_file(server)
    replace(file, kind)
    server.start(EVERYTHING)
    log = (server.directory() / "log").read_text()
    line = next(line for line in log.splitlines() if "were not read from file" in line)
    assert "LOG:  logs of redshift_sessions" in line and reason in line
    assert not os.path.lexists(file) and os.path.lexists(str(file) + ".bad")
    with server.connect() as admin:
        assert value(admin, "SELECT count(*) FROM svl_terminate") == 0
    # And the next ones are kept as ever.
    server.restart(EVERYTHING)
    assert "were not written" not in (server.directory() / "log").read_text()


def test_what_cannot_be_set_aside_stays_and_the_server_starts(server):
    server.stop()
    file = saved_file(server)
    file.with_name(file.name + ".bad").joinpath("x").mkdir(parents=True)
    file.write_text("{}")
    server.start(EVERYTHING)
    assert "HINT:  The file stays where it is; the logs begin empty." in (server.directory() / "log").read_text()
    server.restart(EVERYTHING)
    everything(server)


def test_what_waits_where_the_file_is_written_is_replaced(server):
    """A pipe would wait for a reader while the server stops, and a link lead elsewhere."""
    temporary = server.directory() / "data/pg_stat/redshift_sessions.json.tmp"
    precious = server.directory() / "data/pg_stat/precious"
    precious.write_text("precious")
    for place in (lambda: os.mkfifo(temporary), lambda: temporary.symlink_to("precious")):
        place()
        os.chown(temporary, precious.stat().st_uid, precious.stat().st_gid, follow_symlinks=False)
        server.stop()
        assert saved_file(server).is_file() and not saved_file(server).is_symlink()
        server.start(EVERYTHING)
        assert value(server.connect(), "SELECT count(*) FROM svl_terminate") == 7
    assert precious.read_text() == "precious"


def test_a_file_that_cannot_be_written_is_a_line_in_the_log(server):
    (server.directory() / "data/pg_stat/redshift_sessions.json.tmp").mkdir()
    server.restart(EVERYTHING)
    assert 'LOG:  logs of redshift_sessions were not written to file "pg_stat/redshift_sessions.json": ' in (server.directory() / "log").read_text()
    with server.connect() as admin:
        assert value(admin, "SELECT count(*) FROM svl_terminate") == 0


def test_an_immediate_shutdown_keeps_rows_too(server):
    rows, _ = everything(server)
    server.restart(EVERYTHING, "immediate")
    again, _ = everything(server)
    assert again["svl_terminate"] == rows["svl_terminate"] and again["stl_tr_conflict"] == rows["stl_tr_conflict"]


def test_a_crash_keeps_none(server):
    with server.connect() as admin, server.connect("alice") as victim:
        # By the server's own user, who alone may.
        with pytest.raises(psycopg.OperationalError):
            admin.execute("COPY (SELECT) TO PROGRAM 'kill -9 %d && cat'" % pid_of(victim))
            eventually(lambda: not admin.execute("SELECT 1"))
    with eventually(lambda: connected(server)) as admin:
        assert value(admin, "SELECT count(*) FROM svl_terminate") == 0


def connected(server):
    try:
        return server.connect()
    except psycopg.OperationalError:
        return None


def test_a_disk_without_room_is_a_line_in_the_log(server):
    """In the middle of the file: whoever writes it, which is the postmaster alone, gets no larger files than its own log, and some lines."""
    log = server.directory() / "log"
    postmaster = int((server.directory() / "data/postmaster.pid").read_text().split()[0])
    with server.connect() as admin, server.connect("alice") as target:
        admin.execute("SELECT count(redshift_sessions.pg_cancel_backend(%d)) FROM generate_series(1, 3000)" % pid_of(target))
        # By the server's own user, who alone may.
        admin.execute("COPY (SELECT) TO PROGRAM 'prlimit --pid %d --fsize=%d: && cat'" % (postmaster, log.stat().st_size + 8 * 1024))
    server.restart(EVERYTHING)
    text = log.read_text()
    assert 'not written to file "pg_stat/redshift_sessions.json": File too large' in text and "database system is shut down" in text
    assert not saved_file(server).with_suffix(".json.tmp").exists()
    with server.connect() as admin:
        assert value(admin, "SELECT count(*) FROM svl_terminate") == 0
