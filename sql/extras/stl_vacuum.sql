-- Page STL_VACUUM, as far as PostgreSQL keeps it: of each table of users the last VACUUM by hand
-- and the last one of autovacuum, when they had finished. Superusers only; GRANT SELECT opens it.
-- The types of the last four columns are unknown.
CREATE VIEW redshift_sessions_extras.stl_vacuum AS
    SELECT NULL::pg_catalog.int4 AS userid,
           NULL::pg_catalog.int8 AS xid,
           c.oid::pg_catalog.int4 AS table_id,
           finished.status::pg_catalog.bpchar(30) AS status,
           NULL::pg_catalog.int8 AS rows,
           NULL::pg_catalog.int4 AS sortedrows,
           NULL::pg_catalog.int4 AS blocks,
           NULL::pg_catalog.int4 AS max_merge_partitions,
           pg_catalog.timezone('UTC', finished.moment) AS eventtime,
           NULL::pg_catalog.int8 AS reclaimable_rows,
           NULL::pg_catalog.int8 AS reclaimable_space_mb,
           NULL::pg_catalog.int8 AS cutoff_xid,
           NULL::pg_catalog.int4 AS is_recluster
    FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    CROSS JOIN LATERAL (VALUES
        ('Finished', pg_catalog.pg_stat_get_last_vacuum_time(c.oid)),
        ('[VacuumBG] Finished', pg_catalog.pg_stat_get_last_autovacuum_time(c.oid))) AS finished(status, moment)
    WHERE c.relkind IN ('r', 'm')
      AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
      AND finished.moment IS NOT NULL
    ORDER BY finished.moment;

COMMENT ON VIEW redshift_sessions_extras.stl_vacuum IS
    'The last VACUUM of each table of users; for superusers, and whom they grant SELECT';
COMMENT ON COLUMN redshift_sessions_extras.stl_vacuum.userid IS 'NULL: PostgreSQL does not record it';
COMMENT ON COLUMN redshift_sessions_extras.stl_vacuum.xid IS 'NULL: PostgreSQL does not record it';
COMMENT ON COLUMN redshift_sessions_extras.stl_vacuum.table_id IS 'OID of the table';
COMMENT ON COLUMN redshift_sessions_extras.stl_vacuum.status IS 'Finished by hand, or [VacuumBG] Finished by autovacuum';
COMMENT ON COLUMN redshift_sessions_extras.stl_vacuum.rows IS 'NULL: PostgreSQL does not record it';
COMMENT ON COLUMN redshift_sessions_extras.stl_vacuum.sortedrows IS 'NULL: PostgreSQL has no sort key';
COMMENT ON COLUMN redshift_sessions_extras.stl_vacuum.blocks IS 'NULL: PostgreSQL does not record it';
COMMENT ON COLUMN redshift_sessions_extras.stl_vacuum.max_merge_partitions IS 'NULL: PostgreSQL has no counterpart';
COMMENT ON COLUMN redshift_sessions_extras.stl_vacuum.eventtime IS 'When it finished, in UTC';
COMMENT ON COLUMN redshift_sessions_extras.stl_vacuum.reclaimable_rows IS 'NULL: PostgreSQL does not record it';
COMMENT ON COLUMN redshift_sessions_extras.stl_vacuum.reclaimable_space_mb IS 'NULL: PostgreSQL does not record it';
COMMENT ON COLUMN redshift_sessions_extras.stl_vacuum.cutoff_xid IS 'NULL: PostgreSQL has no counterpart';
COMMENT ON COLUMN redshift_sessions_extras.stl_vacuum.is_recluster IS 'NULL: PostgreSQL has no counterpart';

REVOKE ALL ON redshift_sessions_extras.stl_vacuum FROM PUBLIC;

-- A view cannot be created in pg_catalog, but it can be moved there.
ALTER VIEW redshift_sessions_extras.stl_vacuum SET SCHEMA pg_catalog;
