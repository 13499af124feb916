"""sys_transaction_history and stl_undone: which transactions were committed, and which were rolled back."""

import datetime
import threading

import psycopg
import pytest

from conftest import EVERYTHING, Server, check_columns, eventually, pid_of, value

COLUMNS = {
    "sys_transaction_history": [
        ("user_id", "integer"),
        ("transaction_id", "bigint"),
        ("isolation_level", "text"),
        ("status", "text"),
        ("transaction_start_time", "timestamp without time zone"),
        ("commit_start_time", "timestamp without time zone"),
        ("commit_end_time", "timestamp without time zone"),
        ("blocks_committed", "bigint"),
        ("undo_transaction_id", "bigint"),
    ],
    "stl_undone": [
        ("userid", "integer"),
        ("xact_id", "bigint"),
        ("xact_id_undone", "bigint"),
        ("undo_start_ts", "timestamp without time zone"),
        ("undo_end_ts", "timestamp without time zone"),
        ("table_id", "bigint"),
    ],
}
XID = "SELECT pg_current_xact_id()::text::bigint"
NOW = "SELECT clock_timestamp() AT TIME ZONE 'UTC'"
NEVER = datetime.datetime(2000, 1, 1)
DENIED = psycopg.errors.InsufficientPrivilege


@pytest.mark.parametrize("view", COLUMNS)
def test_columns_and_comments(admin, view):
    check_columns(admin, view, COLUMNS[view])


def history(admin, xid):
    return admin.execute("SELECT * FROM sys_transaction_history WHERE transaction_id = %s", (xid,)).fetchall()


def undone(reader, xid):
    return reader.execute("SELECT * FROM stl_undone WHERE xact_id_undone = %s", (xid,)).fetchall()


def number_of(admin, user):
    return value(admin, "SELECT oid::int FROM pg_roles WHERE rolname = %s", user)


@pytest.mark.parametrize(
    "begin, isolation",
    [
        ("BEGIN", "Read Committed"),
        ("BEGIN ISOLATION LEVEL READ UNCOMMITTED", "Read Committed"),
        ("BEGIN ISOLATION LEVEL REPEATABLE READ", "Snapshot Isolation"),
        ("BEGIN ISOLATION LEVEL SERIALIZABLE", "Serializable"),
    ],
)
def test_each_column_of_a_commit_and_of_a_rollback(login, admin, begin, isolation):
    session = login("alice")
    for end in ("COMMIT", "ROLLBACK"):
        session.execute(begin)
        start, xid = value(session, "SELECT now() AT TIME ZONE 'UTC'"), value(session, XID)
        assert history(admin, xid) == undone(admin, xid) == []
        before = value(admin, NOW)
        session.execute(end)
        after = value(admin, NOW)
        (row,) = history(admin, xid)
        *row, commit_start, commit_end, blocks, undo = row
        status = "committed" if end == "COMMIT" else "rolledback"
        assert row == [number_of(admin, "alice"), xid, isolation, status, start] and blocks is None
        if end == "COMMIT":
            assert before <= commit_start <= commit_end <= after and undo == -1
            assert undone(admin, xid) == []
        else:
            assert commit_start == NEVER and before <= commit_end <= after and undo == xid
            assert undone(admin, xid) == [(number_of(admin, "alice"), xid, xid, commit_end, commit_end, None)]


