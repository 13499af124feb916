"""stv_wlm_query_state and stv_wlm_query_queue_state: what runs, and that nothing queues."""

from conftest import check_columns, outcome, pid_of, send, value

COLUMNS = {
    "stv_wlm_query_state": [
        ("xid", "integer"),
        ("task", "integer"),
        ("query", "integer"),
        ("service_class", "integer"),
        ("slot_count", "integer"),
        ("wlm_start_time", "timestamp without time zone"),
        ("state", "character(16)"),
        ("queue_time", "bigint"),
        ("exec_time", "bigint"),
        ("query_priority", "character(20)"),
    ],
    "stv_wlm_query_queue_state": [
        ("service_class", "integer"),
        ("position", "integer"),
        ("task", "integer"),
        ("query", "integer"),
        ("slot_count", "integer"),
        ("start_time", "timestamp without time zone"),
        ("queue_time", "bigint"),
    ],
}


def test_columns_and_comments(admin):
    for view, columns in COLUMNS.items():
        check_columns(admin, view, columns)


def test_a_running_statement_is_that_of_stv_inflight(login, admin, table):
    holder, alice, idle = login(), login("alice"), login("alice")
    holder.execute("BEGIN; LOCK TABLE t")
    alice.execute("BEGIN; SELECT pg_current_xact_id()")
    idle.execute("SELECT 1")
    send(admin, alice, "SELECT * FROM t")
    inflight = "SELECT xid, query, starttime FROM stv_inflight WHERE pid = %s"
    xid, query, start = admin.execute(inflight, (pid_of(alice),)).fetchone()
    took = "extract(epoch FROM clock_timestamp() AT TIME ZONE 'UTC' - starttime) * 1000000"
    least = value(admin, "SELECT %s FROM stv_inflight WHERE query = %d" % (took, query))
    state = "SELECT *, %s FROM stv_wlm_query_state WHERE query = %d" % (took.replace("starttime", "wlm_start_time"), query)
    (row,) = admin.execute(state).fetchall()
    *row, most = [column.strip() if isinstance(column, str) else column for column in row]
    exec_time = row.pop(8)
    assert row == [xid, query, query, 100, 1, start, "Running", 0, "n/a"]
    assert 0 < least <= exec_time <= most
    everything = "SELECT s.query, i.query FROM stv_wlm_query_state s FULL JOIN stv_inflight i USING (query)"
    pairs = admin.execute(everything).fetchall()
    assert len(pairs) >= 2 and all(ours == theirs for ours, theirs in pairs)
    holder.execute("COMMIT")
    assert outcome(alice) == (None, None)
    assert value(admin, "SELECT count(*) FROM stv_wlm_query_state WHERE query = %s", query) == 0


def test_a_transaction_without_an_id_has_none_here(login):
    session = login("alice")
    assert session.execute("SELECT xid FROM stv_wlm_query_state").fetchall() == [(None,)]
    assert value(session, "SELECT xid FROM stv_inflight") < 0


def test_who_sees_which_rows(login, admin, table):
    holder, alice = login(), login("alice")
    holder.execute("BEGIN; LOCK TABLE t")
    send(admin, alice, "SELECT * FROM t")
    query = value(admin, "SELECT query FROM stv_inflight WHERE pid = %s", pid_of(alice))
    for user, seen in (("boss", 1), ("reader", 1), ("alice", 1), ("bob", 0), ("member", 0), ("canceller", 0)):
        assert value(login(user), "SELECT count(*) FROM stv_wlm_query_state WHERE query = %s", query) == seen, user
    holder.execute("COMMIT")
    outcome(alice)


def test_nothing_queues(login, admin, table):
    """Not even what waits for a lock."""
    holder, alice = login(), login("alice")
    holder.execute("BEGIN; LOCK TABLE t")
    send(admin, alice, "SELECT * FROM t")
    for session in (admin, login("bob")):
        assert session.execute("SELECT * FROM stv_wlm_query_queue_state").fetchall() == []
    holder.execute("COMMIT")
    outcome(alice)
