"""svv_transactions: what sessions do, and what others see of it."""

import datetime
import threading

import psycopg
import pytest

from conftest import check_columns, eventually, identity, is_alive, oid, pid_of, rows_of, send, value, wait_for_lock

OPEN = ("ExclusiveLock", "transactionid", None, True)
COLUMNS = [
    ("txn_owner", "text"),
    ("txn_db", "text"),
    ("xid", "bigint"),
    ("pid", "integer"),
    ("txn_start", "timestamp without time zone"),
    ("lock_mode", "text"),
    ("lockable_object_type", "text"),
    ("relation", "integer"),
    ("granted", "boolean"),
]


def test_columns(admin):
    check_columns(admin, "svv_transactions", COLUMNS)


def test_resolves_under_any_search_path(login):
    session = login("alice")
    for path in ("''", "public", "pg_temp", "nowhere"):
        session.execute("SET search_path = %s" % path)
        session.execute("SELECT * FROM svv_transactions")
        session.execute("SELECT * FROM pg_catalog.svv_transactions")


def test_the_reader_sees_its_own_transaction_and_locks(login, table):
    reader = login("alice")
    reader.execute("BEGIN; LOCK t IN ROW SHARE MODE")
    rows = reader.execute("SELECT lock_mode, relation FROM svv_transactions WHERE pid = pg_backend_pid() AND granted").fetchall()
    assert ("RowShareLock", value(reader, "SELECT 't'::regclass::oid::int")) in rows
    assert ("ExclusiveLock", None) in rows
    reader.execute("ROLLBACK")


def test_idle_in_transaction_has_one_row_and_idle_none(login, admin):
    session = login("alice")
    assert rows_of(admin, pid_of(session)) == []
    session.execute("BEGIN; SELECT 1")
    assert rows_of(admin, pid_of(session)) == [OPEN]
    session.execute("COMMIT")
    assert rows_of(admin, pid_of(session)) == []


def test_a_failed_transaction_block_holds_nothing(login, admin, table):
    session = login("alice")
    session.execute("BEGIN; LOCK t")
    with pytest.raises(psycopg.errors.DivisionByZero):
        session.execute("SELECT 1 / 0")
    assert rows_of(admin, pid_of(session)) == []


def test_held_modes_fast_path_included(login, admin, table):
    """Weak locks are taken on the fast path, strong ones are not: both are rows, one for each mode."""
    session = login("alice")
    session.execute("BEGIN; LOCK t IN ACCESS SHARE MODE; LOCK t IN ROW EXCLUSIVE MODE; LOCK t IN SHARE ROW EXCLUSIVE MODE")
    t = oid(admin, "t")
    assert rows_of(admin, pid_of(session)) == [
        ("AccessShareLock", "relation", t, True),
        ("RowExclusiveLock", "relation", t, True),
        ("ShareRowExclusiveLock", "relation", t, True),
        OPEN,
    ]


@pytest.mark.parametrize("mode", ["ACCESS SHARE", "ROW SHARE", "ROW EXCLUSIVE", "SHARE UPDATE EXCLUSIVE", "SHARE", "SHARE ROW EXCLUSIVE", "EXCLUSIVE", "ACCESS EXCLUSIVE"])
def test_every_mode_by_its_name(login, admin, table, mode):
    session = login("alice")
    session.execute("BEGIN; LOCK t IN %s MODE" % mode)
    name = mode.title().replace(" ", "") + "Lock"
    assert rows_of(admin, pid_of(session)) == [(name, "relation", oid(admin, "t"), True), OPEN]


def test_the_xid_is_the_full_transaction_id(login, admin, table):
    session = login("alice")
    session.execute("BEGIN; UPDATE t SET v = 1 WHERE id = 1")
    xid = value(session, "SELECT pg_current_xact_id()::text::bigint")
    assert identity(admin, session)[2] == xid > 0


def test_without_an_id_the_xid_is_negative_stable_and_distinct(login, admin):
    sessions = [login("alice") for _ in range(5)]
    for session in sessions:
        session.execute("BEGIN; SELECT 1")
    xids = [identity(admin, session)[2] for session in sessions]
    assert all(xid < 0 for xid in xids) and len(set(xids)) == 5
    assert [identity(admin, session)[2] for session in sessions] == xids
    expected = "SELECT -(split_part(virtualtransaction, '/', 1)::bigint * 4294967296 + split_part(virtualtransaction, '/', 2)::bigint) FROM pg_locks WHERE pid = %s"
    assert [value(admin, expected, pid_of(session)) for session in sessions] == xids


