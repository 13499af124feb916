"""Each place that names versions of PostgreSQL or of Rust names the same ones, and what is too old is refused in a line."""

import pathlib
import re
import subprocess

import pytest

from conftest import ROOT


def text(path):
    return (ROOT / path).read_text()


CARGO = text("Cargo.toml")
MAJORS = [int(major) for major in re.findall(r"^pg(\d+) = ", CARGO, re.MULTILINE)]
RUST = re.search(r'^channel = "(.*)"$', text("rust-toolchain.toml"), re.MULTILINE).group(1)
LEAST_RUST = re.search(r'^rust-version = "(.*)"$', CARGO, re.MULTILINE).group(1)


@pytest.mark.parametrize("path", ["README.md", "SECURITY.md", "docs/compatibility.md", "docs/testing.md", "pg_test/stress/run", "src/pg/locks.c"])
def test_documents_name_all_majors(path):
    assert re.search(r"14\s+(\* )?to %d" % MAJORS[-1], text(path)) and not re.search(r"PostgreSQL 14\s+to (?!%d)\d" % MAJORS[-1], text(path))


def test_the_readme_has_a_table_of_all_versions(server):
    """With the very version of each server that .ci/servers pins. Distributions go on to newer ones."""
    tested, support = [line.strip("| \n").split(" | ")[1:] for line in re.findall(r"^\| (?:tested with|its own support).*", text("README.md"), re.MULTILINE)]
    assert [int(re.match(r"\d+", version).group()) for version in tested] == MAJORS
    assert len(support) == len(MAJORS) and all(re.fullmatch(r"20\d\d-11|unreleased", month) for month in support)
    assert ["rc" in version or "beta" in version for version in tested] == [month == "unreleased" for month in support]
    if "/wheels/" in pathlib.Path(server.call("copy")).with_name("origin").read_text():
        with server.connect() as session:
            assert session.info.parameter_status("server_version") in tested


def test_builds_and_workflows_know_all_majors():
    assert MAJORS == list(range(14, MAJORS[-1] + 1))
    assert "(14..=%d)" % MAJORS[-1] in text("build.rs")
    tested, released = text(".github/workflows/ci.yml"), text(".github/workflows/release.yml")
    assert "pg: %s\n        machine" % MAJORS in tested and "pg: %s\n        machine" % MAJORS in released


def test_the_images_that_are_published_are_those_that_are_tested():
    images = re.findall(r"pg: (\[14, 15, [0-9, ]*\])\n", text(".github/workflows/ci.yml").split("\n  image:")[1] + text(".github/workflows/release.yml").split("\n  image:")[1])
    assert images == [str(MAJORS[:-1])] * 3, "the last one is a release candidate"


def test_the_image_is_built_with_the_same_rust():
    assert "ARG RUST=%s\n" % RUST in text("docker/Dockerfile")


def run(*command, **environment):
    return subprocess.run(command, text=True, capture_output=True, env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", **environment})


@pytest.mark.parametrize("major", ["13", str(MAJORS[-1] + 1), "fifteen"])
def test_an_unknown_major_is_refused_in_one_line(major, tmp_path):
    refused = run(ROOT / ".ci/install", PG=major)
    assert (refused.returncode, refused.stderr) == (1, "error: PostgreSQL 14 to %d are supported, PG=%s is not\n" % (MAJORS[-1], major))
    pg_config = tmp_path / "pg_config"
    pg_config.write_text("#!/bin/sh\necho PostgreSQL %s.1\n" % major)
    pg_config.chmod(0o755)
    refused = run(ROOT / ".ci/install", PG_CONFIG=str(pg_config))
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1) and "are supported, " in refused.stderr


@pytest.mark.parametrize("version, fine", [("1.80.0", False), (LEAST_RUST + ".0", True), ("1.100.0", True)])
def test_a_compiler_that_is_too_old_is_named(version, fine, tmp_path):
    """Without rustup, and where rustup cannot get a newer one."""
    for rustup in ("", "#!/bin/sh\ncase $1 in default) echo stable ;; toolchain) [ $2 = list ] && exit; echo no network >&2; exit 1 ;; esac\n"):
        programs = {"rustc": "echo rustc %s" % version, "cargo": "exit 1", "rustfmt": "exit 1", "rustup": rustup}
        for name, script in programs.items():
            (tmp_path / name).unlink(missing_ok=True)
            if script:
                (tmp_path / name).write_text("#!/bin/sh\n%s\n" % script)
                (tmp_path / name).chmod(0o755)
        setup = run(ROOT / ".ci/setup", PATH="%s:/usr/bin:/bin" % tmp_path, CARGO_TARGET_DIR=str(tmp_path / "target"))
        (last,) = setup.stderr.splitlines()
        if fine:
            assert last == "error: rustfmt is missing, which pgrx builds with: rustup component add rustfmt"
        else:
            assert last.startswith("error: Rust %s or newer is needed, this is %s" % (LEAST_RUST, version))
            assert ("rustup could not get " + RUST in last) == bool(rustup)


@pytest.mark.parametrize(
    "version, built, said",
    [
        (None, False, "is no directory with the source of PostgreSQL"),
        ("13.23", False, "PostgreSQL 14 to %d are supported, SOURCE=%%s is of 13.23" % MAJORS[-1]),
        ("%dbeta1" % (MAJORS[-1] + 1), False, "PostgreSQL 14 to %d are supported, SOURCE=%%s is of %dbeta1" % (MAJORS[-1], MAJORS[-1] + 1)),
        ("%dbeta1" % MAJORS[-1], True, "SOURCE=%s has been built in: run make distclean there"),
    ],
)
def test_a_source_that_cannot_be_built_is_refused_in_one_line(version, built, said, tmp_path):
    if version:
        (tmp_path / "configure").write_text("PACKAGE_NAME='PostgreSQL'\nPACKAGE_VERSION='%s'\n" % version)
    if built:
        (tmp_path / "config.status").touch()
    refused = run(ROOT / "pg_test/stress/source", "given", SOURCE=str(tmp_path))
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert refused.stderr.endswith((said % tmp_path if "%s" in said else said) + "\n")
