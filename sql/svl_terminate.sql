CREATE FUNCTION redshift_sessions.svl_terminate(
        OUT pid pg_catalog.int4,
        OUT eventtime pg_catalog.timestamp,
        OUT userid pg_catalog.int4,
        OUT type pg_catalog.text)
    RETURNS SETOF pg_catalog.record
    LANGUAGE c
    VOLATILE
    PARALLEL RESTRICTED
    ROWS 100
    AS 'MODULE_PATHNAME', 'svl_terminate_wrapper';

COMMENT ON FUNCTION redshift_sessions.svl_terminate() IS
    'Signals that were sent, oldest first, for those who may select from pg_catalog.svl_terminate';

GRANT EXECUTE ON FUNCTION redshift_sessions.svl_terminate() TO PUBLIC;

CREATE VIEW redshift_sessions.svl_terminate AS
    SELECT l.pid, l.eventtime, l.userid, l.type
    FROM redshift_sessions.svl_terminate() AS l;

COMMENT ON VIEW redshift_sessions.svl_terminate IS
    'Sessions that were terminated and queries that were cancelled; for superusers, and whom they grant SELECT';
COMMENT ON COLUMN redshift_sessions.svl_terminate.pid IS 'Process id of the session that got the signal';
COMMENT ON COLUMN redshift_sessions.svl_terminate.eventtime IS 'When, in UTC';
COMMENT ON COLUMN redshift_sessions.svl_terminate.userid IS 'OID of the user who sent it';
COMMENT ON COLUMN redshift_sessions.svl_terminate.type IS 'TERMINATE or CANCEL';

REVOKE ALL ON redshift_sessions.svl_terminate FROM PUBLIC;

ALTER VIEW redshift_sessions.svl_terminate SET SCHEMA pg_catalog;
