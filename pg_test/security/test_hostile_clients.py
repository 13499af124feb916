"""What can a client do with bytes that nobody expects? Nothing to what others read. See docs/security.md."""

import socket

import pytest

from conftest import EVERYTHING, Server, eventually, outcome, pid_of, send, value
from protocol import Raw, Refused

VIEWS = [
    "svv_transactions",
    "stv_sessions",
    "stv_recents",
    "stv_inflight",
    "svv_query_inflight",
    "stv_locks",
    "svl_terminate",
    "stl_tr_conflict",
    "stl_sessions",
    "sys_session_history",
    "stl_connection_log",
    "stl_restarted_sessions",
    "redshift_sessions.logs()",
    "redshift_sessions.blocking()",
    "sys_query_history",
    "sys_query_text",
    "stl_query",
    "stl_querytext",
    "svl_qlog",
    "svl_statementtext",
    "stl_utilitytext",
    "stl_ddltext",
    "stl_userlog",
    "sys_userlog",
    "sys_connection_log",
    "sys_transaction_history",
    "stl_undone",
    "svl_user_info",
    "svv_user_info",
    "pg_user_info",
    "stv_db_isolation_level",
    "stv_wlm_query_state",
]
# As a driver writes them who was told to keep them: \xff is no letter in any encoding, \xf0 the beginning of one that is cut off.
NO_LETTERS = "\udcff\udcf0"


def everything_is_readable(login):
    """With the client's encoding as the database's own, and with one that the server has to convert to."""
    for encoding in ("utf8", "win1252"):
        superuser = login("boss", client_encoding=encoding)
        for view in VIEWS:
            superuser.execute("SELECT * FROM " + view).fetchall()
        # Again with what functions of texts make of it, which look for letters.
        superuser.execute("SELECT upper(user_name), reverse(text) FROM stv_inflight i JOIN stv_sessions s ON s.process = i.pid").fetchall()
        superuser.execute("SELECT lower(username), reverse(dbname), length(application_name) FROM stl_connection_log").fetchall()


@pytest.fixture(scope="module")
def server():
    """One without the statements of other tests, which may have letters that a client's encoding lacks."""
    server = Server("clients", EVERYTHING)
    yield server
    server.remove()


