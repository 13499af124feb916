"""pg_upgrade from older servers to the one under test, with the option that README.md names. Run by `pg_test/run upgrade`:
it needs the extension installed for all of these versions, as `make stress KIND=versions` leaves them."""

import os
import subprocess

import pytest

import catalog
from conftest import EVERYTHING, ROOT, SERVER, Server, pid_of, value

NEW = os.environ["PG"]
OLDER = [str(major) for major in range(14, int(NEW))]
OPTIONS = ["-O", "-c allow_system_table_mods=on"]
BUILT = """
    CREATE VIEW waiting AS SELECT w.pid, w.relation FROM svv_transactions w WHERE NOT w.granted;
    CREATE VIEW mine AS SELECT s.user_name, t.lock_mode FROM stv_sessions s LEFT JOIN svv_transactions t ON t.pid = s.process;
    CREATE VIEW ends AS SELECT pg_terminate_backend(0) AS plain, redshift_sessions.pg_terminate_backend(0) AS ours;
    GRANT SELECT ON stl_tr_conflict TO alice;
"""


@pytest.fixture
def upgrade(monkeypatch):
    """Makes a server of an older version with a database of ours, and upgrades it."""
    servers = []

    def upgrade(older, options, version="", more="SELECT 1"):
        monkeypatch.setenv("PG", older)
        old = Server("old", EVERYTHING, extension=False)
        servers.append(old)
        with old.connect() as admin, old.connect("alice") as alice:
            admin.execute("CREATE EXTENSION redshift_sessions %s" % version)
            admin.execute(BUILT)
            admin.execute(more)
            assert value(admin, "SELECT pg_terminate_backend(%s)", pid_of(alice)) == 1
            assert value(admin, "SELECT count(*) FROM svl_terminate") == 1
        old.stop()
        monkeypatch.setenv("PG", NEW)
        Server.call("remove", "test-new")
        # From 18 on pages have checksums unless initdb is told otherwise, and both servers must do the same.
        Server.call("init", "test-new", *(["--no-data-checksums"] if int(older) < 18 <= int(NEW) else []))
        run = subprocess.run([SERVER, "upgrade", "test-new", "test-old", older, *options], text=True, capture_output=True)
        new = Server.__new__(Server)
        new.name, new.port = "test-new", old.port
        servers.append(new)
        return new, run

    yield upgrade
    for server in servers:
        server.remove()


def without_texts_of_views(aspects):
    """pg_dump writes the columns of a function in FROM behind its alias, so that a view's text is another one afterwards."""
    return {**aspects, "views": [row[:-1] for row in aspects["views"]]}


@pytest.mark.parametrize("older", OLDER)
def test_pg_upgrade_keeps_everything(older, upgrade):
    new, run = upgrade(older, OPTIONS)
    assert run.returncode == 0, run.stdout + run.stderr
    new.start(EVERYTHING)
    with new.connect() as admin, new.connect("alice") as alice:
        assert new.version() == int(NEW)
        assert value(admin, "SELECT count(*) > 0 FROM svv_transactions WHERE pid = pg_backend_pid()")
        assert value(admin, "SELECT count(*) FROM svl_terminate") == 0
        for view in catalog.views_of_extension(admin) + ["waiting", "mine"]:
            admin.execute("SELECT * FROM %s" % view).fetchall()
        assert admin.execute("SELECT * FROM ends").fetchone() == (False, 0)
        assert value(alice, "SELECT pg_terminate_backend(%s)", 0) == 0
        assert value(admin, "SELECT pg_terminate_backend(%s)", pid_of(alice)) == 1
        assert value(admin, "SELECT has_table_privilege('alice', 'stl_tr_conflict', 'SELECT')") is True
        # As if it had been created here, once what was granted is taken back.
        admin.execute("REVOKE SELECT ON stl_tr_conflict FROM alice")
        upgraded = without_texts_of_views(catalog.of_extension(admin))
        admin.execute("DROP EXTENSION redshift_sessions CASCADE; CREATE EXTENSION redshift_sessions")
        fresh = without_texts_of_views(catalog.of_extension(admin))
        for aspect in fresh:
            assert upgraded[aspect] == fresh[aspect], aspect


EXTRAS = """
    CREATE EXTENSION redshift_sessions_extras;
    CREATE VIEW ages AS SELECT a.procpid, datediff('s', a.backend_start::timestamp, getdate()) AS age, 'x'::text + a.current_query AS query FROM pg_stat_activity a;
    CREATE VIEW sizes AS SELECT nvl("table", '') AS name, decode(size, 0, 'none', 'some') AS size FROM svv_table_info;
    CREATE VIEW lists AS SELECT listagg(name, ',') AS names FROM stv_tbl_perm;
    GRANT SELECT ON svv_table_info TO alice;
"""


@pytest.mark.parametrize("older", OLDER)
def test_pg_upgrade_keeps_the_extras(older, upgrade):
    """Also from 14, where regexp_substr() is the extension's, to where it is PostgreSQL's."""
    new, run = upgrade(older, OPTIONS, more=EXTRAS)
    assert run.returncode == 0, run.stdout + run.stderr
    new.start(EVERYTHING)
    with new.connect() as admin, new.connect("alice") as alice:
        for view in catalog.views_of_extension(admin, "redshift_sessions_extras") + ["ages", "sizes", "lists"]:
            admin.execute("SELECT * FROM %s" % view).fetchall()
        alice.execute("SELECT * FROM svv_table_info").fetchall()
        assert admin.execute("SELECT regexp_substr('a1'::varchar, '[0-9]'), regexp_substr('a1', '[0-9]'), regexp_substr('a1'::text, '[0-9]')").fetchone() == ("1", "1", "1")
        upgraded = catalog.of_extension(admin, "redshift_sessions_extras")
        fresh = "DROP EXTENSION redshift_sessions_extras CASCADE; CREATE EXTENSION redshift_sessions_extras"
        admin.execute("REVOKE SELECT ON svv_table_info FROM alice; " + fresh)
        of_14 = {row for row in upgraded["members"] if "regexp_substr(character varying" in row[0]}
        assert set(upgraded["members"]) - of_14 == set(catalog.of_extension(admin, "redshift_sessions_extras")["members"])


def test_pg_upgrade_keeps_an_earlier_version_which_can_be_updated(upgrade):
    new, run = upgrade(OLDER[0], OPTIONS, "VERSION '0.1.0'")
    assert run.returncode == 0, run.stdout + run.stderr
    new.start(EVERYTHING)
    with new.connect() as admin:
        admin.execute("SELECT * FROM waiting").fetchall()
        admin.execute("ALTER EXTENSION redshift_sessions UPDATE")
        admin.execute("SELECT * FROM waiting, mine").fetchall()


def test_pg_upgrade_of_a_server_that_preloads_the_library_already(upgrade):
    new, run = upgrade(OLDER[0], ["-O", "-c allow_system_table_mods=on -c shared_preload_libraries=redshift_sessions"])
    assert run.returncode == 0, run.stdout + run.stderr
    new.start(EVERYTHING)
    with new.connect() as admin:
        assert admin.execute("SELECT * FROM ends").fetchone() == (False, 0)


def test_without_the_option_pg_upgrade_says_why_it_stops(upgrade):
    """What README.md says of it is needed, and is all that is needed."""
    assert 'pg_upgrade %s "%s"' % tuple(OPTIONS) in (ROOT / "README.md").read_text()
    new, run = upgrade(OLDER[0], [])
    assert run.returncode != 0
    directory = new.directory()
    logs = "".join(path.read_text(errors="replace") for path in directory.rglob("*.log"))
    assert "permission denied" in logs + run.stdout
