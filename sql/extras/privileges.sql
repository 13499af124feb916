-- ALTER DEFAULT PRIVILEGES of the role that runs this may have given privileges on our objects to
-- roles that we do not know, and taken some from the owner. What PUBLIC may do is said where each
-- object is made. Here the owner gets all privileges back, and whatever else others have is taken
-- away.
DO LANGUAGE plpgsql $privileges$
DECLARE
    command pg_catalog.text;
BEGIN
    FOR command IN
        WITH object AS (
            SELECT pg_catalog.concat(CASE o.type WHEN 'view' THEN 'TABLE' WHEN 'schema' THEN 'SCHEMA' ELSE 'ROUTINE' END, ' ', o.identity) AS name,
                   coalesce(n.nspowner, p.proowner, c.relowner) AS owner,
                   coalesce(n.nspacl, p.proacl, c.relacl) AS acl
            FROM pg_catalog.pg_extension AS e
            JOIN pg_catalog.pg_depend AS d
                ON d.refclassid OPERATOR(pg_catalog.=) e.tableoid AND d.refobjid OPERATOR(pg_catalog.=) e.oid
                AND d.deptype OPERATOR(pg_catalog.=) 'e'
            CROSS JOIN LATERAL pg_catalog.pg_identify_object(d.classid, d.objid, 0) AS o
            LEFT JOIN pg_catalog.pg_namespace AS n ON n.tableoid OPERATOR(pg_catalog.=) d.classid AND n.oid OPERATOR(pg_catalog.=) d.objid
            LEFT JOIN pg_catalog.pg_proc AS p ON p.tableoid OPERATOR(pg_catalog.=) d.classid AND p.oid OPERATOR(pg_catalog.=) d.objid
            LEFT JOIN pg_catalog.pg_class AS c ON c.tableoid OPERATOR(pg_catalog.=) d.classid AND c.oid OPERATOR(pg_catalog.=) d.objid
            -- From PostgreSQL 17 on the row types of views are members too; their privileges are
            -- those of the views.
            WHERE e.extname OPERATOR(pg_catalog.=) 'redshift_sessions_extras' AND coalesce(n.oid, p.oid, c.oid) IS NOT NULL)
        SELECT pg_catalog.format('GRANT ALL ON %s TO %s', object.name, object.owner::pg_catalog.regrole)
        FROM object
        UNION ALL
        SELECT pg_catalog.format('REVOKE %s ON %s FROM %s', item.privilege_type, object.name,
                   CASE WHEN item.grantee OPERATOR(pg_catalog.=) 0::pg_catalog.oid THEN 'PUBLIC'
                        ELSE item.grantee::pg_catalog.regrole::pg_catalog.text END)
        FROM object CROSS JOIN LATERAL pg_catalog.aclexplode(object.acl) AS item
        WHERE item.grantee OPERATOR(pg_catalog.<>) object.owner
          AND (item.grantee OPERATOR(pg_catalog.<>) 0::pg_catalog.oid
               OR item.privilege_type OPERATOR(pg_catalog.<>) ALL (ARRAY['USAGE', 'SELECT', 'EXECUTE']))
    LOOP
        EXECUTE command;
    END LOOP;
END
$privileges$;
