"""Where could PostgreSQL's own function run, with its rule, past our redirection? There it is refused: what is not planned, and operators."""

import psycopg
import pytest

from conftest import Server, busy, eventually, is_alive, outcome, pid_of, send, value
from protocol import Raw, Refused

TERMINATE = 2096  # fixed oid, from PostgreSQL's pg_proc.dat

# What a user makes, and the statement that then runs the function on {pid}. A table `bait` has the pid.
POSITIONS = {
    "argument of EXECUTE": ("PREPARE p(boolean) AS SELECT $1", "EXECUTE p(pg_terminate_backend({pid}))"),
    "argument of EXPLAIN EXECUTE": ("PREPARE p(boolean) AS SELECT $1", "EXPLAIN EXECUTE p(pg_terminate_backend({pid}))"),
    "argument of CREATE TABLE AS EXECUTE": (
        "PREPARE p(boolean) AS SELECT $1",
        "CREATE TABLE copied AS EXECUTE p(pg_terminate_backend({pid}))",
    ),
    "argument of CALL": ("CREATE PROCEDURE take(boolean) LANGUAGE sql AS ''", "CALL take(pg_terminate_backend({pid}))"),
    "function call message": ("", "MESSAGE"),
    "default, read by COPY": (
        "CREATE TABLE t (x int, ended boolean DEFAULT pg_terminate_backend({pid}))",
        "COPY t (x) FROM STDIN",
    ),
    "default of a new column": ("CREATE TABLE t AS SELECT 1 AS x", "ALTER TABLE t ADD ended boolean DEFAULT pg_terminate_backend({pid})"),
    "check constraint": ("CREATE TABLE t (x int CHECK (pg_terminate_backend(x)))", "INSERT INTO t VALUES ({pid})"),
    "check constraint of a table with rows": ("", "ALTER TABLE bait ADD CHECK (pg_terminate_backend(pid) IS NOT NULL)"),
    "domain": ("CREATE DOMAIN d AS int CHECK (pg_terminate_backend(VALUE))", "SELECT {pid}::d"),
    "domain, read by COPY": ("CREATE DOMAIN d AS int CHECK (pg_terminate_backend(VALUE)); CREATE TABLE t (x d)", "COPY t FROM STDIN"),
    "constraint of a domain with rows": (
        "CREATE DOMAIN d AS int; CREATE TABLE t (x d); INSERT INTO t VALUES ({pid})",
        "ALTER DOMAIN d ADD CHECK (pg_terminate_backend(VALUE))",
    ),
    "condition of a trigger": (
        "CREATE TABLE t (x int); CREATE FUNCTION fire() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
        "CREATE TRIGGER r BEFORE INSERT ON t FOR EACH ROW WHEN (pg_terminate_backend(NEW.x)) EXECUTE FUNCTION fire()",
        "INSERT INTO t VALUES ({pid})",
    ),
    "final function of an aggregate": (
        "CREATE AGGREGATE ends(bigint ORDER BY int) (SFUNC = int4larger, STYPE = int, INITCOND = '0', FINALFUNC = pg_terminate_backend)",
        "SELECT ends(0) WITHIN GROUP (ORDER BY pid) FROM bait",
    ),
    "view in an inlined function": (
        "CREATE VIEW v AS SELECT pg_terminate_backend(pid) AS ended FROM bait;"
        "CREATE FUNCTION f() RETURNS SETOF boolean LANGUAGE sql STABLE AS 'SELECT ended FROM v'",
        "SELECT * FROM f()",
    ),
    "policy of a table in an inlined function": (
        "ALTER TABLE bait ENABLE ROW LEVEL SECURITY; ALTER TABLE bait FORCE ROW LEVEL SECURITY;"
        "CREATE POLICY p ON bait USING (pg_terminate_backend(pid));"
        "CREATE FUNCTION f() RETURNS SETOF int LANGUAGE sql STABLE AS 'SELECT pid FROM bait'",
        "SELECT * FROM f()",
    ),
    "name with escapes in an inlined function": (
        """CREATE FUNCTION f(int) RETURNS boolean LANGUAGE sql AS 'SELECT U&"pg\\005fterminate_backend"($1)'""",
        "SELECT f({pid})",
    ),
    "default of a parameter": (
        "CREATE FUNCTION f(x boolean DEFAULT pg_terminate_backend({pid})) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RETURN x; END'",
        "SELECT f()",
    ),
    "COPY FROM ... WHERE": ("CREATE TABLE t (x int)", "COPY t FROM STDIN WHERE pg_terminate_backend(x)"),
    "ALTER TABLE ... USING": ("", "ALTER TABLE bait ALTER pid TYPE boolean USING pg_terminate_backend(pid)"),
    "bound of a partition": (
        "CREATE TABLE t (x boolean) PARTITION BY LIST (x)",
        "CREATE TABLE t1 PARTITION OF t FOR VALUES IN (pg_terminate_backend({pid}))",
    ),
    "extended statistics": ("CREATE STATISTICS s ON (pg_terminate_backend(pid)) FROM bait", "ANALYZE bait"),
    "operator in a rule": (
        "CREATE TABLE t (x int); CREATE RULE r AS ON INSERT TO t WHERE NEW.x ### 0::bigint DO INSTEAD NOTHING",
        "INSERT INTO t VALUES ({pid})",
    ),
    "operator": ("", "SELECT {pid} ### 0::bigint"),
    "operator with ANY": ("", "SELECT {pid} ### ANY (ARRAY[0::bigint])"),
    "operator of IN": (
        "CREATE OPERATOR = (LEFTARG = int, RIGHTARG = bigint, FUNCTION = pg_terminate_backend); SET search_path = hideout, pg_catalog",
        "SELECT {pid} IN (0::bigint)",
    ),
    "operator of NULLIF": (
        "CREATE OPERATOR = (LEFTARG = int, RIGHTARG = bigint, FUNCTION = pg_terminate_backend); SET search_path = hideout, pg_catalog",
        "SELECT NULLIF({pid}, 0::bigint)",
    ),
    "operator in a check constraint": ("CREATE TABLE t (x int CHECK (x ### 0::bigint))", "INSERT INTO t VALUES ({pid})"),
    "operator that is estimated": ("", "EXPLAIN SELECT 1 FROM bait WHERE pid ### 0::bigint"),
    "operator whose negator is estimated": ("", "EXPLAIN SELECT 1 FROM bait WHERE pid !## 0::bigint"),
    "operator whose commutator is estimated": ("", "EXPLAIN SELECT 1 FROM bait WHERE 0::bigint ##! pid"),
    "operator whose negator has it as commutator": ("", "EXPLAIN SELECT 1 FROM bait WHERE NOT 0::bigint !##! pid"),
    "operator that is estimated, in a view": ("CREATE VIEW v AS SELECT 1 FROM bait WHERE pid ### 0::bigint", "EXPLAIN SELECT * FROM v"),
}
# While the database has such an operator no function is inlined, so nothing of its body is estimated.
INSIDE = {
    "operator that is estimated, in an inlined function": (
        "CREATE FUNCTION f(int) RETURNS boolean LANGUAGE sql AS 'SELECT $1 ### 0::bigint'",
        "EXPLAIN SELECT 1 FROM bait WHERE f(pid)",
    ),
    "operator that is estimated, in a view in an inlined function": (
        "CREATE VIEW v AS SELECT 1 FROM bait WHERE pid ### 0::bigint;"
        "CREATE FUNCTION f() RETURNS SETOF int LANGUAGE sql STABLE AS 'SELECT * FROM v'",
        "EXPLAIN SELECT * FROM f()",
    ),
}
BAIT = """
    CREATE TABLE bait AS SELECT {pid} AS pid FROM generate_series(1, 100);
    ANALYZE bait;
"""
OPERATOR = "CREATE OPERATOR hideout.### (LEFTARG = int, RIGHTARG = bigint, FUNCTION = pg_catalog.pg_terminate_backend, RESTRICT = eqsel, JOIN = eqjoinsel)"
# Over harmless functions; but to estimate them PostgreSQL calls the function of that one.
PARTNERS = """
    CREATE OPERATOR hideout.!## (LEFTARG = int, RIGHTARG = bigint, FUNCTION = int48ne, NEGATOR = OPERATOR(hideout.###), RESTRICT = neqsel);
    CREATE OPERATOR hideout.##! (LEFTARG = bigint, RIGHTARG = int, FUNCTION = int84gt, COMMUTATOR = OPERATOR(hideout.###), RESTRICT = scalargtsel);
    CREATE OPERATOR hideout.!##! (LEFTARG = bigint, RIGHTARG = int, FUNCTION = int84ne, NEGATOR = OPERATOR(hideout.##!), RESTRICT = neqsel);
"""
DETAIL = "A call in this place would follow PostgreSQL's rule, by which more users may signal a session than by Redshift's."
HINT = "Call it in a plain query, as in SELECT {f}(pid), or call redshift_sessions.{f}(pid)."


