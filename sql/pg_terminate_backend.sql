CREATE FUNCTION redshift_sessions.pg_terminate_backend(pid pg_catalog.int4)
    RETURNS pg_catalog.int4
    LANGUAGE c
    VOLATILE
    STRICT
    PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'pg_terminate_backend_wrapper';

COMMENT ON FUNCTION redshift_sessions.pg_terminate_backend(pg_catalog.int4) IS
    'Ends a session of your own, or any session for a superuser: 1, or 0 for a pid that is no session';

GRANT EXECUTE ON FUNCTION redshift_sessions.pg_terminate_backend(pg_catalog.int4) TO PUBLIC;
