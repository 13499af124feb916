CREATE FUNCTION redshift_sessions.stl_userlog(
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
    AS 'MODULE_PATHNAME', 'stl_userlog_wrapper';

COMMENT ON FUNCTION redshift_sessions.stl_userlog() IS
    'Changes of users, oldest first, for those who may select from pg_catalog.stl_userlog';

GRANT EXECUTE ON FUNCTION redshift_sessions.stl_userlog() TO PUBLIC;

CREATE VIEW redshift_sessions.stl_userlog AS
    SELECT l.userid,
           l.username::pg_catalog.bpchar(50) AS username,
           l.oldusername::pg_catalog.bpchar(50) AS oldusername,
           l.action::pg_catalog.bpchar(10) AS action,
           l.usecreatedb,
           l.usesuper,
           l.usecatupd,
           l.valuntil,
           l.pid,
           l.xid,
           l.recordtime
    FROM redshift_sessions.stl_userlog() AS l;

COMMENT ON VIEW redshift_sessions.stl_userlog IS
    'Users that were created, altered, renamed and dropped; for superusers, and whom they grant SELECT';
COMMENT ON COLUMN redshift_sessions.stl_userlog.userid IS 'OID of the user';
COMMENT ON COLUMN redshift_sessions.stl_userlog.username IS 'User, after the change';
COMMENT ON COLUMN redshift_sessions.stl_userlog.oldusername IS 'User before it was renamed; blank for other actions';
COMMENT ON COLUMN redshift_sessions.stl_userlog.action IS 'create, alter, rename or drop';
COMMENT ON COLUMN redshift_sessions.stl_userlog.usecreatedb IS '1: the user may create databases; 0: not';
COMMENT ON COLUMN redshift_sessions.stl_userlog.usesuper IS '1: the user is a superuser; 0: not';
COMMENT ON COLUMN redshift_sessions.stl_userlog.usecatupd IS '1: the user may update catalogs, as superusers may; 0: not';
COMMENT ON COLUMN redshift_sessions.stl_userlog.valuntil IS 'When the password expires, in UTC; NULL if it does not';
COMMENT ON COLUMN redshift_sessions.stl_userlog.pid IS 'Process id of the session that changed it';
COMMENT ON COLUMN redshift_sessions.stl_userlog.xid IS 'Transaction id';
COMMENT ON COLUMN redshift_sessions.stl_userlog.recordtime IS 'When the statement began that changed it, in UTC';

REVOKE ALL ON redshift_sessions.stl_userlog FROM PUBLIC;

ALTER VIEW redshift_sessions.stl_userlog SET SCHEMA pg_catalog;
