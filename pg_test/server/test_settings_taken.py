"""Another library defines query_group, client_protocol_version and others: they stay its own, and what of ours reads them tells the truth."""

import os
import re
import signal

import psycopg
import pytest

from conftest import EVERYTHING, ROOT, Server, eventually, pid_of, server_name, value
from neighbours import built
from protocol import Raw

TAKEN = ["enable_vacuum_boost", "query_group", "client_protocol_version", "driver_version"]
LINE = "redshift_sessions leaves settings to the library that has defined them: " + ", ".join(TAKEN)
DRIVER = {"client_protocol_version": "2", "driver_version": "Driver 1.0", "os_version": "an OS"}


def serve(libraries, **settings):
    return Server("settings", {**EVERYTHING, "shared_preload_libraries": libraries, **settings})


def lines(server):
    return re.findall("LOG:  (redshift_sessions leaves.*)", (server.directory() / "log").read_text())


@pytest.fixture(scope="module", params=["settings,redshift_sessions", "redshift_sessions,settings"])
def taken(request):
    with built("settings"):
        server = serve(request.param)
        yield server
        server.remove()


def label(reader, session):
    """What others see while the session runs a statement: after it was analyzed, for that publishes the label."""
    session.pgconn.send_query(b"SELECT pg_advisory_lock(1)")
    query = "SELECT trim(label) FROM stv_inflight JOIN pg_locks USING (pid) WHERE NOT pg_locks.granted AND pid = %s" % pid_of(session)
    shown = eventually(lambda: reader.execute(query).fetchone())[0]
    session.cancel()
    while session.pgconn.get_result():
        pass
    return shown


def test_they_are_left_to_it_whoever_comes_first(taken):
    assert lines(taken) == [LINE]
    with taken.connect("alice") as session:
        described = "SELECT name FROM pg_settings WHERE short_desc = 'another''s' ORDER BY 1"
        assert [name for (name,) in session.execute(described)] == sorted(TAKEN)
        assert value(session, "SHOW enable_vacuum_boost") == "on" and value(session, "SHOW wlm_query_slot_count") == "1"
        assert value(session, "SELECT pg_terminate_backend(0)") == 0


def test_the_label_follows_another_librarys_query_group(taken):
    with taken.connect() as admin, taken.connect("alice") as session:
        admin.execute("SELECT pg_advisory_lock(1)")
        assert label(admin, session) == "default"
        session.execute("SET query_group TO 'nightly'")
        assert label(admin, session) == "nightly"
        session.execute("BEGIN; SET LOCAL query_group TO 'for a while'; SELECT 'first'; ROLLBACK")
        assert label(admin, session) == "nightly"
        session.execute("RESET query_group")
        assert label(admin, session) == "default"
        session.execute("SET query_group TO 'kept'")
        session.execute("SELECT 'second'")
        kept = "SELECT trim(label) FROM stl_query WHERE pid = %s AND querytxt LIKE 'SELECT ''second''%%'"
        assert value(admin, kept, pid_of(session)) == "kept"


def test_the_label_of_a_role(taken):
    with taken.connect() as admin:
        admin.execute("ALTER ROLE bob SET query_group = 'of bob'; SELECT pg_advisory_lock(1)")
        with taken.connect("bob") as session:
            assert label(admin, session) == "of bob"


def test_drivers_are_told_the_version_and_logged(taken):
    session = Raw(taken.port, tomorrow="a value", **DRIVER)
    assert session.reported["server_version"] == "8.0.2"
    assert [session.value("SHOW " + name) for name in (*DRIVER, "tomorrow")] == [*DRIVER.values(), "a value"]
    with taken.connect() as admin:
        log = "SELECT DISTINCT protocol_version, trim(driver_version), trim(os_version) FROM stl_connection_log WHERE pid = %s"
        assert admin.execute(log, (session.value("SELECT pg_backend_pid()"),)).fetchall() == [(2, "Driver 1.0", "an OS")]
        assert value(admin, "SHOW server_version") != "8.0.2"
    # And so are its parallel workers.
    for setting in ("parallel_setup_cost = 0", "parallel_tuple_cost = 0", "min_parallel_table_scan_size = 0", "parallel_leader_participation = off"):
        session.query("SET " + setting)
    query = "SELECT min(current_setting('server_version') || current_setting('tomorrow') || left(relname, 0)) FROM pg_class"
    assert any("Workers Planned" in line for (line,) in session.query("EXPLAIN " + query))
    assert session.value(query) == "8.0.2a value"
    session.close()