def test_savepoints_add_no_row(login, admin, table):
    session = login("alice")
    session.execute("BEGIN; UPDATE t SET v = 1 WHERE id = 1")
    xid = identity(admin, session)[2]
    for number in range(5):
        session.execute("SAVEPOINT s%d; UPDATE t SET v = v + 1 WHERE id = %d" % (number, number + 1))
    session.execute("ROLLBACK TO s3")
    rows = rows_of(admin, pid_of(session))
    assert rows.count(OPEN) == 1
    assert identity(admin, session)[2] == xid
    # Only in a savepoint is an id assigned: the transaction's own is older still.
    session.execute("ROLLBACK; BEGIN; SAVEPOINT s; UPDATE t SET v = 2 WHERE id = 1")
    assert identity(admin, session)[2] == value(session, "SELECT pg_current_xact_id()::text::bigint")
    assert rows_of(admin, pid_of(session)).count(OPEN) == 1


def test_relation_joins_pg_class_also_beyond_two_billion(login, admin, table):
    session = login("alice")
    session.execute("BEGIN; LOCK t IN ROW SHARE MODE")
    query = "SELECT c.relname FROM svv_transactions s JOIN pg_class c ON s.relation = c.oid WHERE s.pid = %s"
    assert value(admin, query, pid_of(session)) == "t"


def test_start_is_utc_with_microseconds(login, admin):
    session = login("alice")
    session.execute("SET timezone = 'Asia/Kolkata'")
    session.execute("BEGIN")
    start = value(session, "SELECT now() AT TIME ZONE 'UTC'")
    for zone in ("UTC", "America/New_York"):
        admin.execute("SET timezone = '%s'" % zone)
        assert identity(admin, session)[3] == start
    assert abs((datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None) - start).total_seconds()) < 60


def test_order_is_start_xid_granted_relation(login, admin, table):
    sessions = []
    for number in range(6):
        session = login("alice")
        session.execute("BEGIN; SELECT count(*) FROM pg_class; LOCK t IN ROW SHARE MODE")
        if number % 2:
            session.execute("INSERT INTO t VALUES (%d)" % (100 + number))
        sessions.append(session)
    waiter = login("bob")
    send(admin, waiter, "BEGIN; SELECT count(*) FROM pg_class; LOCK t")
    wait_for_lock(admin, waiter)
    rows = admin.execute("SELECT txn_start, xid, granted, relation FROM svv_transactions").fetchall()
    assert len(rows) > 30
    nulls_last = lambda item: (item is None, item or 0)
    assert rows == sorted(rows, key=lambda row: (row[0], row[1], row[2], nulls_last(row[3])))


def test_parallel_workers_belong_to_their_leader_once(login, admin):
    admin.execute("CREATE TABLE big AS SELECT g FROM generate_series(1, 1000) g; GRANT SELECT ON big TO PUBLIC")
    admin.execute("ALTER TABLE big SET (parallel_workers = 2)")
    admin.execute("CREATE FUNCTION slowly(int) RETURNS int LANGUAGE plpgsql PARALLEL SAFE AS 'BEGIN PERFORM pg_sleep(0.05); RETURN $1; END'")
    leader = login("alice")
    for setting in ("parallel_setup_cost", "parallel_tuple_cost", "min_parallel_table_scan_size"):
        leader.execute("SET %s = 0" % setting)
    send(admin, leader, "SELECT count(*) FROM big WHERE slowly(g) > 0")
    workers = eventually(
        lambda: admin.execute("SELECT pid FROM pg_locks WHERE relation = 'big'::regclass AND pid <> %d" % pid_of(leader)).fetchall()
    )
    for reader in (admin, login("alice"), login("reader")):
        for (worker,) in workers:
            assert rows_of(reader, worker) == []
        rows = rows_of(reader, pid_of(leader))
        assert rows.count(OPEN) == 1
        assert rows.count(("AccessShareLock", "relation", oid(admin, "big"), True)) == 1
        assert len(rows) == len(set(rows))
    admin.execute("SELECT pg_terminate_backend(%s)", (pid_of(leader),))
    eventually(lambda: not is_alive(admin, pid_of(leader)))
    admin.execute("DROP TABLE big; DROP FUNCTION slowly(int)")