def is_refusal(error, function="pg_terminate_backend"):
    assert isinstance(error, psycopg.errors.InsufficientPrivilege)
    diagnostic = error.diag
    assert diagnostic.message_primary == "permission denied for function " + function
    assert (diagnostic.message_detail, diagnostic.message_hint) == (DETAIL, HINT.format(f=function))


def hide(admin, caller):
    """A schema for what the caller makes."""
    admin.execute("CREATE SCHEMA hideout AUTHORIZATION " + caller.info.user)
    caller.execute("SET search_path = hideout, public")


def attempt(server, caller, statement, pid):
    if statement == "MESSAGE":
        raw = Raw(server.port, user=caller.info.user, database=caller.info.dbname)
        raw.call(TERMINATE, str(pid), "0")
    elif statement.startswith("COPY"):
        with caller.cursor().copy(statement.format(pid=pid)) as copy:
            copy.write("%d\n" % pid)
    else:
        caller.execute(statement.format(pid=pid))


def prepare(maker, caller, position, pid):
    """Only a superuser may make the operator where the extension is."""
    made, statement = (POSITIONS | INSIDE)[position]
    if "##" in made + statement:
        maker.execute(OPERATOR)
    if "!" in statement:
        maker.execute(PARTNERS)
    caller.execute((BAIT + made).format(pid=pid))
    return statement


