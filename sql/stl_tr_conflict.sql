CREATE FUNCTION redshift_sessions.stl_tr_conflict(
        OUT xact_id pg_catalog.int8,
        OUT process_id pg_catalog.int8,
        OUT xact_start_ts pg_catalog.timestamp,
        OUT abort_time pg_catalog.timestamp,
        OUT table_id pg_catalog.int8)
    RETURNS SETOF pg_catalog.record
    LANGUAGE c
    VOLATILE
    PARALLEL RESTRICTED
    ROWS 100
    AS 'MODULE_PATHNAME', 'stl_tr_conflict_wrapper';

COMMENT ON FUNCTION redshift_sessions.stl_tr_conflict() IS
    'Conflicts, oldest first, for those who may select from pg_catalog.stl_tr_conflict';

GRANT EXECUTE ON FUNCTION redshift_sessions.stl_tr_conflict() TO PUBLIC;

CREATE VIEW redshift_sessions.stl_tr_conflict AS
    SELECT l.xact_id, l.process_id, l.xact_start_ts, l.abort_time, l.table_id
    FROM redshift_sessions.stl_tr_conflict() AS l;

COMMENT ON VIEW redshift_sessions.stl_tr_conflict IS
    'Transactions that a deadlock or a serialization failure ended; for superusers, and whom they grant SELECT';
COMMENT ON COLUMN redshift_sessions.stl_tr_conflict.xact_id IS 'Transaction id, as in svv_transactions';
COMMENT ON COLUMN redshift_sessions.stl_tr_conflict.process_id IS 'Process id of the session';
COMMENT ON COLUMN redshift_sessions.stl_tr_conflict.xact_start_ts IS 'Start of the transaction, in UTC';
COMMENT ON COLUMN redshift_sessions.stl_tr_conflict.abort_time IS 'When it failed, in UTC';
COMMENT ON COLUMN redshift_sessions.stl_tr_conflict.table_id IS 'OID of the table that the conflict is about; NULL if it is not known';

REVOKE ALL ON redshift_sessions.stl_tr_conflict FROM PUBLIC;

ALTER VIEW redshift_sessions.stl_tr_conflict SET SCHEMA pg_catalog;
