-- Page CURRENT_USER_ID, which has no parentheses there. The oid as a four-byte integer, by bit
-- pattern, as in the views of redshift_sessions.
CREATE FUNCTION pg_catalog.current_user_id()
    RETURNS pg_catalog.int4
    LANGUAGE sql
    STABLE
    PARALLEL SAFE
    RETURN pg_catalog.to_regrole(pg_catalog.quote_ident(CURRENT_USER))::pg_catalog.oid::pg_catalog.int4;

COMMENT ON FUNCTION pg_catalog.current_user_id() IS 'OID of current_user';

GRANT EXECUTE ON FUNCTION pg_catalog.current_user_id() TO PUBLIC;
