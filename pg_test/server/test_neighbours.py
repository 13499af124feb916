"""Other extensions' hooks, and the errors of other statements: whole, with us before, after or absent."""

import re

import psycopg
import pytest

from conftest import EVERYTHING, Server, eventually, pid_of, value
from neighbours import built, origin
from protocol import Raw, Refused

BOOL = 16
ORDERS = ["", "redshift_sessions", "redshift_sessions,pg_stat_statements", "pg_stat_statements,redshift_sessions"]

PREPARE = """
    CREATE TABLE parent (id int PRIMARY KEY, positive int CONSTRAINT is_positive CHECK (positive > 0), needed int NOT NULL);
    CREATE TABLE child (id int CONSTRAINT to_parent REFERENCES parent);
    CREATE DOMAIN small AS int CONSTRAINT is_small CHECK (VALUE < 10);
    CREATE FUNCTION fails(x int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN 1 / x; END $$;
    CREATE FUNCTION fails_in_sql(x int) RETURNS int LANGUAGE sql AS 'SELECT 1 / x';
    CREATE FUNCTION cancels_and_fails(x int) RETURNS boolean LANGUAGE plpgsql AS
        $$ BEGIN RETURN pg_cancel_backend(0) OR 1 / x > 0; END $$;
    INSERT INTO parent VALUES (1, 1, 1);
"""
STATEMENTS = [
    "SELEC 1",
    "SELECT nothing FROM parent",
    "SELECT 1 / 0",
    "SELECT fails(0)",
    "SELECT fails_in_sql(0)",
    "SELECT cancels_and_fails(0)",
    "SELECT pg_terminate_backend(0), nothing",
    "SELECT pg_terminate_backend(0, 0, 0)",
    "SELECT pg_terminate_backend(12345678901)",
    "SELECT pg_terminate_backend('x')",
    "SELECT pg_terminate_backend([123])",
    "SELECT pg_terminate_backend(1 / 0)",
    "SELECT pg_cancel_backend(0), 1 / 0",
    "INSERT INTO parent VALUES (1, 1, 1)",
    "INSERT INTO parent VALUES (2, -1, 1)",
    "INSERT INTO parent VALUES (2, 1, NULL)",
    "INSERT INTO child VALUES (77)",
    "SELECT 12::small",
    "DO $$ BEGIN EXECUTE 'SELECT 1 FROM nowhere'; END $$",
    "DO $$ BEGIN RAISE EXCEPTION 'mine' USING ERRCODE = 'P1234', HINT = 'a hint', DETAIL = 'a detail'; END $$",
    "CREATE TABLE parent ()",
    "SELECT count(*) FROM parent WHERE pg_terminate_backend(0) AND id = 'x'",
    "EXPLAIN SELECT 1 / 0",
    "PREPARE p AS SELECT nothing",
]
FIELDS = [
    "severity", "sqlstate", "message_primary", "message_detail", "message_hint", "statement_position", "internal_position",
    "internal_query", "context", "schema_name", "table_name", "column_name", "datatype_name", "constraint_name",
    "source_file", "source_function",
]  # fmt: skip


def comes_without_contrib():
    """Only what .ci/servers got may lack it: elsewhere the server does not start, and the tests fail."""
    return "/wheels/" in origin()


@pytest.fixture(scope="module", params=ORDERS, ids=lambda order: order or "neither")
def neighbour(request):
    if "pg_stat_statements" in request.param and comes_without_contrib():
        pytest.skip("the builds of .ci/servers come without contrib, where pg_stat_statements is")
    server = Server("neighbour", {**EVERYTHING, "shared_preload_libraries": request.param}, extension=bool(request.param))
    with server.connect() as admin:
        admin.execute(PREPARE)
        if "pg_stat_statements" in request.param:
            admin.execute("CREATE EXTENSION pg_stat_statements")
    yield server
    server.remove()


whole = {}


def test_errors_arrive_whole(neighbour):
    """The same in every field as on a server without us, which comes first."""
    with neighbour.connect() as session:
        for statement in STATEMENTS:
            with pytest.raises(psycopg.Error) as error:
                session.execute(statement)
            fields = {field: getattr(error.value.diag, field) for field in FIELDS}
            assert fields == whole.setdefault(statement, fields), statement
    assert whole["INSERT INTO parent VALUES (2, -1, 1)"]["constraint_name"] == "is_positive"
    assert whole["SELECT nothing FROM parent"]["statement_position"] == "8"


