CREATE FUNCTION redshift_sessions.pg_cancel_backend(pid pg_catalog.int4)
    RETURNS pg_catalog.int4
    LANGUAGE c
    VOLATILE
    STRICT
    PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'pg_cancel_backend_wrapper';

COMMENT ON FUNCTION redshift_sessions.pg_cancel_backend(pg_catalog.int4) IS
    'Cancels the query of a session of your own, or of any session for a superuser: 1, or 0 for a pid that is no session';

GRANT EXECUTE ON FUNCTION redshift_sessions.pg_cancel_backend(pg_catalog.int4) TO PUBLIC;
