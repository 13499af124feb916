-- Page SVV_TABLE_INFO: tables that have rows. Superusers only; GRANT SELECT opens it.
CREATE VIEW redshift_sessions_extras.svv_table_info AS
    SELECT pg_catalog.current_database()::pg_catalog.text AS database,
           t.schema::pg_catalog.text AS schema,
           t.id AS table_id,
           t.name::pg_catalog.text AS "table",
           'N'::pg_catalog.text AS encoded,
           'AUTO(ALL)'::pg_catalog.text AS diststyle,
           NULL::pg_catalog.text AS sortkey1,
           coalesce((SELECT pg_catalog.max(a.atttypmod - 4)
                     FROM pg_catalog.pg_attribute AS a
                     WHERE a.attrelid = t.id AND a.attnum > 0 AND NOT a.attisdropped
                       AND a.atttypid = 'pg_catalog.varchar'::pg_catalog.regtype AND a.atttypmod >= 4), 0) AS max_varchar,
           NULL::pg_catalog.bpchar(32) AS sortkey1_enc,
           0 AS sortkey_num,
           t.megabytes AS size,
           NULL::pg_catalog.numeric(10,4) AS pct_used,
           0::pg_catalog.int8 AS empty,
           NULL::pg_catalog.numeric(5,2) AS unsorted,
           CASE WHEN t.analyzed THEN LEAST(100.0 * t.modified / (t.live + t.dead), 100) ELSE 100 END::pg_catalog.numeric(5,2) AS stats_off,
           (t.live + t.dead)::pg_catalog.numeric(38,0) AS tbl_rows,
           NULL::pg_catalog.numeric(19,2) AS skew_sortkey1,
           NULL::pg_catalog.numeric(19,2) AS skew_rows,
           t.live::pg_catalog.numeric(38,0) AS estimated_visible_rows,
           NULL::pg_catalog.text AS risk_event,
           NULL::pg_catalog.numeric(12,2) AS vacuum_sort_benefit,
           NULL::pg_catalog.timestamp AS create_time
    FROM redshift_sessions_extras.tables_of_users AS t
    WHERE t.live + t.dead > 0;

COMMENT ON VIEW redshift_sessions_extras.svv_table_info IS
    'Tables and materialized views of this database that have rows; for superusers, and whom they grant SELECT';
COMMENT ON COLUMN redshift_sessions_extras.svv_table_info.database IS 'Name of the database';
COMMENT ON COLUMN redshift_sessions_extras.svv_table_info.schema IS 'Name of the schema';
COMMENT ON COLUMN redshift_sessions_extras.svv_table_info.table_id IS 'OID of the table';
COMMENT ON COLUMN redshift_sessions_extras.svv_table_info."table" IS 'Name of the table';
COMMENT ON COLUMN redshift_sessions_extras.svv_table_info.encoded IS 'N: PostgreSQL has no column encodings';
COMMENT ON COLUMN redshift_sessions_extras.svv_table_info.diststyle IS 'AUTO(ALL): the one node has all rows';
COMMENT ON COLUMN redshift_sessions_extras.svv_table_info.sortkey1 IS 'NULL: PostgreSQL has no sort key';
COMMENT ON COLUMN redshift_sessions_extras.svv_table_info.max_varchar IS 'Greatest length of a column varchar(n); 0 if there is none';
COMMENT ON COLUMN redshift_sessions_extras.svv_table_info.sortkey1_enc IS 'NULL: PostgreSQL has no sort key';
COMMENT ON COLUMN redshift_sessions_extras.svv_table_info.sortkey_num IS '0: PostgreSQL has no sort key';
COMMENT ON COLUMN redshift_sessions_extras.svv_table_info.size IS 'Size in blocks of 1 MB';
COMMENT ON COLUMN redshift_sessions_extras.svv_table_info.pct_used IS 'NULL: PostgreSQL does not know how much space there is';
COMMENT ON COLUMN redshift_sessions_extras.svv_table_info.empty IS '0: internal to Redshift';
COMMENT ON COLUMN redshift_sessions_extras.svv_table_info.unsorted IS 'NULL: PostgreSQL has no sort key';
COMMENT ON COLUMN redshift_sessions_extras.svv_table_info.stats_off IS 'Percentage of rows that have changed since the last ANALYZE, at most 100; 100 if there was none';
COMMENT ON COLUMN redshift_sessions_extras.svv_table_info.tbl_rows IS 'Estimated number of rows, with deleted ones that are still stored';
COMMENT ON COLUMN redshift_sessions_extras.svv_table_info.skew_sortkey1 IS 'NULL: PostgreSQL has no sort key';
COMMENT ON COLUMN redshift_sessions_extras.svv_table_info.skew_rows IS 'NULL: PostgreSQL has no slices';
COMMENT ON COLUMN redshift_sessions_extras.svv_table_info.estimated_visible_rows IS 'Estimated number of rows, without deleted ones';
COMMENT ON COLUMN redshift_sessions_extras.svv_table_info.risk_event IS 'NULL: PostgreSQL has no such events';
COMMENT ON COLUMN redshift_sessions_extras.svv_table_info.vacuum_sort_benefit IS 'NULL: PostgreSQL has no sort key';
COMMENT ON COLUMN redshift_sessions_extras.svv_table_info.create_time IS 'NULL: PostgreSQL does not record it';

REVOKE ALL ON redshift_sessions_extras.svv_table_info FROM PUBLIC;

-- A view cannot be created in pg_catalog, but it can be moved there.
ALTER VIEW redshift_sessions_extras.svv_table_info SET SCHEMA pg_catalog;
