"""Well-known libraries before and after ours in shared_preload_libraries: ours works, and so does theirs."""

import re

import psycopg
import pytest

from conftest import EVERYTHING, ROOT, Server, eventually, is_alive, oid, pid_of, rows_of, value
from neighbours import is_there

pytestmark = pytest.mark.once

OURS = "redshift_sessions"
# Where they come from if they are not here. Debian has those of its own PostgreSQL only.
NEIGHBOURS = {
    "pg_stat_statements": "contrib of PostgreSQL, which the builds of .ci/servers come without",
    "auto_explain": "contrib of PostgreSQL, which the builds of .ci/servers come without",
    "pgaudit": "Debian's postgresql-15-pgaudit",
    "pg_cron": "Debian's postgresql-15-cron",
    "orafce": "Debian's postgresql-15-orafce",
    "citus": "its sources, built for this server",
}
SETTINGS = {
    "auto_explain": {"auto_explain.log_min_duration": "0"},
    "pgaudit": {"pgaudit.log": "read,function"},
    "pg_cron": {"cron.database_name": "dev"},
    "citus": {"citus.enable_statistics_collection": "off"},
}
# Citus comes first, or the server does not start: test_citus_must_come_first.
ORDERS = [order for name in NEIGHBOURS for order in ([name, OURS], [OURS, name]) if order != [OURS, "citus"]]
TOGETHER = ["pg_stat_statements", "auto_explain", "pgaudit", "pg_cron", "orafce"]
ORDERS += [[OURS, *TOGETHER], [*TOGETHER[:2], OURS, *TOGETHER[2:]], [*TOGETHER, OURS]]


@pytest.fixture(scope="module")
def idle():
    """A server that each test starts anew."""
    server = Server("orders", EVERYTHING)
    with server.connect() as admin:
        admin.execute("CREATE TABLE t (id int); GRANT SELECT ON t TO PUBLIC")
        admin.execute("CREATE DATABASE distributed")
    yield server
    server.remove()


def restart(server, libraries):
    settings = {name: text for library in libraries for name, text in SETTINGS.get(library, {}).items()}
    server.stop()
    server.start({**EVERYTHING, "shared_preload_libraries": ",".join(libraries), **settings})


@pytest.mark.parametrize("order", ORDERS, ids=",".join)
def test_each_order(idle, order):
    if len(order) > 2:
        order = [name for name in order if name == OURS or is_there(name)]
    for name in order:
        if name in NEIGHBOURS and not is_there(name):
            pytest.skip("%s is not here; it comes from %s" % (name, NEIGHBOURS[name]))
    if "pg_stat_statements" in order and not counted:
        restart(idle, ["pg_stat_statements"])
        counted.update(count(idle))
    restart(idle, order)
    dbname = "distributed" if "citus" in order else "dev"
    if dbname != "dev":
        with idle.connect(dbname=dbname) as admin:
            admin.execute("CREATE EXTENSION redshift_sessions; CREATE TABLE t (id int); GRANT SELECT ON t TO PUBLIC")
    check_ours(idle, dbname)
    for name in order:
        if name != OURS:
            globals()["check_" + name](idle)


