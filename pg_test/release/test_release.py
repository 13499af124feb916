"""`.ci/release-check` lets a consistent release pass, and names each thing that is not; META.json is as PGXN wants it."""

import json
import re
import shutil
import subprocess

import pytest

from conftest import ROOT

pytestmark = pytest.mark.once

VERSION = re.search(r'^version = "(.*)"$', (ROOT / "Cargo.toml").read_text(), re.MULTILINE).group(1)
OLDER = sorted(
    (re.fullmatch(r"redshift_sessions--(.*)\.sql", path.name).group(1) for path in (ROOT / "pg_test/released").iterdir()),
    key=lambda version: [int(number) for number in version.split(".")],
)


class Clone:
    """The files of this working tree, as a release: its changelog has the version and a date, and all is committed."""

    def __init__(self, path):
        self.path = path
        shutil.copytree(ROOT, path, ignore=lambda directory, names: {"target", ".git"} & set(names), symlinks=True)
        self.git("init", "--quiet")
        if re.search(r"^## \[%s\]" % re.escape(VERSION), (path / "CHANGELOG.md").read_text(), re.MULTILINE):
            self.edit("CHANGELOG.md", r"^## \[Unreleased\]\n", "")  # what has changed since then
        else:
            self.edit("CHANGELOG.md", r"^## \[Unreleased\]$", "## [%s] - 2026-12-24" % VERSION)
        self.commit()

    def git(self, *arguments):
        who = ["-c", "user.name=A B", "-c", "user.email=a@example.org"]
        subprocess.run(["git", *who, *arguments], cwd=self.path, check=True, capture_output=True)

    def commit(self):
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message=x")

    def edit(self, name, pattern, text):
        before = (self.path / name).read_text()
        after = re.sub(pattern, text, before, count=1, flags=re.MULTILINE)
        assert after != before or text in before, "nothing to change in " + name
        (self.path / name).write_text(after)

    def remove(self, name):
        (self.path / name).unlink()

    def check(self, tag=""):
        """The exit status, and what was found wrong."""
        environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(self.path), "TAG": tag}
        run = subprocess.run([self.path / ".ci/release-check"], env=environment, text=True, capture_output=True)
        found = re.findall(r"^release-check: (.*)$", run.stderr, re.MULTILINE)
        assert (run.returncode == 0) == (not found), run.stdout + run.stderr
        return found


@pytest.fixture
def clone(tmp_path):
    return Clone(tmp_path / "clone")


def test_a_consistent_release_passes_before_and_after_its_tag(clone):
    assert clone.check() == []
    clone.git("tag", "v" + VERSION)
    assert clone.check("v" + VERSION) == []


BREAKS = {
    "a changelog without the release": (
        lambda c: c.edit("CHANGELOG.md", r"^## \[.*$", "## [Unreleased]"),
        r"CHANGELOG.md begins with \[Unreleased\]: make it \[%s\]" % VERSION,
    ),
    "a changelog of another version": (
        lambda c: c.edit("CHANGELOG.md", r"^## \[.*$", "## [9.9.9] - 2026-12-24"),
        r"CHANGELOG.md begins with \[9.9.9\], Cargo.toml says %s" % VERSION,
    ),
    "a changelog without a date": (
        lambda c: c.edit("CHANGELOG.md", r"^## \[.*$", "## [%s]" % VERSION),
        "no date such as",
    ),
    "a version that is none": (
        lambda c: c.edit("Cargo.toml", r'^version = ".*"$', 'version = "1.0-rc"'),
        "not of the form",
    ),
    "an old lock file": (
        lambda c: c.edit("Cargo.lock", r'^(name = "redshift_sessions")\nversion = ".*"$', '\\1\nversion = "0.0.9"'),
        "Cargo.lock has version 0.0.9, Cargo.toml %s" % VERSION,
    ),
    "a control file with its own version": (
        lambda c: c.edit("redshift_sessions.control", "@CARGO_VERSION@", VERSION),
        "has a version of its own",
    ),
    "a second control file with its own version": (
        lambda c: c.edit("sql/extras/redshift_sessions_extras.control", "@CARGO_VERSION@", VERSION),
        "extras.control has a version of its own",
    ),
    "no way to upgrade": (
        lambda c: c.remove("sql/redshift_sessions--%s--%s.sql" % (OLDER[-1], VERSION)),
        r"sql/redshift_sessions--%s--%s.sql is missing" % (OLDER[-1], VERSION),
    ),
    "an old version that is not tested": (
        lambda c: c.remove("pg_test/released/redshift_sessions--%s.sql" % OLDER[0]),
        r"pg_test/released/redshift_sessions--%s.sql is missing" % OLDER[0],
    ),
}


