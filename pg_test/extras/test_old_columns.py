"""procpid, current_query and transaction: columns of PostgreSQL 8.0's pg_stat_activity and pg_locks, and where they are found."""

import psycopg
import pytest

from conftest import eventually, pid_of, send, value
from extras import database, extras  # noqa: F401, fixtures

PATH = "SET search_path = redshift_sessions_extras, pg_catalog, public"


def test_with_the_views_name_or_an_alias(database, login, extras):  # noqa: F811
    alice = login("alice", extras)
    alice.execute("SELECT 'mark'")
    query = "SELECT a.procpid, a.current_query, pg_stat_activity.procpid FROM pg_catalog.pg_stat_activity a JOIN pg_stat_activity ON pg_stat_activity.procpid = a.procpid WHERE a.procpid = %s"
    eventually(lambda: database.execute(query, (pid_of(alice),)).fetchall() == [(pid_of(alice), "<IDLE>", pid_of(alice))])
    send(database, alice, "SELECT 'mark' FROM pg_sleep(600)")
    assert database.execute(query, (pid_of(alice),)).fetchone()[1] == "SELECT 'mark' FROM pg_sleep(600)"
    assert value(database, "SELECT pg_terminate_backend(a.procpid) FROM pg_stat_activity a WHERE a.current_query LIKE 'SELECT ''mark%%' AND a.procpid <> pg_backend_pid()") == 1
    eventually(lambda: value(database, "SELECT count(*) FROM pg_stat_activity a WHERE a.procpid = %s", pid_of(alice)) == 0)


@pytest.mark.parametrize("statement, shown", [("SELECT 1", "<IDLE> in transaction"), ("SELECT 1 / 0", "<IDLE> in transaction")])
def test_idle_in_a_transaction(database, login, extras, statement, shown):  # noqa: F811
    alice = login("alice", extras)
    alice.execute("BEGIN")
    try:
        alice.execute(statement)
    except psycopg.Error:
        pass
    eventually(lambda: value(database, "SELECT a.current_query FROM pg_stat_activity a WHERE a.procpid = %s", pid_of(alice)) == shown)
    alice.execute("ROLLBACK")


def test_who_sees_what_is_postgresqls_rule(database, login, extras):  # noqa: F811
    alice, bob = login("alice", extras), login("bob", extras)
    alice.execute("SELECT 'secret'")
    for path in ("RESET search_path", PATH):
        bob.execute(path)
        query = "SELECT a.procpid, a.current_query FROM pg_stat_activity a WHERE a.procpid = %s"
        assert bob.execute(query, (pid_of(alice),)).fetchone() == (pid_of(alice), "<insufficient privilege>")


def test_nothing_else_of_the_view_changes(database):  # noqa: F811
    """No column of its own, none in SELECT *; a bare name is not found without the schema in search_path."""
    assert "procpid" not in [column.name for column in database.execute("SELECT * FROM pg_stat_activity").description]
    with pytest.raises(psycopg.errors.UndefinedColumn):
        database.execute("SELECT procpid FROM pg_stat_activity")
    with pytest.raises(psycopg.errors.UndefinedColumn):
        database.execute("SELECT s.procpid FROM stv_sessions s")


def test_bare_names_with_the_schema_in_search_path(database, extras, server):  # noqa: F811
    """As a role's setting, for monitoring tools. What was a call of PostgreSQL's function still follows Redshift's rule."""
    database.execute("ALTER ROLE bob IN DATABASE %s SET search_path = redshift_sessions_extras, pg_catalog, public" % extras)
    with server.connect("bob", extras) as bob, server.connect("bob", extras) as other:
        query = "SELECT procpid, current_query FROM pg_stat_activity WHERE procpid = pg_backend_pid()"
        assert bob.execute(query).fetchone() == (pid_of(bob), query)
        names = [column.name for column in bob.execute("SELECT * FROM pg_stat_activity").description]
        stock = [column.name for column in bob.execute("SELECT * FROM pg_catalog.pg_stat_activity").description]
        assert names == stock + ["procpid", "current_query"]
        ended = "SELECT pg_terminate_backend(procpid) FROM pg_stat_activity WHERE usename = 'bob' AND procpid <> pg_backend_pid()"
        assert bob.execute(ended).fetchall() == [(1,)]
        with pytest.raises(psycopg.OperationalError):
            other.execute("SELECT 1")
        # Nobody's tables land in our schema.
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            bob.execute("CREATE TABLE t (id int)")
        # Nor are theirs hidden by what stands behind our views.
        bob.execute("CREATE TABLE public.tables (id int)")
        assert bob.execute("SELECT * FROM tables").fetchall() == []
        bob.execute("DROP TABLE public.tables")
    database.execute("ALTER ROLE bob IN DATABASE %s RESET search_path" % extras)


def test_transaction_of_pg_locks(database):  # noqa: F811
    with database.transaction():
        xid = value(database, "SELECT pg_current_xact_id()::xid")
        query = "SELECT l.transaction FROM pg_locks l WHERE l.pid = pg_backend_pid() AND l.transaction IS NOT NULL"
        assert database.execute(query).fetchall() == [(xid,)]
        assert value(database, "SELECT count(*) FROM pg_locks l JOIN pg_locks m ON l.transaction = m.transaction WHERE l.pid = pg_backend_pid()") == 1
