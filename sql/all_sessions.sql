CREATE FUNCTION redshift_sessions.all_sessions(
        OUT process pg_catalog.int4,
        OUT userid pg_catalog.oid,
        OUT user_name pg_catalog.text,
        OUT databaseid pg_catalog.oid,
        OUT db_name pg_catalog.text,
        OUT starttime pg_catalog.timestamp,
        OUT endtime pg_catalog.timestamp,
        OUT timed_out pg_catalog.int4)
    RETURNS SETOF pg_catalog.record
    LANGUAGE c
    VOLATILE
    PARALLEL RESTRICTED
    ROWS 1000
    AS 'MODULE_PATHNAME', 'all_sessions_wrapper';

COMMENT ON FUNCTION redshift_sessions.all_sessions() IS
    'Sessions that the caller may see, each once: live, and then ended';

GRANT EXECUTE ON FUNCTION redshift_sessions.all_sessions() TO PUBLIC;