@pytest.mark.parametrize("name", BREAKS)
def test_what_is_inconsistent_is_named(clone, name):
    change, message = BREAKS[name]
    change(clone)
    clone.commit()
    assert any(re.search(message, found) for found in clone.check()), clone.check()


def test_changes_that_are_in_no_commit(clone):
    (clone.path / "sql/new.sql").write_text("")
    (found,) = clone.check()
    assert re.match("the working tree has changes.*sql/new.sql", found)


def test_a_tag_that_is_there_already(clone):
    clone.git("tag", "v" + VERSION)
    (found,) = clone.check()
    assert found.startswith("the tag v%s is there already" % VERSION)


def test_a_tag_of_another_version(clone):
    clone.git("tag", "v9.9.9")
    (found,) = clone.check("v9.9.9")
    assert found == "the tag is v9.9.9, but Cargo.toml says %s: it should be v%s" % (VERSION, VERSION)


def test_a_tag_of_another_commit(clone):
    clone.git("tag", "v" + VERSION)
    clone.commit()
    (found,) = clone.check("v" + VERSION)
    assert found == "the tag v%s is not of this commit" % VERSION


def test_the_archive_has_what_pgxn_requires(clone):
    """https://pgxn.org/spec/: the fields that are required, and the files that provides names."""
    subprocess.run([clone.path / ".ci/archive"], check=True, capture_output=True, env={"PATH": "/usr/bin:/bin", "HOME": str(clone.path)})
    archive = clone.path / "target/package" / ("redshift_sessions-%s.zip" % VERSION)
    shutil.unpack_archive(archive, clone.path / "target/unpacked")
    (folder,) = (clone.path / "target/unpacked").iterdir()
    assert folder.name == "redshift_sessions-" + VERSION
    meta = json.loads((folder / "META.json").read_text())
    assert {"name", "version", "abstract", "maintainer", "license", "provides", "meta-spec"} <= set(meta)
    assert meta["name"] == "redshift_sessions" and meta["version"] == VERSION and meta["license"] == "postgresql"
    assert meta["meta-spec"]["version"] == "1.0.0"
    assert meta["prereqs"]["runtime"]["requires"] == {"PostgreSQL": "14.0.0"}
    assert set(meta["provides"]) == {"redshift_sessions", "redshift_sessions_extras"}
    for provided in meta["provides"].values():
        assert provided["version"] == VERSION
        assert all((folder / provided[file]).is_file() for file in ("file", "docfile"))
    assert (folder / "Makefile").is_file() and not (folder / "target").exists()
    once = archive.read_bytes()
    subprocess.run([clone.path / ".ci/archive"], check=True, capture_output=True, env={"PATH": "/usr/bin:/bin", "HOME": str(clone.path), "TZ": "Asia/Tokyo"})
    assert archive.read_bytes() == once, "the same commit gives the same archive"
    listed = (archive.parent / "SHA256SUMS").read_text()
    assert re.fullmatch(r"[0-9a-f]{64}  %s\n" % re.escape(archive.name), listed)


def test_publishing_hands_over_the_files_and_what_has_changed(clone, tmp_path):
    (tmp_path / "gh").write_text('#!/bin/sh -e\nwhile [ "$1" != --notes-file ]; do printf "%s " "$1"; shift; done\necho; cat "$2"; shift 2; ls "$@"\n')
    (tmp_path / "gh").chmod(0o755)
    (clone.path / "target/package").mkdir(parents=True)
    (clone.path / "target/package/x.deb").write_text("")
    tag = "v" + VERSION
    clone.git("tag", tag)
    environment = {"PATH": "%s:/usr/bin:/bin" % tmp_path, "HOME": str(clone.path), "TAG": tag}
    run = subprocess.run([clone.path / ".ci/publish"], env=environment, text=True, capture_output=True)
    assert run.returncode == 0, run.stderr
    _, asked, printed = run.stdout.split("\n", 2)
    assert asked == "release create %s --verify-tag --title %s " % (tag, tag)
    changelog = (clone.path / "CHANGELOG.md").read_text()
    notes = re.split(r"^## .*\n", changelog, flags=re.MULTILINE)[1]
    files = ["%s/target/package/%s\n" % (clone.path, name) for name in ("SHA256SUMS", "x.deb")]
    assert printed == notes + "".join(files)
