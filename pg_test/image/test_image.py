"""What whoever starts a container of the image meets: its health, its logs, its passwords, its scripts. With Docker itself."""

import json

import pytest

from conftest import eventually, value
from containers import IMAGE, MAJOR, TRUSTING, Container, docker
from logins import DRIVERS, WITHOUT_SCRAM

ROWS = """
    SELECT (SELECT count(*) FROM stl_connection_log), (SELECT count(*) FROM stl_sessions), (SELECT count(*) FROM stv_sessions),
        (SELECT count(*) FROM stl_query WHERE pid <> pg_backend_pid()), (SELECT count(*) FROM svl_terminate),
        (SELECT count(*) FROM sys_transaction_history), (SELECT count(*) FROM stl_userlog)
"""


@pytest.fixture
def start():
    started = []

    def start(*options, **more):
        started.append(Container.start(*options, **more))
        return started[-1]

    yield start
    for container in started:
        container.remove()


@pytest.fixture(scope="module")
def trusting():
    container = Container.start(*TRUSTING).wait()
    yield container
    container.remove()


def test_it_behaves_like_redshift_at_once(trusting):
    with trusting.connect() as session:
        assert value(session, "SELECT pg_terminate_backend(0)") == 0
        assert value(session, "SELECT txn_db FROM svv_transactions WHERE pid = pg_backend_pid() LIMIT 1") == "dev"
        assert session.info.server_version // 10000 == int(MAJOR)
        session.execute("CREATE DATABASE another")
    with trusting.connect(dbname="another") as session:
        assert value(session, "SELECT count(*) FROM stv_sessions WHERE process = pg_backend_pid()") == 1


def test_checks_of_its_health_add_no_row(trusting):
    def last_check():
        return trusting.state()["Health"]["Log"][-1]["Start"]

    with trusting.connect() as session:
        # The statements before are written once the next one has begun.
        session.execute("BEGIN")
        before = session.execute(ROWS).fetchone()
        for _ in range(3):
            last = last_check()
            eventually(lambda: last_check() != last)
        assert session.execute(ROWS).fetchone() == before


@pytest.mark.parametrize(
    "user, database, port, options",
    [
        ("someone", "awsuser", 5439, ["--env", "POSTGRES_USER=someone", "--env", "POSTGRES_DB=awsuser"]),
        ("awsuser", "template1", 5439, ["--env", "POSTGRES_DB=template1"]),
        ("awsuser", "dev", 6000, ["--env", "PGPORT=6000"]),
        ("awsuser", "dev", 6000, []),
    ],
    ids=["user and database", "template1", "PGPORT", "-p"],
)
def test_it_is_healthy_whoever_uses_it(start, user, database, port, options):
    container = start(*TRUSTING, *options, inside=port, command=("postgres", "-p", "6000") if port == 6000 and not options else ()).wait()
    with container.connect(user, database) as session:
        assert value(session, "SELECT pg_cancel_backend(0)") == 0


def test_it_is_not_ready_while_the_cluster_is_made(start, tmp_path):
    script = tmp_path / "10-slow.sql"
    script.write_text("SELECT pg_sleep(600)")
    script.chmod(0o644)  # the server's user reads it, whatever the umask of the tests
    tmp_path.chmod(0o755)
    container = start(*TRUSTING, "--volume", "%s:/docker-entrypoint-initdb.d/10-slow.sql:ro" % script)
    sleeping = ["psql", "-XAtU", "awsuser", "-d", "dev", "-c", "SELECT count(*) FROM stv_inflight WHERE text LIKE 'SELECT pg_sleep%'"]
    eventually(lambda: "running /docker-entrypoint-initdb.d/10-slow.sql" in container.log())
    eventually(lambda: docker("exec", container.id, *sleeping) == "1")
    assert docker("exec", container.id, "sh", "-c", "sed -n 8p $PGDATA/postmaster.pid").strip() == "ready"
    assert container.check() == 1 and container.health() == "starting"


def test_scripts_of_users_run_after_ours(start, tmp_path):
    script = tmp_path / "10-schema.sql"
    script.write_text("CREATE VIEW mine AS SELECT * FROM stv_sessions; CREATE DATABASE more")
    script.chmod(0o644)
    container = start(*TRUSTING, "--volume", "%s:/docker-entrypoint-initdb.d/10-schema.sql:ro" % script).wait()
    with container.connect() as session:
        assert value(session, "SELECT count(*) FROM mine WHERE process = pg_backend_pid()") == 1


