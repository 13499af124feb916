CREATE VIEW redshift_sessions.svv_query_inflight AS
    SELECT s.userid::pg_catalog.int4 AS userid,
           0 AS slice,
           s.query,
           s.process AS pid,
           s.query_starttime AS starttime,
           0 AS suspended,
           pg_catalog.substr(s.query_text, 200 OPERATOR(pg_catalog.*) piece.sequence OPERATOR(pg_catalog.+) 1, 200)::pg_catalog.bpchar(200) AS text,
           piece.sequence
    FROM redshift_sessions.sessions() AS s,
         LATERAL pg_catalog.generate_series(0, (pg_catalog.length(s.query_text) OPERATOR(pg_catalog.-) 1) OPERATOR(pg_catalog./) 200) AS piece(sequence)
    WHERE s.running;

COMMENT ON VIEW redshift_sessions.svv_query_inflight IS
    'Running statements with their text in pieces of 200 characters; regular users see their own';
COMMENT ON COLUMN redshift_sessions.svv_query_inflight.userid IS 'OID of the user';
COMMENT ON COLUMN redshift_sessions.svv_query_inflight.slice IS '0: PostgreSQL has no slices';
COMMENT ON COLUMN redshift_sessions.svv_query_inflight.query IS 'The statement''s number in stv_inflight';
COMMENT ON COLUMN redshift_sessions.svv_query_inflight.pid IS 'Process id of the session';
COMMENT ON COLUMN redshift_sessions.svv_query_inflight.starttime IS 'Start of the statement, in UTC';
COMMENT ON COLUMN redshift_sessions.svv_query_inflight.suspended IS '0: PostgreSQL does not suspend statements';
COMMENT ON COLUMN redshift_sessions.svv_query_inflight.text IS '200 characters of the statement';
COMMENT ON COLUMN redshift_sessions.svv_query_inflight.sequence IS 'Number of the piece, from 0';

GRANT SELECT ON redshift_sessions.svv_query_inflight TO PUBLIC;

ALTER VIEW redshift_sessions.svv_query_inflight SET SCHEMA pg_catalog;
