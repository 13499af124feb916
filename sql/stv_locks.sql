CREATE FUNCTION redshift_sessions.stv_locks(
        OUT table_id pg_catalog.int8,
        OUT databaseid pg_catalog.oid,
        OUT lock_owner pg_catalog.int8,
        OUT lock_owner_pid pg_catalog.int8,
        OUT lock_owner_start_ts pg_catalog.timestamp,
        OUT lock_status pg_catalog.text)
    RETURNS SETOF pg_catalog.record
    LANGUAGE c
    VOLATILE
    PARALLEL RESTRICTED
    ROWS 100
    AS 'MODULE_PATHNAME', 'stv_locks_wrapper';

COMMENT ON FUNCTION redshift_sessions.stv_locks() IS
    'Write locks on relations of all databases, for those who may select from pg_catalog.stv_locks';

GRANT EXECUTE ON FUNCTION redshift_sessions.stv_locks() TO PUBLIC;

-- Indexes and sequences are locked like tables. They are left out where they can be told apart: in
-- this database.
CREATE VIEW redshift_sessions.stv_locks AS
    SELECT l.table_id,
           NULL::pg_catalog.timestamp AS last_commit,
           NULL::pg_catalog.timestamp AS last_update,
           l.lock_owner,
           l.lock_owner_pid,
           l.lock_owner_start_ts,
           NULL::pg_catalog.timestamp AS lock_owner_end_ts,
           l.lock_status::pg_catalog.bpchar(22) AS lock_status
    FROM redshift_sessions.stv_locks() AS l
    LEFT JOIN pg_catalog.pg_class AS c ON c.oid OPERATOR(pg_catalog.=) l.table_id::pg_catalog.oid
    LEFT JOIN pg_catalog.pg_database AS d ON d.oid OPERATOR(pg_catalog.=) l.databaseid
    WHERE d.datname OPERATOR(pg_catalog.<>) pg_catalog.current_database()
       OR c.relkind IS NULL
       OR c.relkind OPERATOR(pg_catalog.<>) ALL (ARRAY['i', 'I', 'S']::pg_catalog."char"[]);

COMMENT ON VIEW redshift_sessions.stv_locks IS
    'Write locks on tables, held and awaited; for superusers, and whom they grant SELECT';
COMMENT ON COLUMN redshift_sessions.stv_locks.table_id IS 'OID of the table, in the database of the transaction';
COMMENT ON COLUMN redshift_sessions.stv_locks.last_commit IS 'NULL: PostgreSQL does not record it';
COMMENT ON COLUMN redshift_sessions.stv_locks.last_update IS 'NULL: PostgreSQL does not record it';
COMMENT ON COLUMN redshift_sessions.stv_locks.lock_owner IS 'Transaction id, as in svv_transactions';
COMMENT ON COLUMN redshift_sessions.stv_locks.lock_owner_pid IS 'Process id of the session; NULL for a prepared transaction';
COMMENT ON COLUMN redshift_sessions.stv_locks.lock_owner_start_ts IS 'Start of the transaction, in UTC';
COMMENT ON COLUMN redshift_sessions.stv_locks.lock_owner_end_ts IS 'NULL: the transaction is open';
COMMENT ON COLUMN redshift_sessions.stv_locks.lock_status IS 'Holding write lock or Waiting for write lock';

REVOKE ALL ON redshift_sessions.stv_locks FROM PUBLIC;

ALTER VIEW redshift_sessions.stv_locks SET SCHEMA pg_catalog;
