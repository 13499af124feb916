"""sys_query_history, sys_query_text, stl_query and their like: each column against what the test did."""

import datetime

import psycopg
import pytest

from conftest import check_columns, outcome, pid_of, send, value

TIME = "timestamp without time zone"
TEXT_OF_A_STATEMENT = [
    ("userid", "integer"), ("xid", "bigint"), ("pid", "integer"), ("label", "character(320)"), ("starttime", TIME), ("endtime", TIME),
    ("sequence", "integer"),
]  # fmt: skip
COLUMNS = {
    "sys_query_history": [
        ("user_id", "integer"), ("query_id", "bigint"), ("query_label", "character(320)"), ("transaction_id", "bigint"), ("session_id", "integer"),
        ("database_name", "character(128)"), ("query_type", "character(32)"), ("status", "character(10)"), ("result_cache_hit", "boolean"),
        ("start_time", TIME), ("end_time", TIME), ("elapsed_time", "bigint"), ("queue_time", "bigint"), ("execution_time", "bigint"),
        ("error_message", "character(512)"), ("returned_rows", "bigint"), ("returned_bytes", "bigint"), ("query_text", "character(4000)"),
        ("redshift_version", "character(256)"), ("compile_time", "bigint"), ("planning_time", "bigint"), ("lock_wait_time", "bigint"),
        ("service_class_id", "integer"), ("service_class_name", "character(64)"), ("query_priority", "character(20)"),
        ("short_query_accelerated", "character(10)"), ("user_query_hash", "character(40)"), ("generic_query_hash", "character(40)"),
    ],
    "sys_query_text": [
        ("user_id", "integer"), ("query_id", "bigint"), ("transaction_id", "bigint"), ("session_id", "integer"), ("start_time", TIME),
        ("sequence", "integer"), ("text", "character(4000)"),
    ],
    "stl_query": [
        ("userid", "integer"), ("query", "integer"), ("label", "character(320)"), ("xid", "bigint"), ("pid", "integer"),
        ("database", "character(32)"), ("querytxt", "character(4000)"), ("starttime", TIME), ("endtime", TIME), ("aborted", "integer"),
        ("insert_pristine", "integer"), ("concurrency_scaling_status", "integer"),
    ],
    "stl_querytext": [
        ("userid", "integer"), ("xid", "bigint"), ("pid", "integer"), ("query", "integer"), ("sequence", "integer"), ("text", "character(200)"),
    ],
    "svl_qlog": [
        ("userid", "integer"), ("query", "integer"), ("xid", "bigint"), ("pid", "integer"), ("starttime", TIME), ("endtime", TIME),
        ("elapsed", "bigint"), ("aborted", "integer"), ("label", "character(320)"), ("substring", "character(60)"), ("source_query", "integer"),
        ("concurrency_scaling_status_txt", "text"), ("from_sp_call", "integer"),
    ],
    "svl_statementtext": TEXT_OF_A_STATEMENT + [("type", "character varying(10)"), ("text", "character(200)")],
    "stl_utilitytext": TEXT_OF_A_STATEMENT + [("text", "character(200)")],
    "stl_ddltext": TEXT_OF_A_STATEMENT + [("text", "character(200)")],
}  # fmt: skip


@pytest.mark.parametrize("view", COLUMNS)
def test_columns_and_comments(admin, view):
    check_columns(admin, view, COLUMNS[view])


def of(admin, session, columns, last=1, where="status <> 'running'"):
    """The last statements of a session, oldest first."""
    query = "SELECT %s FROM sys_query_history WHERE session_id = %d AND %s ORDER BY query_id DESC LIMIT %d" % (columns, pid_of(session), where, last)
    return admin.execute(query).fetchall()[::-1]


def test_a_finished_query(login, admin):
    session = login("alice")
    session.execute("SET query_group TO 'nightly'")
    before = value(admin, "SELECT clock_timestamp() AT TIME ZONE 'UTC'")
    session.execute("SELECT n, CASE n WHEN 1 THEN pg_sleep(1) END FROM generate_series(1, 4) AS n")
    after = value(admin, "SELECT clock_timestamp() AT TIME ZONE 'UTC'")
    user = value(admin, "SELECT 'alice'::regrole::oid::int")
    columns = "user_id, trim(query_label), session_id, trim(database_name), trim(query_type), trim(status), result_cache_hit, error_message, returned_rows, returned_bytes, trim(query_text), queue_time"
    assert of(admin, session, columns) == [
        (user, "nightly", pid_of(session), "dev", "SELECT", "success", False, None, 4, None, "SELECT n, CASE n WHEN 1 THEN pg_sleep(1) END FROM generate_series(1, 4) AS n", 0)
    ]
    ((start, end, elapsed, execution, version),) = of(admin, session, "start_time, end_time, elapsed_time, execution_time, trim(redshift_version)")
    assert before <= start < end <= after and 1_000_000 <= elapsed == execution == (end - start) / datetime.timedelta(microseconds=1)
    assert version == value(admin, "SHOW server_version")


