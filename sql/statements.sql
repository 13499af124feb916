CREATE FUNCTION redshift_sessions.statements(
        OUT query pg_catalog.int4,
        OUT userid pg_catalog.oid,
        OUT db_name pg_catalog.text,
        OUT pid pg_catalog.int4,
        OUT xid pg_catalog.int8,
        OUT label pg_catalog.text,
        OUT starttime pg_catalog.timestamp,
        OUT endtime pg_catalog.timestamp,
        OUT status pg_catalog.text,
        OUT class pg_catalog.text,
        OUT type pg_catalog.text,
        OUT error_message pg_catalog.text,
        OUT returned_rows pg_catalog.int8,
        OUT text pg_catalog.text)
    RETURNS SETOF pg_catalog.record
    LANGUAGE c
    VOLATILE
    PARALLEL RESTRICTED
    ROWS 1000
    AS 'MODULE_PATHNAME', 'statements_wrapper';

COMMENT ON FUNCTION redshift_sessions.statements() IS
    'Statements that the caller may see, running and finished, with all that is known of them';

GRANT EXECUTE ON FUNCTION redshift_sessions.statements() TO PUBLIC;
