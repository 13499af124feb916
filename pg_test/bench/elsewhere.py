"""What does it cost a server to have the library? pgbench and connections, and others while the lock table is read."""

import statistics
import threading
import time

from locks import LOCKS, Holders
from measure import ROUNDS, answer, in_turn, milliseconds, pgbench, pgbench_tables, seconds


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


def disturbance(report, server):
    """How long do others wait for the lock manager while somebody reads its table? One session takes and gives back a lock that is not in
    the fast path, again and again; another one reads without a pause."""
    report.section(
        "Taking a table lock while another session reads without a pause, 100,000 locks",
        ["", "locks/s", "median", "99 of 100", "longest", "reads/s"],
    )
    holders = Holders(server, 400, 250)
    rates, longest = {}, {}
    readers = {"nobody reads": None, "floor": "awsuser", "pg_locks": "awsuser", "svv_transactions": "awsuser", "svv_transactions, owner of few": "bob"}
    with server.connect() as admin:
        admin.execute("CREATE TABLE busy ()")
    for name, user in readers.items():
        stop, reads = threading.Event(), [0]

        def read(user=user, query=LOCKS.get(name.split(",")[0])):
            with server.connect(user) as connection:
                while not stop.is_set():
                    answer(connection, query, True)()
                    reads[0] += 1

        thread = threading.Thread(target=read)
        if user:
            thread.start()
        with server.connect() as connection:
            lock = "BEGIN; LOCK TABLE busy IN ACCESS EXCLUSIVE MODE; COMMIT"
            begin, taken = time.perf_counter(), []
            while time.perf_counter() - begin < ROUNDS:
                taken.append(seconds(lambda: connection.execute(lock)))
        stop.set()
        if user:
            thread.join()
        taken.sort()
        figures = (milliseconds(taken[len(taken) // 2]), milliseconds(taken[len(taken) * 99 // 100]), milliseconds(taken[-1]))
        report.row(name, "%.0f" % (len(taken) / ROUNDS), *figures, "%.0f" % (reads[0] / ROUNDS))
        rates[name], longest[name] = len(taken), taken[-1]
    with server.connect() as admin:
        floor = in_turn({"floor": answer(admin, LOCKS["floor"], False)})["floor"]
    report.bar("locks/s beside svv_transactions, of those beside the floor", rates["svv_transactions"] / rates["floor"], 50, at_least=True)
    report.bar("longest wait beside svv_transactions, of one read of the floor", longest["svv_transactions"] / floor, 1.0)
    holders.close()
