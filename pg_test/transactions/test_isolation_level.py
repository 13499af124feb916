"""stv_db_isolation_level: which isolation the transactions of a database have by default."""

import pytest

from conftest import check_columns, eventually, value

LEVELS = {"serializable": "Serializable", "repeatable read": "Snapshot Isolation", "read committed": "Read Committed", "read uncommitted": "Read Committed"}
OTHER = "SELECT trim(isolation_level) FROM stv_db_isolation_level WHERE db_name = 'postgres'"
OWN = "SELECT trim(isolation_level) FROM stv_db_isolation_level WHERE db_name = current_database()"


def test_columns_and_comments(admin):
    check_columns(admin, "stv_db_isolation_level", [("db_name", "character(128)"), ("isolation_level", "character(20)")])


def test_every_database_that_can_be_used_for_everybody(login, admin):
    databases = admin.execute("SELECT datname::text FROM pg_database WHERE datallowconn ORDER BY 1").fetchall()
    for user in ("awsuser", "alice"):
        assert sorted(login(user).execute("SELECT trim(db_name) FROM stv_db_isolation_level").fetchall()) == sorted(databases)


@pytest.mark.parametrize("level", LEVELS)
def test_a_databases_own_level(login, admin, level):
    """As a new session finds it. The databases beside it have the server's."""
    admin.execute("ALTER DATABASE dev SET default_transaction_isolation = '%s'" % level.upper())
    try:
        for session in (login("alice"), admin):
            assert value(session, OWN) == LEVELS[level]
        assert value(login("alice"), "SHOW transaction_isolation") == level
        assert value(login("alice", "postgres"), "SHOW transaction_isolation") == "read committed"
    finally:
        admin.execute("ALTER DATABASE dev RESET default_transaction_isolation")
    assert value(login("alice"), OWN) == value(login("alice"), OTHER) == "Read Committed"


def test_the_servers_level(server, login, admin):
    admin.execute("ALTER SYSTEM SET default_transaction_isolation = 'serializable'")
    try:
        admin.execute("SELECT pg_reload_conf()")
        eventually(lambda: value(login("alice"), "SHOW default_transaction_isolation") == "serializable")
        assert value(login("alice"), OWN) == value(login("alice"), OTHER) == "Serializable"
        session = login("alice")
        session.execute("SET default_transaction_isolation = 'read committed'")
        assert value(session, OWN) == value(session, OTHER) == "Serializable"
    finally:
        admin.execute("ALTER SYSTEM RESET default_transaction_isolation")
        admin.execute("SELECT pg_reload_conf()")
        eventually(lambda: value(login("alice"), "SHOW default_transaction_isolation") == "read committed")


def test_what_hides_the_servers_level(login, admin):
    """It is not guessed then."""
    client = login("alice", options="-c default_transaction_isolation=serializable")
    assert value(client, OWN) is None and value(client, OTHER) is None
    for scope in ("ROLE alice", "ROLE alice IN DATABASE dev", "ROLE ALL"):
        admin.execute("ALTER %s SET default_transaction_isolation = 'serializable'" % scope)
        try:
            session = login("alice")
            session.execute("SET default_transaction_isolation = 'repeatable read'")
            assert value(session, OWN) is None
            assert value(login("bob"), OWN) == ("Read Committed" if scope != "ROLE ALL" else None)
        finally:
            admin.execute("ALTER %s RESET default_transaction_isolation" % scope)
    admin.execute("ALTER DATABASE dev SET default_transaction_isolation = 'serializable'")
    try:
        session = login("alice")
        assert value(session, OWN) == "Serializable" and value(session, OTHER) is None
        assert value(login("alice", "postgres"), "SELECT 1") == 1
    finally:
        admin.execute("ALTER DATABASE dev RESET default_transaction_isolation")
