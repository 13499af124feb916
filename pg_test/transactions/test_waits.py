"""svv_transactions while somebody waits: for a table, a row, a transaction."""

from conftest import eventually, identity, oid, outcome, pid_of, rows_of, send, wait_for_lock

OPEN = ("ExclusiveLock", "transactionid", None, True)


def test_waiting_for_a_table(login, admin, table):
    holder, waiter = login("bob"), login("alice")
    holder.execute("BEGIN; LOCK t IN ACCESS SHARE MODE")
    send(admin, waiter, "BEGIN; LOCK t IN ACCESS EXCLUSIVE MODE")
    wait_for_lock(admin, waiter)
    t = oid(admin, "t")
    assert rows_of(admin, pid_of(waiter)) == [("AccessExclusiveLock", "relation", t, False), OPEN]
    assert rows_of(admin, pid_of(holder)) == [("AccessShareLock", "relation", t, True), OPEN]
    holder.execute("COMMIT")
    assert outcome(waiter) == (None, None)
    assert ("AccessExclusiveLock", "relation", t, True) in rows_of(admin, pid_of(waiter))


def test_waiting_for_a_row_is_waiting_for_its_transaction_then_for_the_table(login, admin, table):
    """The first waiter holds the row's lock and waits for the transaction, the second waits for the row."""
    holder, first, second = login("alice"), login("alice"), login("bob")
    holder.execute("BEGIN; UPDATE t SET v = 1 WHERE id = 1")
    for waiter in (first, second):
        send(admin, waiter, "UPDATE t SET v = 2 WHERE id = 1")
        wait_for_lock(admin, waiter)
    waiting = "SELECT lock_mode, lockable_object_type, relation, xid FROM svv_transactions WHERE NOT granted AND pid = %d"
    assert admin.execute(waiting % pid_of(first)).fetchall() == [
        ("ShareLock", "transactionid", None, identity(admin, first)[2])
    ]
    assert identity(admin, first)[2] != identity(admin, holder)[2]
    assert admin.execute(waiting % pid_of(second)).fetchall() == [
        ("ExclusiveLock", "relation", oid(admin, "t"), identity(admin, second)[2])
    ]
    # The row's lock that the first waiter holds has no counterpart in Redshift.
    assert not [row for row in rows_of(admin, pid_of(first)) if row[0] == "ExclusiveLock" and row[2] is not None]
    holder.execute("ROLLBACK")
    assert outcome(first) == outcome(second) == (None, None)


def test_waiting_for_a_virtual_transaction(login, admin, table):
    """CREATE INDEX CONCURRENTLY waits for transactions that have no id."""
    reader, builder = login("alice"), login("awsuser")
    reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM t")
    send(admin, builder, "CREATE INDEX CONCURRENTLY i ON t (v)")
    # Before it waits for the reader, it waits for who looks whether it waits.
    waiting = eventually(lambda: [row for row in rows_of(admin, pid_of(builder)) if not row[3]])
    assert waiting == [("ShareLock", "transactionid", None, False)]
    reader.execute("COMMIT")
    assert outcome(builder) == (None, None)


def test_waiting_for_a_speculative_insertion(login, admin):
    """Two sessions insert the same key with ON CONFLICT; one is stopped inside its insertion by an advisory lock."""
    admin.execute("CREATE TABLE u (k int, note text)")
    admin.execute("CREATE FUNCTION stop_at(k int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN PERFORM pg_advisory_xact_lock(k); RETURN k; END'")
    admin.execute("CREATE UNIQUE INDEX ON u ((stop_at(k))); GRANT ALL ON u TO PUBLIC")
    blocker, first, second = login("alice"), login("alice"), login("bob")
    blocker.execute("SELECT pg_advisory_lock(7)")
    for session in (first, second):
        send(admin, session, "INSERT INTO u VALUES (7) ON CONFLICT DO NOTHING")
        wait_for_lock(admin, session)
    # Waiting for an advisory lock has no counterpart: both transactions are there, without a waiting row.
    for session in (first, second):
        assert [row for row in rows_of(admin, pid_of(session)) if not row[3]] == []
        assert OPEN in rows_of(admin, pid_of(session))
    blocker.execute("SELECT pg_advisory_unlock_all()")
    assert outcome(first) == outcome(second) == (None, None)
    admin.execute("DROP TABLE u; DROP FUNCTION stop_at")


def test_advisory_locks_are_no_rows(login, admin):
    session = login("alice")
    session.execute("SELECT pg_advisory_lock(1)")
    assert rows_of(admin, pid_of(session)) == []
    session.execute("BEGIN; SELECT pg_advisory_xact_lock(2)")
    assert rows_of(admin, pid_of(session)) == [OPEN]


def test_every_waiter_of_pg_locks_is_here(login, admin, table):
    holder = login("bob")
    holder.execute("BEGIN; LOCK t; SELECT 1")
    waiters = [login("alice") for _ in range(5)]
    for waiter in waiters:
        send(admin, waiter, "SELECT count(*) FROM t")
        wait_for_lock(admin, waiter)
    ours = admin.execute("SELECT pid FROM svv_transactions WHERE NOT granted ORDER BY pid").fetchall()
    assert ours == admin.execute("SELECT pid FROM pg_locks WHERE NOT granted ORDER BY pid").fetchall()
    assert len(ours) == 5
    holder.execute("ROLLBACK")
