CREATE FUNCTION redshift_sessions.recents(
        OUT userid pg_catalog.oid,
        OUT user_name pg_catalog.text,
        OUT db_name pg_catalog.text,
        OUT pid pg_catalog.int4,
        OUT starttime pg_catalog.timestamp,
        OUT duration pg_catalog.int4,
        OUT query pg_catalog.text)
    RETURNS SETOF pg_catalog.record
    LANGUAGE c
    VOLATILE
    PARALLEL RESTRICTED
    ROWS 1000
    AS 'MODULE_PATHNAME', 'recents_wrapper';

COMMENT ON FUNCTION redshift_sessions.recents() IS
    'Statements that the caller may see: those that run, with a pid, and finished ones';

GRANT EXECUTE ON FUNCTION redshift_sessions.recents() TO PUBLIC;
