"""How the library is loaded decides what works: the table of the README."""

import psycopg
import pytest

from conftest import EVERYTHING, Server, pid_of, value

INT4, BOOL = 23, 16
PLAIN = "SELECT pg_terminate_backend(0)"


def type_of(connection, query):
    return connection.execute(query, prepare=False).description[0].type_code


def serve(name, libraries):
    server = Server(name, {**EVERYTHING, **libraries}, extension=False)
    yield server
    server.remove()


@pytest.fixture(scope="module")
def not_preloaded():
    yield from serve("bare", {"shared_preload_libraries": ""})


@pytest.fixture(scope="module")
def session_preloaded():
    yield from serve("session", {"shared_preload_libraries": "", "session_preload_libraries": "redshift_sessions"})


def create_extension(server):
    with server.connect() as admin:
        admin.execute("DROP EXTENSION IF EXISTS redshift_sessions")
        admin.notices.clear()
        admin.execute("CREATE EXTENSION redshift_sessions")
        return admin.notices


def test_preloaded_says_nothing(server, login):
    login("awsuser", "postgres").execute("DROP EXTENSION IF EXISTS redshift_sessions")
    with server.connect("awsuser", "postgres") as admin:
        admin.notices.clear()
        admin.execute("CREATE EXTENSION redshift_sessions; DROP EXTENSION redshift_sessions")
        assert admin.notices == []


@pytest.mark.parametrize("server_of", ["not_preloaded", "session_preloaded"])
def test_create_extension_says_what_is_missing(request, server_of):
    (notice,) = create_extension(request.getfixturevalue(server_of))
    assert (notice.severity, notice.sqlstate) == ("WARNING", "01000")
    assert notice.message_primary == "redshift_sessions is not in shared_preload_libraries"
    assert notice.message_hint == (
        "Set this in postgresql.conf and restart the server: shared_preload_libraries = 'redshift_sessions'"
    )


def test_not_preloaded_views_and_our_functions_work(not_preloaded):
    create_extension(not_preloaded)
    with not_preloaded.connect("bob") as bob, not_preloaded.connect("alice") as alice, not_preloaded.connect("alice") as own:
        assert value(alice, "SELECT count(DISTINCT txn_owner) FROM svv_transactions") == 1
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="to terminate session"):
            bob.execute("SELECT redshift_sessions.pg_terminate_backend(%s)", (pid_of(alice),))
        assert value(alice, "SELECT redshift_sessions.pg_terminate_backend(%s)", pid_of(own)) == 1


def test_not_preloaded_plain_calls_follow_once_the_library_is_loaded(not_preloaded):
    """Also in plans that were cached before."""
    create_extension(not_preloaded)
    with not_preloaded.connect("member") as member, not_preloaded.connect("alice") as alice:
        member.execute("CREATE FUNCTION pg_temp.cancel(p int) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RETURN pg_cancel_backend(p); END'")
        for _ in range(7):
            assert type_of(member, PLAIN) == BOOL
            assert value(member, "SELECT pg_temp.cancel(%s)", pid_of(alice)) is True
        member.execute("SELECT * FROM svv_transactions")
        assert type_of(member, PLAIN) == INT4
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            member.execute("SELECT pg_temp.cancel(%s)", (pid_of(alice),))


@pytest.mark.parametrize("server_of", ["not_preloaded", "session_preloaded"])
@pytest.mark.parametrize("view", ["svl_terminate", "stl_tr_conflict", "stl_connection_log", "stl_sessions", "sys_session_history", "stl_userlog", "sys_userlog", "sys_connection_log", "sys_transaction_history", "stl_undone"])
def test_not_preloaded_logs_say_what_they_need(request, server_of, view):
    server = request.getfixturevalue(server_of)
    create_extension(server)
    with server.connect() as admin:
        with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState) as error:
            admin.execute("SELECT * FROM " + view)
        log = {"sys_session_history": "stl_sessions", "sys_userlog": "stl_userlog", "sys_connection_log": "stl_connection_log", "stl_undone": "sys_transaction_history"}.get(view, view)
        assert error.value.diag.message_primary == "the log behind %s is not kept" % log
        assert "shared_preload_libraries = 'redshift_sessions'" in error.value.diag.message_hint
        assert value(admin, "SELECT count(*) FROM stv_sessions WHERE process = pg_backend_pid()") == 1


def test_session_preloaded_plain_calls_follow(session_preloaded):
    create_extension(session_preloaded)
    with session_preloaded.connect("member") as member, session_preloaded.connect("alice") as alice:
        assert type_of(member, PLAIN) == INT4
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            member.execute("SELECT pg_terminate_backend(%s)", (pid_of(alice),))


def test_the_hint_keeps_other_libraries():
    for server in serve("hint", {"shared_preload_libraries": "plpgsql"}):
        (notice,) = create_extension(server)
        assert notice.message_hint.endswith("shared_preload_libraries = 'plpgsql, redshift_sessions'")
        with server.connect() as admin, pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState) as error:
            admin.execute("SELECT * FROM svl_terminate")
        assert "shared_preload_libraries = 'plpgsql, redshift_sessions', redshift_sessions.terminate_log_size above 0" in error.value.diag.message_hint
