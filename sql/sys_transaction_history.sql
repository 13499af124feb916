CREATE FUNCTION redshift_sessions.sys_transaction_history(
        OUT user_id pg_catalog.int4,
        OUT transaction_id pg_catalog.int8,
        OUT isolation_level pg_catalog.text,
        OUT status pg_catalog.text,
        OUT transaction_start_time pg_catalog.timestamp,
        OUT commit_start_time pg_catalog.timestamp,
        OUT commit_end_time pg_catalog.timestamp,
        OUT undo_transaction_id pg_catalog.int8)
    RETURNS SETOF pg_catalog.record
    LANGUAGE c
    VOLATILE
    PARALLEL RESTRICTED
    ROWS 1000
    AS 'MODULE_PATHNAME', 'sys_transaction_history_wrapper';

COMMENT ON FUNCTION redshift_sessions.sys_transaction_history() IS
    'Finished transactions, oldest first, for those who may select from pg_catalog.sys_transaction_history';

GRANT EXECUTE ON FUNCTION redshift_sessions.sys_transaction_history() TO PUBLIC;

CREATE VIEW redshift_sessions.sys_transaction_history AS
    SELECT t.user_id,
           t.transaction_id,
           t.isolation_level,
           t.status,
           t.transaction_start_time,
           t.commit_start_time,
           t.commit_end_time,
           NULL::pg_catalog.int8 AS blocks_committed,
           t.undo_transaction_id
    FROM redshift_sessions.sys_transaction_history() AS t;

COMMENT ON VIEW redshift_sessions.sys_transaction_history IS
    'Transactions that were committed or rolled back; for superusers, and whom they grant SELECT';
COMMENT ON COLUMN redshift_sessions.sys_transaction_history.user_id IS 'OID of the user who owned the session';
COMMENT ON COLUMN redshift_sessions.sys_transaction_history.transaction_id IS 'Transaction id, as in svv_transactions';
COMMENT ON COLUMN redshift_sessions.sys_transaction_history.isolation_level IS 'Serializable, Snapshot Isolation or Read Committed';
COMMENT ON COLUMN redshift_sessions.sys_transaction_history.status IS 'committed or rolledback';
COMMENT ON COLUMN redshift_sessions.sys_transaction_history.transaction_start_time IS 'Start of the transaction, in UTC';
COMMENT ON COLUMN redshift_sessions.sys_transaction_history.commit_start_time IS 'Start of the commit, in UTC; 2000-01-01 00:00:00 for one that was rolled back';
COMMENT ON COLUMN redshift_sessions.sys_transaction_history.commit_end_time IS 'End of the commit or of the rollback, in UTC';
COMMENT ON COLUMN redshift_sessions.sys_transaction_history.blocks_committed IS 'NULL: PostgreSQL does not count them';
COMMENT ON COLUMN redshift_sessions.sys_transaction_history.undo_transaction_id IS 'The transaction itself if it was rolled back, as in stl_undone; -1 if it was committed';

REVOKE ALL ON redshift_sessions.sys_transaction_history FROM PUBLIC;

ALTER VIEW redshift_sessions.sys_transaction_history SET SCHEMA pg_catalog;
