-- A user is a role that may log in, as in pg_user. A name as text would have the collation of
-- names, which differs from that of other texts.
CREATE VIEW redshift_sessions.svl_user_info AS
    SELECT redshift_sessions.readable(r.rolname::pg_catalog.text) COLLATE pg_catalog."default" AS usename,
           r.oid::pg_catalog.int4 AS usesysid,
           r.rolcreatedb AS usecreatedb,
           r.rolsuper AS usesuper,
           r.rolsuper AS usecatupd,
           CASE WHEN r.rolconnlimit OPERATOR(pg_catalog.<) 0 THEN 'UNLIMITED' ELSE r.rolconnlimit::pg_catalog.text END AS useconnlimit,
           CASE WHEN pg_catalog.pg_has_role(r.oid, 'pg_read_all_stats', 'USAGE') THEN 'UNRESTRICTED' ELSE 'RESTRICTED' END AS syslogaccess,
           NULL::pg_catalog.timestamp AS last_ddl_ts,
           coalesce(redshift_sessions.idle_timeout(here.setconfig),
                    redshift_sessions.idle_timeout(everywhere.setconfig),
                    0) AS sessiontimeout,
           NULL::pg_catalog.text AS external_id
    FROM pg_catalog.pg_roles AS r
    LEFT JOIN pg_catalog.pg_db_role_setting AS here
        ON here.setrole OPERATOR(pg_catalog.=) r.oid
        AND here.setdatabase OPERATOR(pg_catalog.=) (
            SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database())
    LEFT JOIN pg_catalog.pg_db_role_setting AS everywhere
        ON everywhere.setrole OPERATOR(pg_catalog.=) r.oid AND everywhere.setdatabase OPERATOR(pg_catalog.=) 0::pg_catalog.oid
    WHERE r.rolcanlogin;

COMMENT ON VIEW redshift_sessions.svl_user_info IS
    'Users, and what they may do; for superusers, and whom they grant SELECT';
COMMENT ON COLUMN redshift_sessions.svl_user_info.usename IS 'User';
COMMENT ON COLUMN redshift_sessions.svl_user_info.usesysid IS 'OID of the user';
COMMENT ON COLUMN redshift_sessions.svl_user_info.usecreatedb IS 'May the user create databases?';
COMMENT ON COLUMN redshift_sessions.svl_user_info.usesuper IS 'Is the user a superuser?';
COMMENT ON COLUMN redshift_sessions.svl_user_info.usecatupd IS 'May the user update catalogs? Superusers may';
COMMENT ON COLUMN redshift_sessions.svl_user_info.useconnlimit IS 'Number of sessions that the user may have; UNLIMITED for no limit';
COMMENT ON COLUMN redshift_sessions.svl_user_info.syslogaccess IS 'UNRESTRICTED for superusers and members of pg_read_all_stats, else RESTRICTED';
COMMENT ON COLUMN redshift_sessions.svl_user_info.last_ddl_ts IS 'NULL: PostgreSQL does not record it';
COMMENT ON COLUMN redshift_sessions.svl_user_info.sessiontimeout IS 'The user''s own idle_session_timeout in seconds; 0 for none';
COMMENT ON COLUMN redshift_sessions.svl_user_info.external_id IS 'NULL: PostgreSQL knows no identity provider';

REVOKE ALL ON redshift_sessions.svl_user_info FROM PUBLIC;

ALTER VIEW redshift_sessions.svl_user_info SET SCHEMA pg_catalog;
