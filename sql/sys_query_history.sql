CREATE VIEW redshift_sessions.sys_query_history AS
    SELECT s.userid::pg_catalog.int4 AS user_id,
           s.query::pg_catalog.int8 AS query_id,
           s.label::pg_catalog.bpchar(320) AS query_label,
           s.xid AS transaction_id,
           s.pid AS session_id,
           s.db_name::pg_catalog.bpchar(128) AS database_name,
           s.type::pg_catalog.bpchar(32) AS query_type,
           s.status::pg_catalog.bpchar(10) AS status,
           false AS result_cache_hit,
           s.starttime AS start_time,
           s.endtime AS end_time,
           elapsed.microseconds AS elapsed_time,
           0::pg_catalog.int8 AS queue_time,
           elapsed.microseconds AS execution_time,
           s.error_message::pg_catalog.bpchar(512) AS error_message,
           s.returned_rows,
           NULL::pg_catalog.int8 AS returned_bytes,
           s.text::pg_catalog.bpchar(4000) AS query_text,
           pg_catalog.current_setting('server_version')::pg_catalog.bpchar(256) AS redshift_version,
           NULL::pg_catalog.int8 AS compile_time,
           NULL::pg_catalog.int8 AS planning_time,
           NULL::pg_catalog.int8 AS lock_wait_time,
           NULL::pg_catalog.int4 AS service_class_id,
           NULL::pg_catalog.bpchar(64) AS service_class_name,
           NULL::pg_catalog.bpchar(20) AS query_priority,
           NULL::pg_catalog.bpchar(10) AS short_query_accelerated,
           NULL::pg_catalog.bpchar(40) AS user_query_hash,
           NULL::pg_catalog.bpchar(40) AS generic_query_hash
    FROM redshift_sessions.statements() AS s,
         LATERAL (SELECT (pg_catalog.date_part('epoch', COALESCE(s.endtime, pg_catalog.timezone('UTC', pg_catalog.clock_timestamp())) OPERATOR(pg_catalog.-) s.starttime) OPERATOR(pg_catalog.*) 1000000)::pg_catalog.int8) AS elapsed(microseconds);

COMMENT ON VIEW redshift_sessions.sys_query_history IS
    'Statements that run, and finished ones; regular users see their own';
COMMENT ON COLUMN redshift_sessions.sys_query_history.user_id IS 'OID of the user';
COMMENT ON COLUMN redshift_sessions.sys_query_history.query_id IS 'The statement''s number, in all views';
COMMENT ON COLUMN redshift_sessions.sys_query_history.query_label IS 'query_group of the session; default if it has not set any';
COMMENT ON COLUMN redshift_sessions.sys_query_history.transaction_id IS 'Transaction id, as in svv_transactions; NULL if the statement had no transaction';
COMMENT ON COLUMN redshift_sessions.sys_query_history.session_id IS 'Process id of the session';
COMMENT ON COLUMN redshift_sessions.sys_query_history.database_name IS 'Database of the session';
COMMENT ON COLUMN redshift_sessions.sys_query_history.query_type IS 'SELECT, INSERT, UPDATE, DELETE, MERGE, CTAS, DDL, COPY, UTILITY; OTHER if it failed before that was known; NULL while it runs';
COMMENT ON COLUMN redshift_sessions.sys_query_history.status IS 'running, success, failed or canceled; NULL if it has ended and is no longer in the log';
COMMENT ON COLUMN redshift_sessions.sys_query_history.result_cache_hit IS 'false: PostgreSQL keeps no results';
COMMENT ON COLUMN redshift_sessions.sys_query_history.start_time IS 'Start of the statement, in UTC';
COMMENT ON COLUMN redshift_sessions.sys_query_history.end_time IS 'End of the statement, in UTC; NULL while it runs';
COMMENT ON COLUMN redshift_sessions.sys_query_history.elapsed_time IS 'Microseconds so far, or that the statement took';
COMMENT ON COLUMN redshift_sessions.sys_query_history.queue_time IS '0: nothing queues';
COMMENT ON COLUMN redshift_sessions.sys_query_history.execution_time IS 'As elapsed_time: PostgreSQL does not tell parsing and planning apart from it';
COMMENT ON COLUMN redshift_sessions.sys_query_history.error_message IS 'The error that ended it; NULL for none';
COMMENT ON COLUMN redshift_sessions.sys_query_history.returned_rows IS 'Rows that were returned to the client; NULL while it runs';
COMMENT ON COLUMN redshift_sessions.sys_query_history.returned_bytes IS 'NULL: PostgreSQL does not count them';
COMMENT ON COLUMN redshift_sessions.sys_query_history.query_text IS 'Text of the statement, its first 4000 bytes, without passwords';
COMMENT ON COLUMN redshift_sessions.sys_query_history.redshift_version IS 'Version of the server';
COMMENT ON COLUMN redshift_sessions.sys_query_history.compile_time IS 'NULL: PostgreSQL does not know it';
COMMENT ON COLUMN redshift_sessions.sys_query_history.planning_time IS 'NULL: PostgreSQL does not know it';
COMMENT ON COLUMN redshift_sessions.sys_query_history.lock_wait_time IS 'NULL: PostgreSQL does not know it';
COMMENT ON COLUMN redshift_sessions.sys_query_history.user_query_hash IS 'NULL: PostgreSQL does not know it';
COMMENT ON COLUMN redshift_sessions.sys_query_history.generic_query_hash IS 'NULL: PostgreSQL does not know it';
COMMENT ON COLUMN redshift_sessions.sys_query_history.service_class_id IS 'NULL: PostgreSQL has no queues';
COMMENT ON COLUMN redshift_sessions.sys_query_history.service_class_name IS 'NULL: PostgreSQL has no queues';
COMMENT ON COLUMN redshift_sessions.sys_query_history.query_priority IS 'NULL: PostgreSQL has no queues';
COMMENT ON COLUMN redshift_sessions.sys_query_history.short_query_accelerated IS 'NULL: PostgreSQL has no queues';

GRANT SELECT ON redshift_sessions.sys_query_history TO PUBLIC;

ALTER VIEW redshift_sessions.sys_query_history SET SCHEMA pg_catalog;