@pytest.mark.parametrize("neighbour", ORDERS[2:], indirect=True)
def test_pg_stat_statements_counts_on(neighbour):
    with neighbour.connect() as session, neighbour.connect("alice") as alice:
        session.execute("SELECT pg_stat_statements_reset()")
        for number in (1, 2, 3):
            session.execute("SELECT pg_terminate_backend(-%d)" % number)
            session.execute("SELECT %d + 1 FROM parent" % number)
        assert value(session, "SELECT pg_terminate_backend(%s)", pid_of(alice)) == 1
        # A constant and a parameter make two entries with one text.
        counted = dict(session.execute("SELECT query, sum(calls)::int FROM pg_stat_statements GROUP BY query").fetchall())
        assert counted["SELECT pg_terminate_backend($1)"] == 4
        assert counted["SELECT $1 + $2 FROM parent"] == 3


@pytest.fixture(params=["watcher,redshift_sessions", "redshift_sessions,watcher"])
def watched(request):
    """A server with another library that watches which functions run, before us and after."""
    with built("watcher"):
        server = Server("watched", {**EVERYTHING, "shared_preload_libraries": request.param})
        yield server
        server.remove()


def test_another_library_watches_on(watched):
    """It is asked about the function behind our view, which our own scan would not run, and about what we let pass; what we refuse is refused."""
    with watched.connect() as admin, watched.connect("member") as member:
        for session in (admin, member):
            session.execute("PREPARE p(boolean) AS SELECT $1")
            session.notices.clear()
        told = lambda session: [notice.message_primary for notice in session.notices]
        assert "Function Scan" in str(admin.execute("EXPLAIN SELECT * FROM svv_transactions").fetchall())
        admin.execute("SELECT count(*) FROM svv_transactions")
        assert "watched svv_transactions" in told(admin)
        admin.execute("EXECUTE p(pg_cancel_backend(0))")
        assert "watched pg_cancel_backend" in told(admin)
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied for function pg_cancel_backend"):
            member.execute("EXECUTE p(pg_cancel_backend(0))")
        # PostgreSQL's function, called by ours, is nobody's to watch: not before us either.
        member.notices.clear()
        member.execute("SELECT pg_cancel_backend(pg_backend_pid()) WHERE false")
        with pytest.raises(psycopg.errors.QueryCanceled):
            member.execute("SELECT pg_cancel_backend(pg_backend_pid())")
        assert "watched pg_cancel_backend" in told(member)  # ours, of the same name


def test_another_library_hears_of_errors(watched):
    """And we do, whoever comes first."""
    with watched.connect() as admin, watched.connect("alice") as session:
        admin.execute("CREATE FUNCTION errors() RETURNS int LANGUAGE c AS 'watcher'")
        for number in range(3):
            assert value(session, "SELECT errors()") == number
            with pytest.raises(psycopg.errors.SerializationFailure):
                session.execute("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '40001'; END $$")
        assert value(admin, "SELECT count(*) FROM stl_tr_conflict WHERE process_id = %s", pid_of(session)) == 3


def test_nothing_is_defined_for_a_driver_that_is_not_let_in(watched):
    hba = watched.directory() / "data/pg_hba.conf"
    hba.write_text("host all bob 127.0.0.1/32 ident\n" + hba.read_text())  # nobody answers there
    driver = {"client_protocol_version": "2", "tomorrow": "a value"}
    with watched.connect() as admin:
        admin.execute("SELECT pg_reload_conf()")

        def refused():
            try:
                Raw(watched.port, user="bob", **driver).close()
            except Refused as error:
                return error.sqlstate == "28000"

        eventually(refused)
    Raw(watched.port, user="alice", **driver).close()
    told = re.findall('LOG:  (let in|refused) with "(.*)"', (watched.directory() / "log").read_text())
    assert told[-2:] == [("refused", "nothing"), ("let in", "a value")]


def test_a_worker_is_no_client(server, admin):
    """What it runs by SPI is a function's, also if it calls the text its own: the boolean stays one."""
    with built("worker"):
        admin.execute("CREATE FUNCTION launch(text) RETURNS boolean LANGUAGE c AS 'worker'")
        try:
            log = server.directory() / "log"
            assert value(admin, "SELECT launch('SELECT pg_terminate_backend(0)')") is True
            told = eventually(lambda: re.findall("worker's result is of type ([0-9]+)", log.read_text(errors="replace")))
            assert told == [str(BOOL)]
        finally:
            admin.execute("DROP FUNCTION launch(text)")