@pytest.mark.parametrize(
    "statements, status",
    [
        (["INSERT INTO t VALUES (100, 0)"], "committed"),
        (["DO $$ BEGIN INSERT INTO t VALUES (101, 0); RAISE EXCEPTION 'no'; END $$"], "rolledback"),
        (["BEGIN", "INSERT INTO t VALUES (102, 0)", "SELECT 1 / 0", "COMMIT"], "rolledback"),
        (["BEGIN", "SAVEPOINT s", "INSERT INTO t VALUES (103, 0)", "ROLLBACK TO s", "COMMIT"], "committed"),
        (["BEGIN", "SAVEPOINT s", "INSERT INTO t VALUES (104, 0)", "ROLLBACK TO s", "ROLLBACK"], "rolledback"),
        (["CREATE TEMP TABLE made (a int)"], "committed"),
        (["NOTIFY somebody"], "committed"),  # gets its id in the middle of the commit
        (["SELECT * FROM t"], None),
        (["BEGIN", "SELECT * FROM t", "COMMIT"], None),
        (["SELECT 1 / 0"], None),
        (["BEGIN READ ONLY", "SELECT * FROM t", "ROLLBACK"], None),
        (["BEGIN", "INSERT INTO t VALUES (105, 0)", "PREPARE TRANSACTION 'history'", "COMMIT PREPARED 'history'"], None),
        (["BEGIN", "INSERT INTO t VALUES (106, 0)", "PREPARE TRANSACTION 'history'", "ROLLBACK PREPARED 'history'"], None),
    ],
)  # fmt: skip
def test_what_is_a_row(login, admin, table, statements, status):
    """One for each transaction that got an id, and none for a savepoint."""
    session = login("alice")
    last = "SELECT count(*), max(transaction_id) FROM sys_transaction_history WHERE user_id = %d" % number_of(admin, "alice")
    written = "SELECT written FROM redshift_sessions.logs() WHERE log = 'sys_transaction_history'"
    _, before = admin.execute(last).fetchone()
    count = value(admin, written)
    for statement in statements:
        try:
            session.execute(statement)
        except (psycopg.errors.DivisionByZero, psycopg.errors.RaiseException):
            pass
    rows = admin.execute(
        "SELECT status, commit_start_time BETWEEN transaction_start_time AND commit_end_time, undo_transaction_id = transaction_id FROM sys_transaction_history WHERE user_id = %s AND transaction_id > %s",
        (number_of(admin, "alice"), before or 0),
    ).fetchall()
    assert rows == ([(status, status == "committed", status == "rolledback")] if status else [])
    assert value(admin, written) - count == len(rows)


def test_a_session_that_ends_rolls_back(login, admin):
    for how in ("closes", "is terminated"):
        session = login("alice")
        session.execute("BEGIN")
        xid = value(session, XID)
        session.close() if how == "closes" else admin.execute("SELECT pg_terminate_backend(%s)", (pid_of(session),))
        (row,) = eventually(lambda: history(admin, xid))
        assert row[3] == "rolledback" and len(undone(admin, xid)) == 1


def test_the_commit_begins_after_the_statement_and_ends_with_it(login, admin):
    """Deferred triggers belong to the statement: what a commit waits for is its end, as a synchronous standby."""
    session = login()
    session.execute("SET client_min_messages = warning; BEGIN; CREATE TABLE deferred (a int UNIQUE DEFERRABLE INITIALLY DEFERRED)")
    xid = value(session, XID)
    session.execute("INSERT INTO deferred VALUES (1), (1)")
    with pytest.raises(psycopg.errors.UniqueViolation):
        session.execute("COMMIT")
    ((_, _, _, status, _, commit_start, _, _, undo),) = history(admin, xid)
    assert (status, commit_start, undo) == ("rolledback", NEVER, xid)


def test_who_sees_which_rows(login, admin):
    session = login("alice")
    session.execute("BEGIN")
    xid = value(session, XID)
    session.execute("SET LOCAL ROLE NONE; ROLLBACK")
    for user, seen in (("boss", 1), ("reader", 1), ("alice", 1), ("bob", 0), ("member", 0), ("canceller", 0)):
        assert len(undone(login(user), xid)) == seen, user
    for user in ("alice", "reader"):
        for query in ("SELECT * FROM sys_transaction_history", "SELECT * FROM redshift_sessions.sys_transaction_history()"):
            with pytest.raises(DENIED):
                login(user).execute(query)
    admin.execute("GRANT SELECT ON sys_transaction_history TO bob")
    try:
        assert len(history(login("bob"), xid)) == 1
    finally:
        admin.execute("REVOKE SELECT ON sys_transaction_history FROM bob")


