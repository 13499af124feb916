-- PostgreSQL undoes nothing: what was rolled back is never seen again. So a transaction is its own
-- undo transaction, as in the sample of Redshift's page, and took no time.
CREATE FUNCTION redshift_sessions.stl_undone(
        OUT userid pg_catalog.int4,
        OUT xact_id_undone pg_catalog.int8,
        OUT undo_end_ts pg_catalog.timestamp)
    RETURNS SETOF pg_catalog.record
    LANGUAGE c
    VOLATILE
    PARALLEL RESTRICTED
    ROWS 1000
    AS 'MODULE_PATHNAME', 'stl_undone_wrapper';

COMMENT ON FUNCTION redshift_sessions.stl_undone() IS
    'Transactions that were rolled back and that the caller may see, oldest first';

GRANT EXECUTE ON FUNCTION redshift_sessions.stl_undone() TO PUBLIC;

CREATE VIEW redshift_sessions.stl_undone AS
    SELECT t.userid,
           t.xact_id_undone AS xact_id,
           t.xact_id_undone,
           t.undo_end_ts AS undo_start_ts,
           t.undo_end_ts,
           NULL::pg_catalog.int8 AS table_id
    FROM redshift_sessions.stl_undone() AS t;

COMMENT ON VIEW redshift_sessions.stl_undone IS
    'Transactions that were rolled back; regular users see their own';
COMMENT ON COLUMN redshift_sessions.stl_undone.userid IS 'OID of the user who owned the session';
COMMENT ON COLUMN redshift_sessions.stl_undone.xact_id IS 'The transaction itself: PostgreSQL needs no other one to undo it';
COMMENT ON COLUMN redshift_sessions.stl_undone.xact_id_undone IS 'Transaction id, as in svv_transactions';
COMMENT ON COLUMN redshift_sessions.stl_undone.undo_start_ts IS 'When it was rolled back, in UTC';
COMMENT ON COLUMN redshift_sessions.stl_undone.undo_end_ts IS 'When it was rolled back, in UTC';
COMMENT ON COLUMN redshift_sessions.stl_undone.table_id IS 'NULL: PostgreSQL does not record which tables it had changed';

GRANT SELECT ON redshift_sessions.stl_undone TO PUBLIC;

ALTER VIEW redshift_sessions.stl_undone SET SCHEMA pg_catalog;
