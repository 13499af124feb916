CREATE FUNCTION redshift_sessions.explain_terminate(pid pg_catalog.int4)
    RETURNS SETOF pg_catalog.text
    LANGUAGE c
    VOLATILE
    STRICT
    PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'explain_terminate_wrapper';

COMMENT ON FUNCTION redshift_sessions.explain_terminate(pg_catalog.int4) IS
    'What pg_terminate_backend(pid) would do and whether the caller may; nothing is signalled';

GRANT EXECUTE ON FUNCTION redshift_sessions.explain_terminate(pg_catalog.int4) TO PUBLIC;
