"""The examples of docs/testing.md, and a test suite that is made of them."""

import os
import re
import subprocess
import sys

import pytest

from conftest import ROOT

DOCUMENT = (ROOT / "docs/testing.md").read_text()


def blocks(language):
    return re.findall(r"^```%s\n(.*?)^```$" % language, DOCUMENT, re.DOTALL | re.MULTILINE)


def python_block(first_line):
    (block,) = [block for block in blocks("python") if block.startswith("# %s\n" % first_line)]
    return block


def commands(pattern):
    return [line[2:] for block in blocks("console") for line in block.splitlines() if re.search(pattern, line)]


def clean_state():
    return {"conftest.py": python_block("tests/conftest.py"), "test_cleanup.py": python_block("tests/test_cleanup.py")}


@pytest.fixture
def suite(tmp_path):
    """Runs the given files as a test suite of their own; returns how many passed and failed, and what was printed."""
    (tmp_path / "redshift_sessions").symlink_to(ROOT)
    (tmp_path / "tests").mkdir()

    def suite(files, port, *options, command=(sys.executable, "-m", "pytest", "tests"), timeout=100):
        for name, text in files.items():
            (tmp_path / "tests" / name).write_text(text)
        environment = {**os.environ, "REDSHIFT_PORT": str(port), "PYTHONPATH": str(tmp_path / "tests"), "TESTCONTAINERS_RYUK_DISABLED": "true"}
        for variable in [name for name in environment if name.startswith("PYTEST_")]:
            del environment[variable]
        run = subprocess.run(
            [*command, *options], cwd=tmp_path, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout
        )
        counts = re.findall(r"(\d+) (passed|failed|error)", (run.stdout.splitlines() or [""])[-1])
        return {kind: int(number) for number, kind in counts}, run.stdout

    return suite
