"""How is something timed? Peers take turns, figures are medians, and both ends of a connection run on one processor."""

import os
import pathlib
import statistics
import subprocess
import time

from conftest import Server, eventually, pid_of, value  # noqa: F401

ROUNDS = int(os.environ.get("ROUNDS") or 11)
PGBENCH_SECONDS = int(os.environ.get("PGBENCH_SECONDS") or 1)
PLAIN = {"fsync": "off", "autovacuum": "off", "shared_buffers": "256MB"}
MANY_LOCKS = {**PLAIN, "max_connections": "450", "max_locks_per_transaction": "2600"}
AS_SERVER_USER = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
WITH = {"shared_preload_libraries": "redshift_sessions"}


def seconds(action):
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def pin(server, processors):
    """The server's sessions, those to come, on some processors. Whether the two ends of a connection run on one processor or on two
    decides more than what is measured; on one, the figures repeat."""
    postmaster = int((server.directory() / "data/postmaster.pid").read_text().split()[0])
    os.sched_setaffinity(postmaster, processors)


def in_turn(actions, rounds=ROUNDS, warm_up=2):
    """Medians of what each action takes; the peers take turns, so that whatever disturbs the machine disturbs all of them."""
    times = {name: [] for name in actions}
    for number in range(warm_up + rounds):
        for name, action in actions.items():
            taken = seconds(action)
            if number >= warm_up:
                times[name].append(taken)
    return {name: statistics.median(taken) for name, taken in times.items()}


def answer(connection, query, large):
    """Runs a query; a large answer stays on the server, so that the network and the driver do not count."""
    if large and "LIMIT" not in query:
        query = "EXPLAIN (ANALYZE, TIMING OFF) " + query
    return lambda: connection.execute(query).fetchall()


def milliseconds(taken):
    return "%.2f ms" % (taken * 1000)


def repeat(connection, query, times):
    def run():
        for _ in range(times):
            connection.execute(query)

    return run


def pgbench_command(server):
    return [bindir(server) / "pgbench", "-h", "127.0.0.1", "-p", str(server.port), "-U", "awsuser", "-n"]


def pgbench(server, *arguments):
    """Transactions a second."""
    command = [*pgbench_command(server), "-T", str(PGBENCH_SECONDS), *arguments, "dev"]
    run = subprocess.run(command, text=True, capture_output=True)
    assert run.returncode == 0, run.stderr
    return float(next(line.split()[2] for line in run.stdout.splitlines() if line.startswith("tps =")))


def pgbench_tables(server, scale=10):
    subprocess.run([*pgbench_command(server), "-i", "-q", "-s", str(scale), "dev"], check=True, capture_output=True)


def bindir(server):
    return pathlib.Path(server.call("copy")).parent
