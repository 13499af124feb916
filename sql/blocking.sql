CREATE FUNCTION redshift_sessions.blocking(format pg_catalog.text DEFAULT 'tree')
    RETURNS SETOF pg_catalog.text
    LANGUAGE c
    VOLATILE
    STRICT
    PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'blocking_wrapper';

COMMENT ON FUNCTION redshift_sessions.blocking(pg_catalog.text) IS
    'Who waits for whom, a line a row; the format is tree, mermaid, dot or json';

GRANT EXECUTE ON FUNCTION redshift_sessions.blocking(pg_catalog.text) TO PUBLIC;
