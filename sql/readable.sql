-- Names and settings are in the encoding of the database where they were given.
CREATE FUNCTION redshift_sessions.readable(string pg_catalog.text)
    RETURNS pg_catalog.text
    LANGUAGE c
    STABLE
    STRICT
    PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'readable_wrapper';

COMMENT ON FUNCTION redshift_sessions.readable(pg_catalog.text) IS
    'The string, with ? for letters of another encoding than that of this database';

GRANT EXECUTE ON FUNCTION redshift_sessions.readable(pg_catalog.text) TO PUBLIC;
