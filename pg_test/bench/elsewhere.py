"""What does it cost a server to have the library? pgbench and connections, and others while the lock table is read."""

import statistics
import threading
import time

from locks import LOCKS, Holders
from measure import ROUNDS, answer, eventually, in_turn, milliseconds, pgbench, pgbench_tables, seconds


def elsewhere(report, servers):
    """The cost of being there: each round asks every server, and the ratio is of one round."""
    report.section("Everything else: transactions a second, and the median of the rounds' ratios to a server without", ["", *servers, *("ratio " + name[:12] for name in list(servers)[1:])])
    for server in servers.values():
        pgbench_tables(server)
    kinds = {
        "select-only": ["-S"],
        "select-only, prepared": ["-S", "-M", "prepared"],
        "TPC-B": [],
        "connections": ["-S", "-C"],
    }
    names = list(servers)
    for kind, arguments in kinds.items():
        rates = {name: [] for name in names}
        for number in range(2 * ROUNDS + 1):
            # In another order each time: who comes first has it easier, or harder.
            for name in names[number % len(names) :] + names[: number % len(names)]:
                rates[name].append(pgbench(servers[name], *arguments))
        ratios = {name: statistics.median(a / b for a, b in zip(rates[name][1:], rates[names[0]][1:])) for name in names[1:]}
        report.row(kind, *("%.0f" % statistics.median(rates[name]) for name in names), *("%.3f" % ratio for ratio in ratios.values()))
        report.bar("%s, of a server without" % kind, ratios["with"], 0.985 if kind == "connections" else 0.99, at_least=True)


# Who reads without a pause, and as whom.
READERS = {
    "nobody reads": None,
    "floor": "awsuser",
    "pg_locks": "awsuser",
    "svv_transactions": "awsuser",
    "svv_transactions, owner of few": "bob",
}


def disturbance(report, server):
    """How long do others wait for the lock manager while somebody reads its table? One session takes and gives back a lock that is not in
    the fast path, again and again; another one reads. The machine itself makes a long wait now and then: the bar takes the longest of a second, in the median of the rounds."""
    report.section(
        "Taking a table lock while another session reads without a pause, 100,000 locks",
        ["", "locks/s", "median", "99 of 100", "longest of 1 s", "longest", "reads/s"],
    )
    holders = Holders(server, 400, 250)
    with server.connect() as admin:
        admin.execute("CREATE TABLE busy ()")
        floor = in_turn({"floor": answer(admin, LOCKS["floor"], False)})["floor"]
    rounds = {name: [] for name in READERS}
    for _ in range(ROUNDS):
        for name, user in READERS.items():
            rounds[name].append(a_second_beside(server, user, LOCKS.get(name.split(",")[0])))
    for name, figures in rounds.items():
        rate, *waits, reads = (statistics.median(column) for column in zip(*figures))
        waits.append(max(figure[3] for figure in figures))
        report.row(name, "%.0f" % rate, *map(milliseconds, waits), "%.0f" % reads)
    ours = rounds["svv_transactions"]
    ratio = statistics.median(a[0] / b[0] for a, b in zip(ours, rounds["floor"]))
    report.bar("locks/s beside svv_transactions, of those beside the floor", ratio, 50, at_least=True)
    report.bar("longest wait beside svv_transactions, of one read of the floor", statistics.median(figures[3] for figures in ours) / floor, 1.0)
    holders.close()


def a_second_beside(server, user, query):
    """Locks taken, their median time, that of 99 of 100, the longest, and how often was read."""
    stop, reads, taken = threading.Event(), [0], []

    def read():
        with server.connect(user) as connection:
            while not stop.is_set():
                answer(connection, query, True)()
                reads[0] += 1

    reader = threading.Thread(target=read)
    try:
        if user:
            reader.start()
            eventually(lambda: reads[0])
        reads[0] = 0
        with server.connect() as connection:
            begin = time.perf_counter()
            while time.perf_counter() - begin < 1:
                taken.append(seconds(lambda: connection.execute("BEGIN; LOCK TABLE busy IN ACCESS EXCLUSIVE MODE; COMMIT")))
        read_meanwhile = reads[0]
    finally:
        stop.set()
        if user:
            reader.join()
    taken.sort()
    return len(taken), taken[len(taken) // 2], taken[len(taken) * 99 // 100], taken[-1], read_meanwhile