def test_the_owner_of_the_session_is_the_user(login, admin):
    session = login("boss")
    session.execute("SET ROLE alice; BEGIN")
    xid = value(session, XID)
    session.execute("COMMIT")
    assert history(admin, xid)[0][0] == number_of(admin, "boss")


def test_background_processes_have_none(server, admin):
    """Autovacuum gets ids too, every second here."""
    admin.execute("CREATE TABLE vacuumed (a int) WITH (autovacuum_analyze_threshold = 1); INSERT INTO vacuumed SELECT generate_series(1, 1000)")
    statistics = "SELECT xmin::text::bigint FROM pg_statistic WHERE starelid = 'vacuumed'::regclass"
    ((xid,),) = eventually(lambda: admin.execute(statistics).fetchall())
    assert value(admin, "SELECT analyze_count FROM pg_stat_user_tables WHERE relname = 'vacuumed'") == 0
    assert history(admin, xid) == []
    admin.execute("DROP TABLE vacuumed")


SMALL = {**EVERYTHING, "redshift_sessions.transaction_log_size": "5"}


@pytest.fixture(scope="module")
def small():
    server = Server("history", SMALL)
    yield server
    server.remove()


def counts(server):
    with server.connect() as admin:
        return admin.execute("SELECT size, written, dropped FROM redshift_sessions.logs() WHERE log = 'sys_transaction_history'").fetchone()


def xids(server):
    with server.connect() as admin:
        return [xid for (xid,) in admin.execute("SELECT transaction_id FROM sys_transaction_history")]


def test_a_full_log_keeps_the_latest_over_a_restart(small):
    _, written, _ = counts(small)
    with small.connect() as session:
        made = [value(session, XID) for _ in range(12)]
    assert xids(small) == made[-5:]
    assert counts(small) == (5, written + 12, written + 7)
    with small.connect() as admin:
        rows = admin.execute("SELECT * FROM sys_transaction_history").fetchall()
    small.restart({**EVERYTHING, "redshift_sessions.transaction_log_size": "50"})
    with small.connect() as admin:
        # After them come those of the tests' own set-up.
        assert admin.execute("SELECT * FROM sys_transaction_history").fetchall()[:5] == rows


def test_the_books_balance(small):
    """As many committed and rolled back as there were, with many sessions at once."""
    small.restart({**EVERYTHING, "redshift_sessions.transaction_log_size": "10000"})
    with small.connect() as admin:
        admin.execute("CREATE TABLE IF NOT EXISTS books (a int); GRANT ALL ON books TO PUBLIC")

    def work():
        with small.connect("alice") as session:
            for number in range(100):
                session.execute("BEGIN; INSERT INTO books VALUES (1); %s" % ("ROLLBACK" if number % 4 == 0 else "COMMIT"))
                session.execute("SELECT count(*) FROM books")

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with small.connect() as admin:
        query = "SELECT count(*) FILTER (WHERE status = 'committed'), count(*) FILTER (WHERE status = 'rolledback'), count(DISTINCT transaction_id) FROM sys_transaction_history WHERE user_id = %s"
        assert admin.execute(query, (number_of(admin, "alice"),)).fetchone() == (600, 200, 800)
        assert value(admin, "SELECT count(*) FROM stl_undone WHERE userid = %s", number_of(admin, "alice")) == 200


def test_a_log_that_is_off_is_an_error(small):
    small.restart({**EVERYTHING, "redshift_sessions.transaction_log_size": "0"})
    with small.connect() as admin:
        admin.execute("BEGIN; " + XID + "; ROLLBACK; " + XID)
        for view in COLUMNS:
            with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="the log behind sys_transaction_history is not kept"):
                admin.execute("SELECT * FROM " + view)
    assert counts(small) is None
