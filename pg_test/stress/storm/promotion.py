"""What if a standby becomes a primary while its views are being read? Every reading succeeds, and goes on afterwards."""

import threading

import psycopg

from books import unexpected_lines
from client import GRANTED_VIEWS, VIEWS
from conftest import EVERYTHING, Server, eventually, value
from standby import Standby

READERS = ["boss", "boss", "alice", "alice", "reader", "canceller"]


def promotion(ledger, seed):
    primary = Server("storm-primary", EVERYTHING)
    try:
        with primary.connect() as admin:
            admin.execute("CREATE TABLE t (id int); GRANT ALL ON t TO PUBLIC")
        standby = Standby(primary)
        try:
            promoted(ledger, primary, standby)
            log = (standby.directory() / "log").read_text(errors="replace")
            for line in unexpected_lines(log, "^FATAL:  could not receive data from WAL stream"):
                ledger.check("log", False, line)
        finally:
            standby.remove()
    finally:
        primary.remove()


def promoted(ledger, primary, standby):
    stop, counts = threading.Event(), [0] * len(READERS)
    threads = [threading.Thread(target=reads, args=(ledger, standby, number, counts, stop)) for number in range(len(READERS))]
    holder = primary.connect()
    holder.execute("BEGIN; LOCK t IN ACCESS EXCLUSIVE MODE")
    try:
        for thread in threads:
            thread.start()
        all_read = lambda since: lambda: all(now > before + 100 for now, before in zip(counts, since)) or any(not t.is_alive() for t in threads)
        eventually(all_read([0] * len(READERS)))
        with standby.connect() as admin:
            ledger.check("answer", value(admin, "SELECT pg_promote()"), "the standby was not promoted")
            eventually(all_read(list(counts)))
            admin.execute("BEGIN; INSERT INTO t VALUES (1)")
            own = "SELECT count(*) FROM svv_transactions WHERE pid = pg_backend_pid() AND xid = pg_current_xact_id()::text::bigint AND relation = 't'::regclass::oid::int"
            ledger.check("xid", value(admin, own) == 1, "the new primary does not show a writer's transaction id")
            # The primary's lock went with the old primary.
            others = "SELECT count(*) FROM svv_transactions WHERE txn_owner = 'rdsdb' AND relation = 't'::regclass::oid::int"
            ledger.check("left", value(admin, others) == 0, "the primary's lock is still shown")
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        holder.close()
    ledger.figures["reads during a promotion"] += sum(counts)


def reads(ledger, standby, number, counts, stop):
    user = READERS[number]
    views = [*VIEWS] + (GRANTED_VIEWS if user == "boss" else [])
    with standby.connect(user) as session:
        while not stop.is_set():
            for view in views:
                owner = VIEWS.get(view, "false")
                try:
                    _, others = session.execute("SELECT count(*), count(*) FILTER (WHERE %s) FROM %s" % (owner, view)).fetchone()
                except psycopg.Error as error:
                    ledger.check("error", False, "promotion: %s reads %s: %s" % (user, view, error))
                    return
                if user in ("alice", "canceller"):
                    ledger.check("owner", others == 0, "promotion: %s sees %d rows of others in %s" % (user, others, view))
                counts[number] += 1
