-- A database has its own default, or the server's. What the server's is, a session knows as long as
-- no setting of its database, its role or its client hides it.
CREATE VIEW redshift_sessions.stv_db_isolation_level AS
    SELECT redshift_sessions.readable(d.datname::pg_catalog.text)::pg_catalog.bpchar(128) COLLATE pg_catalog."default" AS db_name,
           CASE coalesce(own.level, server.level)
               WHEN 'serializable' THEN 'Serializable'
               WHEN 'repeatable read' THEN 'Snapshot Isolation'
               WHEN 'read committed' THEN 'Read Committed'
               WHEN 'read uncommitted' THEN 'Read Committed'
           END::pg_catalog.bpchar(20) AS isolation_level
    FROM pg_catalog.pg_database AS d
    LEFT JOIN (
        SELECT s.setdatabase, pg_catalog.lower(pg_catalog.split_part(item.setting, '=', 2))
        FROM pg_catalog.pg_db_role_setting AS s, LATERAL pg_catalog.unnest(s.setconfig) AS item(setting)
        WHERE s.setrole OPERATOR(pg_catalog.=) 0::pg_catalog.oid
          AND pg_catalog.split_part(item.setting, '=', 1) OPERATOR(pg_catalog.=) 'default_transaction_isolation') AS own(database, level)
        ON own.database OPERATOR(pg_catalog.=) d.oid
    LEFT JOIN (
        SELECT g.reset_val
        FROM pg_catalog.pg_settings AS g
        WHERE g.name OPERATOR(pg_catalog.=) 'default_transaction_isolation'
          AND g.source OPERATOR(pg_catalog.<>) ALL (ARRAY['database', 'user', 'database user', 'client'])
          AND NOT EXISTS (
              SELECT FROM pg_catalog.pg_db_role_setting AS s, LATERAL pg_catalog.unnest(s.setconfig) AS item(setting)
              WHERE pg_catalog.split_part(item.setting, '=', 1) OPERATOR(pg_catalog.=) 'default_transaction_isolation'
                AND s.setdatabase OPERATOR(pg_catalog.=) ANY (ARRAY[0::pg_catalog.oid, (
                    SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database())])
                AND s.setrole OPERATOR(pg_catalog.=) ANY (ARRAY[0::pg_catalog.oid, (
                    SELECT r.oid FROM pg_catalog.pg_roles AS r WHERE r.rolname OPERATOR(pg_catalog.=) SESSION_USER)]))) AS server(level)
        ON true
    WHERE d.datallowconn;

COMMENT ON VIEW redshift_sessions.stv_db_isolation_level IS
    'Databases, and the isolation level that transactions have there by default';
COMMENT ON COLUMN redshift_sessions.stv_db_isolation_level.db_name IS 'Database';
COMMENT ON COLUMN redshift_sessions.stv_db_isolation_level.isolation_level IS 'Serializable, Snapshot Isolation or Read Committed; NULL where a setting of this session''s hides the server''s';

GRANT SELECT ON redshift_sessions.stv_db_isolation_level TO PUBLIC;

ALTER VIEW redshift_sessions.stv_db_isolation_level SET SCHEMA pg_catalog;
