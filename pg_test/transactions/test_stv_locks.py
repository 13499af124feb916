"""stv_locks: who writes to which table, or waits to."""

import psycopg
import pytest

from conftest import check_columns, eventually, pid_of, send, value, wait_for_lock

COLUMNS = [
    ("table_id", "bigint"),
    ("last_commit", "timestamp without time zone"),
    ("last_update", "timestamp without time zone"),
    ("lock_owner", "bigint"),
    ("lock_owner_pid", "bigint"),
    ("lock_owner_start_ts", "timestamp without time zone"),
    ("lock_owner_end_ts", "timestamp without time zone"),
    ("lock_status", "character(22)"),
]


def test_columns(admin):
    check_columns(admin, "stv_locks", COLUMNS)


def test_it_is_the_superusers_until_granted(login, admin, table):
    holder = login("alice")
    holder.execute("BEGIN; UPDATE t SET v = 1")
    bob, reader = login("bob"), login("reader")
    for session in (bob, reader):
        for query in ("SELECT * FROM stv_locks", "SELECT * FROM redshift_sessions.stv_locks()"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                session.execute(query)
    count = "SELECT count(*) FROM stv_locks WHERE lock_owner_pid = %d" % pid_of(holder)
    assert value(login("boss"), count) == 1
    admin.execute("GRANT SELECT ON stv_locks TO bob")
    try:
        assert value(bob, count) == 1
    finally:
        admin.execute("REVOKE SELECT ON stv_locks FROM bob")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        bob.execute(count)


def test_it_shows_writers_and_those_who_wait(login, admin, table):
    reader, writer, waiter = login("alice"), login("alice"), login("bob")
    reader.execute("BEGIN; SELECT * FROM t")
    writer.execute("BEGIN; LOCK t IN SHARE MODE; UPDATE t SET v = 1")
    send(admin, waiter, "INSERT INTO t VALUES (100)")
    wait_for_lock(admin, waiter)
    t = value(admin, "SELECT 't'::regclass::oid::bigint")
    query = "SELECT lock_owner_pid, lock_status, table_id, last_commit, last_update, lock_owner_end_ts FROM stv_locks WHERE lock_owner_pid IN (%d, %d, %d) ORDER BY lock_status"
    # One row for the writer, whatever modes it holds, none for its index, none for the reader.
    assert admin.execute(query % (pid_of(reader), pid_of(writer), pid_of(waiter))).fetchall() == [
        (pid_of(writer), "Holding write lock    ", t, None, None, None),
        (pid_of(waiter), "Waiting for write lock", t, None, None, None),
    ]
    same = "SELECT count(*) FROM stv_locks l JOIN svv_transactions s ON l.lock_owner = s.xid AND l.lock_owner_pid = s.pid AND l.lock_owner_start_ts = s.txn_start AND s.lockable_object_type = 'transactionid' WHERE s.pid IN (%d, %d)"
    assert value(admin, same % (pid_of(writer), pid_of(waiter))) == 2
    writer.execute("ROLLBACK")
    eventually(lambda: value(admin, "SELECT count(*) FROM stv_locks WHERE lock_owner_pid IN (%d, %d)" % (pid_of(writer), pid_of(waiter))) == 0)


def test_it_is_about_tables(login, admin):
    """Partitioned ones too, but no index of any kind, and no sequence."""
    admin.execute("CREATE TABLE parts (id serial PRIMARY KEY) PARTITION BY RANGE (id); CREATE TABLE part PARTITION OF parts DEFAULT")
    writer = login("awsuser")
    try:
        writer.execute("BEGIN; INSERT INTO parts DEFAULT VALUES; ALTER INDEX parts_pkey RENAME TO parts_key; ALTER INDEX part_pkey RENAME TO part_key")
        kinds = "SELECT DISTINCT relkind FROM %s JOIN pg_class c ON c.oid = %s WHERE %s = %d"
        kinds_of = lambda *columns: {kind for (kind,) in admin.execute(kinds % (*columns, pid_of(writer)))}
        assert kinds_of("svv_transactions", "relation", "pid") == {"r", "p", "i", "I", "S"}
        assert kinds_of("stv_locks", "table_id", "lock_owner_pid") == {"r", "p"}
    finally:
        writer.close()
        admin.execute("DROP TABLE parts")
