"""Does a session give back what it took? A larger version is `make stress KIND=memory`."""

from memory_use import growth, hold_tables, work

MIB = 1024 * 1024


def test_twenty_thousand_calls_and_two_hundred_readings_of_each_view(login):
    hold_tables(login(), 100)
    contexts, process = growth(login(), work(20_000, 200))
    assert contexts < 64 * 1024 and process < MIB