@pytest.fixture
def latin(admin):
    """A database in another encoding than dev's, which is UTF8."""
    admin.execute("CREATE DATABASE latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
    yield "latin"
    admin.execute("DROP DATABASE latin WITH (FORCE)")


@pytest.mark.parametrize("name", ["user", "database"])
def test_names_in_no_encoding_from_somebody_who_cannot_log_in(server, login, admin, name):
    with pytest.raises(Refused, match="does not exist"):
        Raw(server.port, **{name: NO_LETTERS})
    column = {"user": "username", "database": "dbname"}[name]
    eventually(lambda: value(admin, "SELECT count(*) FROM stl_connection_log WHERE %s = '??'" % column) >= 1)
    everything_is_readable(login)


def test_names_that_are_cut_in_the_middle_of_a_letter(server, login, admin):
    """PostgreSQL cuts what is longer than 63 bytes; letters of four bytes do not end there."""
    with pytest.raises(Refused):
        Raw(server.port, user="\U0001d11e" * 30)
    eventually(lambda: value(admin, "SELECT count(*) FROM stl_connection_log WHERE username LIKE '????????????????????????%'") >= 1)
    everything_is_readable(login)


@pytest.mark.parametrize("length", [1, 40, 200])
def test_a_query_group_in_no_encoding(server, login, admin, length):
    session = Raw(server.port, options="-c query_group=" + NO_LETTERS * length)
    pid = session.value("SELECT pg_backend_pid()")
    label = session.value("SELECT trim(label) FROM stv_inflight WHERE pid = %s" % pid)
    assert set(label) == {"?"} and min(2 * length, 315) <= len(label) <= 320
    everything_is_readable(login)
    session.close()


def test_statements_of_another_encoding(login, admin, latin):
    session = login("alice", latin, client_encoding="utf8")
    send(admin, session, "SELECT pg_sleep(600) /* %s */" % ("ü" * 300))
    pid = pid_of(session)
    assert value(admin, "SELECT text FROM stv_inflight WHERE pid = %s", pid).startswith("SELECT pg_sleep(600) /* ????")
    everything_is_readable(login)
    admin.execute("SELECT pg_terminate_backend(%s)", (pid,))
    everything_is_readable(login)
    # LATIN1 takes any bytes for letters. What runs and what has run are shown alike.
    session, reader = login("alice"), login("boss", latin, client_encoding="utf8")
    reader.execute("CREATE EXTENSION redshift_sessions")
    shown = "SELECT trim(query_text) FROM sys_query_history WHERE session_id = %s AND status = %s"
    send(admin, session, "SELECT pg_sleep(600) /* ü */")
    assert reader.execute(shown, (pid_of(session), "running")).fetchall() == [("SELECT pg_sleep(600) /* ?? */",)]
    admin.execute("SELECT pg_cancel_backend(%s)", (pid_of(session),))
    assert outcome(session)[0] == "57014"
    assert reader.execute(shown, (pid_of(session), "canceled")).fetchall() == [("SELECT pg_sleep(600) /* ?? */",)]


def test_a_role_named_in_another_encoding(server, login, admin, latin):
    """Roles are those of all databases, and have their name in the encoding of one."""
    owner = login("awsuser", latin, client_encoding="utf8")
    owner.execute('CREATE ROLE "rölé" LOGIN')
    owner.execute('ALTER ROLE "rölé" SET search_path = "ö", public')
    try:
        session = Raw(server.port, user="r\udcf6l\udce9", database=latin)
        pid = session.value("SELECT pg_backend_pid()")
        session.query("BEGIN; SELECT 1 FROM pg_class LIMIT 1")
        assert value(admin, "SELECT trim(user_name) FROM stv_sessions WHERE process = %s", pid) == "r?l?"
        assert value(admin, "SELECT txn_owner FROM svv_transactions WHERE pid = %s LIMIT 1", pid) == "r?l?"
        assert value(admin, "SELECT useconfig FROM pg_user_info WHERE usename = 'r?l?'") == ['search_path="?", public']
        itself = Raw(server.port, user="r\udcf6l\udce9")
        assert itself.query("SELECT user_name FROM svv_user_info") == [["r?l?"]]
        itself.close()
        everything_is_readable(login)
    finally:
        admin.execute("SELECT pg_terminate_backend(process) FROM stv_sessions WHERE db_name = 'latin' AND process <> %s", (pid_of(owner),))
        owner.execute('DROP ROLE "rölé"')


def test_a_driver_that_sends_all_that_fits(server, login):
    """A startup packet is at most 10,000 bytes. Names that mean something to PostgreSQL keep their meaning."""
    unknown = {"x%d" % number: "v" for number in range(900)}
    session = Raw(server.port, client_protocol_version="2", driver_version=NO_LETTERS * 100, **unknown)
    assert session.value("SHOW x899") == "v"
    assert session.value("SELECT current_user") == "alice"
    everything_is_readable(login)
    session.close()


@pytest.mark.parametrize(
    "sent",
    [
        {"session_authorization": "boss"},
        {"role": "boss"},
        {"is_superuser": "on"},
        {"server_version": "99"},
        {"redshift_sessions.redirect": "off"},
        {"redshift_sessions.terminate_log_size": "0"},
        {"log_statement": "none"},
        {"shared_preload_libraries": ""},
        {"session_preload_libraries": "x"},
    ],
    ids=lambda sent: next(iter(sent)),
)
def test_a_driver_gets_no_setting_that_others_do_not(server, sent):
    outcomes = set()
    for driver in ({}, {"client_protocol_version": "2"}):
        try:
            session = Raw(server.port, **driver, **sent)
            outcomes.add(session.value("SELECT session_user || ' ' || current_user || ' ' || current_setting('is_superuser')"))
            session.close()
        except Refused as refused:
            outcomes.add(refused.sqlstate)
    (outcome,) = outcomes
    # PostgreSQL 14.1 takes another session_authorization in silence, and leaves the session to who logged in.
    assert outcome in {"42501", "55P02", "42704", "22023"} | ({"alice alice off"} if "session_authorization" in sent else set())


def test_a_client_that_never_says_who_it_is(server, login, admin):
    """It has no row, and nobody waits for it."""
    with socket.create_connection(("127.0.0.1", server.port)) as silent:
        silent.sendall(b"\0\0\0\x54\0\3\0\0")
        everything_is_readable(login)
        assert value(admin, "SELECT count(*) FROM stv_sessions WHERE user_name = ''") == 0