def test_a_running_query(login, admin):
    session = login("alice")
    session.execute("SET query_group TO 'slow'; BEGIN; SELECT pg_current_xact_id()")
    send(admin, session, "SELECT pg_sleep(600)")
    columns = "trim(query_label), transaction_id, trim(query_type), trim(status), end_time, error_message, returned_rows, trim(query_text)"
    xid = value(admin, "SELECT xid FROM svv_transactions WHERE pid = %s LIMIT 1", pid_of(session))
    running = "status = 'running'"
    assert of(admin, session, columns, where=running) == [("slow", xid, None, "running", None, None, None, "SELECT pg_sleep(600)")]
    first, second = (of(admin, session, "elapsed_time", where=running)[0][0] for _ in range(2))
    assert 0 <= first < second
    session.cancel()
    assert outcome(session)[0] == "57014"
    assert of(admin, session, "*", where=running) == []
    assert of(admin, session, "trim(status), transaction_id, trim(query_type)") == [("canceled", xid, "SELECT")]


KINDS = [
    ("SELECT 1", "QUERY", "SELECT", 1),
    ("SELECT id FROM t UNION ALL SELECT 1 WHERE false", "QUERY", "SELECT", 10),
    ("INSERT INTO t SELECT n, n FROM generate_series(200, 203) AS n", "QUERY", "INSERT", 0),
    ("UPDATE t SET v = 1 WHERE id IN (1, 2) RETURNING id", "QUERY", "UPDATE", 2),
    ("DELETE FROM t WHERE id >= 200", "QUERY", "DELETE", 0),
    ("CREATE TEMP TABLE made (x int)", "DDL", "DDL", 0),
    ("CREATE TEMP TABLE copied AS SELECT * FROM t", "DDL", "CTAS", 0),
    ("SELECT * INTO TEMP copied_too FROM t", "DDL", "CTAS", 0),
    ("DROP TABLE made, copied, copied_too", "DDL", "DDL", 0),
    ("GRANT SELECT ON t TO PUBLIC", "DDL", "DDL", 0),
    ("SET work_mem = '4MB'", "UTILITY", "UTILITY", 0),
    ("SHOW work_mem", "UTILITY", "UTILITY", 0),
    ("VACUUM t", "UTILITY", "UTILITY", 0),
    ("EXPLAIN SELECT 1", "UTILITY", "UTILITY", 0),
    ("BEGIN", "UTILITY", "UTILITY", 0),
    ("DECLARE c CURSOR FOR SELECT * FROM t", "UTILITY", "UTILITY", 0),
    ("FETCH 3 FROM c", "UTILITY", "UTILITY", 3),
    ("COMMIT", "UTILITY", "UTILITY", 0),
    ("DECLARE held CURSOR WITH HOLD FOR SELECT * FROM t", "UTILITY", "UTILITY", 0),
    ("FETCH ALL FROM held", "UTILITY", "UTILITY", 10),
    ("BEGIN; UPDATE t SET v = 3 WHERE id = 1; SELECT 1; COMMIT", "QUERY", "UPDATE", 1),
    ("DO $$ BEGIN UPDATE t SET v = 3; END $$", "UTILITY", "UTILITY", 0),
]