@pytest.fixture
def clean(server):
    yield
    for database in ("dev", "postgres"):
        with server.connect(dbname=database) as admin:
            admin.execute("DROP SCHEMA IF EXISTS hideout CASCADE")


@pytest.mark.parametrize("name", ["member", "canceller"])
@pytest.mark.parametrize("position", POSITIONS | INSIDE)
def test_without_the_extension_it_ends_the_session(server, login, admin, clean, position, name):
    """Else the other tests would show nothing."""
    target, caller = login("alice"), login(name, "postgres")
    hide(login(dbname="postgres"), caller)
    statement = prepare(caller, caller, position, pid_of(target))
    attempt(server, caller, statement, pid_of(target))
    eventually(lambda: not is_alive(admin, pid_of(target)))


@pytest.mark.parametrize("name", ["member", "canceller"])
@pytest.mark.parametrize("position", POSITIONS)
def test_with_it_a_regular_user_is_refused(server, login, admin, clean, position, name):
    target, caller = login("alice"), login(name)
    hide(admin, caller)
    with pytest.raises((psycopg.errors.InsufficientPrivilege, Refused)) as error:
        statement = prepare(admin, caller, position, pid_of(target))
        attempt(server, caller, statement, pid_of(target))
    if isinstance(error.value, Refused):
        assert (error.value.sqlstate, error.value.message) == ("42501", "permission denied for function pg_terminate_backend")
    else:
        is_refusal(error.value)
    assert value(target, "SELECT 1") == 1


