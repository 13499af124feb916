CREATE VIEW redshift_sessions.svl_qlog AS
    SELECT s.userid::pg_catalog.int4 AS userid,
           s.query,
           s.xid,
           s.pid,
           s.starttime,
           s.endtime,
           (pg_catalog.date_part('epoch', s.endtime OPERATOR(pg_catalog.-) s.starttime) OPERATOR(pg_catalog.*) 1000000)::pg_catalog.int8 AS elapsed,
           CASE WHEN s.status OPERATOR(pg_catalog.=) 'success' THEN 0 ELSE 1 END AS aborted,
           s.label::pg_catalog.bpchar(320) AS label,
           s.text::pg_catalog.bpchar(60) AS substring,
           NULL::pg_catalog.int4 AS source_query,
           NULL::pg_catalog.text AS concurrency_scaling_status_txt,
           NULL::pg_catalog.int4 AS from_sp_call
    FROM redshift_sessions.statements() AS s
    WHERE s.class OPERATOR(pg_catalog.=) 'QUERY' AND s.status OPERATOR(pg_catalog.<>) 'running';

COMMENT ON VIEW redshift_sessions.svl_qlog IS
    'Finished queries, in short; regular users see their own';
COMMENT ON COLUMN redshift_sessions.svl_qlog.userid IS 'OID of the user';
COMMENT ON COLUMN redshift_sessions.svl_qlog.query IS 'The statement''s number, in all views';
COMMENT ON COLUMN redshift_sessions.svl_qlog.xid IS 'Transaction id, as in svv_transactions';
COMMENT ON COLUMN redshift_sessions.svl_qlog.pid IS 'Process id of the session';
COMMENT ON COLUMN redshift_sessions.svl_qlog.starttime IS 'Start of the query, in UTC';
COMMENT ON COLUMN redshift_sessions.svl_qlog.endtime IS 'End of the query, in UTC';
COMMENT ON COLUMN redshift_sessions.svl_qlog.elapsed IS 'Microseconds that the query took';
COMMENT ON COLUMN redshift_sessions.svl_qlog.aborted IS '1 if it failed or was canceled, else 0';
COMMENT ON COLUMN redshift_sessions.svl_qlog.label IS 'query_group of the session; default if it has not set any';
COMMENT ON COLUMN redshift_sessions.svl_qlog.substring IS 'Text of the query, its first 60 characters';
COMMENT ON COLUMN redshift_sessions.svl_qlog.source_query IS 'NULL: PostgreSQL keeps no results';
COMMENT ON COLUMN redshift_sessions.svl_qlog.concurrency_scaling_status_txt IS 'NULL: PostgreSQL does not scale out';
COMMENT ON COLUMN redshift_sessions.svl_qlog.from_sp_call IS 'NULL: queries of a procedure are part of the statement that calls it';

GRANT SELECT ON redshift_sessions.svl_qlog TO PUBLIC;

ALTER VIEW redshift_sessions.svl_qlog SET SCHEMA pg_catalog;
