"""A clone builds and runs in a container, however git is set up on the machine that made it."""

import subprocess

import pytest

from conftest import ROOT

pytestmark = pytest.mark.once


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="this is no clone")
def test_no_line_ends_as_on_windows(tmp_path):
    subprocess.run(["git", "clone", "--quiet", "-c", "core.autocrlf=true", str(ROOT), str(tmp_path / "clone")], check=True)
    files = [path for path in (tmp_path / "clone").rglob("*") if path.is_file() and ".git" not in path.relative_to(tmp_path / "clone").parts]
    assert len(files) > 300
    assert [str(path) for path in files if b"\r\n" in path.read_bytes()] == []
