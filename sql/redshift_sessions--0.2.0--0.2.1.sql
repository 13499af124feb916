-- From 0.2.0 to 0.2.1: mends privileges. ALTER DEFAULT PRIVILEGES of the role that ran CREATE
-- EXTENSION may have given away what is for superusers, and taken away what is for everybody.
-- pg_init_privs has what CREATE EXTENSION left, so it tells what was changed later.
--
-- * An object whose privileges nobody has changed gets those of a fresh install.
-- * Where an administrator has changed them, nothing is taken away: pg_dump would regard what is
--   there when this script ends as the extension's own, and lose what the administrator gave. A
--   warning names what default privileges had given there.
-- * pg_init_privs says nothing of EXECUTE. PUBLIC gets it back where default privileges took it.
--   They took it on all functions if PUBLIC lacks it on pg_last_query_id() too, where nobody takes
--   it away by hand; they took it on the functions that the upgrade to 0.2.0 made anew if PUBLIC
--   lacks it on each of them.
DO LANGUAGE plpgsql $privileges$
DECLARE
    object pg_catalog.record;
    item pg_catalog.record;
    unchanged pg_catalog.bool;
    hardened CONSTANT pg_catalog.bool := NOT EXISTS (
        SELECT FROM pg_catalog.pg_proc AS p
        CROSS JOIN LATERAL pg_catalog.aclexplode(coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))) AS a
        WHERE p.oid OPERATOR(pg_catalog.=) 'pg_catalog.pg_last_query_id()'::pg_catalog.regprocedure::pg_catalog.oid
          AND a.grantee OPERATOR(pg_catalog.=) 0::pg_catalog.oid);
    made_anew CONSTANT pg_catalog.oid[] := ARRAY['redshift_sessions.recents()'::pg_catalog.regprocedure, 'redshift_sessions.sessions()',
        'redshift_sessions.stl_tr_conflict()', 'redshift_sessions.stl_connection_log()'];
    hardened_anew CONSTANT pg_catalog.bool := NOT EXISTS (
        SELECT FROM pg_catalog.pg_proc AS p
        CROSS JOIN LATERAL pg_catalog.aclexplode(coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))) AS a
        WHERE p.oid OPERATOR(pg_catalog.=) ANY (made_anew) AND a.grantee OPERATOR(pg_catalog.=) 0::pg_catalog.oid);
BEGIN
    FOR object IN
        SELECT pg_catalog.replace(o.type, 'view', 'table') OPERATOR(pg_catalog.||) ' ' OPERATOR(pg_catalog.||) o.identity AS name,
               d.objid, o.type, own.owner, coalesce(own.acl, own.usual) AS acl,
               coalesce(i.initprivs,
                        CASE WHEN o.identity OPERATOR(pg_catalog.<>) 'redshift_sessions.logs()' THEN own.usual
                             -- EXECUTE was taken from PUBLIC. Where that left nothing at all,
                             -- PostgreSQL 17 and later have no row in pg_init_privs.
                             WHEN pg_catalog.cardinality(own.acl) OPERATOR(pg_catalog.=) 0 THEN own.acl
                             ELSE ARRAY[pg_catalog.makeaclitem(own.owner, own.owner, 'EXECUTE', false)] END) AS initial
        FROM pg_catalog.pg_extension AS e
        JOIN pg_catalog.pg_depend AS d
            ON d.refclassid OPERATOR(pg_catalog.=) e.tableoid AND d.refobjid OPERATOR(pg_catalog.=) e.oid
            AND d.deptype OPERATOR(pg_catalog.=) 'e'
        CROSS JOIN LATERAL pg_catalog.pg_identify_object(d.classid, d.objid, 0) AS o
        LEFT JOIN pg_catalog.pg_init_privs AS i
            ON i.classoid OPERATOR(pg_catalog.=) d.classid AND i.objoid OPERATOR(pg_catalog.=) d.objid AND i.objsubid OPERATOR(pg_catalog.=) 0
        JOIN (SELECT n.tableoid AS classid, n.oid AS objid, n.nspowner AS owner, n.nspacl AS acl, pg_catalog.acldefault('n', n.nspowner) AS usual
              FROM pg_catalog.pg_namespace AS n
              UNION ALL SELECT p.tableoid, p.oid, p.proowner, p.proacl, pg_catalog.acldefault('f', p.proowner) FROM pg_catalog.pg_proc AS p
              UNION ALL SELECT c.tableoid, c.oid, c.relowner, c.relacl, pg_catalog.acldefault('r', c.relowner) FROM pg_catalog.pg_class AS c) AS own
            ON own.classid OPERATOR(pg_catalog.=) d.classid AND own.objid OPERATOR(pg_catalog.=) d.objid
        WHERE e.extname OPERATOR(pg_catalog.=) 'redshift_sessions'
    LOOP
        unchanged := object.acl OPERATOR(pg_catalog.@>) object.initial AND object.acl OPERATOR(pg_catalog.<@) object.initial;
        IF object.type OPERATOR(pg_catalog.=) 'function'
            AND EXISTS (SELECT FROM pg_catalog.aclexplode(object.initial) AS a WHERE a.grantee OPERATOR(pg_catalog.=) 0::pg_catalog.oid)
            AND (unchanged OR (hardened OR hardened_anew AND object.objid OPERATOR(pg_catalog.=) ANY (made_anew))
                 AND NOT EXISTS (SELECT FROM pg_catalog.aclexplode(object.acl) AS a WHERE a.grantee OPERATOR(pg_catalog.=) 0::pg_catalog.oid))
        THEN
            EXECUTE pg_catalog.format('GRANT EXECUTE ON %s TO PUBLIC', object.name);
        END IF;
        IF unchanged THEN
            EXECUTE pg_catalog.format('GRANT ALL ON %s TO %s', object.name, object.owner::pg_catalog.regrole);
        END IF;
        FOR item IN
            SELECT a.privilege_type AS privilege,
                   CASE WHEN a.grantee OPERATOR(pg_catalog.=) 0::pg_catalog.oid THEN 'PUBLIC'
                        ELSE a.grantee::pg_catalog.regrole::pg_catalog.text END AS grantee
            FROM pg_catalog.aclexplode(object.initial) AS i
            JOIN pg_catalog.aclexplode(object.acl) AS a
                ON a.grantee OPERATOR(pg_catalog.=) i.grantee AND a.privilege_type OPERATOR(pg_catalog.=) i.privilege_type
            WHERE a.grantee OPERATOR(pg_catalog.<>) object.owner
              AND (a.grantee OPERATOR(pg_catalog.<>) 0::pg_catalog.oid
                   OR a.privilege_type OPERATOR(pg_catalog.<>) ALL (ARRAY['USAGE', 'SELECT', 'EXECUTE']))
        LOOP
            IF unchanged THEN
                EXECUTE pg_catalog.format('REVOKE %s ON %s FROM %s', item.privilege, object.name, item.grantee);
            ELSE
                RAISE WARNING 'default privileges gave % on % to %', item.privilege, object.name, item.grantee
                    USING HINT = pg_catalog.format('If that is not wanted, run: REVOKE %s ON %s FROM %s;', item.privilege, object.name, item.grantee);
            END IF;
        END LOOP;
    END LOOP;
END
$privileges$;
