"""The commands and programs of docs/testing.md that need Docker, run with Docker itself."""

import json
import os
import re
import subprocess
import sys

import psycopg
import pytest

from conftest import ROOT, free_port
from containers import IMAGE, MAJOR, Container, docker, volumes_of
from examples import blocks, clean_state, commands, python_block, suite  # noqa: F401, a fixture

COMPOSE = ("compose", "-f", str(ROOT / "docker/compose.yaml"))


@pytest.fixture
def port(monkeypatch):
    """Of a project that is not the one somebody may have running."""
    port = free_port()
    for name, text in {"COMPOSE_PROJECT_NAME": "redshift_sessions_check", "PORT": str(port), "PG_MAJOR": MAJOR}.items():
        monkeypatch.setenv(name, text)
    yield port
    docker(*COMPOSE, "down", "--volumes")


def as_tested(text):
    return text.replace("redshift_sessions:15", IMAGE)


def test_the_commands_in_their_order(suite, port):
    shell = "export PATH=%s:$PATH; set -ex; " % os.path.dirname(sys.executable)
    counts, output = suite(clean_state(), port, shell + "\n".join(commands("docker compose .* up|pytest")), command=("sh", "-c"), timeout=1800)
    assert counts == {"passed": 3}, output
    (container,) = docker(*COMPOSE, "ps", "--quiet").split()
    assert volumes_of(container) == [], "the data are in memory"
    _, output = suite({}, port, shell + commands("docker compose .* down")[0], command=("sh", "-c"))
    assert "Removed" in output and docker("ps", "--quiet", "--filter", "label=com.docker.compose.project=redshift_sessions_check") == ""


def test_it_begins_anew_each_time(port):
    docker(*COMPOSE, "up", "--no-build", "--wait")
    where = "host=127.0.0.1 port=%d user=awsuser dbname=dev" % port
    with psycopg.connect(where) as session:
        session.execute("CREATE TABLE gone (id int)")
    docker(*COMPOSE, "restart")
    docker(*COMPOSE, "up", "--no-build", "--wait")
    with psycopg.connect(where) as session:
        assert session.execute("SELECT to_regclass('gone'), pg_terminate_backend(0)").fetchone() == (None, 0)


def test_each_version_is_a_project_of_its_own():
    names = {}
    for major in ("15", "17"):
        environment = {name: text for name, text in os.environ.items() if name not in ("COMPOSE_PROJECT_NAME", "PG_TAG", "FILES")}
        config = json.loads(docker(*COMPOSE, "config", "--format", "json", env={**environment, "PG_MAJOR": major}))
        names[config["name"]] = config["services"]["redshift"]["build"]["args"]["PG_TAG"]
    assert names == {"redshift_sessions-15": "15-bookworm", "redshift_sessions-17": "17-bookworm"}


def test_the_image_with_a_password_a_schema_and_read_only(tmp_path):
    block = "\n".join(commands("schema.sql|docker r"))
    (name, port) = "redshift_check", free_port()
    script = as_tested(block).replace("--name redshift ", "--name %s " % name).replace("volumes redshift", "volumes " + name)
    *start, end = script.replace("127.0.0.1:5439", "127.0.0.1:%d" % port).splitlines()
    assert len(start) == 2
    subprocess.run(["sh", "-ec", "\n".join(start)], cwd=tmp_path, check=True, umask=0o022)
    try:
        with Container(name).wait().connect(password="secret") as session:
            assert session.execute("SELECT to_regclass('lineitem')::text, pg_terminate_backend(0)").fetchone() == ("lineitem", 0)
        (volume,) = volumes_of(name)
    finally:
        subprocess.run(["sh", "-ec", end], check=True)
    assert volume not in docker("volume", "ls", "--quiet").split()


def test_testcontainers_for_python(suite):
    files = {"conftest.py": as_tested(python_block("tests/conftest.py, with testcontainers")), "test_server.py": python_block("tests/test_server.py")}
    counts, output = suite(files, 0)
    assert counts == {"passed": 1}, output


def test_testcontainers_for_node(tmp_path):
    (block,) = blocks("js")
    (tmp_path / "test").mkdir()
    (tmp_path / "test/redshift.test.js").write_text(as_tested(block))
    subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", "testcontainers@11.5.1", "pg@8.16.3"], cwd=tmp_path, check=True)
    environment = {**os.environ, "TESTCONTAINERS_RYUK_DISABLED": "true"}
    run = subprocess.run(["node", "--test"], cwd=tmp_path, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert run.returncode == 0 and re.search(r"^. pass 1$", run.stdout, re.MULTILINE), run.stdout
