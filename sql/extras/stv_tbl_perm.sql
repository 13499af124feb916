-- Page STV_TBL_PERM, for this database only. Superusers only; GRANT SELECT opens it.
CREATE VIEW redshift_sessions_extras.stv_tbl_perm AS
    SELECT 0 AS slice,
           t.id::pg_catalog.int4 AS id,
           t.name::pg_catalog.bpchar(72) AS name,
           t.live + t.dead AS rows,
           NULL::pg_catalog.int8 AS sorted_rows,
           CASE t.persistence WHEN 't' THEN 1 ELSE 0 END AS temp,
           (SELECT d.oid::pg_catalog.int4 FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database()) AS db_id,
           0 AS insert_pristine,
           0 AS delete_pristine,
           CASE t.persistence WHEN 'p' THEN 1 ELSE 0 END AS backup,
           10 AS dist_style,
           t.megabytes::pg_catalog.int4 AS block_count
    FROM redshift_sessions_extras.tables_of_users AS t;

COMMENT ON VIEW redshift_sessions_extras.stv_tbl_perm IS
    'Tables of users in this database; for superusers, and whom they grant SELECT';
COMMENT ON COLUMN redshift_sessions_extras.stv_tbl_perm.slice IS '0: PostgreSQL has no slices';
COMMENT ON COLUMN redshift_sessions_extras.stv_tbl_perm.id IS 'OID of the table';
COMMENT ON COLUMN redshift_sessions_extras.stv_tbl_perm.name IS 'Name of the table';
COMMENT ON COLUMN redshift_sessions_extras.stv_tbl_perm.rows IS 'Estimated number of rows, with deleted ones that are still stored';
COMMENT ON COLUMN redshift_sessions_extras.stv_tbl_perm.sorted_rows IS 'NULL: PostgreSQL has no sort key';
COMMENT ON COLUMN redshift_sessions_extras.stv_tbl_perm.temp IS '1 for a temporary table of this session, 0 for others';
COMMENT ON COLUMN redshift_sessions_extras.stv_tbl_perm.db_id IS 'OID of the database';
COMMENT ON COLUMN redshift_sessions_extras.stv_tbl_perm.insert_pristine IS '0: internal to Redshift';
COMMENT ON COLUMN redshift_sessions_extras.stv_tbl_perm.delete_pristine IS '0: internal to Redshift';
COMMENT ON COLUMN redshift_sessions_extras.stv_tbl_perm.backup IS '1 if a backup of the server has its rows, 0 for temporary and unlogged tables';
COMMENT ON COLUMN redshift_sessions_extras.stv_tbl_perm.dist_style IS '10, which is AUTO(ALL): the one node has all rows';
COMMENT ON COLUMN redshift_sessions_extras.stv_tbl_perm.block_count IS 'Size in blocks of 1 MB';

REVOKE ALL ON redshift_sessions_extras.stv_tbl_perm FROM PUBLIC;

-- A view cannot be created in pg_catalog, but it can be moved there.
ALTER VIEW redshift_sessions_extras.stv_tbl_perm SET SCHEMA pg_catalog;