@pytest.mark.parametrize("name", ["member", "canceller", "boss"])
@pytest.mark.parametrize("position", INSIDE)
def test_with_it_nothing_is_estimated_inside_of_a_function(login, admin, clean, position, name):
    target, caller = login("alice"), login(name)
    hide(admin, caller)
    statement = prepare(admin, caller, position, pid_of(target)).format(pid=pid_of(target))
    caller.execute(statement)
    assert value(target, "SELECT 1") == 1
    if name != "boss":
        with pytest.raises(psycopg.errors.InsufficientPrivilege) as error:
            caller.execute(statement.replace("EXPLAIN", "EXPLAIN ANALYZE"))
        is_refusal(error.value)


@pytest.mark.parametrize("position", [position for position in POSITIONS if "policy" not in position])
def test_with_it_a_superuser_is_not(server, login, admin, clean, position):
    """But for policies, which do not apply to superusers."""
    target, caller = login("alice"), login("boss")
    hide(admin, caller)
    attempt(server, caller, prepare(admin, caller, position, pid_of(target)), pid_of(target))
    eventually(lambda: not is_alive(admin, pid_of(target)))


DEFINITIONS = [
    "CREATE OPERATOR ### (LEFTARG = int, RIGHTARG = bigint, FUNCTION = pg_terminate_backend)",
    "CREATE OPERATOR ### (LEFTARG = int, RIGHTARG = bigint, PROCEDURE = 'pg_terminate_backend', RESTRICT = eqsel)",
    r"""CREATE OPERATOR ### (RIGHTARG = int, FUNCTION = pg_catalog.U&"pg\005fcancel_backend")""",
    "CREATE AGGREGATE ends(bigint ORDER BY int) (SFUNC = int4larger, STYPE = int, FINALFUNC = pg_terminate_backend, INITCOND = '0')",
    "CREATE AGGREGATE cancels(int) (SFUNC = int4larger, STYPE = int, FINALFUNC = pg_cancel_backend)",
    "CREATE AGGREGATE cancels(BASETYPE = int, SFUNC = int4larger, STYPE = int, FINALFUNC = pg_cancel_backend)",
]


@pytest.mark.parametrize("definition", DEFINITIONS)
def test_operators_and_aggregates_are_not_made_over_it(login, admin, clean, definition):
    member, boss = login("member"), login("boss")
    hide(admin, member)
    with pytest.raises(psycopg.errors.InsufficientPrivilege) as error:
        member.execute(definition)
    is_refusal(error.value, "pg_cancel_backend" if "cancel" in definition else "pg_terminate_backend")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        member.execute("DO $x$ BEGIN EXECUTE $y$%s$y$; END $x$" % definition)
    boss.execute("SET search_path = hideout")
    boss.execute(definition)


def test_other_definitions_are_made_as_ever(login, admin, clean):
    """Also over a function of the same name that is somebody's own."""
    member = login("member")
    hide(admin, member)
    member.execute("""
        CREATE FUNCTION pg_terminate_backend(int, bigint) RETURNS boolean LANGUAGE sql AS 'SELECT $1 = $2';
        CREATE OPERATOR ### (LEFTARG = int, RIGHTARG = bigint, FUNCTION = hideout.pg_terminate_backend, RESTRICT = eqsel, JOIN = eqjoinsel);
        CREATE OPERATOR = (LEFTARG = int, RIGHTARG = bigint, FUNCTION = int48eq, MERGES);
        CREATE AGGREGATE largest(int) (SFUNC = int4larger, STYPE = int, SORTOP = >, PARALLEL = SAFE);
        CREATE TABLE typed (v int);
        CREATE OPERATOR #=# (LEFTARG = hideout.typed.v%TYPE, RIGHTARG = int, FUNCTION = int4eq);
        CREATE AGGREGATE are_equal(bigint ORDER BY int) (SFUNC = int4larger, STYPE = int, FINALFUNC = int48eq, INITCOND = '0');
    """)
    assert value(member, "SELECT 5 ### 5::bigint AND largest(v) = 3 FROM (VALUES (3)) AS s (v)") is True
    with pytest.raises(psycopg.errors.UndefinedFunction):
        member.execute("CREATE OPERATOR #### (LEFTARG = int, RIGHTARG = int, FUNCTION = no_such_function)")
    with pytest.raises(psycopg.errors.Error):
        member.execute("CREATE OPERATOR #### (LEFTARG = int, FUNCTION = a.b.c.d)")


