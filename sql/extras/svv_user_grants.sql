-- Page SVV_USER_GRANTS: roles that were granted to users, who are the roles that may log in.
-- Superusers see all, others what was granted to them. PostgreSQL has no permission ACCESS SYSTEM
-- TABLE, which opens all rows there.
CREATE VIEW redshift_sessions_extras.svv_user_grants AS
    SELECT u.oid::pg_catalog.int4 AS user_id,
           u.rolname::pg_catalog.text AS user_name,
           r.oid::pg_catalog.int4 AS role_id,
           r.rolname::pg_catalog.text AS role_name,
           pg_catalog.bool_or(m.admin_option) AS admin_option
    FROM pg_catalog.pg_auth_members AS m
    JOIN pg_catalog.pg_roles AS u ON u.oid = m.member
    JOIN pg_catalog.pg_roles AS r ON r.oid = m.roleid
    WHERE u.rolcanlogin
      AND (u.rolname = CURRENT_USER
           OR (SELECT s.rolsuper FROM pg_catalog.pg_roles AS s WHERE s.rolname = CURRENT_USER))
    GROUP BY u.oid, u.rolname, r.oid, r.rolname;

COMMENT ON VIEW redshift_sessions_extras.svv_user_grants IS
    'Roles that were granted to users; regular users see their own';
COMMENT ON COLUMN redshift_sessions_extras.svv_user_grants.user_id IS 'OID of the user';
COMMENT ON COLUMN redshift_sessions_extras.svv_user_grants.user_name IS 'Name of the user, a role that may log in';
COMMENT ON COLUMN redshift_sessions_extras.svv_user_grants.role_id IS 'OID of the granted role';
COMMENT ON COLUMN redshift_sessions_extras.svv_user_grants.role_name IS 'Name of the granted role';
COMMENT ON COLUMN redshift_sessions_extras.svv_user_grants.admin_option IS 'May the user grant the role to others?';

GRANT SELECT ON redshift_sessions_extras.svv_user_grants TO PUBLIC;

-- A view cannot be created in pg_catalog, but it can be moved there.
ALTER VIEW redshift_sessions_extras.svv_user_grants SET SCHEMA pg_catalog;
