CREATE VIEW redshift_sessions.stl_sessions AS
    SELECT s.userid::pg_catalog.int4 AS userid,
           s.starttime,
           s.endtime,
           s.process,
           s.user_name::pg_catalog.bpchar(50) AS user_name,
           s.db_name::pg_catalog.bpchar(50) AS db_name,
           coalesce(redshift_sessions.idle_timeout(here.setconfig),
                    redshift_sessions.idle_timeout(everywhere.setconfig),
                    0) AS timeout_sec,
           s.timed_out
    FROM redshift_sessions.all_sessions() AS s
    LEFT JOIN pg_catalog.pg_db_role_setting AS here
        ON here.setrole OPERATOR(pg_catalog.=) s.userid AND here.setdatabase OPERATOR(pg_catalog.=) s.databaseid
    LEFT JOIN pg_catalog.pg_db_role_setting AS everywhere
        ON everywhere.setrole OPERATOR(pg_catalog.=) s.userid AND everywhere.setdatabase OPERATOR(pg_catalog.=) 0::pg_catalog.oid
    WHERE s.endtime IS NOT NULL;

COMMENT ON VIEW redshift_sessions.stl_sessions IS
    'Sessions that have ended; regular users see their own';
COMMENT ON COLUMN redshift_sessions.stl_sessions.userid IS 'OID of the user';
COMMENT ON COLUMN redshift_sessions.stl_sessions.starttime IS 'Start of the session, in UTC';
COMMENT ON COLUMN redshift_sessions.stl_sessions.endtime IS 'End of the session, in UTC';
COMMENT ON COLUMN redshift_sessions.stl_sessions.process IS 'Process id of the session';
COMMENT ON COLUMN redshift_sessions.stl_sessions.user_name IS 'User who owned the session, as it was called then';
COMMENT ON COLUMN redshift_sessions.stl_sessions.db_name IS 'Database of the session, as it was called then';
COMMENT ON COLUMN redshift_sessions.stl_sessions.timeout_sec IS 'The user''s own idle_session_timeout in seconds, as it is now; 0 for none';
COMMENT ON COLUMN redshift_sessions.stl_sessions.timed_out IS '1: a timeout ended it; 2: the client closed it; 3: it was terminated, or failed';

GRANT SELECT ON redshift_sessions.stl_sessions TO PUBLIC;

ALTER VIEW redshift_sessions.stl_sessions SET SCHEMA pg_catalog;
