"""What docs/testing.md shows is what happens: its files are run by pytest, its commands by a shell, each against a server.

Docker is not there: its command and its Python client are stand-ins, which check what they are asked and lead to the server.
"""

import os
import pathlib
import re
import subprocess
import sys

import pytest

from conftest import ROOT, Server, free_port

DOCUMENT = (ROOT / "docs/testing.md").read_text()
COMPOSE = "redshift_sessions/docker/compose.yaml"


def blocks(language):
    return re.findall(r"^```%s\n(.*?)^```$" % language, DOCUMENT, re.DOTALL | re.MULTILINE)


def python_block(first_line):
    (block,) = [block for block in blocks("python") if block.startswith("# %s\n" % first_line)]
    return block


def commands(pattern):
    return [line[2:] for block in blocks("console") for line in block.splitlines() if re.search(pattern, line)]


@pytest.fixture
def suite(tmp_path):
    """Runs the given files as a test suite of their own; returns how many passed and failed, and what was printed."""
    (tmp_path / "redshift_sessions").symlink_to(ROOT)
    (tmp_path / "tests").mkdir()

    def suite(files, port, *options, command=(sys.executable, "-m", "pytest", "tests")):
        for name, text in files.items():
            (tmp_path / "tests" / name).write_text(text)
        environment = {**os.environ, "REDSHIFT_PORT": str(port), "PYTHONPATH": str(tmp_path / "tests"), "TESTCONTAINERS_RYUK_DISABLED": "true"}
        for variable in [name for name in environment if name.startswith("PYTEST_")]:
            del environment[variable]
        run = subprocess.run(
            [*command, *options], cwd=tmp_path, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=100
        )
        counts = re.findall(r"(\d+) (passed|failed|error)", run.stdout.splitlines()[-1])
        return {kind: int(number) for number, kind in counts}, run.stdout

    return suite


def clean_state():
    return {"conftest.py": python_block("tests/conftest.py"), "test_cleanup.py": python_block("tests/test_cleanup.py")}


def test_no_block_is_forgotten():
    names = [block.splitlines()[0] for block in blocks("python")]
    assert names == [
        "# tests/conftest.py",
        "# tests/test_cleanup.py",
        "# tests/conftest.py, with make run",
        "# tests/conftest.py, with testcontainers",
        "# tests/test_server.py",
    ]
    assert len(re.findall("^```", DOCUMENT, re.MULTILINE)) == 2 * (len(names) + len(blocks("console")) + len(blocks("yaml")))


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
    counts, output = suite(clean_state(), server.port, shell + "\n".join(commands("docker|pytest")[:2]), command=("sh", "-c"))
    assert counts == {"passed": 3}, output
    assert output.startswith("docker: up --build --wait\n")
    _, output = suite({}, server.port, shell + commands("docker")[-1], command=("sh", "-c"))
    assert output == "docker: down --volumes\n"
    (workflow,) = blocks("yaml")
    runs = re.findall(r"- run: (.*)", workflow)
    assert runs[1:] == commands("docker|pytest")[:2]