class TestWhoSeesWhat:
    @pytest.fixture
    def sessions(self, login, admin, table):
        sessions = {name: login(name) for name in ("alice", "bob", "boss", "member")}
        for session in sessions.values():
            session.execute("BEGIN; LOCK t IN ACCESS SHARE MODE")
        return sessions

    @pytest.mark.parametrize(
        "reader, seen",
        [
            ("awsuser", {"alice", "bob", "boss", "member"}),
            ("boss", {"alice", "bob", "boss", "member"}),
            ("reader", {"alice", "bob", "boss", "member"}),
            ("alice", {"alice"}),
            ("bob", {"bob"}),
            ("member", {"member"}),  # not alice's, although a member of her role
            ("canceller", set()),
        ],
    )
    def test_rows_of_others(self, login, sessions, reader, seen):
        reader = login(reader)
        query = "SELECT DISTINCT txn_owner FROM svv_transactions WHERE relation IS NOT NULL AND pid <> pg_backend_pid() AND txn_owner <> 'rdsdb'"
        assert {owner for (owner,) in reader.execute(query)} == seen
        # Through functions, too, and nothing by count.
        direct = reader.execute("SELECT * FROM redshift_sessions.svv_transactions() WHERE pid <> pg_backend_pid()").fetchall()
        assert {row[0] for row in direct if row[0] != "rdsdb"} == seen

    def test_current_user_decides(self, login, sessions):
        reader = login("awsuser")
        reader.execute("SET ROLE bob")
        assert {row[0] for row in reader.execute("SELECT txn_owner FROM svv_transactions")} == {"bob"}

    def test_a_view_of_a_superuser_shows_no_more(self, login, admin, sessions):
        admin.execute("CREATE VIEW all_of_them AS SELECT * FROM svv_transactions; GRANT SELECT ON all_of_them TO PUBLIC")
        assert {row[0] for row in login("bob").execute("SELECT txn_owner FROM all_of_them")} == {"bob"}
        admin.execute("DROP VIEW all_of_them")

    def test_a_revoked_view_is_closed(self, login, admin):
        admin.execute("REVOKE SELECT ON svv_transactions FROM PUBLIC")
        try:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                login("bob").execute("SELECT * FROM svv_transactions")
        finally:
            admin.execute("GRANT SELECT ON svv_transactions TO PUBLIC")


def test_sessions_of_all_databases(login, admin):
    session = login("alice", "postgres")
    session.execute("BEGIN; SELECT 1")
    assert identity(admin, session)[:2] == ("alice", "postgres")


def test_prepared_transactions_outlive_their_session(login, admin, table):
    session = login("alice")
    session.execute("BEGIN; UPDATE t SET v = 5 WHERE id = 1")
    xid = value(session, "SELECT pg_current_xact_id()::text::bigint")
    session.execute("PREPARE TRANSACTION 'ours'")
    query = "SELECT txn_owner, txn_db, pid, lock_mode, relation, granted FROM svv_transactions WHERE xid = %s"
    t, index = oid(admin, "t"), oid(admin, "t_pkey")
    expected = [
        ("alice", "dev", None, "RowExclusiveLock", t, True),
        ("alice", "dev", None, "RowExclusiveLock", index, True),
        ("alice", "dev", None, "ExclusiveLock", None, True),
    ]
    try:
        for reader in (admin, session, login("reader")):
            rows = reader.execute(query, (xid,)).fetchall()
            assert [row for row in rows if row[3] != "AccessShareLock"] == expected
        assert login("bob").execute(query, (xid,)).fetchall() == []
        started = "SELECT count(*) FROM svv_transactions s, pg_prepared_xacts p WHERE s.xid = %s AND s.txn_start = p.prepared AT TIME ZONE 'UTC'"
        assert value(admin, started, xid) >= 3
        session.close()
        assert value(admin, "SELECT count(*) FROM svv_transactions WHERE xid = %s", xid) >= 3
    finally:
        admin.execute("ROLLBACK PREPARED 'ours'")
    assert admin.execute(query, (xid,)).fetchall() == []


def test_background_processes_are_rdsdbs(login, admin):
    """A slow autovacuum worker. For those only who see everything."""
    admin.execute(
        "CREATE TABLE vacuumed (x int) WITH (autovacuum_vacuum_threshold = 1, autovacuum_vacuum_scale_factor = 0,"
        " autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1)"
    )
    admin.execute("INSERT INTO vacuumed SELECT generate_series(1, 100000); DELETE FROM vacuumed")
    find = """
        SELECT s.txn_owner, s.txn_db, a.backend_type, s.lock_mode
        FROM svv_transactions AS s JOIN pg_stat_activity AS a USING (pid)
        WHERE s.relation = 'vacuumed'::regclass::oid::int
    """
    rows = eventually(lambda: admin.execute(find).fetchall())
    assert rows == [("rdsdb", "dev", "autovacuum worker", "ShareUpdateExclusiveLock")]
    assert value(login("reader"), "SELECT count(*) FROM svv_transactions WHERE txn_owner = 'rdsdb'") > 0
    for name in ("alice", "canceller"):
        assert value(login(name), "SELECT count(*) FROM svv_transactions WHERE txn_owner = 'rdsdb'") == 0
    admin.execute("DROP TABLE vacuumed")


