"""The versions that were released, and databases that have the extension in one of them."""

import re
import subprocess

import pytest

from conftest import ROOT, Server

RELEASED = sorted(
    (re.fullmatch(r"redshift_sessions--(.*)\.sql", path.name).group(1) for path in (ROOT / "pg_test/released").iterdir()),
    key=lambda version: [int(number) for number in version.split(".")],
)
CURRENT = re.search(r'^version = "(.*)"$', (ROOT / "Cargo.toml").read_text(), re.MULTILINE).group(1)
VERSIONS = RELEASED + ([CURRENT] if CURRENT not in RELEASED else [])
STEPS = list(zip(VERSIONS, VERSIONS[1:]))


@pytest.fixture
def install(server):
    """Makes a database with the extension in some version, as it is now, or, for None, without it."""
    made = []
    with server.connect("awsuser", "postgres") as connection:

        def install(name, version=CURRENT):
            connection.execute("DROP DATABASE IF EXISTS %s WITH (FORCE)" % name)
            connection.execute("CREATE DATABASE %s TEMPLATE template0" % name)
            made.append(server.connect("awsuser", name))
            if version:
                made[-1].execute("CREATE EXTENSION redshift_sessions VERSION '%s'" % version)
            return made[-1]

        yield install
        for database in made:
            name = database.info.dbname
            database.close()
            connection.execute("DROP DATABASE %s WITH (FORCE)" % name)


def run(program, *arguments):
    done = subprocess.run([Server.call("copy").rsplit("/", 1)[0] + "/" + program, *arguments], text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    return done.stdout
