"""pg_dump and pg_restore of a database with the extension and with what users built on it, to any kind of server."""


import pytest

import catalog
from conftest import EVERYTHING, Server, value
from versions import run

BUILT = """
    CREATE VIEW waiting AS SELECT w.pid, w.relation FROM svv_transactions w WHERE NOT w.granted;
    CREATE VIEW joined AS SELECT s.user_name, t.lock_mode FROM stv_sessions s LEFT JOIN svv_transactions t ON t.pid = s.process;
    CREATE MATERIALIZED VIEW kept AS SELECT pid, txn_owner FROM svv_transactions;
    CREATE VIEW ends AS SELECT pg_terminate_backend(0) AS plain, redshift_sessions.pg_terminate_backend(0) AS ours;
    CREATE FUNCTION ends(pid int) RETURNS boolean LANGUAGE sql AS 'SELECT pg_terminate_backend(pid)';
    GRANT SELECT ON stl_tr_conflict TO alice;
    REVOKE SELECT ON stv_recents FROM PUBLIC;
"""


@pytest.fixture(scope="module")
def bare():
    """A server that does not load the library by itself."""
    server = Server("bare", {**EVERYTHING, "shared_preload_libraries": ""}, extension=False)
    yield server
    server.remove()


@pytest.fixture(params=["with the library preloaded", "without"])
def target(request, server):
    target = server if request.param != "without" else request.getfixturevalue("bare")
    with target.connect("awsuser", "postgres") as connection:
        connection.execute("CREATE DATABASE restored TEMPLATE template0")
        yield target
        connection.execute("DROP DATABASE restored WITH (FORCE)")


@pytest.fixture(params=["fresh", "0.1.0"])
def original(request, server):
    """A database to be dumped, whose extension is of some version."""
    version = "" if request.param == "fresh" else "VERSION '%s'" % request.param
    with server.connect("awsuser", "postgres") as connection:
        connection.execute("CREATE DATABASE original TEMPLATE template0")
        with server.connect("awsuser", "original") as database:
            database.execute("CREATE EXTENSION redshift_sessions %s" % version)
            database.execute(BUILT)
            yield database
        connection.execute("DROP DATABASE original WITH (FORCE)")


def plain(source, target, path):
    run("pg_dump", "-f", path, source)
    assert path.read_text().count("CREATE EXTENSION") == 1
    run("psql", "-qX", "-v", "ON_ERROR_STOP=1", "-f", path, target)


def custom(source, target, path):
    run("pg_dump", "-Fc", "-f", path, source)
    run("pg_restore", "--exit-on-error", "-d", target, path)


@pytest.mark.parametrize("form", [plain, custom])
def test_what_was_dumped_can_be_restored(form, original, target, server, tmp_path):
    expected = catalog.of_extension(original)
    form(server.dsn(dbname="original"), target.dsn(dbname="restored"), tmp_path / "dump")
    with target.connect("awsuser", "restored") as restored, target.connect("alice", "restored") as alice:
        found = catalog.of_extension(restored)
        if found["extension"] == expected["extension"]:
            assert found == expected  # privileges that users gave and took included
        for view in "waiting", "joined", "kept":
            restored.execute("SELECT * FROM %s" % view).fetchall()
        assert restored.execute("SELECT plain, ours, ends(0) FROM ends").fetchone() == (False, 0, False)
        assert value(alice, "SELECT has_table_privilege('stl_tr_conflict', 'SELECT') AND NOT has_table_privilege('stv_recents', 'SELECT')")
        assert value(restored, "SELECT extversion = (SELECT default_version FROM pg_available_extensions WHERE name = extname)"
                     " FROM pg_extension WHERE extname = 'redshift_sessions'")  # fmt: skip
