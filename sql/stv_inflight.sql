CREATE VIEW redshift_sessions.stv_inflight AS
    SELECT s.userid::pg_catalog.int4 AS userid,
           0 AS slice,
           s.query,
           s.label::pg_catalog.bpchar(320) AS label,
           s.xid,
           s.process AS pid,
           s.query_starttime AS starttime,
           s.query_text::pg_catalog.bpchar(100) AS text,
           0 AS suspended,
           0 AS insert_pristine,
           0 AS concurrency_scaling_status
    FROM redshift_sessions.sessions() AS s
    WHERE s.running;

COMMENT ON VIEW redshift_sessions.stv_inflight IS
    'Running statements, the reader''s own included; regular users see their own';
COMMENT ON COLUMN redshift_sessions.stv_inflight.userid IS 'OID of the user';
COMMENT ON COLUMN redshift_sessions.stv_inflight.slice IS '0: PostgreSQL has no slices';
COMMENT ON COLUMN redshift_sessions.stv_inflight.query IS 'The statement''s number, in all views; ascending over the server';
COMMENT ON COLUMN redshift_sessions.stv_inflight.label IS 'query_group of the session; default if it has not set any';
COMMENT ON COLUMN redshift_sessions.stv_inflight.xid IS 'Transaction id, as in svv_transactions';
COMMENT ON COLUMN redshift_sessions.stv_inflight.pid IS 'Process id of the session';
COMMENT ON COLUMN redshift_sessions.stv_inflight.starttime IS 'Start of the statement, in UTC';
COMMENT ON COLUMN redshift_sessions.stv_inflight.text IS 'Text of the statement, its first 100 characters';
COMMENT ON COLUMN redshift_sessions.stv_inflight.suspended IS '0: PostgreSQL does not suspend statements';
COMMENT ON COLUMN redshift_sessions.stv_inflight.insert_pristine IS '0: nothing was written by concurrent inserts of this kind';
COMMENT ON COLUMN redshift_sessions.stv_inflight.concurrency_scaling_status IS '0: PostgreSQL does not scale out';

GRANT SELECT ON redshift_sessions.stv_inflight TO PUBLIC;

ALTER VIEW redshift_sessions.stv_inflight SET SCHEMA pg_catalog;
