-- Redshift's pg_stat_activity and pg_locks are those of PostgreSQL 8.0 (its manual, "The Statistics
-- Collector" and "pg_locks"). A function of one row reads as a column where the view is named, as
-- in a.procpid. A bare procpid is a column for the parser only.
CREATE FUNCTION pg_catalog.procpid(pg_catalog.pg_stat_activity)
    RETURNS pg_catalog.int4
    LANGUAGE sql
    IMMUTABLE
    PARALLEL SAFE
    RETURN ($1).pid;

COMMENT ON FUNCTION pg_catalog.procpid(pg_catalog.pg_stat_activity) IS 'pid, as a column of PostgreSQL 8.0';

GRANT EXECUTE ON FUNCTION pg_catalog.procpid(pg_catalog.pg_stat_activity) TO PUBLIC;

CREATE FUNCTION pg_catalog.current_query(pg_catalog.pg_stat_activity)
    RETURNS pg_catalog.text
    LANGUAGE sql
    IMMUTABLE
    PARALLEL SAFE
    RETURN CASE ($1).state
        WHEN 'idle' THEN '<IDLE>'
        WHEN 'idle in transaction' THEN '<IDLE> in transaction'
        WHEN 'idle in transaction (aborted)' THEN '<IDLE> in transaction'
        ELSE ($1).query END;

COMMENT ON FUNCTION pg_catalog.current_query(pg_catalog.pg_stat_activity) IS
    'query while it runs, <IDLE> or <IDLE> in transaction otherwise, as a column of PostgreSQL 8.0';

GRANT EXECUTE ON FUNCTION pg_catalog.current_query(pg_catalog.pg_stat_activity) TO PUBLIC;

CREATE FUNCTION pg_catalog.transaction(pg_catalog.pg_locks)
    RETURNS pg_catalog.xid
    LANGUAGE sql
    IMMUTABLE
    PARALLEL SAFE
    RETURN ($1).transactionid;

COMMENT ON FUNCTION pg_catalog.transaction(pg_catalog.pg_locks) IS 'transactionid, as a column of PostgreSQL 8.0';

GRANT EXECUTE ON FUNCTION pg_catalog.transaction(pg_catalog.pg_locks) TO PUBLIC;
