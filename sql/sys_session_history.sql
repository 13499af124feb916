CREATE VIEW redshift_sessions.sys_session_history AS
    SELECT s.userid::pg_catalog.int4 AS user_id,
           s.process AS session_id,
           s.db_name::pg_catalog.bpchar(50) AS database_name,
           CASE WHEN s.endtime IS NULL THEN 'active'
                WHEN s.timed_out OPERATOR(pg_catalog.=) 1 THEN 'timed out'
                ELSE 'closed'
           END::pg_catalog.bpchar(50) AS status,
           coalesce(redshift_sessions.idle_timeout(here.setconfig),
                    redshift_sessions.idle_timeout(everywhere.setconfig),
                    0) AS session_timeout,
           s.starttime AS start_time,
           s.endtime AS end_time
    FROM redshift_sessions.all_sessions() AS s
    LEFT JOIN pg_catalog.pg_db_role_setting AS here
        ON here.setrole OPERATOR(pg_catalog.=) s.userid AND here.setdatabase OPERATOR(pg_catalog.=) s.databaseid
    LEFT JOIN pg_catalog.pg_db_role_setting AS everywhere
        ON everywhere.setrole OPERATOR(pg_catalog.=) s.userid AND everywhere.setdatabase OPERATOR(pg_catalog.=) 0::pg_catalog.oid;

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