# For a member of the owner's role. A member of pg_signal_backend may cancel.
CANCELS = {
    "argument of CALL": ("CREATE PROCEDURE take(boolean) LANGUAGE sql AS ''", "CALL take(pg_cancel_backend({pid}))"),
    "operator": ("", "SELECT ## {pid}"),
    "final function": ("", "SELECT cancels(pid) FROM bait"),
    "final function in a window": ("", "SELECT cancels(pid) OVER () FROM bait LIMIT 1"),
    "view in an inlined function": (
        "CREATE VIEW v AS SELECT pg_cancel_backend(pid) FROM bait LIMIT 1;"
        "CREATE FUNCTION f() RETURNS SETOF boolean LANGUAGE sql STABLE AS 'SELECT * FROM v'",
        "SELECT * FROM f()",
    ),
}


@pytest.mark.parametrize("position", CANCELS)
def test_cancelling_is_refused_as_well(login, admin, clean, position):
    made, statement = CANCELS[position]
    for database in ("postgres", "dev"):
        target, member, maker = login("alice"), login("member", database), login(dbname=database)
        hide(maker, member)
        if position.startswith("operator"):
            maker.execute("CREATE OPERATOR hideout.## (RIGHTARG = int, FUNCTION = pg_cancel_backend)")
        maker.execute("CREATE AGGREGATE hideout.cancels(int) (SFUNC = int4larger, STYPE = int, FINALFUNC = pg_cancel_backend)")
        member.execute((BAIT + made).format(pid=pid_of(target)))
        send(admin, target, "SELECT pg_sleep(600)")
        if database == "postgres":
            member.execute(statement.format(pid=pid_of(target)))
            assert outcome(target)[0] == "57014"
        else:
            with pytest.raises(psycopg.errors.InsufficientPrivilege) as error:
                member.execute(statement.format(pid=pid_of(target)))
            is_refusal(error.value, "pg_cancel_backend")
            assert busy(target)


def test_autovacuum_is_refused(server, login, admin, clean):
    """It evaluates expressions of extended statistics as the table's owner."""
    statistics = "CREATE STATISTICS s ON (pg_terminate_backend(pid)) FROM bait; ALTER TABLE bait SET (autovacuum_analyze_threshold = 0, autovacuum_analyze_scale_factor = 0)"
    for database in ("postgres", "dev"):
        target, member = login("alice"), login("member", database)
        hide(login(dbname=database), member)
        member.execute((BAIT + statistics).format(pid=pid_of(target)))
        member.execute("INSERT INTO bait SELECT * FROM bait")
        member.close()  # until then PostgreSQL 14 may not count the rows
        if database == "postgres":
            eventually(lambda: not is_alive(admin, pid_of(target)))
    log = server.directory() / "log"
    table = 'automatic analyze of table "dev.hideout.bait"'
    refusal = eventually(lambda: [line for line in log.read_text(errors="replace").split("ERROR: ") if table in line])[0]
    assert "permission denied for function pg_terminate_backend" in refusal
    assert value(target, "SELECT 1") == 1


