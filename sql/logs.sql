CREATE FUNCTION redshift_sessions.logs(
        OUT log pg_catalog.text,
        OUT size pg_catalog.int8,
        OUT written pg_catalog.int8,
        OUT dropped pg_catalog.int8)
    RETURNS SETOF pg_catalog.record
    LANGUAGE c
    VOLATILE
    PARALLEL RESTRICTED
    ROWS 4
    AS 'MODULE_PATHNAME', 'logs_wrapper';

COMMENT ON FUNCTION redshift_sessions.logs() IS
    'Each log that is kept: rows that fit, rows written, and those of them that are no longer there';

REVOKE ALL ON FUNCTION redshift_sessions.logs() FROM PUBLIC;
