"""stv_tbl_perm, svv_table_info and stl_vacuum: each column against what the test itself did, who sees them, and that no lock stops them."""

import datetime

import psycopg
import pytest

from conftest import check_columns, eventually, value, wait_for_lock
from extras import database, extras  # noqa: F401, fixtures

COLUMNS = {
    "stv_tbl_perm": [("slice", "integer"), ("id", "integer"), ("name", "character(72)"), ("rows", "bigint"), ("sorted_rows", "bigint"), ("temp", "integer"), ("db_id", "integer"),
                     ("insert_pristine", "integer"), ("delete_pristine", "integer"), ("backup", "integer"), ("dist_style", "integer"), ("block_count", "integer")],
    "svv_table_info": [("database", "text"), ("schema", "text"), ("table_id", "oid"), ("table", "text"), ("encoded", "text"), ("diststyle", "text"), ("sortkey1", "text"),
                       ("max_varchar", "integer"), ("sortkey1_enc", "character(32)"), ("sortkey_num", "integer"), ("size", "bigint"), ("pct_used", "numeric(10,4)"), ("empty", "bigint"),
                       ("unsorted", "numeric(5,2)"), ("stats_off", "numeric(5,2)"), ("tbl_rows", "numeric(38,0)"), ("skew_sortkey1", "numeric(19,2)"), ("skew_rows", "numeric(19,2)"),
                       ("estimated_visible_rows", "numeric(38,0)"), ("risk_event", "text"), ("vacuum_sort_benefit", "numeric(12,2)"), ("create_time", "timestamp without time zone")],
    "stl_vacuum": [("userid", "integer"), ("xid", "bigint"), ("table_id", "integer"), ("status", "character(30)"), ("rows", "bigint"), ("sortedrows", "integer"), ("blocks", "integer"),
                   ("max_merge_partitions", "integer"), ("eventtime", "timestamp without time zone"), ("reclaimable_rows", "bigint"), ("reclaimable_space_mb", "bigint"),
                   ("cutoff_xid", "bigint"), ("is_recluster", "integer")],
    "svv_external_columns": [("redshift_database_name", "text"), ("schemaname", "text"), ("tablename", "text"), ("columnname", "text"), ("external_type", "text"),
                             ("columnnum", "integer"), ("part_key", "integer"), ("is_nullable", "text")],
}  # fmt: skip
FOR_SUPERUSERS = ["stv_tbl_perm", "svv_table_info", "stl_vacuum"]


@pytest.fixture
def table(database):  # noqa: F811
    """Of 3000 rows, 1000 deleted, three megabytes; autovacuum leaves it alone."""
    database.execute("CREATE SCHEMA shop; CREATE TABLE shop.orders (id int, v varchar(20), w varchar(300), x varchar, filler text) WITH (autovacuum_enabled = off)")
    database.execute("ALTER TABLE shop.orders ALTER filler SET STORAGE PLAIN")
    database.execute("INSERT INTO shop.orders SELECT g, 'v', 'w', 'x', repeat('x', 1000) FROM generate_series(1, 3000) g")
    database.execute("DELETE FROM shop.orders WHERE id <= 1000")
    eventually(lambda: value(database, "SELECT rows FROM stv_tbl_perm WHERE name = 'orders'") == 3000)
    yield value(database, "SELECT 'shop.orders'::regclass::oid::int")
    # Whoever a failed test left behind with a lock on it must not stop the next one.
    database.execute("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE relation = 'shop.orders'::regclass AND pid <> pg_backend_pid()")
    database.execute("DROP SCHEMA shop CASCADE")


@pytest.mark.parametrize("view", COLUMNS)
def test_columns(database, view):  # noqa: F811
    check_columns(database, view, COLUMNS[view])


def test_a_table_of_stv_tbl_perm(database, table):  # noqa: F811
    here = value(database, "SELECT oid::int FROM pg_database WHERE datname = current_database()")
    row = (0, table, "orders".ljust(72), 3000, None, 0, here, 0, 0, 1, 10, 4)
    assert database.execute("SELECT * FROM stv_tbl_perm WHERE id = %s", (table,)).fetchall() == [row]


def test_a_table_of_svv_table_info(database, table):  # noqa: F811
    query = "SELECT * FROM svv_table_info WHERE table_id = %s"
    row = ("extras", "shop", table, "orders", "N", "AUTO(ALL)", None, 300, None, 0, 4, None, 0, None, 100, 3000, None, None, 2000, None, None, None)
    assert database.execute(query, (table,)).fetchall() == [row]
    off = "SELECT stats_off::text, tbl_rows, estimated_visible_rows FROM svv_table_info WHERE table_id = %d" % table
    database.execute("VACUUM ANALYZE shop.orders")
    eventually(lambda: database.execute(off).fetchone() == ("0.00", 2000, 2000))
    database.execute("UPDATE shop.orders SET v = 'y' WHERE id <= 1250")
    # 250 of 2250 that are stored.
    eventually(lambda: database.execute(off).fetchone() == ("11.11", 2250, 2000))


