""".ci/rooms finds each kind of import that the law of src/lib.rs forbids, planted in a copy of the tree."""

import shutil
import subprocess

import pytest

from conftest import ROOT

pytestmark = pytest.mark.once


def add(file, line):
    """To the end of a file, which may be a new one."""

    def plant(source):
        path = source / file
        path.write_text((path.read_text() if path.exists() else "") + "\n" + line + "\n")

    return plant


def without_words(source):
    path = source / "logs/mod.rs"
    path.write_text("\n".join(line for line in path.read_text().splitlines() if not line.startswith("//!")))


def in_other_words(source):
    path = source / "lib.rs"
    path.write_text(path.read_text().replace("\nmod policy;", "\npub(crate) mod policy;"))
    add("policy.rs", "use crate::error;")(source)


GROUPS = "one import a line, from crate:: on"
PLANTED = {
    "upwards": (add("pg/text.rs", "fn x() { crate::gucs::define() }"), "pg/text.rs imports from gucs.rs, which is below pg"),
    "upwards in a room of one file": (in_other_words, "policy.rs imports from error.rs"),
    "circle": (add("pg/memory.rs", "use crate::pg::text;"), "a circle: pg/memory.rs -> pg/text.rs -> pg/memory.rs"),
    "circle in a group": (add("pg/memory.rs", "use crate::pg::{text, raw};"), "a circle: pg/memory.rs -> pg/text.rs"),
    "circle with a mod.rs": (add("signal/native.rs", "use crate::signal::cancel;"), "signal/mod.rs -> signal/native.rs"),
    "from super": (add("pg/text.rs", "use super::raw;"), "pg/text.rs: " + GROUPS),
    "from self": (add("signal/mod.rs", "use self::native::terminate;"), "signal/mod.rs: " + GROUPS),
    "rooms in a group": (add("pg/text.rs", "use crate::{error, policy};"), "pg/text.rs: " + GROUPS),
    "a room without its words": (without_words, "logs/mod.rs does not open with what the room is for"),
    "a file in no room": (add("stray.rs", "//! Stray.\nuse crate::hooks;"), "stray.rs is in no room"),
}


@pytest.mark.parametrize("kind", PLANTED)
def test_a_planted_import_is_found(tmp_path, kind):
    plant, finding = PLANTED[kind]
    source = tmp_path / "src"
    shutil.copytree(ROOT / "src", source)
    plant(source)
    run = subprocess.run([ROOT / ".ci/rooms", source], text=True, capture_output=True)
    assert run.returncode == 1 and finding in run.stdout, run.stdout + run.stderr
