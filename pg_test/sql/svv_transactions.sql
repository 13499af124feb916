-- The view as a catalog object, and the rows of one's own transaction.
SELECT attname, format_type(atttypid, atttypmod), col_description(attrelid, attnum)
FROM pg_attribute WHERE attrelid = 'pg_catalog.svv_transactions'::regclass ORDER BY attnum;
SELECT obj_description('pg_catalog.svv_transactions'::regclass);
SELECT grantee::regrole, privilege_type FROM pg_class, aclexplode(relacl)
WHERE oid = 'pg_catalog.svv_transactions'::regclass AND grantee = 0;
SELECT extname, extnamespace::regnamespace, extrelocatable FROM pg_extension WHERE extname = 'redshift_sessions';
SELECT pg_describe_object(d.classid, d.objid, d.objsubid) AS member, obj_description(d.objid, d.classid::regclass::name)
FROM pg_depend AS d JOIN pg_extension AS e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
WHERE e.extname = 'redshift_sessions' AND d.deptype = 'e' AND d.classid <> 'pg_type'::regclass ORDER BY 1;
-- found under any search_path
SET search_path = '';
SELECT count(*) > 0 AS found FROM svv_transactions WHERE pid = pg_backend_pid();
RESET search_path;
-- one's own transaction, before it has an id
BEGIN;
LOCK pg_catalog.pg_am IN SHARE MODE;
SELECT txn_owner = current_user AS mine, txn_db = current_database() AS here, xid < 0 AS unassigned,
       txn_start = transaction_timestamp() AT TIME ZONE 'UTC' AS now, lock_mode, lockable_object_type,
       relation::oid::regclass, granted
FROM svv_transactions
WHERE pid = pg_backend_pid() AND (relation IS NULL OR relation IN ('pg_am'::regclass, 'svv_transactions'::regclass));
-- and after: the full id
SELECT pg_current_xact_id() IS NOT NULL AS assigned;
SELECT DISTINCT xid = pg_current_xact_id()::text::bigint AS same FROM svv_transactions WHERE pid = pg_backend_pid();
-- as published scripts ask
SELECT count(*) AS open_transactions FROM svv_transactions
WHERE lockable_object_type = 'transactionid' AND lock_mode = 'ExclusiveLock' AND granted = 't' AND pid = pg_backend_pid();
SELECT count(*) FROM svv_transactions WHERE pid <> pg_backend_pid() AND txn_owner <> 'rdsdb' AND txn_db = current_database();
COMMIT;
-- nobody changes it
DELETE FROM svv_transactions;
-- a set belongs into FROM, but is taken elsewhere too
SELECT count(*) > 0 AS rows FROM (SELECT redshift_sessions.svv_transactions()) AS s;
-- scanned twice and backwards
BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT lock_mode FROM svv_transactions WHERE pid = pg_backend_pid() AND relation IS NULL;
FETCH ALL FROM c;
FETCH BACKWARD ALL FROM c;
ROLLBACK;
