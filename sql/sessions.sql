CREATE FUNCTION redshift_sessions.sessions(
        OUT process pg_catalog.int4,
        OUT userid pg_catalog.oid,
        OUT user_name pg_catalog.text,
        OUT databaseid pg_catalog.oid,
        OUT db_name pg_catalog.text,
        OUT starttime pg_catalog.timestamp,
        OUT xid pg_catalog.int8,
        OUT query pg_catalog.int4,
        OUT running pg_catalog.bool,
        OUT query_starttime pg_catalog.timestamp,
        OUT duration pg_catalog.int4,
        OUT query_text pg_catalog.text,
        OUT label pg_catalog.text)
    RETURNS SETOF pg_catalog.record
    LANGUAGE c
    VOLATILE
    PARALLEL RESTRICTED
    ROWS 100
    AS 'MODULE_PATHNAME', 'sessions_wrapper';

COMMENT ON FUNCTION redshift_sessions.sessions() IS
    'Clients'' sessions that the caller may see, each with its running or its last statement';

GRANT EXECUTE ON FUNCTION redshift_sessions.sessions() TO PUBLIC;
