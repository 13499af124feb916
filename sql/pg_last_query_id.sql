CREATE FUNCTION pg_catalog.pg_last_query_id()
    RETURNS pg_catalog.int4
    LANGUAGE c
    VOLATILE
    STRICT
    PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'pg_last_query_id_wrapper';

COMMENT ON FUNCTION pg_catalog.pg_last_query_id() IS
    'Number, as in stv_inflight, of the last query that this session ran before; -1 for none';

GRANT EXECUTE ON FUNCTION pg_catalog.pg_last_query_id() TO PUBLIC;
