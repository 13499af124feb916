"""Whose rights count, and whose rows are seen, when somebody stands behind somebody else? See docs/security.md."""

import psycopg
import pytest

from conftest import busy, eventually, is_alive, pid_of, rows_of, send, value

DENIED = psycopg.errors.InsufficientPrivilege
OWN_ROWS = {"svv_transactions": "pid", "stv_sessions": "process", "stv_recents": "pid", "stv_inflight": "pid", "svv_query_inflight": "pid"}
BODIES = {
    "sql": "LANGUAGE sql SECURITY DEFINER AS 'SELECT {f}($1)'",
    "sql with a path": "LANGUAGE sql SECURITY DEFINER SET search_path = '' AS 'SELECT {f}($1)'",
    "atomic": "LANGUAGE sql SECURITY DEFINER BEGIN ATOMIC SELECT {f}($1); END",
    "plpgsql": "LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN RETURN {f}($1); END'",
    "dynamic": "LANGUAGE plpgsql SECURITY DEFINER AS 'DECLARE b boolean; BEGIN EXECUTE ''SELECT {f}($1) IS TRUE'' INTO b USING $1; RETURN b; END'",
}


@pytest.mark.parametrize("function", ["pg_terminate_backend", "pg_cancel_backend"])
@pytest.mark.parametrize("body", BODIES)
def test_a_definers_function_has_its_owners_rights_and_no_others(login, admin, function, body):
    """bob's does not end alice's session, not even for a superuser; alice's ends hers, but not a superuser's, for bob."""
    for owner in ("bob", "alice"):
        login(owner).execute("CREATE FUNCTION of_%s(int) RETURNS boolean " % owner + BODIES[body].format(f=function))
    alice, boss = login("alice"), login("boss")
    for caller, owner, target in (("boss", "bob", alice), ("alice", "bob", alice), ("bob", "alice", boss), ("boss", "alice", boss)):
        with pytest.raises(DENIED, match="permission denied to"):
            login(caller).execute("SELECT of_%s(%s)" % (owner, pid_of(target)))
    assert value(login("bob"), "SELECT of_alice(%s)" % pid_of(alice)) is True
    admin.execute("DROP FUNCTION of_bob(int), of_alice(int)")


def test_inlined_functions_are_for_who_calls_them(login, admin):
    """PostgreSQL puts such a function's body into the query, where it would keep PostgreSQL's rule."""
    for body in ("LANGUAGE sql AS 'SELECT pg_cancel_backend($1)'", "LANGUAGE sql STABLE RETURN pg_cancel_backend($1)"):
        admin.execute("CREATE OR REPLACE FUNCTION inline_me(int) RETURNS boolean " + body)
        target, member = login("alice"), login("member")
        for query in ("SELECT inline_me(%s)", "SELECT 1 WHERE inline_me(%s)", "SELECT * FROM inline_me(%s)", "SELECT x FROM (VALUES (%s)) v(x) WHERE inline_me(x)"):
            with pytest.raises(DENIED, match="to cancel query"):
                member.execute(query % pid_of(target))
    admin.execute("DROP FUNCTION inline_me(int)")


def test_a_policy_is_evaluated_for_the_reader(login, admin):
    """Row-level security puts bob's condition into a query of whoever reads his table: with the reader's rights, by Redshift's rule."""
    bob, target = login("bob"), login("alice")
    bob.execute("CREATE TABLE bait (pid int); INSERT INTO bait VALUES (%d); GRANT SELECT, INSERT ON bait TO PUBLIC" % pid_of(target))
    bob.execute("ALTER TABLE bait ENABLE ROW LEVEL SECURITY; ALTER TABLE bait FORCE ROW LEVEL SECURITY")
    bob.execute("CREATE POLICY p ON bait USING (pg_terminate_backend(pid))")
    try:
        for name in ("bob", "member", "canceller", "reader"):
            with pytest.raises(DENIED, match="to terminate session"):
                login(name).execute("SELECT * FROM bait")
        assert value(target, "SELECT 1") == 1
        with pytest.raises(psycopg.errors.AdminShutdown):  # as with any function in a policy, alice has to look before she reads
            target.execute("SELECT * FROM bait")
    finally:
        bob.execute("DROP TABLE bait")


