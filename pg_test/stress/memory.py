#!/usr/bin/env python3
"""Is a session as small as before after a million calls, and ten thousand readings of a large svv_transactions and of each other view?

usage: make stress KIND=memory [CALLS=1000000] [READS=10000]
"""

import os

from conftest import EVERYTHING, Server
from memory_use import growth, hold_tables, work

CALLS, READS = int(os.environ.get("CALLS") or 1_000_000), int(os.environ.get("READS") or 10_000)
LOCKS = 2_000
MOST = 1024 * 1024


def main():
    server = Server("memory", {**EVERYTHING, "max_locks_per_transaction": "256"})
    try:
        holder = server.connect()
        hold_tables(holder, LOCKS)
        contexts, process = growth(server.connect(), work(CALLS, READS))
        print("%d calls and %d readings of %d locks and of each view, after as many: %+d bytes in memory contexts, %+d KiB in the process" % (CALLS, READS, LOCKS, contexts, process // 1024))
        assert contexts < 64 * 1024 and process < MOST
    finally:
        server.remove()


if __name__ == "__main__":
    main()
