"""How much memory does a session keep of what it did? After a warm-up that fills its caches: nothing."""

import pathlib
import re

from conftest import pid_of, value

# But for the caches of the catalog, which come and go as others change it.
CONTEXTS = "SELECT sum(total_bytes)::bigint FROM pg_backend_memory_contexts WHERE name NOT IN ('CacheMemoryContext', 'index info', 'relation rules')"
CALLS = """
    DO $$ BEGIN
        FOR i IN 1 .. %d LOOP
            PERFORM pg_terminate_backend(0);
            PERFORM pg_terminate_backend(-1, 5);
            PERFORM pg_cancel_backend(0);
            PERFORM redshift_sessions.pg_terminate_backend(0);
        END LOOP;
    END $$
"""
# Analyzed, planned and run anew each time: what hooks leave behind is here.
STATEMENTS = "DO $$ BEGIN FOR i IN 1 .. %d LOOP EXECUTE 'SELECT pg_cancel_backend(0), pg_cancel_backend(0) AND ' || (i > 0); END LOOP; END $$"
READS = "DO $$ DECLARE n bigint; BEGIN FOR i IN 1 .. %d LOOP SELECT count(*) INTO n FROM %s; END LOOP; END $$"
VIEWS = "svv_transactions stv_sessions stv_recents stv_inflight svv_query_inflight stv_locks svl_terminate stl_tr_conflict stl_sessions sys_session_history stl_connection_log redshift_sessions.logs() redshift_sessions.svv_transactions() redshift_sessions.blocking('json') redshift_sessions.explain_terminate(pg_backend_pid())".split()


def hold_tables(session, tables):
    """Locks for svv_transactions to show, in an open transaction."""
    for number in range(tables):
        session.execute("CREATE TABLE IF NOT EXISTS held%d (x int)" % number)
    session.execute("BEGIN; LOCK TABLE " + ", ".join("held%d" % number for number in range(tables)) + " IN ACCESS SHARE MODE")


def resident(session):
    """Private bytes: shared memory counts as soon as it is looked at."""
    status = pathlib.Path("/proc/%d/status" % pid_of(session)).read_text()
    return 1024 * int(re.search(r"RssAnon:\s+(\d+) kB", status).group(1))


def growth(session, work):
    """What the second run leaves behind: in memory contexts, and in the process."""
    session.execute("SET client_min_messages = error")
    for statement in work:
        session.execute(statement)
    value(session, CONTEXTS)
    contexts, process = value(session, CONTEXTS), resident(session)
    for statement in work:
        session.execute(statement)
    return value(session, CONTEXTS) - contexts, resident(session) - process


def work(calls, reads):
    return [CALLS % (calls // 4), STATEMENTS % (calls // 20), *(READS % (reads, view) for view in VIEWS)]