@pytest.mark.parametrize("options", ["", "(security_barrier)", "(security_invoker)"])
def test_a_superusers_view_shows_each_reader_its_own_rows(server, login, admin, options):
    if options == "(security_invoker)" and server.version() < 15:
        pytest.skip("came with PostgreSQL 15")
    alice, bob = login("alice"), login("bob")
    bob.execute("BEGIN")
    try:
        for view, column in OWN_ROWS.items():
            admin.execute("CREATE VIEW public.over%s WITH %s AS SELECT * FROM %s" % (view, options, view) if options else "CREATE VIEW public.over%s AS SELECT * FROM %s" % (view, view))
            admin.execute("GRANT SELECT ON over%s TO PUBLIC" % view)
            seen = alice.execute("SELECT DISTINCT %s FROM over%s WHERE %s > 0" % (column, view, column)).fetchall()
            assert seen == [(pid_of(alice),)], view
        for view in ("svl_terminate", "stl_tr_conflict", "stl_connection_log", "stv_locks"):
            admin.execute("CREATE VIEW public.over%s AS SELECT * FROM %s; GRANT SELECT ON over%s TO PUBLIC" % (view, view, view))
            with pytest.raises(DENIED):
                alice.execute("SELECT * FROM over%s" % view)
    finally:
        for view in [*OWN_ROWS, "svl_terminate", "stl_tr_conflict", "stl_connection_log", "stv_locks"]:
            admin.execute("DROP VIEW IF EXISTS over%s" % view)


def test_a_condition_that_tells_sees_own_rows_only(login, admin):
    """A function that is cheap is asked before others: it is never asked about a row that its caller may not see."""
    boss, alice = login("boss"), login("alice")
    boss.execute("BEGIN; LOCK TABLE pg_class IN ACCESS SHARE MODE")
    alice.execute("CREATE FUNCTION tells(text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS 'BEGIN RAISE NOTICE $$%$$, $1; RETURN true; END'")
    try:
        for view, column in OWN_ROWS.items():
            alice.notices.clear()
            alice.execute("SELECT 1 FROM %s v WHERE tells(v::text) AND %s > 0" % (view, column)).fetchall()
            alice.execute("SELECT 1 FROM %s v WHERE tells(%s::text)" % (view, column)).fetchall()
            assert alice.notices and not any(str(pid_of(boss)) in notice.message_primary or "boss" in notice.message_primary for notice in alice.notices)
    finally:
        alice.execute("DROP FUNCTION tells(text)")


def test_a_security_barrier_holds_in_our_scan(login, admin):
    """The condition of such a view comes before the reader's own, however cheap that is."""
    boss, alice = login("boss"), login("alice")
    boss.execute("BEGIN")
    alice.execute("BEGIN")
    admin.execute("CREATE VIEW fence WITH (security_barrier) AS SELECT * FROM svv_transactions WHERE txn_owner <> 'boss'; GRANT SELECT ON fence TO reader")
    reader = login("reader")
    reader.execute("CREATE FUNCTION tells_all(text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS 'BEGIN RAISE NOTICE $$%$$, $1; RETURN true; END'")
    try:
        query = "SELECT pid FROM fence WHERE tells_all(txn_owner)"
        assert "Custom Scan (svv_transactions)" in str(reader.execute("EXPLAIN " + query).fetchall())
        assert (pid_of(alice),) in reader.execute(query).fetchall()
        told = {notice.message_primary for notice in reader.notices}
        assert "alice" in told and "boss" not in told
    finally:
        reader.execute("DROP FUNCTION tells_all(text)")
        admin.execute("DROP VIEW fence")


def test_who_one_has_become_and_who_one_is(login, admin):
    """Rights and rows are those of current_user; the owner of a session is who logged in, whatever it has become."""
    other, boss = login("alice"), login("boss")
    for become, back in (("SET ROLE alice", "RESET ROLE"), ("SET SESSION AUTHORIZATION alice", "RESET SESSION AUTHORIZATION")):
        boss.execute(become)
        boss.execute("BEGIN")
        assert {row[0] for row in boss.execute("SELECT DISTINCT txn_owner FROM svv_transactions")} <= {"alice"}
        assert boss.execute("SELECT DISTINCT trim(user_name) FROM stv_sessions").fetchall() == [("alice",)]
        for view in ("stv_locks", "svl_terminate"):
            with pytest.raises(DENIED):
                boss.execute("SAVEPOINT s; SELECT * FROM " + view)
            boss.execute("ROLLBACK TO s")
        # To alice it is still the session of boss: not hers to see, or to end.
        assert rows_of(other, pid_of(boss)) == [] and rows_of(admin, pid_of(boss), "txn_owner")[0] == ("boss",)
        with pytest.raises(DENIED):
            other.execute("SELECT pg_terminate_backend(%s)", (pid_of(boss),))
        boss.execute("COMMIT")
        boss.execute(back)
    with pytest.raises(DENIED):
        login("alice").execute("SET SESSION AUTHORIZATION boss")


