CREATE FUNCTION redshift_sessions.pg_terminate_backend_bool(pid pg_catalog.int4, timeout pg_catalog.int8 DEFAULT 0)
    RETURNS pg_catalog.bool
    LANGUAGE c
    VOLATILE
    STRICT
    PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'pg_terminate_backend_bool_wrapper';

COMMENT ON FUNCTION redshift_sessions.pg_terminate_backend_bool(pg_catalog.int4, pg_catalog.int8) IS
    'What a call of pg_catalog.pg_terminate_backend inside an expression becomes';

GRANT EXECUTE ON FUNCTION redshift_sessions.pg_terminate_backend_bool(pg_catalog.int4, pg_catalog.int8) TO PUBLIC;
