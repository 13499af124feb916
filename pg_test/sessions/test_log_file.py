"""Logs while the server is down: kept over a clean restart, not over a crash; a file is never trusted."""

import json

import pytest

from conftest import EVERYTHING, Server, pid_of, value

LOGS = ["svl_terminate", "stl_tr_conflict", "stl_connection_log", "stl_sessions"]


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


def test_a_file_that_cannot_be_written_is_a_line_in_the_log(server):
    (server.directory() / "data/pg_stat/redshift_sessions.json.tmp").mkdir()
    server.restart(EVERYTHING)
    assert 'LOG:  logs of redshift_sessions were not written to file "pg_stat/redshift_sessions.json": ' in (server.directory() / "log").read_text()
    with server.connect() as admin:
        assert value(admin, "SELECT count(*) FROM svl_terminate") == 0
