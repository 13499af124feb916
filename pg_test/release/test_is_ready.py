"""When the image's health check takes a server for ready: it reads postmaster.pid, here a server's own with one line changed."""

import os
import subprocess

import pytest

from conftest import ROOT


def is_ready(directory):
    run = subprocess.run([ROOT / "docker/is-ready"], env={**os.environ, "PGDATA": str(directory)}, capture_output=True)
    return run.returncode == 0


@pytest.fixture
def lines(server):
    return (server.directory() / "data/postmaster.pid").read_text().splitlines()


def test_a_server_that_runs_is_ready(server):
    assert is_ready(server.directory() / "data")


@pytest.mark.parametrize(
    "number, text",
    [
        (8, "starting"), (8, "stopping"), (8, "standby "), (8, None),
        (6, ""),  # on the socket only, while the cluster is made
        pytest.param(1, str(os.getpid()), id="1-another program"), (1, "4194305"),  # it was killed: another has its pid, or nobody
    ],
)  # fmt: skip
def test_one_that_is_not_is_not(lines, tmp_path, number, text):
    (tmp_path / "postmaster.pid").write_text("\n".join(lines) + "\n")
    assert is_ready(tmp_path)
    lines[number - 1 : number] = [] if text is None else [text]
    (tmp_path / "postmaster.pid").write_text("\n".join(lines) + "\n")
    assert not is_ready(tmp_path)


def test_without_a_file_none_is_ready(tmp_path):
    assert not is_ready(tmp_path)
