CREATE FUNCTION redshift_sessions.svv_transactions(
        OUT txn_owner pg_catalog.text,
        OUT txn_db pg_catalog.text,
        OUT xid pg_catalog.int8,
        OUT pid pg_catalog.int4,
        OUT txn_start pg_catalog.timestamp,
        OUT lock_mode pg_catalog.text,
        OUT lockable_object_type pg_catalog.text,
        OUT relation pg_catalog.int4,
        OUT granted pg_catalog.bool)
    RETURNS SETOF pg_catalog.record
    LANGUAGE c
    VOLATILE
    PARALLEL RESTRICTED
    ROWS 100
    AS 'MODULE_PATHNAME', 'svv_transactions_wrapper';

COMMENT ON FUNCTION redshift_sessions.svv_transactions() IS
    'Rows of pg_catalog.svv_transactions, in its order';

GRANT EXECUTE ON FUNCTION redshift_sessions.svv_transactions() TO PUBLIC;

-- A view cannot be created in pg_catalog, but it can be moved there.
CREATE VIEW redshift_sessions.svv_transactions AS
    SELECT t.txn_owner, t.txn_db, t.xid, t.pid, t.txn_start,
           t.lock_mode, t.lockable_object_type, t.relation, t.granted
    FROM redshift_sessions.svv_transactions() AS t;

COMMENT ON VIEW redshift_sessions.svv_transactions IS
    'Open transactions and the locks on tables that they hold or wait for; regular users see those of their own sessions';
COMMENT ON COLUMN redshift_sessions.svv_transactions.txn_owner IS 'User who owns the session; rdsdb for background processes';
COMMENT ON COLUMN redshift_sessions.svv_transactions.txn_db IS 'Database of the transaction';
COMMENT ON COLUMN redshift_sessions.svv_transactions.xid IS 'Transaction id; negative while none was assigned';
COMMENT ON COLUMN redshift_sessions.svv_transactions.pid IS 'Process id of the session; NULL for a prepared transaction';
COMMENT ON COLUMN redshift_sessions.svv_transactions.txn_start IS 'Start of the transaction, in UTC';
COMMENT ON COLUMN redshift_sessions.svv_transactions.lock_mode IS 'Mode of the lock; ExclusiveLock on a transactionid that is granted: an open transaction';
COMMENT ON COLUMN redshift_sessions.svv_transactions.lockable_object_type IS 'relation or transactionid';
COMMENT ON COLUMN redshift_sessions.svv_transactions.relation IS 'OID of the table in txn_db; NULL for a transactionid';
COMMENT ON COLUMN redshift_sessions.svv_transactions.granted IS 'true if the lock is held, false if the session waits for it';

GRANT SELECT ON redshift_sessions.svv_transactions TO PUBLIC;

ALTER VIEW redshift_sessions.svv_transactions SET SCHEMA pg_catalog;
