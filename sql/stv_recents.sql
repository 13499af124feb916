CREATE VIEW redshift_sessions.stv_recents AS
    SELECT s.userid::pg_catalog.int4 AS userid,
           CASE WHEN s.running THEN 'Running' ELSE 'Done' END::pg_catalog.bpchar(20) AS status,
           s.query_starttime AS starttime,
           s.duration,
           s.user_name::pg_catalog.bpchar(50) AS user_name,
           s.db_name::pg_catalog.bpchar(50) AS db_name,
           s.query_text::pg_catalog.bpchar(600) AS query,
           CASE WHEN s.running THEN s.process ELSE -1 END AS pid
    FROM redshift_sessions.sessions() AS s
    WHERE s.running IS NOT NULL
    ORDER BY s.query_starttime DESC;

COMMENT ON VIEW redshift_sessions.stv_recents IS
    'The running statement of each session, and the last one of each that is idle; regular users see their own';
COMMENT ON COLUMN redshift_sessions.stv_recents.userid IS 'OID of the user';
COMMENT ON COLUMN redshift_sessions.stv_recents.status IS 'Running or Done';
COMMENT ON COLUMN redshift_sessions.stv_recents.starttime IS 'Start of the statement, in UTC';
COMMENT ON COLUMN redshift_sessions.stv_recents.duration IS 'Microseconds so far, or that the statement took; at most 2147483647';
COMMENT ON COLUMN redshift_sessions.stv_recents.user_name IS 'User who owns the session';
COMMENT ON COLUMN redshift_sessions.stv_recents.db_name IS 'Database of the session';
COMMENT ON COLUMN redshift_sessions.stv_recents.query IS 'Text of the statement, its first 600 characters or track_activity_query_size bytes';
COMMENT ON COLUMN redshift_sessions.stv_recents.pid IS 'Process id of the session; -1 for a statement that is done';

GRANT SELECT ON redshift_sessions.stv_recents TO PUBLIC;

ALTER VIEW redshift_sessions.stv_recents SET SCHEMA pg_catalog;