def test_a_setting_turns_the_version_off(taken):
    with taken.connect() as admin:
        admin.execute("ALTER SYSTEM SET redshift_sessions.driver_server_version = off")
        admin.execute("SELECT pg_reload_conf()")
        eventually(lambda: Raw(taken.port, **DRIVER).reported["server_version"] == value(admin, "SHOW server_version"))
        admin.execute("ALTER SYSTEM RESET redshift_sessions.driver_server_version")
        admin.execute("SELECT pg_reload_conf()")
        eventually(lambda: Raw(taken.port, **DRIVER).reported["server_version"] == "8.0.2")


def connects(server):
    try:
        server.connect().close()
        return True
    except psycopg.OperationalError:
        return False


@pytest.mark.parametrize("taken", ["settings,redshift_sessions"], indirect=True)
def test_a_crash_changes_nothing(taken):
    """The server's start after it asks for the settings once more."""
    with taken.connect() as victim:
        os.kill(pid_of(victim), signal.SIGKILL)
        eventually(lambda: "reinitializing" in (taken.directory() / "log").read_text())
    eventually(lambda: connects(taken))
    assert lines(taken) == [LINE]
    test_the_label_follows_another_librarys_query_group(taken)


def test_a_query_group_that_is_no_text():
    with built("settings", "-DQUERY_GROUP_IS_A_NUMBER"):
        server = serve("settings,redshift_sessions")
        with server.connect() as admin, server.connect("alice") as session:
            admin.execute("SELECT pg_advisory_lock(1)")
            session.execute("SET query_group TO 7")
            assert label(admin, session) == "7"
        server.remove()


def test_a_library_that_comes_when_the_server_runs_comes_too_late(server):
    with built("settings"), server.connect() as session:
        with pytest.raises(psycopg.errors.InternalError_, match='attempt to redefine parameter "query_group"'):
            session.execute("LOAD 'settings'")
        assert value(session, "SHOW query_group") == "default"


def test_what_the_configuration_files_say_is_read_before_any_library_is_there(server, admin):
    """So ALTER SYSTEM, which writes into one, is refused."""
    names = "SELECT name FROM pg_settings WHERE category = 'Customized Options' AND name NOT LIKE '%.%'"
    names = [name for (name,) in admin.execute(names)]
    assert len(names) == 42
    for name in names:
        with pytest.raises(psycopg.errors.CantChangeRuntimeParam, match='parameter "%s" cannot be changed' % name):
            admin.execute("ALTER SYSTEM SET %s = DEFAULT" % name)
    with pytest.raises(AssertionError, match='unrecognized configuration parameter "query_group"'):
        serve("redshift_sessions", query_group="nightly")
    Server.call("remove", server_name("settings"))
    admin.execute("ALTER DATABASE dev SET query_group = 'nightly'")
    try:
        with server.connect("alice") as session:
            assert value(session, "SHOW query_group") == "nightly"
    finally:
        admin.execute("ALTER DATABASE dev RESET query_group")


def test_the_line_is_documented():
    start = LINE.partition(": ")[0]
    assert re.search("^LOG:  %s: query_group, client_protocol_version$" % start, (ROOT / "docs/neighbours.md").read_text(), re.MULTILINE)


def test_in_session_preload_libraries_the_other_one_must_come_first():
    with built("settings"):
        server = Server("settings", {**EVERYTHING, "shared_preload_libraries": ""})
        with server.connect() as admin:
            admin.execute("ALTER ROLE alice SET session_preload_libraries = settings,redshift_sessions")
            admin.execute("ALTER ROLE bob SET session_preload_libraries = redshift_sessions,settings")
        with server.connect("alice") as session:
            session.execute("SET query_group TO 'nightly'")
            assert value(session, "SELECT trim(label) FROM stv_inflight") == "default"
        with pytest.raises(psycopg.OperationalError, match='FATAL:  attempt to redefine parameter "query_group"'):
            server.connect("bob")
        server.remove()
