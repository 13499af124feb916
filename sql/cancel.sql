CREATE FUNCTION redshift_sessions.cancel(pid pg_catalog.int4, message pg_catalog.text DEFAULT NULL)
    RETURNS pg_catalog.int4
    LANGUAGE c
    VOLATILE
    PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'cancel_wrapper';

COMMENT ON FUNCTION redshift_sessions.cancel(pg_catalog.int4, pg_catalog.text) IS
    'What Redshift''s CANCEL does: cancels the query of a session, whose client reads the message';

GRANT EXECUTE ON FUNCTION redshift_sessions.cancel(pg_catalog.int4, pg_catalog.text) TO PUBLIC;
