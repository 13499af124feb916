CREATE VIEW redshift_sessions.sys_session_history AS
    SELECT s.userid::pg_catalog.int4 AS user_id,
           s.process AS session_id,
           l.db_name AS database_name,
           'active'::pg_catalog.bpchar(50) AS status,
           l.timeout_sec AS session_timeout,
           s.starttime AS start_time,
           NULL::pg_catalog.timestamp AS end_time
    FROM redshift_sessions.sessions() AS s
    JOIN pg_catalog.stv_sessions AS l
        ON l.process OPERATOR(pg_catalog.=) s.process AND l.starttime OPERATOR(pg_catalog.=) s.starttime
    UNION ALL
    SELECT e.userid,
           e.process,
           e.db_name,
           CASE e.timed_out WHEN 1 THEN 'timed out' ELSE 'closed' END::pg_catalog.bpchar(50),
           e.timeout_sec,
           e.starttime,
           e.endtime
    FROM pg_catalog.stl_sessions AS e;

COMMENT ON VIEW redshift_sessions.sys_session_history IS
    'Sessions, live and ended; regular users see their own';
COMMENT ON COLUMN redshift_sessions.sys_session_history.user_id IS 'OID of the user';
COMMENT ON COLUMN redshift_sessions.sys_session_history.session_id IS 'Process id of the session';
COMMENT ON COLUMN redshift_sessions.sys_session_history.database_name IS 'Database of the session';
COMMENT ON COLUMN redshift_sessions.sys_session_history.status IS 'active, timed out or closed';
COMMENT ON COLUMN redshift_sessions.sys_session_history.session_timeout IS 'The user''s own idle_session_timeout in seconds, as it is now; 0 for none';
COMMENT ON COLUMN redshift_sessions.sys_session_history.start_time IS 'Start of the session, in UTC';
COMMENT ON COLUMN redshift_sessions.sys_session_history.end_time IS 'End of the session, in UTC; NULL while it is active';

GRANT SELECT ON redshift_sessions.sys_session_history TO PUBLIC;

ALTER VIEW redshift_sessions.sys_session_history SET SCHEMA pg_catalog;