def test_members_of_pg_read_all_data_read_the_views_for_superusers(login, admin):
    """PostgreSQL's meaning of that role: SELECT on everything. Not what is no table or view, and not the rows of others."""
    admin.execute("CREATE ROLE everything LOGIN IN ROLE pg_read_all_data")
    try:
        session, other = login("everything"), login("alice")
        for view in ("stv_locks", "svl_terminate", "stl_tr_conflict", "stl_connection_log"):
            session.execute("SELECT * FROM " + view).fetchall()
        assert value(session, "SELECT count(*) FROM stl_connection_log WHERE pid = %s", pid_of(other)) > 0
        with pytest.raises(DENIED):
            session.execute("SELECT * FROM redshift_sessions.logs()")
        assert session.execute("SELECT process FROM stv_sessions").fetchall() == [(pid_of(session),)]
        session.close()
    finally:
        admin.execute("DROP ROLE everything")


LONG = "x" * 49 + "ä" * 7  # 63 bytes; the fiftieth character is the first of two bytes
NAMES = ['"ALICE"', '" alice"', '"alice "', '"al""ice"', "\"al'ice\"", '"rdsdb"', '"%s"' % LONG, '"%s"' % ("x" * 49 + "ä" * 6 + "yz"), '"日本語日本語日本語日本語日本語日本語日本語"']


def test_roles_with_names_like_others(login, admin):
    """Rights and rows go by oid. What is shown goes by the first fifty characters, which two roles may share."""
    target = login("alice")
    for name in NAMES:
        admin.execute("CREATE ROLE %s LOGIN" % name)
    try:
        for name in NAMES:
            plain = name[1:-1].replace('""', '"')
            own = login_as(login, plain)
            assert value(own, "SELECT current_user::text") == plain
            with pytest.raises(DENIED, match="to terminate session"):
                own.execute("SELECT pg_terminate_backend(%s)", (pid_of(target),))
            assert own.execute("SELECT process, user_name FROM stv_sessions").fetchall() == [(pid_of(own), plain[:50].ljust(50))]
            own.execute("BEGIN")
            assert {row[0] for row in own.execute("SELECT txn_owner FROM svv_transactions")} == {plain}
            assert rows_of(target, pid_of(own)) == []
            own.close()
    finally:
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename !~ '^(awsuser|alice)$'")
        for name in NAMES:
            admin.execute("DROP ROLE %s" % name)


def login_as(login, name):
    return login("'%s'" % name.replace("\\", "\\\\").replace("'", "\\'"))


def test_nothing_is_told_about_others_pids_that_postgresql_does_not_tell(login, admin):
    """A refusal says that the pid is a session's, and a warning that it is none: as PostgreSQL's own function, and pg_stat_activity."""
    boss = login("boss")
    send(admin, boss, "SELECT pg_sleep(600)")
    postmaster = int(value(admin, "SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)"))
    lasting = "SELECT pid FROM pg_stat_activity WHERE backend_type IN ('checkpointer', 'walwriter', 'autovacuum launcher', 'logical replication launcher')"
    others = [pid_of(boss), pid_of(admin), *(row[0] for row in admin.execute(lasting))]
    answers = {}
    for redirect in ("on", "off"):
        admin.execute("ALTER ROLE bob SET redshift_sessions.redirect = " + redirect)
        bob = login("bob")
        for pid in [*others, postmaster, 0, -1, 2**31 - 1, -(2**31)]:
            for function in ("pg_terminate_backend", "pg_cancel_backend"):
                try:
                    bob.execute("SELECT %s(%d)" % (function, pid))
                    answer = "missing"
                except DENIED as denied:
                    answer = "denied"
                    assert not any(name in str(denied) for name in ("boss", "awsuser", str(pid)))
                answers.setdefault((function, pid), set()).add(answer)
    admin.execute("ALTER ROLE bob RESET redshift_sessions.redirect")
    assert busy(boss) and is_alive(admin, pid_of(boss))
    assert {tuple(answer) for answer in answers.values()} == {("missing",), ("denied",)}


def test_a_dropped_role_leaves_no_rights_to_the_next_one(login, admin):
    admin.execute("CREATE ROLE carol LOGIN")
    orphan = login("carol")
    orphan.execute("BEGIN")
    admin.execute("DROP ROLE carol; CREATE ROLE carol LOGIN")
    try:
        carol = login("carol")
        assert value(carol, "SELECT count(*) FROM stv_sessions") == 1 and rows_of(carol, pid_of(orphan)) == []
        with pytest.raises(DENIED, match="to terminate session"):
            carol.execute("SELECT pg_terminate_backend(%s)", (pid_of(orphan),))
        assert value(admin, "SELECT pg_terminate_backend(%s)", pid_of(orphan)) == 1
        eventually(lambda: not is_alive(admin, pid_of(orphan)))
    finally:
        admin.execute("DROP ROLE carol")