@pytest.mark.parametrize("signal", ["restart", "kill"])
def test_it_comes_back_with_its_data(start, signal):
    container = start(*TRUSTING).wait()
    with container.connect() as session:
        session.execute("CREATE TABLE kept (id int)")
    if signal == "restart":
        docker("restart", container.id)
    else:
        # What a killed server has left says that it is ready.
        docker("kill", container.id)
        docker("start", container.id)
    container.wait()
    with container.connect() as session:
        assert value(session, "SELECT count(*) FROM kept") == 0
        assert value(session, "SELECT pg_terminate_backend(0)") == 0


def test_a_pid_file_that_a_killed_server_has_left_is_not_believed(start):
    container = start(*TRUSTING).wait()
    copy = "mkdir /tmp/left && sed '1s/.*/%s/' $PGDATA/postmaster.pid >/tmp/left/postmaster.pid; PGDATA=/tmp/left redshift_sessions-is-ready"
    ready = lambda pid: docker("exec", "--user", "postgres", container.id, "sh", "-c", (copy % pid) + "; echo $?; rm -r /tmp/left")  # noqa: E731
    assert [ready(pid).splitlines()[-1] for pid in (1, 4000000, "$$")] == ["0", "1", "1"]


@pytest.mark.parametrize("driver", DRIVERS)
class TestPasswords:
    """Each driver logs in with what POSTGRES_PASSWORD gave, and with another role's; SCRAM is there for who wants it."""

    @pytest.fixture(scope="class")
    def guarded(self):
        container = Container.start("--env", "POSTGRES_PASSWORD=secret").wait()
        with container.connect(password="secret") as session:
            session.execute("CREATE ROLE another LOGIN PASSWORD 'other'")
        yield container
        container.remove()

    @pytest.fixture(scope="class")
    def scram(self):
        container = Container.start("--env", "POSTGRES_PASSWORD=secret", "--env", "POSTGRES_HOST_AUTH_METHOD=scram-sha-256").wait()
        yield container
        container.remove()

    def test_out_of_the_box(self, guarded, driver):
        where = {"host": "127.0.0.1", "port": guarded.port()}
        assert DRIVERS[driver](user="awsuser", password="secret", **where) == "awsuser"
        assert DRIVERS[driver](user="another", password="other", **where) == "another"
        with pytest.raises(Exception, match="password authentication failed"):
            DRIVERS[driver](user="awsuser", password="other", **where)

    def test_with_scram(self, scram, driver):
        options = {"host": "127.0.0.1", "port": scram.port(), "user": "awsuser", "password": "secret"}
        if driver not in WITHOUT_SCRAM:
            assert DRIVERS[driver](**options) == "awsuser"
            return
        with pytest.raises(Exception) as refused:
            DRIVERS[driver](**options)
        assert WITHOUT_SCRAM[driver] in "%r" % refused.value


def test_without_a_password_it_says_what_is_missing(start):
    container = start()
    eventually(lambda: not container.state()["Running"])
    assert container.state()["ExitCode"] == 1 and "You must specify POSTGRES_PASSWORD" in container.log()


def test_everybody_may_read_its_files(trusting):
    """Whatever the permissions in the clone that it was built from."""
    listed = "stat -c '%a %n' / /usr /usr/local/bin /usr/local/bin/redshift_sessions-is-ready /docker-entrypoint-initdb.d/* /usr/lib/postgresql/*/lib/redshift_sessions.so /usr/share/postgresql/*/extension/redshift_sessions*"
    modes = {tuple(line.split(" ", 1)) for line in docker("exec", trusting.id, "sh", "-c", listed).splitlines()}
    strange = {(mode, name) for mode, name in modes if mode != ("644" if name.endswith((".sql", ".control")) else "755") and (mode, name[-3:]) != ("644", ".so")}
    assert len(modes) > 8 and strange == set()


def test_what_is_written_on_it():
    labels = json.loads(docker("inspect", "--format", "{{json .Config.Labels}}", IMAGE))
    assert labels["org.opencontainers.image.title"] == "redshift_sessions" and labels["org.opencontainers.image.licenses"] == "PostgreSQL"


def test_the_library_is_stripped(trusting):
    size = docker("exec", trusting.id, "sh", "-c", "stat -c %s /usr/lib/postgresql/*/lib/redshift_sessions.so")
    assert int(size) < 3_000_000