def check_ours(server, dbname):
    with server.connect(dbname=dbname) as admin, server.connect("alice", dbname) as alice, server.connect("member", dbname) as member:
        pid = pid_of(alice)
        alice.execute("SET query_group TO 'nightly'")
        alice.execute("BEGIN")
        alice.execute("SELECT count(*) FROM t")
        assert ("AccessShareLock", "relation", oid(admin, "t"), True) in rows_of(admin, pid)
        # An output column, which is redirected when it is analyzed, and a call that is when it is planned.
        for call in ("SELECT pg_terminate_backend(%s::int)", "SELECT 1 WHERE pg_terminate_backend(%s::int)"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied to terminate session"):
                member.execute(call, (pid,))
        # And one that passes by both.
        member.execute("PREPARE p(boolean) AS SELECT $1")
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied for function pg_terminate_backend"):
            member.execute("EXECUTE p(pg_terminate_backend(%d))" % pid)
        with server.connect("alice", dbname) as other:
            assert value(other, "SELECT pg_terminate_backend(%s::int)", pid) == 1
        eventually(lambda: not is_alive(admin, pid))
        alice.close()
        assert value(admin, "SELECT count(*) FROM svl_terminate WHERE pid = %s", pid) == 1
        assert value(admin, "SELECT count(*) FROM stl_connection_log WHERE pid = %s AND event = 'disconnecting session'", pid) == 1
        assert value(admin, "SELECT trim(label) FROM stl_query WHERE pid = %s AND querytxt LIKE 'SELECT count%%'", pid) == "nightly"


WORKLOAD = ["SELECT pg_terminate_backend(-1)", "SELECT pg_terminate_backend(-2)", "SELECT id FROM t WHERE pg_cancel_backend(-id)", "SELECT id FROM t WHERE id > 5",
            "UPDATE t SET id = id + 1", "CREATE TEMP TABLE u (id int)", "DO $$ BEGIN PERFORM pg_cancel_backend(-3); END $$"]  # fmt: skip
counted = {}  # by pg_stat_statements alone


def count(server):
    with server.connect() as admin:
        admin.execute("CREATE EXTENSION pg_stat_statements; SELECT pg_stat_statements_reset()")
        for statement in WORKLOAD:
            admin.execute(statement)
        found = admin.execute("SELECT query, calls, rows, toplevel, queryid FROM pg_stat_statements WHERE query NOT LIKE '%pg_stat_statements%' ORDER BY 1").fetchall()
        admin.execute("DROP EXTENSION pg_stat_statements; DROP TABLE u")
    return {row[0]: row[1:] for row in found}


def check_pg_stat_statements(server):
    assert count(server) == counted and counted["SELECT pg_terminate_backend($1)"][0] == 2


def written(server, statement, pattern):
    """What the statement has had a library write into the server's log."""
    log = server.directory() / "log"
    before = len(log.read_text())
    with server.connect() as admin:
        admin.execute(statement)
    return re.findall(pattern, log.read_text()[before:], re.MULTILINE)


def check_auto_explain(server):
    statement = "SELECT pg_terminate_backend(-1), pid FROM svv_transactions"
    assert written(server, statement, r"^\tQuery Text: (.*)\n\t\w+ Scan") == [statement]


def check_pgaudit(server):
    statement = "SELECT pg_terminate_backend(-1) FROM svv_transactions"
    lines = written(server, statement, r"AUDIT: SESSION,\d+,\d+,(.*),<not logged>$")
    assert sorted(lines) == [
        "FUNCTION,EXECUTE,FUNCTION,redshift_sessions.pg_terminate_backend," + statement,
        "FUNCTION,EXECUTE,FUNCTION,redshift_sessions.svv_transactions," + statement,
        "READ,SELECT,,," + statement,
    ]


def check_pg_cron(server):
    """It runs a job when it starts, by a login; its own process is no session."""
    with server.connect() as admin:
        admin.execute("CREATE EXTENSION pg_cron")
        job = value(admin, "SELECT cron.schedule('@reboot', 'SELECT pg_terminate_backend(-1) /* cron */')")
        libraries = value(admin, "SHOW shared_preload_libraries").split(",")
    restart(server, libraries)
    with server.connect() as admin:
        run = "SELECT status, return_message, job_pid FROM cron.job_run_details WHERE jobid = %d AND status <> 'running'" % job
        (status, message, pid) = eventually(lambda: admin.execute(run).fetchone())
        assert (status, message) == ("succeeded", "1 row")
        assert value(admin, "SELECT count(*) FROM stl_query WHERE querytxt LIKE '%%/* cron */%%'") == 1
        launcher = value(admin, "SELECT pid FROM pg_stat_activity WHERE backend_type = 'pg_cron launcher'")
        assert value(admin, "SELECT count(*) FROM stv_sessions WHERE process = %s", launcher) == 0
        admin.execute("DROP EXTENSION pg_cron")


def check_orafce(server):
    """And redshift_sessions_extras, which has functions of the same names, in either order."""
    with server.connect() as admin:
        for first, second in (("orafce", "redshift_sessions_extras"), ("redshift_sessions_extras", "orafce")):
            admin.execute("CREATE EXTENSION %s; CREATE EXTENSION %s" % (first, second))
            assert value(admin, "SELECT nvl(NULL, 1) + oracle.nvl(NULL::int, 2)") == 3
            assert value(admin, "SELECT oracle.add_months(date '2026-11-30', 3)::text LIKE '2027-02-28%'") is True
            admin.execute("DROP EXTENSION %s; DROP EXTENSION %s" % (second, first))


def check_citus(server):
    """Its functions that take a pid of the whole cluster call PostgreSQL's on the node, by our rule."""
    with server.connect(dbname="distributed") as admin:
        admin.execute("CREATE EXTENSION citus; SELECT citus_set_coordinator_host('127.0.0.1', %d)" % server.port)
        admin.execute("SELECT citus_set_node_property('127.0.0.1', %d, 'shouldhaveshards', true)" % server.port)
        admin.execute("SELECT create_distributed_table('t', 'id'); INSERT INTO t SELECT generate_series(1, 100)")
        assert value(admin, "SELECT count(*) FROM t") == 100
        with server.connect("alice", "distributed") as alice, server.connect("member", "distributed") as member:
            pid = value(alice, "SELECT citus_backend_gpid()")
            assert pid % 10**10 == pid_of(alice) != pid
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied to terminate session"):
                member.execute("SELECT pg_terminate_backend(%d)" % pid)
            with server.connect("alice", "distributed") as other:
                assert value(other, "SELECT pg_terminate_backend(%d)" % pid) is True
            eventually(lambda: not is_alive(admin, pid_of(alice)))
        assert value(admin, "SELECT pg_terminate_backend(-1)") == 0
        for pid in ("'-1'", "1::smallint"):  # with Citus alone, too
            with pytest.raises(psycopg.errors.AmbiguousFunction):
                admin.execute("SELECT pg_terminate_backend(%s)" % pid)
    check_ours(server, "distributed")


FIRST = """\
FATAL:  Citus has to be loaded first
HINT:  Place citus at the beginning of shared_preload_libraries.
"""


def test_citus_must_come_first(idle):
    if not is_there("citus"):
        pytest.skip("citus is not here; it comes from " + NEIGHBOURS["citus"])
    with pytest.raises(AssertionError) as error:
        restart(idle, [OURS, "citus"])
    assert re.sub(r"^.* UTC \[\d+\] ", "", str(error.value), flags=re.MULTILINE).count(FIRST) == 1
    idle.start(EVERYTHING)


def test_the_document_has_every_neighbour():
    document = (ROOT / "docs/neighbours.md").read_text()
    assert re.findall(r"^\| `(\w+)` \|", document, re.MULTILINE) == list(NEIGHBOURS)
    assert FIRST in document
