-- Redshift's valuntil is an abstime, a type that PostgreSQL no longer has.
CREATE VIEW redshift_sessions.pg_user_info AS
    SELECT redshift_sessions.readable(r.rolname::pg_catalog.text)::pg_catalog.name AS usename,
           r.oid::pg_catalog.int4 AS usesysid,
           r.rolcreatedb AS usecreatedb,
           r.rolsuper AS usesuper,
           r.rolsuper AS usecatupd,
           '********'::pg_catalog.text AS passwd,
           r.rolvaliduntil AS valuntil,
           (SELECT pg_catalog.array_agg(redshift_sessions.readable(item.setting) ORDER BY item.place)
            FROM pg_catalog.unnest(everywhere.setconfig) WITH ORDINALITY AS item(setting, place)) AS useconfig,
           CASE WHEN r.rolconnlimit OPERATOR(pg_catalog.<) 0 THEN 'UNLIMITED' ELSE r.rolconnlimit::pg_catalog.text END AS useconnlimit
    FROM pg_catalog.pg_roles AS r
    LEFT JOIN pg_catalog.pg_db_role_setting AS everywhere
        ON everywhere.setrole OPERATOR(pg_catalog.=) r.oid AND everywhere.setdatabase OPERATOR(pg_catalog.=) 0::pg_catalog.oid
    WHERE r.rolcanlogin;

COMMENT ON VIEW redshift_sessions.pg_user_info IS
    'Users, their limits and settings; for superusers, and whom they grant SELECT';
COMMENT ON COLUMN redshift_sessions.pg_user_info.usename IS 'User';
COMMENT ON COLUMN redshift_sessions.pg_user_info.usesysid IS 'OID of the user';
COMMENT ON COLUMN redshift_sessions.pg_user_info.usecreatedb IS 'May the user create databases?';
COMMENT ON COLUMN redshift_sessions.pg_user_info.usesuper IS 'Is the user a superuser?';
COMMENT ON COLUMN redshift_sessions.pg_user_info.usecatupd IS 'May the user update catalogs? Superusers may';
COMMENT ON COLUMN redshift_sessions.pg_user_info.passwd IS 'Eight asterisks for everybody';
COMMENT ON COLUMN redshift_sessions.pg_user_info.valuntil IS 'When the password expires, as in pg_user';
COMMENT ON COLUMN redshift_sessions.pg_user_info.useconfig IS 'The user''s settings in all databases';
COMMENT ON COLUMN redshift_sessions.pg_user_info.useconnlimit IS 'Number of sessions that the user may have; UNLIMITED for no limit';

REVOKE ALL ON redshift_sessions.pg_user_info FROM PUBLIC;

ALTER VIEW redshift_sessions.pg_user_info SET SCHEMA pg_catalog;
