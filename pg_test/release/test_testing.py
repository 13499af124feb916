"""What docs/testing.md shows is what happens: its files are run by pytest, its commands by a shell, each against a server.

Docker's command and its Python client are stand-ins here, which check what they are asked and lead to the server;
pg_test/image runs the same examples with Docker itself.
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

import pytest

from conftest import ROOT, Server, free_port
from examples import DOCUMENT, blocks, clean_state, commands, python_block, suite  # noqa: F401, a fixture

pytestmark = pytest.mark.once


def test_no_block_is_forgotten():
    names = [block.splitlines()[0] for block in blocks("python")]
    assert names == [
        "# tests/conftest.py",
        "# tests/test_cleanup.py",
        "# tests/conftest.py, with make run",
        "# tests/conftest.py, with pytest-postgresql",
        "# tests/conftest.py, with testcontainers",
        "# tests/test_server.py",
    ]
    others = [len(blocks(language)) for language in ("console", "yaml", "js", "java")]
    assert others == [3, 1, 1, 1] and len(re.findall("^```", DOCUMENT, re.MULTILINE)) == 2 * (len(names) + sum(others))


def test_the_suite_with_a_clean_state_passes_twice(suite, server, admin):
    before = "SELECT (SELECT count(*) FROM pg_database), (SELECT count(*) FROM pg_roles)"
    counted = admin.execute(before).fetchone()
    for _ in range(2):
        counts, output = suite(clean_state(), server.port)
        assert counts == {"passed": 3}, output
    assert admin.execute(before).fetchone() == counted, "nothing is left behind"


@pytest.mark.parametrize("broken", ["process IS NOT NULL", "db_name LIKE 'test%'"])
def test_the_suite_finds_code_that_ends_the_sessions_of_others(suite, server, broken):
    files = clean_state()
    files["test_cleanup.py"] = files["test_cleanup.py"].replace("user_name = %s AND", broken + " AND %s <> '' AND")
    counts, output = suite(files, server.port, "-k", "test_only_the_users_sessions_end")
    assert counts["failed"] == 1, output


def test_with_make_run(suite):
    # As `make run`, without its set-up and build.
    text = re.sub(r"^COMMAND = .*$", "COMMAND = ['%s/pg_test/demo']" % ROOT, python_block("tests/conftest.py, with make run"), flags=re.MULTILINE)
    assert 'COMMAND = ["make", "--silent", "-C", "redshift_sessions", "run"]' in DOCUMENT
    assert "run: ##" in (ROOT / "Makefile").read_text()
    port = free_port()
    try:
        counts, output = suite({"conftest.py": text, "test_server.py": python_block("tests/test_server.py")}, port)
        assert counts == {"passed": 1}, output
        assert not (pathlib.Path(Server.call("directory", "demo-%d" % port)) / "data/postmaster.pid").exists(), "it has stopped"
    finally:
        Server.call("remove", "demo-%d" % port)


PG_CTL = """#!/bin/bash -e
# The server refuses to run as root: what root's pytest has made for it is given to its user.
cd /
for option; do
    case $directory in -D | --pgdata) chown %(user)s "$(dirname "$option")" && chmod o+x "$(dirname "$option")/.." ;; esac
    directory=$option
done
exec runuser -u %(user)s -- %(pg_ctl)s "$@"
"""


@pytest.fixture
def pg_ctl(tmp_path):
    """The private server's; pytest-postgresql finds it on PATH as it finds anybody's."""
    program = pathlib.Path(Server.call("copy")).with_name("pg_ctl")
    if os.getuid() == 0:
        wrapper = tmp_path / "bin/pg_ctl"
        wrapper.parent.mkdir()
        wrapper.write_text(PG_CTL % {"user": "postgres", "pg_ctl": program})
        wrapper.chmod(0o755)
        program = wrapper
    return program


def test_with_pytest_postgresql(suite, pg_ctl):
    files = {"conftest.py": python_block("tests/conftest.py, with pytest-postgresql"), "test_server.py": python_block("tests/test_server.py")}
    # Where the server's user may go.
    with tempfile.TemporaryDirectory(dir="/tmp") as directory:
        os.chmod(directory, 0o755)
        counts, output = suite(files, 0, "--postgresql-exec", pg_ctl, "--basetemp", directory + "/tests")
    assert counts == {"passed": 1}, output


DOCKER_CLIENT = '''
import testcontainers.core.container as core
from testcontainers.core.config import ConnectionMode

class Container:
    id = short_id = "1"
    status = "running"
    attrs = {}
    def reload(self):
        self.attrs = {"State": {"Health": {"Status": "healthy"}}}
    def remove(self, **options):
        print("removed")

class Client:
    def __init__(self, **options):
        self.client = self
    def create(self, image, environment, ports, **options):
        print("create", image, environment, ports)
        return Container()
    def start(self, container):
        pass
    def port(self, container, port):
        return PORT
    def host(self):
        return "127.0.0.1"
    def get_connection_mode(self):
        return ConnectionMode.docker_host
    def close(self):
        pass

core.DockerClient = Client
'''


def test_with_testcontainers(suite, server):
    files = {
        "conftest.py": python_block("tests/conftest.py, with testcontainers"),
        "test_server.py": python_block("tests/test_server.py"),
        "docker_client.py": DOCKER_CLIENT.replace("PORT", str(server.port)),
    }
    counts, output = suite(files, server.port, "-s", "-p", "docker_client")
    assert counts == {"passed": 1}, output
    assert "create redshift_sessions:15 {'POSTGRES_HOST_AUTH_METHOD': 'trust'} {'5439': None}" in output
    assert "removed" in output


def test_the_container_is_as_the_examples_expect():
    compose, image = (ROOT / "docker/compose.yaml").read_text(), (ROOT / "docker/Dockerfile").read_text()
    assert "image: redshift_sessions:${PG_MAJOR:-15}" in compose
    assert '"127.0.0.1:${PORT:-5439}:5439"' in compose
    assert "POSTGRES_USER=awsuser POSTGRES_DB=dev PGPORT=5439" in image


def test_the_commands_with_docker(suite, server, tmp_path):
    """docker is a program that writes down what it is asked, once it has found the file."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/docker").write_text('#!/bin/sh -e\n[ "$1 $2" = "compose -f" ]\ntest -f "$3"\nshift 3\necho "docker: $*"\n')
    (tmp_path / "bin/docker").chmod(0o755)
    shell = "export PATH=%s:%s:$PATH; set -e; " % (tmp_path / "bin", os.path.dirname(sys.executable))
    counts, output = suite(clean_state(), server.port, shell + "\n".join(commands("docker compose|pytest")[:2]), command=("sh", "-c"))
    assert counts == {"passed": 3}, output
    assert output.startswith("docker: up --build --wait\n")
    _, output = suite({}, server.port, shell + commands("docker compose")[-1], command=("sh", "-c"))
    assert output == "docker: down\n"
    (workflow,) = blocks("yaml")
    runs = re.findall(r"- run: (.*)", workflow)
    assert runs[1:] == commands("docker compose|pytest")[:2]
