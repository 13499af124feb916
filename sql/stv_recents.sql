CREATE VIEW redshift_sessions.stv_recents AS
    SELECT r.userid::pg_catalog.int4 AS userid,
           CASE WHEN r.pid IS NULL THEN 'Done' ELSE 'Running' END::pg_catalog.bpchar(20) AS status,
           r.starttime,
           r.duration,
           r.user_name::pg_catalog.bpchar(50) AS user_name,
           r.db_name::pg_catalog.bpchar(50) AS db_name,
           r.query::pg_catalog.bpchar(600) AS query,
           COALESCE(r.pid, -1) AS pid
    FROM redshift_sessions.recents() AS r
    ORDER BY r.starttime DESC;

COMMENT ON VIEW redshift_sessions.stv_recents IS
    'Statements that run, and finished ones, newest first; regular users see their own';
COMMENT ON COLUMN redshift_sessions.stv_recents.userid IS 'OID of the user';
COMMENT ON COLUMN redshift_sessions.stv_recents.status IS 'Running or Done';
COMMENT ON COLUMN redshift_sessions.stv_recents.starttime IS 'Start of the statement, in UTC';
COMMENT ON COLUMN redshift_sessions.stv_recents.duration IS 'Microseconds so far, or that the statement took; at most 2147483647';
COMMENT ON COLUMN redshift_sessions.stv_recents.user_name IS 'User who owns the session';
COMMENT ON COLUMN redshift_sessions.stv_recents.db_name IS 'Database of the session';
COMMENT ON COLUMN redshift_sessions.stv_recents.query IS 'Text of the statement, its first 600 characters, without passwords';
COMMENT ON COLUMN redshift_sessions.stv_recents.pid IS 'Process id of the session; -1 for a statement that is done';

GRANT SELECT ON redshift_sessions.stv_recents TO PUBLIC;

ALTER VIEW redshift_sessions.stv_recents SET SCHEMA pg_catalog;
