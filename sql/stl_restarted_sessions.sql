-- Always empty, because PostgreSQL never restarts a session. The message for a missing pid sends
-- people here.
CREATE VIEW redshift_sessions.stl_restarted_sessions AS
    SELECT NULL::pg_catalog.timestamp AS currenttime,
           NULL::pg_catalog.bpchar(50) AS dbname,
           NULL::pg_catalog.int4 AS newpid,
           NULL::pg_catalog.int4 AS oldpid,
           NULL::pg_catalog.bpchar(50) AS username,
           NULL::pg_catalog.bpchar(45) AS remotehost,
           NULL::pg_catalog.bpchar(32) AS remoteport,
           NULL::pg_catalog.timestamp AS parkedtime,
           NULL::pg_catalog.bpchar(2000) AS session_vars
    WHERE false;

COMMENT ON VIEW redshift_sessions.stl_restarted_sessions IS
    'Sessions that were restarted: none, PostgreSQL never restarts one';
COMMENT ON COLUMN redshift_sessions.stl_restarted_sessions.currenttime IS 'When it happened';
COMMENT ON COLUMN redshift_sessions.stl_restarted_sessions.dbname IS 'Database of the session';
COMMENT ON COLUMN redshift_sessions.stl_restarted_sessions.newpid IS 'Process id of the new session';
COMMENT ON COLUMN redshift_sessions.stl_restarted_sessions.oldpid IS 'Process id of the old session';
COMMENT ON COLUMN redshift_sessions.stl_restarted_sessions.username IS 'User who owns the session';
COMMENT ON COLUMN redshift_sessions.stl_restarted_sessions.remotehost IS 'Address of the client';
COMMENT ON COLUMN redshift_sessions.stl_restarted_sessions.remoteport IS 'Port of the client';
COMMENT ON COLUMN redshift_sessions.stl_restarted_sessions.parkedtime IS 'Internal to Redshift';
COMMENT ON COLUMN redshift_sessions.stl_restarted_sessions.session_vars IS 'Internal to Redshift';

GRANT SELECT ON redshift_sessions.stl_restarted_sessions TO PUBLIC;

ALTER VIEW redshift_sessions.stl_restarted_sessions SET SCHEMA pg_catalog;
