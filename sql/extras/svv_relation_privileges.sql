-- Page SVV_RELATION_PRIVILEGES: what was granted on tables and views of this database, without what
-- owners have anyway. Superusers and members of pg_read_all_stats see all, others see what belongs
-- to them, to roles whose rights they have and to everybody, and what is granted on their own.
CREATE VIEW redshift_sessions_extras.svv_relation_privileges AS
    SELECT n.nspname::pg_catalog.text AS namespace_name,
           c.relname::pg_catalog.text AS relation_name,
           item.privilege_type::pg_catalog.text AS privilege_type,
           item.grantee::pg_catalog.int4 AS identity_id,
           coalesce(g.rolname, 'public')::pg_catalog.text AS identity_name,
           CASE WHEN item.grantee = 0 THEN 'public' WHEN g.rolcanlogin THEN 'user' ELSE 'role' END AS identity_type,
           pg_catalog.bool_or(item.is_grantable) AS admin_option
    FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    CROSS JOIN LATERAL pg_catalog.aclexplode(c.relacl) AS item
    LEFT JOIN pg_catalog.pg_roles AS g ON g.oid = item.grantee
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
      AND item.privilege_type IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE', 'REFERENCES')
      AND item.grantee <> c.relowner
      AND (item.grantee = 0 OR g.oid IS NOT NULL)
      AND (item.grantee = 0
           OR pg_catalog.pg_has_role(item.grantee, 'USAGE')
           OR pg_catalog.pg_has_role(c.relowner, 'USAGE')
           OR pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE'))
    GROUP BY n.nspname, c.relname, item.privilege_type, item.grantee, g.rolname, g.rolcanlogin;

COMMENT ON VIEW redshift_sessions_extras.svv_relation_privileges IS
    'What was granted on tables and views of this database; regular users see what concerns them';
COMMENT ON COLUMN redshift_sessions_extras.svv_relation_privileges.namespace_name IS 'Name of the schema';
COMMENT ON COLUMN redshift_sessions_extras.svv_relation_privileges.relation_name IS 'Name of the table or view';
COMMENT ON COLUMN redshift_sessions_extras.svv_relation_privileges.privilege_type IS 'SELECT, INSERT, UPDATE, DELETE or REFERENCES';
COMMENT ON COLUMN redshift_sessions_extras.svv_relation_privileges.identity_id IS 'OID of the role, 0 for everybody';
COMMENT ON COLUMN redshift_sessions_extras.svv_relation_privileges.identity_name IS 'Name of the role, public for everybody';
COMMENT ON COLUMN redshift_sessions_extras.svv_relation_privileges.identity_type IS 'user for a role that may log in, role for others, public for everybody';
COMMENT ON COLUMN redshift_sessions_extras.svv_relation_privileges.admin_option IS 'May the grantee grant it to others?';

GRANT SELECT ON redshift_sessions_extras.svv_relation_privileges TO PUBLIC;

-- A view cannot be created in pg_catalog, but it can be moved there.
ALTER VIEW redshift_sessions_extras.svv_relation_privileges SET SCHEMA pg_catalog;