def test_without_track_activities_the_start_is_unknown(login, admin):
    session = login("boss")
    session.execute("SET track_activities = off")
    session.execute("BEGIN; SELECT 1")
    assert identity(admin, session)[3] is None
    assert admin.execute("SELECT pid FROM svv_transactions").fetchall()[-1] == (pid_of(session),)  # NULL last


def test_a_dropped_owner_is_unknown(login, admin):
    admin.execute("CREATE ROLE shortlived LOGIN SUPERUSER")
    session = login("shortlived")
    session.execute("BEGIN; SELECT 1")
    admin.execute("DROP ROLE shortlived")
    assert identity(admin, session)[:2] == (None, "dev")


def test_each_reading_is_fresh_also_within_one_transaction(login, admin):
    session = login("alice")
    session.execute("BEGIN; SELECT 1")
    admin.execute("BEGIN")
    assert rows_of(admin, pid_of(session)) == [OPEN]
    session.execute("COMMIT")
    assert rows_of(admin, pid_of(session)) == []
    session.execute("BEGIN; SELECT 1")
    assert rows_of(admin, pid_of(session)) == [OPEN]
    other = login("bob")
    other.execute("BEGIN; SELECT 1")
    assert identity(admin, other)[0] == "bob"
    admin.execute("COMMIT")


def test_many_locks_spill_and_are_complete(login, admin):
    """More rows than fit into work_mem, and the relation of each is right."""
    admin.execute("DO $$ BEGIN FOR i IN 1 .. 1500 LOOP EXECUTE format('CREATE TABLE many_%s ()', i); END LOOP; END $$")
    session = login("awsuser")
    session.execute("BEGIN; DO $$ DECLARE r regclass; BEGIN FOR r IN SELECT oid FROM pg_class WHERE relname LIKE 'many\\_%' LOOP EXECUTE format('LOCK %s IN SHARE MODE', r); EXECUTE format('LOCK %s IN ACCESS SHARE MODE', r); END LOOP; END $$")
    admin.execute("SET work_mem = '64kB'")
    compare = """
        SELECT relation::oid, mode FROM pg_locks WHERE pid = %(pid)s AND locktype = 'relation'
        EXCEPT ALL
        SELECT relation::oid, lock_mode FROM svv_transactions WHERE pid = %(pid)s AND relation IS NOT NULL
    """
    assert admin.execute(compare, {"pid": pid_of(session)}).fetchall() == []
    assert value(admin, "SELECT count(*) FROM svv_transactions WHERE pid = %s", pid_of(session)) > 3000
    session.execute("ROLLBACK")
    admin.execute("DO $$ BEGIN FOR i IN 1 .. 1500 LOOP EXECUTE format('DROP TABLE many_%s', i); IF i % 500 = 0 THEN COMMIT; END IF; END LOOP; END $$")


def test_under_churn_each_transaction_has_its_own_start(server, login, admin):
    """Locks and sessions are read one after the other; what a row says must still be of one transaction."""
    own = """
        SELECT now() AT TIME ZONE 'UTC',
               -(split_part(virtualtransaction, '/', 1)::bigint * 4294967296 + split_part(virtualtransaction, '/', 2)::bigint)
        FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'virtualxid'
    """
    stop, true_starts = threading.Event(), {}

    def churn():
        with server.connect("alice") as session:
            while not stop.is_set():
                session.execute("BEGIN")
                start, xid = session.execute(own).fetchone()
                true_starts[xid] = start
                session.execute("COMMIT")

    threads = [threading.Thread(target=churn) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        seen = set()
        for _ in range(2000):
            seen.update(admin.execute("SELECT xid, txn_start, lock_mode FROM svv_transactions WHERE txn_owner = 'alice'").fetchall())
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert len({xid for xid, _, _ in seen}) > 100
    wrong = {(xid, start) for xid, start, _ in seen if xid in true_starts and start != true_starts[xid]}
    assert wrong == set()
