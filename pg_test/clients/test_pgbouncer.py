"""pgbouncer between the clients and the server: whose session it is, which pid, what ends it, and what becomes of a driver's parameters."""

import os
import re
import shutil
import subprocess

import psycopg
import pytest
import redshift_connector

from conftest import ROOT, eventually, free_port, is_alive, pid_of, value
from protocol import Raw, Refused
from test_drivers import IDENTITY, JDBC, ODBC, PYTHON

PGBOUNCER = shutil.which("pgbouncer", path=os.environ["PATH"] + ":/usr/sbin")
pytestmark = pytest.mark.skipif(not PGBOUNCER, reason="pgbouncer is not here; Debian's package is pgbouncer")

PID, DRIVERS = "SELECT pg_backend_pid()", [PYTHON, JDBC, ODBC, {**PYTHON, **IDENTITY}]
# "docs/neighbours.md" shows what drivers need.
(IGNORED,) = re.findall(r"^ignore_startup_parameters = (.*)$", (ROOT / "docs/neighbours.md").read_text(), re.MULTILINE)


def run_pooler(server, tmp_path_factory, ignored):
    """Databases: session and transaction, of these modes, and shared, where all clients are the user pool."""
    directory, port = server.directory(), free_port()
    (directory / "users").write_text("".join('"%s" ""\n' % user for user in ("awsuser", "alice", "bob", "member")))
    where = "host=127.0.0.1 port=%d dbname=dev" % server.port
    configuration = directory / ("pgbouncer-%d.ini" % port)
    configuration.write_text(
        "[databases]\nsession = %s\ntransaction = %s pool_mode=transaction pool_size=1\nshared = %s user=pool\n" % (where, where, where)
        + "[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = %d\nunix_socket_dir =\nauth_type = trust\nauth_file = %s\n" % (port, directory / "users")
        + "ignore_startup_parameters = %s\n" % ignored
    )
    with open(tmp_path_factory.mktemp("pgbouncer") / "log", "w+") as log:
        pooler = subprocess.Popen([PGBOUNCER, configuration], stderr=log, user="postgres" if os.getuid() == 0 else None)
        try:
            eventually(lambda: "process up" in open(log.name).read() or pooler.poll())
            yield port
        finally:
            pooler.terminate()
            pooler.wait()


@pytest.fixture(scope="module")
def strict(server, tmp_path_factory):
    """As it is when nobody has thought of drivers."""
    yield from run_pooler(server, tmp_path_factory, "")


@pytest.fixture(scope="module")
def pooler(server, tmp_path_factory):
    with server.connect() as admin:
        admin.execute("CREATE ROLE pool LOGIN")
    yield from run_pooler(server, tmp_path_factory, IGNORED)
    with server.connect() as admin:
        eventually(lambda: value(admin, "SELECT count(*) FROM pg_stat_activity WHERE usename = 'pool'") == 0)
        admin.execute("DROP ROLE pool")


@pytest.fixture
def client(pooler):
    """Opens clients' connections to the pooler, which end with the test."""
    opened = []

    def client(database, user, **options):
        dsn = "host=127.0.0.1 port=%d dbname=%s user=%s" % (pooler, database, user)
        opened.append(psycopg.connect(dsn, autocommit=True, prepare_threshold=None, **options))
        return opened[-1]

    yield client
    for connection in opened:
        connection.close()


GONE = (psycopg.errors.AdminShutdown, psycopg.OperationalError)


# Which session, and whose


@pytest.mark.parametrize("mode", ["session", "transaction"])
def test_the_session_is_the_poolers_and_its_user_the_clients(mode, client, admin):
    session = client(mode, "alice", application_name="my tool")
    pid = value(session, PID)
    assert pid != pid_of(session), "the driver's pid is one that the pooler has made up"
    assert value(admin, "SELECT trim(user_name) FROM stv_sessions WHERE process = %s", pid) == "alice"
    assert value(admin, "SELECT count(*) FROM stv_sessions WHERE process = %s", pid_of(session)) == 0
    assert value(session, "SELECT application_name FROM pg_stat_activity WHERE pid = %s", pid) == "my tool"


def test_with_a_user_of_the_pooler_all_sessions_are_his(client, admin):
    alice, bob = client("shared", "alice"), client("shared", "bob")
    pid = value(alice, PID)
    assert value(admin, "SELECT trim(user_name) FROM stv_sessions WHERE process = %s", pid) == "pool"
    assert value(bob, "SELECT pg_terminate_backend(%s)", pid) == 1
    with pytest.raises(GONE):
        alice.execute("SELECT 1")


def test_a_session_of_the_log_is_many_clients(client, admin):
    pids = []
    for _ in range(3):
        session = client("session", "member")
        pids.append(value(session, PID))
        session.close()
        log = "SELECT count(*) FROM stl_connection_log WHERE pid = %s AND event = 'disconnecting session' AND username = 'member'"
        assert value(admin, log, pids[0]) == 0
    assert len(set(pids)) == 1
    log = "SELECT count(*) FROM stl_connection_log WHERE pid = %s AND event = 'authenticated' AND username = 'member'"
    assert value(admin, log, pids[0]) == 1


