"""Other libraries in the private copy of the server: made from the tests' own C, or the machine's own."""

import contextlib
import os
import pathlib
import shutil
import subprocess

from conftest import ROOT, Server


def ask(pg_config, what):
    return subprocess.run([pg_config, what], text=True, capture_output=True, check=True).stdout.strip()


def origin():
    """The server that the private copy was made of, which has the headers."""
    return pathlib.Path(Server.call("copy")).with_name("origin").read_text().strip()


def directories(pg_config):
    """Where its libraries are, and the files of its extensions."""
    return pathlib.Path(ask(pg_config, "--pkglibdir")), pathlib.Path(ask(pg_config, "--sharedir"), "extension")


def is_there(library):
    """In the private copy, or in the machine's own server, which may have got it since it was copied."""
    (libraries, extensions), (their_libraries, their_extensions) = directories(Server.call("copy")), directories(origin())
    if not (libraries / (library + ".so")).exists() and (their_libraries / (library + ".so")).exists():
        for file in their_extensions.glob(library + "*"):
            shutil.copy(file, extensions)
        new = libraries / ("%s.%d" % (library, os.getpid()))  # whole or not at all for pytest's other workers
        shutil.copy(their_libraries / (library + ".so"), new)
        new.rename(libraries / (library + ".so"))
    return (libraries / (library + ".so")).exists()


@contextlib.contextmanager
def built(name, *options):
    """A library of pg_test/server."""
    library = directories(Server.call("copy"))[0] / (name + ".so")
    headers = "-I" + ask(origin(), "--includedir-server")
    subprocess.run(["cc", "-shared", "-fPIC", headers, *options, "-o", library, ROOT / "pg_test/server" / (name + ".c")], check=True)
    try:
        yield
    finally:
        library.unlink(missing_ok=True)  # two fixtures may have built the same
