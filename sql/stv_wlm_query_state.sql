CREATE VIEW redshift_sessions.stv_wlm_query_state AS
    SELECT CASE WHEN s.xid OPERATOR(pg_catalog.>) 0 AND s.xid OPERATOR(pg_catalog.<=) 2147483647 THEN s.xid::pg_catalog.int4 END AS xid,
           s.query AS task,
           s.query,
           100 AS service_class,
           1 AS slot_count,
           s.query_starttime AS wlm_start_time,
           'Running'::pg_catalog.bpchar(16) AS state,
           0::pg_catalog.int8 AS queue_time,
           greatest(0, pg_catalog.date_part('epoch',
               pg_catalog.timezone('UTC', pg_catalog.clock_timestamp()) OPERATOR(pg_catalog.-) s.query_starttime)
               OPERATOR(pg_catalog.*) 1000000)::pg_catalog.int8 AS exec_time,
           'n/a'::pg_catalog.bpchar(20) AS query_priority
    FROM redshift_sessions.sessions() AS s
    WHERE s.running;

COMMENT ON VIEW redshift_sessions.stv_wlm_query_state IS
    'Running statements, the reader''s own included; regular users see their own';
COMMENT ON COLUMN redshift_sessions.stv_wlm_query_state.xid IS 'Transaction id; NULL while none was assigned, and beyond 2147483647';
COMMENT ON COLUMN redshift_sessions.stv_wlm_query_state.task IS 'The statement''s number in stv_inflight';
COMMENT ON COLUMN redshift_sessions.stv_wlm_query_state.query IS 'The statement''s number in stv_inflight';
COMMENT ON COLUMN redshift_sessions.stv_wlm_query_state.service_class IS '100, the first queue of automatic WLM: PostgreSQL has no queues';
COMMENT ON COLUMN redshift_sessions.stv_wlm_query_state.slot_count IS '1: PostgreSQL has no slots';
COMMENT ON COLUMN redshift_sessions.stv_wlm_query_state.wlm_start_time IS 'Start of the statement, in UTC';
COMMENT ON COLUMN redshift_sessions.stv_wlm_query_state.state IS 'Running: PostgreSQL knows no other state of a running statement';
COMMENT ON COLUMN redshift_sessions.stv_wlm_query_state.queue_time IS '0: nothing queues';
COMMENT ON COLUMN redshift_sessions.stv_wlm_query_state.exec_time IS 'Microseconds so far';
COMMENT ON COLUMN redshift_sessions.stv_wlm_query_state.query_priority IS 'n/a: PostgreSQL has no priorities';

GRANT SELECT ON redshift_sessions.stv_wlm_query_state TO PUBLIC;

ALTER VIEW redshift_sessions.stv_wlm_query_state SET SCHEMA pg_catalog;
