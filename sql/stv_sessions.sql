CREATE FUNCTION redshift_sessions.idle_timeout(settings pg_catalog.text[])
    RETURNS pg_catalog.int4
    LANGUAGE c
    IMMUTABLE
    STRICT
    PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'idle_timeout_wrapper';

COMMENT ON FUNCTION redshift_sessions.idle_timeout(pg_catalog.text[]) IS
    'Seconds of idle_session_timeout in a setconfig of pg_db_role_setting, NULL if it is not set there';

GRANT EXECUTE ON FUNCTION redshift_sessions.idle_timeout(pg_catalog.text[]) TO PUBLIC;

CREATE VIEW redshift_sessions.stv_sessions AS
    SELECT s.starttime,
           s.process,
           s.user_name::pg_catalog.bpchar(50) AS user_name,
           s.db_name::pg_catalog.bpchar(50) AS db_name,
           coalesce(redshift_sessions.idle_timeout(here.setconfig),
                    redshift_sessions.idle_timeout(everywhere.setconfig),
                    0) AS timeout_sec
    FROM redshift_sessions.sessions() AS s
    LEFT JOIN pg_catalog.pg_db_role_setting AS here
        ON here.setrole OPERATOR(pg_catalog.=) s.userid AND here.setdatabase OPERATOR(pg_catalog.=) s.databaseid
    LEFT JOIN pg_catalog.pg_db_role_setting AS everywhere
        ON everywhere.setrole OPERATOR(pg_catalog.=) s.userid AND everywhere.setdatabase OPERATOR(pg_catalog.=) 0::pg_catalog.oid;

COMMENT ON VIEW redshift_sessions.stv_sessions IS
    'Clients'' sessions; regular users see their own';
COMMENT ON COLUMN redshift_sessions.stv_sessions.starttime IS 'Start of the session, in UTC';
COMMENT ON COLUMN redshift_sessions.stv_sessions.process IS 'Process id of the session';
COMMENT ON COLUMN redshift_sessions.stv_sessions.user_name IS 'User who owns the session';
COMMENT ON COLUMN redshift_sessions.stv_sessions.db_name IS 'Database of the session';
COMMENT ON COLUMN redshift_sessions.stv_sessions.timeout_sec IS 'The user''s own idle_session_timeout in seconds; 0 for none';

GRANT SELECT ON redshift_sessions.stv_sessions TO PUBLIC;

ALTER VIEW redshift_sessions.stv_sessions SET SCHEMA pg_catalog;
