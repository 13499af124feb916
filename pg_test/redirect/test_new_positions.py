"""Where else could PostgreSQL's own function run, in what the newer versions brought? See test_positions.py."""

import psycopg
import pytest

from conftest import eventually, is_alive, pid_of, value
from test_positions import BAIT, DEFINITIONS, attempt, clean, hide, is_refusal  # noqa: F401, a fixture

# The version that brought it, what a user makes, and the statement that then runs the function on {pid}. PostgreSQL's 19beta2 had what is
# of 20 here, 19rc1 has it no longer.
POSITIONS = {
    "restored statistics of a domain": (
        18,
        "CREATE DOMAIN d AS int CHECK (pg_terminate_backend(VALUE)); CREATE TABLE t (x d)",
        """SELECT pg_restore_attribute_stats('schemaname', 'hideout', 'relname', 't', 'attname', 'x', 'inherited', false, 'version', 180000,
        'null_frac', 0::real, 'avg_width', 4, 'n_distinct', -1::real, 'most_common_vals', '{{{pid}}}', 'most_common_freqs', '{{1}}'::real[])""",
    ),
    "restored statistics of an expression": (
        19,
        "CREATE DOMAIN d AS int CHECK (pg_terminate_backend(VALUE)); CREATE TABLE t (x int, y int); CREATE STATISTICS s ON (x::d), y FROM t",
        """SELECT pg_restore_extended_stats('schemaname', 'hideout', 'relname', 't', 'statistics_schemaname', 'hideout', 'statistics_name', 's',
        'inherited', false, 'exprs', '[{{"null_frac": "0", "avg_width": "4", "n_distinct": "-1", "most_common_vals": "{{{pid}}}",
        "most_common_freqs": "{{1}}"}}]'::jsonb)""",
    ),
    "check constraint that is enforced": (
        19,
        "CREATE TABLE t (x int, CONSTRAINT c CHECK (pg_terminate_backend(x)) NOT ENFORCED); INSERT INTO t VALUES ({pid})",
        "ALTER TABLE t ALTER CONSTRAINT c ENFORCED",
    ),
    "domain, read by COPY that puts NULL for errors": (
        19,
        "CREATE DOMAIN d AS int CHECK (pg_terminate_backend(VALUE)); CREATE TABLE t (x d)",
        "COPY t FROM STDIN (ON_ERROR set_null)",
    ),
    "extended statistics of REPACK": (19, "CREATE STATISTICS s ON (pg_terminate_backend(pid)) FROM bait", "REPACK (ANALYZE) bait"),
    "bound of a partition in CREATE SCHEMA": (
        14,
        "CREATE TABLE t (x boolean) PARTITION BY LIST (x); CREATE SCHEMA made; DROP SCHEMA made",
        "CREATE SCHEMA made CREATE TABLE t1 PARTITION OF hideout.t FOR VALUES IN (pg_terminate_backend({pid}))",
    ),
    "property of a graph in an inlined function": (
        20,
        "CREATE PROPERTY GRAPH g VERTEX TABLES (bait KEY (pid) PROPERTIES (pid, pg_terminate_backend(pid) AS ended));"
        "CREATE FUNCTION f() RETURNS SETOF boolean LANGUAGE sql STABLE AS 'SELECT ended FROM GRAPH_TABLE (g MATCH (n) COLUMNS (n.ended))'",
        "SELECT * FROM f()",
    ),
}
NEW = tuple(getattr(psycopg.errors, name) for name in ("SyntaxError", "UndefinedFunction", "FeatureNotSupported", "WrongObjectType", "InvalidParameterValue"))


@pytest.fixture
def run(server, clean):  # noqa: F811
    """Makes the position and runs its statement on the target, or skips the test where the server does not know it yet."""

    def run(position, maker, caller, target):
        since, made, statement = POSITIONS[position]
        hide(maker, caller)
        maker.execute("GRANT CREATE ON DATABASE %s TO %s" % (caller.info.dbname, caller.info.user))
        try:
            caller.execute((BAIT + made).format(pid=pid_of(target)))
            attempt(server, caller, statement, pid_of(target))
        except NEW:
            if server.version() >= since:
                raise
            pytest.skip("PostgreSQL %d does not have it" % server.version())
        finally:
            maker.execute("REVOKE CREATE ON DATABASE %s FROM %s; DROP SCHEMA IF EXISTS made CASCADE" % (caller.info.dbname, caller.info.user))

    return run


@pytest.mark.parametrize("name", ["member", "canceller"])
@pytest.mark.parametrize("position", POSITIONS)
def test_without_the_extension_it_ends_the_session(login, admin, run, position, name):
    """Else the other tests would show nothing."""
    target = login("alice")
    run(position, login(dbname="postgres"), login(name, "postgres"), target)
    eventually(lambda: not is_alive(admin, pid_of(target)))


@pytest.mark.parametrize("name", ["member", "canceller"])
@pytest.mark.parametrize("position", POSITIONS)
def test_with_it_a_regular_user_is_refused(login, admin, run, position, name):
    target = login("alice")
    with pytest.raises(psycopg.errors.InsufficientPrivilege) as error:
        run(position, admin, login(name), target)
    is_refusal(error.value)
    assert value(target, "SELECT 1") == 1


@pytest.mark.parametrize("definition", DEFINITIONS)
def test_create_schema_makes_no_operator_or_aggregate_over_it(server, login, admin, definition):
    """From 20 on it can make both."""
    member = login("member")
    admin.execute("GRANT CREATE ON DATABASE dev TO member")
    try:
        with pytest.raises(psycopg.Error) as error:
            member.execute("CREATE SCHEMA made " + definition)
        if isinstance(error.value, psycopg.errors.SyntaxError):
            assert server.version() < 20
        else:
            is_refusal(error.value, "pg_cancel_backend" if "cancel" in definition else "pg_terminate_backend")
    finally:
        admin.execute("REVOKE CREATE ON DATABASE dev FROM member")


def test_a_view_that_create_schema_makes_keeps_the_boolean(admin):
    try:
        admin.execute("CREATE SCHEMA made CREATE VIEW v AS SELECT pg_terminate_backend(0) AS b")
        assert value(admin, "SELECT pg_typeof(b)::text FROM made.v") == "boolean"
        assert "redshift_sessions" not in value(admin, "SELECT pg_get_viewdef('made.v')")
    finally:
        admin.execute("DROP SCHEMA IF EXISTS made CASCADE")
