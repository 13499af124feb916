"""Who may end whose session, and cancel whose query: the table of docs/compatibility.md, with real logins."""

import psycopg
import pytest

from conftest import busy, eventually, is_alive, outcome, pid_of, send, value

CALLERS = ["boss", "alice", "bob", "canceller", "member", "reader"]
MAY_TERMINATE = {"alice": {"boss", "alice"}, "boss": {"boss"}, "background": {"boss"}}
MAY_CANCEL = {"alice": {"boss", "alice", "canceller"}, "boss": {"boss"}, "background": {"boss"}}

WAYS = {
    "plain": "SELECT {f}(%s)",
    "qualified": "SELECT pg_catalog.{f}(%s)",
    "ours": "SELECT redshift_sessions.{f}(%s)",
    "boolean": "SELECT redshift_sessions.{f}_bool(%s)",
    "expression": "SELECT {f}(%s) IS TRUE",
    "where": "SELECT 1 WHERE {f}(%s)",
    "aggregate": "SELECT bool_and({f}(pid)) FROM (SELECT %s::int AS pid) AS s",
    "from": "SELECT * FROM {f}(%s)",
    "dynamic": "CALL in_procedure('SELECT {f}(' || %s || ')')",
    "sql function": "SELECT {f}_in_sql(%s)",
    "atomic function": "SELECT {f}_in_atomic(%s)",
    "set function": "SELECT * FROM {f}_in_set(%s)",
    "plpgsql function": "SELECT {f}_in_plpgsql(%s)",
    "view": "SELECT x FROM {f}_in_view WHERE pid = %s",
}
FUNCTIONS = """
    CREATE OR REPLACE PROCEDURE in_procedure(statement text) LANGUAGE plpgsql AS 'BEGIN EXECUTE statement; END';
    CREATE OR REPLACE FUNCTION {f}_in_sql(int) RETURNS boolean LANGUAGE sql AS 'SELECT {f}($1)';
    CREATE OR REPLACE FUNCTION {f}_in_atomic(int) RETURNS boolean LANGUAGE sql BEGIN ATOMIC SELECT {f}($1); END;
    CREATE OR REPLACE FUNCTION {f}_in_set(int) RETURNS SETOF boolean LANGUAGE sql STABLE AS 'SELECT {f}($1)';
    CREATE OR REPLACE FUNCTION {f}_in_plpgsql(p int) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RETURN {f}(p); END';
    CREATE OR REPLACE VIEW {f}_in_view AS
        SELECT process.pid, answer.x
        FROM (SELECT pid FROM pg_stat_get_activity(NULL)) AS process, LATERAL (SELECT {f}(process.pid) AS x) AS answer;
    GRANT SELECT ON {f}_in_view TO PUBLIC;
"""


@pytest.fixture(scope="module", autouse=True)
def functions(server):
    with server.connect() as admin:
        for function in ("pg_terminate_backend", "pg_cancel_backend"):
            admin.execute(FUNCTIONS.format(f=function))


def refused(caller, query, pid, message, detail):
    with pytest.raises(psycopg.errors.InsufficientPrivilege) as error:
        caller.execute(query, (pid,))
    assert error.value.diag.message_primary == message
    assert error.value.diag.message_detail == detail


@pytest.mark.parametrize("way", WAYS)
def test_terminate(login, admin, way):
    query = WAYS[way].format(f="pg_terminate_backend")
    for owner in ("alice", "boss"):
        target = login(owner)
        for name in CALLERS:
            caller = login(name)
            if name in MAY_TERMINATE[owner]:
                caller.execute(query, (pid_of(target),))
                eventually(lambda: not is_alive(admin, pid_of(target)))
                with pytest.raises(psycopg.errors.AdminShutdown, match="due to administrator command"):
                    target.execute("SELECT 1")
                target = login(owner)
            else:
                refused(
                    caller,
                    query,
                    pid_of(target),
                    "permission denied to terminate session",
                    "Only the user who owns the session or a superuser may terminate it.",
                )
                assert value(target, "SELECT 1") == 1


@pytest.mark.parametrize("way", WAYS)
def test_cancel(login, admin, way):
    query = WAYS[way].format(f="pg_cancel_backend")
    for owner in ("alice", "boss"):
        for name in CALLERS:
            target, caller = login(owner), login(name)
            send(admin, target, "SELECT pg_sleep(600)")
            if name in MAY_CANCEL[owner]:
                caller.execute(query, (pid_of(target),))
                assert outcome(target)[0] == "57014"
            else:
                refused(
                    caller,
                    query,
                    pid_of(target),
                    "permission denied to cancel query",
                    "Only the user who owns the session or a superuser may cancel its query; "
                    "members of pg_signal_backend may too, unless the session is a superuser's.",
                )
                assert busy(target)
                admin.execute("SELECT pg_terminate_backend(%s)", (pid_of(target),))


@pytest.mark.parametrize("backend_type", ["autovacuum launcher", "logical replication launcher"])
def test_background_processes_are_for_superusers(login, admin, backend_type):
    find = "SELECT pid FROM pg_stat_activity WHERE backend_type = %s"
    pid = eventually(lambda: admin.execute(find, (backend_type,)).fetchone())[0]
    for name in CALLERS:
        for function, allowed in (("pg_cancel_backend", MAY_CANCEL), ("pg_terminate_backend", MAY_TERMINATE)):
            if name not in allowed["background"]:
                with pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied to"):
                    login(name).execute("SELECT %s(%d)" % (function, pid))
    assert value(login("boss"), "SELECT pg_terminate_backend(%s)", pid) == 1
    eventually(lambda: not is_alive(admin, pid))


