"""What does a session take, and does it give it back? A larger version is `make stress KIND=memory`."""

import pathlib
import re

from conftest import pid_of
from memory_use import growth, hold_tables, work

MIB = 1024 * 1024


def test_twenty_thousand_calls_and_two_hundred_readings_of_each_view(login):
    hold_tables(login(), 100)
    contexts, process = growth(login(), work(20_000, 200))
    assert contexts < 64 * 1024 and process < MIB


def test_a_session_that_asks_for_nothing_maps_little_of_the_code(login):
    """Linux maps 64 KiB at once, and the piece may lie across two. If it is more, build.rs does not name all that runs in each session."""
    session = login("alice")
    session.execute("SELECT 1")
    smaps = pathlib.Path("/proc/%d/smaps" % pid_of(session)).read_text()
    (code,) = re.findall(r" r-xp .*/redshift_sessions\.so\n(?:[A-Z].*\n)*?Rss: +(\d+) kB", smaps)
    assert int(code) <= 128
