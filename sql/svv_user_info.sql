CREATE VIEW redshift_sessions.svv_user_info AS
    SELECT u.usename AS user_name,
           u.usesysid AS user_id,
           u.usecreatedb AS createdb,
           u.usesuper AS superuser,
           u.usecatupd AS catalog_update,
           u.useconnlimit AS connection_limit,
           u.syslogaccess AS syslog_access,
           u.last_ddl_ts AS last_ddl_timestamp,
           u.sessiontimeout AS session_timeout,
           u.external_id AS external_user_id
    FROM pg_catalog.svl_user_info AS u
    WHERE EXISTS (
        SELECT FROM pg_catalog.pg_roles AS r
        WHERE r.rolname OPERATOR(pg_catalog.=) CURRENT_USER
          AND (r.rolsuper OR r.oid::pg_catalog.int4 OPERATOR(pg_catalog.=) u.usesysid));

COMMENT ON VIEW redshift_sessions.svv_user_info IS
    'Users, and what they may do; regular users see themselves';
COMMENT ON COLUMN redshift_sessions.svv_user_info.user_name IS 'User';
COMMENT ON COLUMN redshift_sessions.svv_user_info.user_id IS 'OID of the user';
COMMENT ON COLUMN redshift_sessions.svv_user_info.createdb IS 'May the user create databases?';
COMMENT ON COLUMN redshift_sessions.svv_user_info.superuser IS 'Is the user a superuser?';
COMMENT ON COLUMN redshift_sessions.svv_user_info.catalog_update IS 'May the user update catalogs? Superusers may';
COMMENT ON COLUMN redshift_sessions.svv_user_info.connection_limit IS 'Number of sessions that the user may have; UNLIMITED for no limit';
COMMENT ON COLUMN redshift_sessions.svv_user_info.syslog_access IS 'UNRESTRICTED for superusers and members of pg_read_all_stats, else RESTRICTED';
COMMENT ON COLUMN redshift_sessions.svv_user_info.last_ddl_timestamp IS 'NULL: PostgreSQL does not record it';
COMMENT ON COLUMN redshift_sessions.svv_user_info.session_timeout IS 'The user''s own idle_session_timeout in seconds; 0 for none';
COMMENT ON COLUMN redshift_sessions.svv_user_info.external_user_id IS 'NULL: PostgreSQL knows no identity provider';

GRANT SELECT ON redshift_sessions.svv_user_info TO PUBLIC;

ALTER VIEW redshift_sessions.svv_user_info SET SCHEMA pg_catalog;