def test_an_operator_that_was_there_before_the_extension(login, admin, clean):
    """It is refused from then on, also inside of functions that were inlined before, and not after it is gone."""
    admin.execute("CREATE DATABASE later")
    try:
        owner, member, target = login(dbname="later"), login("member", "later"), login("alice")
        hide(owner, member)
        pid = pid_of(target)
        member.execute(OPERATOR + "; CREATE FUNCTION f(int) RETURNS boolean LANGUAGE sql AS 'SELECT $1 ### 0::bigint';" + BAIT.format(pid=pid))
        inlined = "Filter: (pid ### '0'::bigint)"
        explain = "EXPLAIN SELECT 1 FROM bait WHERE f(pid)"
        member.execute("UPDATE bait SET pid = 0; ANALYZE bait")  # which nobody minds
        assert inlined in str(member.execute(explain).fetchall())
        owner.execute("CREATE EXTENSION redshift_sessions")
        assert inlined not in str(member.execute(explain).fetchall())
        member.execute("UPDATE bait SET pid = %d; ANALYZE bait" % pid)
        for query in ("SELECT 1 FROM bait WHERE f(pid)", "EXPLAIN SELECT 1 FROM bait WHERE pid ### 0::bigint", "SELECT %d ### 0::bigint" % pid):
            with pytest.raises(psycopg.errors.InsufficientPrivilege) as error:
                member.execute(query)
            is_refusal(error.value)
        member.execute("ALTER OPERATOR ### (int, bigint) SET (RESTRICT = NONE); ALTER OPERATOR ### (int, bigint) SET (RESTRICT = eqsel)")
        assert inlined not in str(member.execute(explain).fetchall())
        member.execute("DROP OPERATOR ### (int, bigint)")
        member.execute("CREATE FUNCTION hideout.never(int, bigint) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN false; END'")
        member.execute(OPERATOR.replace("pg_catalog.pg_terminate_backend", "never"))
        assert inlined in str(member.execute(explain).fetchall())
        assert value(target, "SELECT 1") == 1
    finally:
        admin.execute("DROP DATABASE later WITH (FORCE)")


@pytest.mark.parametrize("loading", ["session_preload_libraries", "LOAD"])
def test_a_library_that_comes_with_the_session_refuses_too(loading):
    server = Server("late", {})
    try:
        with server.connect() as admin, server.connect("alice") as target:
            if loading == "session_preload_libraries":
                admin.execute("ALTER ROLE member SET session_preload_libraries = 'redshift_sessions'")
            with server.connect("member") as member:
                if loading == "LOAD":
                    value(member, "SELECT redshift_sessions.pg_cancel_backend(0)")  # which loads it
                member.execute("PREPARE p(boolean) AS SELECT $1")
                for refused in ("EXECUTE p(pg_terminate_backend(%d))" % pid_of(target), DEFINITIONS[0]):
                    with pytest.raises(psycopg.errors.InsufficientPrivilege) as error:
                        member.execute(refused)
                    is_refusal(error.value)
            assert value(target, "SELECT 1") == 1
    finally:
        server.remove()


def test_ones_own_session_is_no_exception_there_and_ours_works(login, admin, clean):
    """The hook is asked before the function has its arguments. Schema-qualified, ours follows Redshift's rule wherever it is written."""
    target, alice = login("alice"), login("alice")
    alice.execute("PREPARE p(int) AS SELECT $1; PREPARE q(boolean) AS SELECT $1")
    with pytest.raises(psycopg.errors.InsufficientPrivilege) as error:
        alice.execute("EXECUTE q(pg_terminate_backend(%d))" % pid_of(target))
    is_refusal(error.value)
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="to terminate session"):
        alice.execute("EXECUTE p(redshift_sessions.pg_terminate_backend(%d))" % pid_of(admin))
    assert value(alice, "EXECUTE p(redshift_sessions.pg_terminate_backend(%d))" % pid_of(target)) == 1
    eventually(lambda: not is_alive(admin, pid_of(target)))


def test_it_is_current_user_who_counts(login, admin, clean):
    """A definer's function has its owner's rights, here too."""
    target, member = login("alice"), login("member")
    hide(admin, member)
    body = "RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN EXECUTE format($$PREPARE p(boolean) AS SELECT $1$$); EXECUTE format($$EXECUTE p(pg_terminate_backend(%s))$$, $1); END'"
    admin.execute("CREATE FUNCTION hideout.of_a_superuser(int) " + body)
    member.execute("CREATE FUNCTION hideout.of_a_member(int) " + body)
    with pytest.raises(psycopg.errors.InsufficientPrivilege) as error:
        login("boss").execute("SELECT hideout.of_a_member(%d)" % pid_of(target))
    is_refusal(error.value)
    member.execute("SELECT hideout.of_a_superuser(%d)" % pid_of(target))
    eventually(lambda: not is_alive(admin, pid_of(target)))
