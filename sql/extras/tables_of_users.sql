-- Of each table of users in this database, what stv_tbl_perm and svv_table_info show.
-- pg_relation_size() waits for whoever has a table locked exclusively, or waits to, and those who
-- read about locks must not wait for them. The size of such a table is that of its last VACUUM or
-- ANALYZE.
CREATE VIEW redshift_sessions_extras.tables_of_users AS
    WITH locked AS MATERIALIZED (
        SELECT DISTINCT l.relation
        FROM pg_catalog.pg_locks AS l
        WHERE l.mode = 'AccessExclusiveLock' AND l.relation IS NOT NULL AND l.pid IS DISTINCT FROM pg_catalog.pg_backend_pid()
          AND l.database = (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database()))
    SELECT c.oid AS id,
           n.nspname AS schema,
           c.relname AS name,
           c.relpersistence AS persistence,
           CASE WHEN known.live + known.dead = 0 THEN GREATEST(c.reltuples, 0)::pg_catalog.int8 ELSE known.live END AS live,
           known.dead,
           pg_catalog.pg_stat_get_mod_since_analyze(c.oid) AS modified,
           c.reltuples >= 0 AS analyzed,
           pg_catalog.ceil(CASE
               WHEN c.oid IN (SELECT locked.relation FROM locked) OR t.oid IN (SELECT locked.relation FROM locked)
               THEN (c.relpages + coalesce(t.relpages, 0)) * pg_catalog.current_setting('block_size')::pg_catalog.numeric
               ELSE pg_catalog.pg_relation_size(c.oid) + coalesce(pg_catalog.pg_relation_size(t.oid), 0)
           END / 1048576.0)::pg_catalog.int8 AS megabytes
    FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    LEFT JOIN pg_catalog.pg_class AS t ON t.oid = c.reltoastrelid
    CROSS JOIN LATERAL (SELECT pg_catalog.pg_stat_get_live_tuples(c.oid), pg_catalog.pg_stat_get_dead_tuples(c.oid)) AS known(live, dead)
    WHERE c.relkind IN ('r', 'm')
      AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
      AND NOT pg_catalog.pg_is_other_temp_schema(n.oid);

COMMENT ON VIEW redshift_sessions_extras.tables_of_users IS
    'Tables and materialized views of users in this database';
COMMENT ON COLUMN redshift_sessions_extras.tables_of_users.id IS 'OID of the table';
COMMENT ON COLUMN redshift_sessions_extras.tables_of_users.schema IS 'Name of its schema';
COMMENT ON COLUMN redshift_sessions_extras.tables_of_users.name IS 'Name of the table';
COMMENT ON COLUMN redshift_sessions_extras.tables_of_users.persistence IS 'relpersistence of pg_class';
COMMENT ON COLUMN redshift_sessions_extras.tables_of_users.live IS 'Estimated number of rows';
COMMENT ON COLUMN redshift_sessions_extras.tables_of_users.dead IS 'Estimated number of deleted rows that are still stored';
COMMENT ON COLUMN redshift_sessions_extras.tables_of_users.modified IS 'Number of rows changed since the last ANALYZE';
COMMENT ON COLUMN redshift_sessions_extras.tables_of_users.analyzed IS 'Has it been analyzed or vacuumed?';
COMMENT ON COLUMN redshift_sessions_extras.tables_of_users.megabytes IS 'Size in blocks of 1 MB';

REVOKE ALL ON redshift_sessions_extras.tables_of_users FROM PUBLIC;