def test_a_parallel_worker_is_a_background_process(login, admin):
    """PostgreSQL alone would let the leader's user end it."""
    admin.execute("CREATE TABLE IF NOT EXISTS big AS SELECT g FROM generate_series(1, 1000) g")
    admin.execute("GRANT SELECT ON big TO PUBLIC; ALTER TABLE big SET (parallel_workers = 2)")
    leader = login("alice")
    for setting in ("parallel_setup_cost = 0", "parallel_tuple_cost = 0", "min_parallel_table_scan_size = 0"):
        leader.execute("SET " + setting)
    leader.execute("CREATE FUNCTION slow(int) RETURNS int LANGUAGE plpgsql PARALLEL SAFE AS 'BEGIN PERFORM pg_sleep(0.05); RETURN $1; END'")
    send(admin, leader, "SELECT count(*) FROM big WHERE slow(g) > 0")
    find = "SELECT pid FROM pg_stat_activity WHERE leader_pid = %s AND backend_type = 'parallel worker'"
    worker = eventually(lambda: admin.execute(find, (pid_of(leader),)).fetchone())[0]
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        login("alice").execute("SELECT pg_terminate_backend(%s)", (worker,))
    assert value(login("boss"), "SELECT pg_cancel_backend(%s)", worker) == 1
    assert outcome(leader)[0] == "57014"
    admin.execute("DROP TABLE big; DROP FUNCTION slow(int)")


def test_the_caller_is_current_user_and_the_owner_is_who_logged_in(login, admin):
    target = login("alice")
    # A session of awsuser that has become alice may end alice's sessions; one that has become bob may not.
    caller = login("awsuser")
    caller.execute("SET ROLE bob")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        caller.execute("SELECT pg_terminate_backend(%s)", (pid_of(target),))
    # alice's session stays hers whatever role it takes.
    target.execute("SET ROLE alice")
    caller.execute("SET ROLE alice")
    assert value(caller, "SELECT pg_terminate_backend(%s)", pid_of(target)) == 1
    eventually(lambda: not is_alive(admin, pid_of(target)))
    # A member of alice may not from its own session, but may as alice.
    target = login("alice")
    member = login("member")
    member.execute("SET ROLE alice")
    assert value(member, "SELECT pg_terminate_backend(%s)", pid_of(target)) == 1


def test_a_security_definer_function_acts_for_its_owner(login, admin):
    admin.execute("CREATE FUNCTION end_it(p int) RETURNS boolean LANGUAGE sql SECURITY DEFINER AS 'SELECT pg_terminate_backend(p)'")
    target = login("alice")
    assert value(login("bob"), "SELECT end_it(%s)", pid_of(target)) is True
    eventually(lambda: not is_alive(admin, pid_of(target)))
    admin.execute("DROP FUNCTION end_it(int)")


def test_a_revoked_native_function_stays_revoked(login, admin):
    """Never more permissive than PostgreSQL: whoever may not execute its function may not execute ours either."""
    target = login("alice")
    admin.execute("REVOKE EXECUTE ON FUNCTION pg_catalog.pg_terminate_backend(int, bigint), pg_catalog.pg_cancel_backend(int) FROM PUBLIC")
    try:
        for query in WAYS.values():
            for function in ("pg_terminate_backend", "pg_cancel_backend"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied for function " + function):
                    login("alice").execute(query.format(f=function), (pid_of(target),))
        assert value(target, "SELECT 1") == 1
    finally:
        admin.execute("GRANT EXECUTE ON FUNCTION pg_catalog.pg_terminate_backend(int, bigint), pg_catalog.pg_cancel_backend(int) TO PUBLIC")


# As 32 bits, which is what PostgreSQL's function makes of them.
TIMEOUTS = {-(2**32): 0, -(2**32) + 1: 1, -(2**63): 0, 2**32: 0, 2**31: -(2**31), 2**32 - 1: -1, -1: -1}


@pytest.mark.parametrize("timeout", TIMEOUTS)
@pytest.mark.parametrize("caller", ["canceller", "member", "bob"])
def test_no_timeout_gets_around_the_rule(login, admin, caller, timeout):
    """PostgreSQL refuses a negative timeout before it asks its own rule."""
    target = login("alice")
    refusal = psycopg.errors.NumericValueOutOfRange if TIMEOUTS[timeout] < 0 else psycopg.errors.InsufficientPrivilege
    for function in ("pg_terminate_backend(%s, %s)", "redshift_sessions.pg_terminate_backend_bool(%s, %s)"):
        with pytest.raises(refusal):
            login(caller).execute("SELECT " + function, (pid_of(target), timeout))
    assert value(target, "SELECT 1") == 1


@pytest.mark.parametrize("timeout", TIMEOUTS)
def test_a_timeout_means_what_it_means_to_postgresql(login, admin, timeout):
    target = login("alice")
    pid, call = pid_of(target), "SELECT pg_terminate_backend(%s, %s)"
    if TIMEOUTS[timeout] < 0:
        with pytest.raises(psycopg.errors.NumericValueOutOfRange, match='"timeout" must not be negative'):
            admin.execute(call, (pid, timeout))
        assert value(target, "SELECT 1") == 1
    else:
        assert value(admin, call, pid, timeout) in (True, False)
        eventually(lambda: not is_alive(admin, pid))
        assert value(admin, "SELECT count(*) FROM svl_terminate WHERE pid = %s AND type = 'TERMINATE'", pid) == 1
