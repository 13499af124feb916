CREATE FUNCTION redshift_sessions.pg_cancel_backend_bool(pid pg_catalog.int4)
    RETURNS pg_catalog.bool
    LANGUAGE c
    VOLATILE
    STRICT
    PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'pg_cancel_backend_bool_wrapper';

COMMENT ON FUNCTION redshift_sessions.pg_cancel_backend_bool(pg_catalog.int4) IS
    'What a call of pg_catalog.pg_cancel_backend inside an expression becomes';

GRANT EXECUTE ON FUNCTION redshift_sessions.pg_cancel_backend_bool(pg_catalog.int4) TO PUBLIC;
