-- Page SVV_EXTERNAL_COLUMNS. No rows: PostgreSQL has no external schemas. The columns of foreign
-- tables are in information_schema.columns, and dbt would find them twice if they were here too.
CREATE VIEW redshift_sessions_extras.svv_external_columns AS
    SELECT NULL::pg_catalog.text AS redshift_database_name,
           NULL::pg_catalog.text AS schemaname,
           NULL::pg_catalog.text AS tablename,
           NULL::pg_catalog.text AS columnname,
           NULL::pg_catalog.text AS external_type,
           NULL::pg_catalog.int4 AS columnnum,
           NULL::pg_catalog.int4 AS part_key,
           NULL::pg_catalog.text AS is_nullable
    WHERE false;

COMMENT ON VIEW redshift_sessions_extras.svv_external_columns IS
    'Columns of external tables, which PostgreSQL does not have: no rows';
COMMENT ON COLUMN redshift_sessions_extras.svv_external_columns.redshift_database_name IS 'Name of the database';
COMMENT ON COLUMN redshift_sessions_extras.svv_external_columns.schemaname IS 'Name of the external schema';
COMMENT ON COLUMN redshift_sessions_extras.svv_external_columns.tablename IS 'Name of the external table';
COMMENT ON COLUMN redshift_sessions_extras.svv_external_columns.columnname IS 'Name of the column';
COMMENT ON COLUMN redshift_sessions_extras.svv_external_columns.external_type IS 'Type of the column';
COMMENT ON COLUMN redshift_sessions_extras.svv_external_columns.columnnum IS 'Number of the column, from 1';
COMMENT ON COLUMN redshift_sessions_extras.svv_external_columns.part_key IS 'Place of the column in the partition key; 0 if it is not in it';
COMMENT ON COLUMN redshift_sessions_extras.svv_external_columns.is_nullable IS 'true, false or empty';

GRANT SELECT ON redshift_sessions_extras.svv_external_columns TO PUBLIC;

-- A view cannot be created in pg_catalog, but it can be moved there.
ALTER VIEW redshift_sessions_extras.svv_external_columns SET SCHEMA pg_catalog;