# Terminate and cancel


def test_in_session_mode_the_client_ends_with_its_session(client):
    session, other, member = client("session", "alice"), client("session", "alice"), client("session", "member")
    pid = value(session, PID)
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied to terminate session"):
        member.execute("SELECT pg_terminate_backend(%s)", (pid,))
    assert value(other, "SELECT pg_terminate_backend(%s)", pid) == 1
    with pytest.raises(GONE):
        session.execute("SELECT 1")


def test_in_transaction_mode_only_a_transaction_ends(client, admin):
    session = client("transaction", "alice")
    pid = value(session, PID)
    assert value(admin, "SELECT pg_terminate_backend(%s)", pid) == 1
    eventually(lambda: not is_alive(admin, pid))
    # It has not noticed.
    again = value(session, PID)
    assert again != pid
    session.execute("BEGIN")
    assert value(admin, "SELECT pg_terminate_backend(%s)", again) == 1
    with pytest.raises(GONE):
        session.execute("SELECT 1")


def test_in_transaction_mode_a_pid_soon_is_anothers(client):
    """Here there is one session for both, so each would end itself."""
    session, other = client("transaction", "alice"), client("transaction", "alice")
    pid = value(session, PID)
    with pytest.raises(GONE):
        other.execute("SELECT pg_terminate_backend(%s)", (pid,))
    assert value(session, PID) != pid


@pytest.mark.parametrize("mode", ["session", "transaction"])
def test_a_client_cancels_its_statement(mode, client, admin):
    session = client(mode, "alice")
    session.pgconn.send_query(b"SELECT pg_sleep(60) /* by way of a pooler */")
    running = "SELECT count(*) FROM stv_inflight WHERE text LIKE 'SELECT pg_sleep(60) /* by way%'"
    eventually(lambda: value(admin, running) == 1)
    session.cancel()
    result = session.pgconn.get_result()
    assert result.error_field(psycopg.pq.DiagnosticField.SQLSTATE) == b"57014"
    while session.pgconn.get_result():
        pass
    assert value(session, "SELECT 1") == 1


# Settings


def test_in_session_mode_settings_end_with_the_client(client):
    session = client("session", "bob")
    session.execute("SET query_group TO 'nightly'")
    pid = value(session, PID)
    session.close()
    session = client("session", "bob")
    assert (value(session, PID), value(session, "SHOW query_group")) == (pid, "default")


def test_in_transaction_mode_settings_go_to_whoever_comes_next(client):
    session, other = client("transaction", "bob"), client("transaction", "bob")
    session.execute("SET query_group TO 'nightly'")
    assert value(other, "SHOW query_group") == "nightly"
    other.execute("RESET query_group")
    # So let them end with the transaction.
    with session.transaction():
        session.execute("SET LOCAL query_group TO 'nightly'")
    assert value(other, "SHOW query_group") == "default"


# Drivers


def test_without_the_list_drivers_are_refused(strict):
    for driver in DRIVERS:
        with pytest.raises(Refused) as error:
            Raw(strict, **{**driver, "database": "session"})
        assert error.value.message.startswith("unsupported startup parameter: ")


@pytest.mark.parametrize("mode", ["session", "transaction"])
@pytest.mark.parametrize("driver", DRIVERS, ids=["python", "jdbc", "odbc", "identity"])
def test_with_it_the_server_does_not_hear_of_them(mode, driver, pooler, admin):
    session = Raw(pooler, **{**driver, "database": mode})
    # The true one, because nobody has said that this is a driver.
    assert session.reported["server_version"] == value(admin, "SHOW server_version")
    assert [session.value("SHOW " + name) for name in ("client_protocol_version", "driver_version", "os_version")] == ["-1", "", ""]
    log = "SELECT DISTINCT protocol_version, trim(driver_version) FROM stl_connection_log WHERE pid = %s AND event = 'authenticated' ORDER BY 1"
    assert admin.execute(log, (session.value(PID),)).fetchall()[0] == (0, "")
    session.close()


def test_the_list_has_all_that_we_know(admin):
    ours = "SELECT name FROM pg_settings WHERE extra_desc LIKE 'Sent by Amazon Redshift''s drivers%'"
    assert {name for (name,) in admin.execute(ours)} | {"extra_float_digits"} == set(IGNORED.split(", "))


def test_the_python_driver_wants_a_plain_version(pooler, admin):
    """Debian's servers say 15.18 (Debian 15.18-0+deb12u1)."""
    connect = lambda: redshift_connector.connect(host="127.0.0.1", port=pooler, database="session", user="alice", password="any", ssl=False)
    if "(" in value(admin, "SHOW server_version"):
        with pytest.raises(Exception, match="Invalid version"):
            connect()
    else:
        with connect() as session:
            assert session.run("SELECT pg_terminate_backend(0)") == ([0],)