def test_classes_types_and_rows(login, admin, table):
    session = login("awsuser")
    for statement, *_ in KINDS:
        session.execute(statement)
    shown = of(admin, session, "trim(query_text), trim(query_type), returned_rows, trim(status)", len(KINDS))
    assert shown == [(statement, kind, rows, "success") for statement, _, kind, rows in KINDS]
    # The other views have each statement where its class says, with the same pid, xid and times.
    for view, classes in (("svl_statementtext", "QUERY DDL UTILITY"), ("stl_querytext", "QUERY"), ("stl_ddltext", "DDL"), ("stl_utilitytext", "UTILITY")):
        texts = [text for (text,) in admin.execute("SELECT trim(text) FROM %s WHERE pid = %d ORDER BY xid IS NULL, sequence" % (view, pid_of(session)))]
        assert sorted(texts) == sorted(statement for statement, of_class, *_ in KINDS if of_class in classes.split()), view
    assert dict(admin.execute("SELECT trim(text), type FROM svl_statementtext WHERE pid = %d" % pid_of(session)).fetchall()) == {
        statement: of_class for statement, of_class, *_ in KINDS
    }
    same = """
        SELECT count(*) FROM sys_query_history h JOIN stl_query q ON q.query = h.query_id JOIN svl_qlog l USING (query)
        JOIN sys_query_text t USING (query_id) JOIN stv_recents r ON r.starttime = h.start_time AND r.userid = h.user_id
        WHERE h.session_id = %d AND q.pid = h.session_id AND l.pid = q.pid AND t.session_id = q.pid
          AND (q.xid, q.xid) = (l.xid, h.transaction_id) AND (q.starttime, q.endtime) = (h.start_time, h.end_time)
          AND l.elapsed = h.elapsed_time AND r.duration = h.elapsed_time AND q.querytxt = h.query_text AND t.text = h.query_text
          AND l.substring = q.querytxt::char(60) AND r.query = q.querytxt::char(600) AND q.aborted = 0 AND l.aborted = 0
          AND (q.label, q.label) = (l.label, h.query_label) AND trim(q.database) = 'dev' AND q.userid = h.user_id AND l.userid = h.user_id
    """
    assert value(admin, same % pid_of(session)) == sum(of_class == "QUERY" for _, of_class, *_ in KINDS)


def test_statements_that_fail(login, admin):
    session = login("alice")
    failures = [
        ("SELEKT 1", "OTHER", 'syntax error at or near "SELEKT"'),
        ("SELECT 1 / 0", None, "division by zero"),
        ("SELECT 1 / (n - 3) FROM generate_series(1, 4) AS n", "SELECT", "division by zero"),
        ("BEGIN; SELECT 1 / (n - 3) FROM generate_series(1, 4) AS n", "SELECT", "division by zero"),
        ("SELECT 'in an aborted transaction'", "OTHER", "current transaction is aborted, commands ignored until end of transaction block"),
        ("ROLLBACK; DO $$ BEGIN RAISE EXCEPTION '%s'; END $$" % ("x" * 600), "UTILITY", "x" * 512),
    ]
    for statement, *_ in failures:
        with pytest.raises(psycopg.Error):
            session.execute(statement)
    shown = of(admin, session, "trim(query_text), trim(query_type), trim(error_message), trim(status)", len(failures))
    assert [(text, error, status) for text, _, error, status in shown] == [(text, error, "failed") for text, _, error in failures]
    assert all(wanted in (None, found) for (_, found, *_), (_, wanted, _) in zip(shown, failures))
    assert admin.execute("SELECT aborted FROM stl_query WHERE pid = %d" % pid_of(session)).fetchall() == [(1,)] * value(
        admin, "SELECT count(*) FROM svl_qlog WHERE pid = %d AND aborted = 1" % pid_of(session)
    )


def test_an_error_that_was_handled_is_none(login, admin):
    session = login("alice")
    session.execute("DO $$ BEGIN PERFORM 1 / 0; EXCEPTION WHEN division_by_zero THEN NULL; END $$")
    assert of(admin, session, "trim(status), error_message") == [("success", None)]


def test_a_commit_that_fails(login, admin, table):
    session = login("alice")
    admin.execute("CREATE TABLE late (id int UNIQUE DEFERRABLE INITIALLY DEFERRED); GRANT ALL ON late TO PUBLIC")
    try:
        session.execute("BEGIN; INSERT INTO late VALUES (1), (1)")
        with pytest.raises(psycopg.errors.UniqueViolation):
            session.execute("COMMIT")
        with pytest.raises(psycopg.errors.UniqueViolation):
            session.execute("INSERT INTO late VALUES (1), (1)")
        shown = of(admin, session, "trim(query_text), trim(query_type), trim(status)", 3)
        assert shown == [("BEGIN; INSERT INTO late VALUES (1), (1)", "INSERT", "success"), ("COMMIT", "UTILITY", "failed"), ("INSERT INTO late VALUES (1), (1)", "INSERT", "failed")]
    finally:
        session.close()
        admin.execute("DROP TABLE late")


