-- Always empty: PostgreSQL has no queues, so no statement waits in one.
CREATE VIEW redshift_sessions.stv_wlm_query_queue_state AS
    SELECT NULL::pg_catalog.int4 AS service_class,
           NULL::pg_catalog.int4 AS position,
           NULL::pg_catalog.int4 AS task,
           NULL::pg_catalog.int4 AS query,
           NULL::pg_catalog.int4 AS slot_count,
           NULL::pg_catalog.timestamp AS start_time,
           NULL::pg_catalog.int8 AS queue_time
    WHERE false;

COMMENT ON VIEW redshift_sessions.stv_wlm_query_queue_state IS
    'Statements that wait in a queue: none, PostgreSQL has no queues';
COMMENT ON COLUMN redshift_sessions.stv_wlm_query_queue_state.service_class IS 'Queue';
COMMENT ON COLUMN redshift_sessions.stv_wlm_query_queue_state.position IS 'Place in the queue';
COMMENT ON COLUMN redshift_sessions.stv_wlm_query_queue_state.task IS 'The statement''s number in stv_wlm_query_state';
COMMENT ON COLUMN redshift_sessions.stv_wlm_query_queue_state.query IS 'The statement''s number in stv_inflight';
COMMENT ON COLUMN redshift_sessions.stv_wlm_query_queue_state.slot_count IS 'Slots that the statement needs';
COMMENT ON COLUMN redshift_sessions.stv_wlm_query_queue_state.start_time IS 'When it entered the queue';
COMMENT ON COLUMN redshift_sessions.stv_wlm_query_queue_state.queue_time IS 'Microseconds that it has waited';

GRANT SELECT ON redshift_sessions.stv_wlm_query_queue_state TO PUBLIC;

ALTER VIEW redshift_sessions.stv_wlm_query_queue_state SET SCHEMA pg_catalog;
