"""Other libraries in the private copy of the server: made from the tests' own C, or the machine's own."""

import contextlib
import pathlib
import subprocess

from conftest import ROOT, Server


def ask(pg_config, what):
    return subprocess.run([pg_config, what], text=True, capture_output=True, check=True).stdout.strip()


def origin():
    """The server that the private copy was made of, which has the headers."""
    return pathlib.Path(Server.call("copy")).with_name("origin").read_text().strip()


@contextlib.contextmanager
def built(name, *options):
    """A library of pg_test/server."""
    library = pathlib.Path(ask(Server.call("copy"), "--pkglibdir"), name + ".so")
    headers = "-I" + ask(origin(), "--includedir-server")
    subprocess.run(["cc", "-shared", "-fPIC", headers, *options, "-o", library, ROOT / "pg_test/server" / (name + ".c")], check=True)
    try:
        yield
    finally:
        library.unlink(missing_ok=True)  # two fixtures may have built the same