def test_a_session_that_is_terminated(login, admin):
    session = login("alice")
    send(admin, session, "SELECT pg_sleep(600)")
    find = "SELECT trim(status), trim(error_message) FROM sys_query_history WHERE session_id = %d AND query_text LIKE 'SELECT pg_sleep%%'" % pid_of(session)
    assert value(admin, "SELECT pg_terminate_backend(%s, 30000)", pid_of(session)) is True
    assert admin.execute(find).fetchall() == [("failed", "terminating connection due to administrator command")]


def test_errors_that_are_not_logged(login, admin):
    session = login("boss")
    session.execute("SET log_min_messages = panic")
    with pytest.raises(psycopg.Error):
        session.execute("SELECT 1 / (n - 3) FROM generate_series(1, 4) AS n")
    assert of(admin, session, "trim(query_type), trim(status), error_message") == [("SELECT", "failed", None)]


def test_long_texts_are_in_pieces(login, admin):
    session = login("alice")
    statement = "SELECT '%s'" % "".join("%04d" % n for n in range(240))
    session.execute(statement)
    pieces = "SELECT text FROM %s WHERE pid = %d ORDER BY starttime, sequence"
    for view in ("svl_statementtext", "stl_querytext"):
        rows = admin.execute("SELECT sequence, text FROM %s WHERE pid = %d ORDER BY sequence" % (view, pid_of(session))).fetchall()
        assert [sequence for sequence, _ in rows] == list(range(5)), pieces
        assert "".join(text for _, text in rows).rstrip() == statement


def test_who_sees_which(login, admin):
    alice, bob, reader = login("alice"), login("bob"), login("reader")
    for session in (alice, bob):
        for statement in ("SELECT 'seen by its owner'", "CREATE TEMP TABLE x (x int)", "SET work_mem = '4MB'"):
            session.execute(statement)
    for view in COLUMNS:
        user = "user_id" if view.startswith("sys") else "userid"
        users = "SELECT array_agg(DISTINCT %s::regrole::text) FROM %s" % (user, view)
        for session in (alice, bob):
            assert value(session, users) == [session.info.user], view
        assert {"alice", "bob"} <= set(value(reader, users)), view


def test_passwords_are_not_shown(login, admin):
    secrets = ["CREATE ROLE secretive PASSWORD 'se-cret'", "ALTER ROLE secretive ENCRYPTED PASSWORD E'se-cret'"]
    session = login()
    long = "-- %s\nALTER USER secretive PASSWORD se-cret" % ("x" * 4000)
    with pytest.raises(psycopg.errors.SyntaxError, match="se"):
        session.execute(long)
    assert of(admin, session, "trim(error_message)") == [("syntax error",)]
    body = "BEGIN EXECUTE 'ALTER USER secretive PASSWORD ' || $1; END"
    session.execute(f"CREATE FUNCTION pg_temp.set_it(text) RETURNS void LANGUAGE plpgsql AS $${body}$$")
    with pytest.raises(psycopg.errors.SyntaxError, match="secret"):
        session.execute("SELECT pg_temp.set_it(reverse('terces'))")
    assert of(admin, session, "trim(error_message)") == [("syntax error",)]
    for quoted in ("SELECT 'password=se-cret'::int", "SELECT f FROM json_to_record('{\"password\": \"se-cret\"}') AS f(password int)", "DO $$ BEGIN RAISE 'password %', 'se-cret'; END $$"):
        with pytest.raises(psycopg.Error, match="se-cret"):
            session.execute(quoted)
        assert "cret" not in of(admin, session, "trim(error_message)")[0][0]
    try:
        for statement in secrets:
            session.execute(statement)
        with pytest.raises(psycopg.errors.SyntaxError):
            session.execute("ALTER USER secretive PASSWORD se-cret")
        send(admin, session, "SELECT pg_sleep(600) /* PASSWORD 'se-cret' */")
        views = list(COLUMNS) + ["stv_recents", "stv_inflight", "svv_query_inflight"]
        texts = {"sys_query_history": "query_text", "stl_query": "querytxt", "svl_qlog": "substring", "stv_recents": "query"}
        for view in views:
            assert value(admin, "SELECT count(*) FROM %s WHERE %s LIKE '%%se-%%' AND %s LIKE '%%cret%%' AND %s NOT LIKE '%%LIKE%%'" % ((view,) + (texts.get(view, "text"),) * 3)) == 0, view
        assert value(admin, "SELECT count(*) FROM stl_ddltext WHERE text LIKE 'CREATE ROLE secretive PASSWORD ''***''%'") == 1
        session.cancel()
        outcome(session)
    finally:
        admin.execute("DROP ROLE secretive")
