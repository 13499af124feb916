CREATE FUNCTION redshift_sessions.sys_userlog(
        OUT userid pg_catalog.int4,
        OUT username pg_catalog.text,
        OUT oldusername pg_catalog.text,
        OUT action pg_catalog.text,
        OUT usecreatedb pg_catalog.int4,
        OUT usesuper pg_catalog.int4,
        OUT usecatupd pg_catalog.int4,
        OUT valuntil pg_catalog.timestamp,
        OUT pid pg_catalog.int4,
        OUT xid pg_catalog.int8,
        OUT recordtime pg_catalog.timestamp)
    RETURNS SETOF pg_catalog.record
    LANGUAGE c
    VOLATILE
    PARALLEL RESTRICTED
    ROWS 100
    AS 'MODULE_PATHNAME', 'sys_userlog_wrapper';

COMMENT ON FUNCTION redshift_sessions.sys_userlog() IS
    'Changes of users, oldest first, for those who may select from pg_catalog.sys_userlog';

GRANT EXECUTE ON FUNCTION redshift_sessions.sys_userlog() TO PUBLIC;

CREATE VIEW redshift_sessions.sys_userlog AS
    SELECT l.userid AS user_id,
           l.username::pg_catalog.bpchar(50) AS user_name,
           l.oldusername::pg_catalog.bpchar(50) AS original_user_name,
           l.action::pg_catalog.bpchar(10) AS action,
           l.usecreatedb AS has_create_db_privs,
           l.usesuper AS is_superuser,
           l.usecatupd AS has_update_catalog_privs,
           l.valuntil AS password_expiration,
           l.pid AS session_id,
           l.xid AS transaction_id,
           l.recordtime AS record_time
    FROM redshift_sessions.sys_userlog() AS l;

COMMENT ON VIEW redshift_sessions.sys_userlog IS
    'Users that were created, altered, renamed and dropped; for superusers, and whom they grant SELECT';
COMMENT ON COLUMN redshift_sessions.sys_userlog.user_id IS 'OID of the user';
COMMENT ON COLUMN redshift_sessions.sys_userlog.user_name IS 'User, after the change';
COMMENT ON COLUMN redshift_sessions.sys_userlog.original_user_name IS 'User before it was renamed; blank for other actions';
COMMENT ON COLUMN redshift_sessions.sys_userlog.action IS 'create, alter, rename or drop';
COMMENT ON COLUMN redshift_sessions.sys_userlog.has_create_db_privs IS '1: the user may create databases; 0: not';
COMMENT ON COLUMN redshift_sessions.sys_userlog.is_superuser IS '1: the user is a superuser; 0: not';
COMMENT ON COLUMN redshift_sessions.sys_userlog.has_update_catalog_privs IS '1: the user may update catalogs, as superusers may; 0: not';
COMMENT ON COLUMN redshift_sessions.sys_userlog.password_expiration IS 'When the password expires, in UTC; NULL if it does not';
COMMENT ON COLUMN redshift_sessions.sys_userlog.session_id IS 'Process id of the session that changed it';
COMMENT ON COLUMN redshift_sessions.sys_userlog.transaction_id IS 'Transaction id';
COMMENT ON COLUMN redshift_sessions.sys_userlog.record_time IS 'When the statement began that changed it, in UTC';

REVOKE ALL ON redshift_sessions.sys_userlog FROM PUBLIC;

ALTER VIEW redshift_sessions.sys_userlog SET SCHEMA pg_catalog;