def test_which_tables_there_are(database, login, extras):  # noqa: F811
    """Those of users, materialized views among them, and this session's temporary ones. svv_table_info leaves out what is empty."""
    database.execute("CREATE TABLE kept (id int); CREATE UNLOGGED TABLE unlogged (id int); CREATE TEMP TABLE mine (id int)")
    database.execute("CREATE TABLE parent (id int) PARTITION BY RANGE (id); CREATE TABLE part PARTITION OF parent DEFAULT")
    database.execute("CREATE MATERIALIZED VIEW stored AS SELECT 1 AS id; CREATE VIEW seen AS SELECT 1 AS id; CREATE INDEX ON kept (id)")
    login("awsuser", extras).execute("CREATE TEMP TABLE theirs (id int)")
    query = "SELECT trim(name), temp, backup FROM stv_tbl_perm ORDER BY 1"
    assert database.execute(query).fetchall() == [("kept", 0, 1), ("mine", 1, 0), ("part", 0, 1), ("stored", 0, 1), ("unlogged", 0, 0)]
    database.execute("INSERT INTO kept VALUES (1); INSERT INTO mine VALUES (1)")
    eventually(lambda: {name for (name,) in database.execute('SELECT "table" FROM svv_table_info')} == {"kept", "mine", "stored"})
    database.execute("DROP TABLE kept, unlogged, parent; DROP MATERIALIZED VIEW stored; DROP VIEW seen")
    assert value(database, "SELECT count(*) FROM stv_tbl_perm WHERE temp = 0") == 0


@pytest.mark.parametrize("granted", [True, False], ids=["held", "awaited"])
def test_a_table_that_is_locked_exclusively_stops_nobody(database, login, extras, table, granted):  # noqa: F811
    """Its size is that of the last ANALYZE then. What people look at these views for is such a lock."""
    database.execute("ANALYZE shop.orders")
    reader, holder, waiter = (login("awsuser", extras) for _ in range(3))
    reader.execute("SET lock_timeout = '5s'")
    holder.execute("BEGIN; LOCK shop.orders IN %s MODE" % ("ACCESS EXCLUSIVE" if granted else "ACCESS SHARE"))
    if not granted:
        waiter.execute("BEGIN")
        waiter.pgconn.send_query(b"LOCK shop.orders")
        wait_for_lock(database, waiter)
    assert reader.execute("SELECT size, tbl_rows FROM svv_table_info WHERE table_id = %s", (table,)).fetchone() == (4, 3000)
    query = "SELECT t.pid, i.schema FROM svv_transactions t JOIN svv_table_info i ON i.table_id = t.relation WHERE t.lock_mode = 'AccessExclusiveLock'"
    assert {schema for _, schema in reader.execute(query)} == {"shop"}
    holder.execute("ROLLBACK")


def test_a_table_that_this_session_has_locked(database, table):  # noqa: F811
    with database.transaction():
        database.execute("LOCK shop.orders; TRUNCATE shop.orders")
        assert value(database, "SELECT block_count FROM stv_tbl_perm WHERE id = %s", table) == 0


@pytest.mark.parametrize("view", FOR_SUPERUSERS)
def test_views_for_superusers(database, login, extras, view, table):  # noqa: F811
    """A plain user, a reader of statistics and an owner are refused; GRANT SELECT opens the view with all rows."""
    database.execute("VACUUM shop.orders")
    number = "SELECT count(*) FROM %s WHERE %s" % (view, {"stv_tbl_perm": "id", "svv_table_info": "table_id", "stl_vacuum": "table_id"}[view] + " = %d" % table)
    eventually(lambda: value(database, number) == 1)
    alice = login("alice", extras)
    for session in (alice, login("reader", extras)):
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="^permission denied for view %s" % view):
            session.execute("SELECT * FROM " + view)
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="^permission denied for view tables_of_users"):
            session.execute("SELECT * FROM redshift_sessions_extras.tables_of_users")
    database.execute("GRANT SELECT ON %s TO alice" % view)
    assert value(alice, number) == 1
    database.execute("REVOKE SELECT ON %s FROM alice" % view)


def test_vacuums(database, table):  # noqa: F811
    """The last one by hand and the last one of autovacuum, in UTC whatever the session's zone."""
    database.execute("SET timezone = 'Asia/Tokyo'")
    rows = "SELECT trim(status), eventtime FROM stl_vacuum WHERE table_id = %d ORDER BY eventtime" % table
    assert database.execute(rows).fetchall() == []
    before = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
    database.execute("VACUUM shop.orders")
    eventually(lambda: database.execute(rows).fetchall() != [])
    ((status, moment),) = database.execute(rows).fetchall()
    assert status == "Finished" and before <= moment <= before + datetime.timedelta(seconds=60)
    database.execute("ALTER TABLE shop.orders SET (autovacuum_enabled = on, autovacuum_vacuum_threshold = 1, autovacuum_vacuum_scale_factor = 0)")
    database.execute("DELETE FROM shop.orders WHERE id <= 2000")
    eventually(lambda: [status for status, _ in database.execute(rows)] == ["Finished", "[VacuumBG] Finished"])
    nothing = "SELECT * FROM stl_vacuum WHERE coalesce(userid, xid, rows, sortedrows, blocks, max_merge_partitions, reclaimable_rows, reclaimable_space_mb, cutoff_xid, is_recluster) IS NOT NULL"
    assert database.execute(nothing).fetchall() == []


def test_there_are_no_external_columns(database, login, extras):  # noqa: F811
    """Foreign tables are not among them, or dbt would find their columns twice."""
    assert login("alice", extras).execute("SELECT * FROM svv_external_columns").fetchall() == []
