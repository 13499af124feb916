CREATE VIEW redshift_sessions.stl_query AS
    SELECT s.userid::pg_catalog.int4 AS userid,
           s.query,
           s.label::pg_catalog.bpchar(320) AS label,
           s.xid,
           s.pid,
           s.db_name::pg_catalog.bpchar(32) AS database,
           s.text::pg_catalog.bpchar(4000) AS querytxt,
           s.starttime,
           s.endtime,
           CASE WHEN s.status OPERATOR(pg_catalog.=) 'success' THEN 0 ELSE 1 END AS aborted,
           0 AS insert_pristine,
           0 AS concurrency_scaling_status
    FROM redshift_sessions.statements() AS s
    WHERE s.class OPERATOR(pg_catalog.=) 'QUERY' AND s.status OPERATOR(pg_catalog.<>) 'running';

COMMENT ON VIEW redshift_sessions.stl_query IS
    'Finished queries; regular users see their own';
COMMENT ON COLUMN redshift_sessions.stl_query.userid IS 'OID of the user';
COMMENT ON COLUMN redshift_sessions.stl_query.query IS 'The statement''s number, in all views';
COMMENT ON COLUMN redshift_sessions.stl_query.label IS 'query_group of the session; default if it has not set any';
COMMENT ON COLUMN redshift_sessions.stl_query.xid IS 'Transaction id, as in svv_transactions';
COMMENT ON COLUMN redshift_sessions.stl_query.pid IS 'Process id of the session';
COMMENT ON COLUMN redshift_sessions.stl_query.database IS 'Database of the session';
COMMENT ON COLUMN redshift_sessions.stl_query.querytxt IS 'Text of the query, its first 4000 bytes, without passwords';
COMMENT ON COLUMN redshift_sessions.stl_query.starttime IS 'Start of the query, in UTC';
COMMENT ON COLUMN redshift_sessions.stl_query.endtime IS 'End of the query, in UTC';
COMMENT ON COLUMN redshift_sessions.stl_query.aborted IS '1 if it failed or was canceled, else 0';
COMMENT ON COLUMN redshift_sessions.stl_query.insert_pristine IS '0: PostgreSQL lets inserts run beside it';
COMMENT ON COLUMN redshift_sessions.stl_query.concurrency_scaling_status IS '0: PostgreSQL does not scale out';

GRANT SELECT ON redshift_sessions.stl_query TO PUBLIC;

ALTER VIEW redshift_sessions.stl_query SET SCHEMA pg_catalog;
