-- A server may have some of these objects already: own ones, or another emulator's. In pg_catalog
-- ours would hide those of other schemas, and statements that call them would mean something else.
-- So nothing is made, and all of them are named at once. What PostgreSQL brings itself, such as
-- decode(text, text), is older than any object of a user and is no conflict. In schemas other than
-- public, own objects are called with the schema's name, or should be: a warning names them.
DO LANGUAGE plpgsql $conflicts$
DECLARE
    functions CONSTANT pg_catalog.text[] := '{getdate,nvl,isnull,len,decode,convert_timezone,dateadd,datediff,
        listagg,current_user_id,btrim,pg_get_late_binding_view_cols}';
    views CONSTANT pg_catalog.text[] := '{stv_tbl_perm,svv_table_info,svv_user_grants,svv_relation_privileges,
        svv_external_columns,stl_vacuum}';
    -- Functions of a row, which read as its columns.
    columns CONSTANT pg_catalog.text[] := '{procpid,current_query,transaction}';
    rows CONSTANT pg_catalog.oid[] := ARRAY['pg_catalog.pg_stat_activity'::pg_catalog.regtype, 'pg_catalog.pg_locks'::pg_catalog.regtype];
    polymorphic CONSTANT pg_catalog.oid[] := ARRAY['pg_catalog.anyelement'::pg_catalog.regtype, 'pg_catalog.anynonarray'::pg_catalog.regtype,
        'pg_catalog.anycompatible'::pg_catalog.regtype, 'pg_catalog.anycompatiblenonarray'::pg_catalog.regtype];
    found pg_catalog.text;
    elsewhere pg_catalog.text;
BEGIN
    WITH place AS (
        SELECT n.oid, n.nspname OPERATOR(pg_catalog.=) ANY (ARRAY['pg_catalog', 'public']) AS is_usual
        FROM pg_catalog.pg_namespace AS n
        WHERE n.oid OPERATOR(pg_catalog.<>) pg_catalog.pg_my_temp_schema() AND NOT pg_catalog.pg_is_other_temp_schema(n.oid)),
    -- What a string may be an argument of: text + text is nearer to most strings than other types.
    string AS (
        SELECT t.oid FROM pg_catalog.pg_type AS t
        WHERE t.typcategory OPERATOR(pg_catalog.=) 'S'
           OR t.oid OPERATOR(pg_catalog.=) ANY (polymorphic)),
    object(classid, objid, is_usual) AS (
        SELECT p.tableoid, p.oid, place.is_usual FROM pg_catalog.pg_proc AS p JOIN place ON place.oid OPERATOR(pg_catalog.=) p.pronamespace
        WHERE p.proname OPERATOR(pg_catalog.=) ANY (functions)
           OR p.proname OPERATOR(pg_catalog.=) 'regexp_substr'
              AND pg_catalog.current_setting('server_version_num')::pg_catalog.int4 OPERATOR(pg_catalog.<) 150000 -- as in regexp_substr.sql
           OR p.proname OPERATOR(pg_catalog.=) ANY (columns) AND p.proargtypes[0] OPERATOR(pg_catalog.=) ANY (rows)
        UNION ALL
        SELECT c.tableoid, c.oid, place.is_usual FROM pg_catalog.pg_class AS c JOIN place ON place.oid OPERATOR(pg_catalog.=) c.relnamespace
        WHERE c.relname OPERATOR(pg_catalog.=) ANY (views)
        UNION ALL
        -- A view is a type too. The types of relations are left out, as those are named already.
        SELECT t.tableoid, t.oid, place.is_usual FROM pg_catalog.pg_type AS t JOIN place ON place.oid OPERATOR(pg_catalog.=) t.typnamespace
        WHERE t.typname OPERATOR(pg_catalog.=) ANY (views) AND t.typrelid OPERATOR(pg_catalog.=) 0::pg_catalog.oid
        UNION ALL
        SELECT o.tableoid, o.oid, place.is_usual FROM pg_catalog.pg_operator AS o JOIN place ON place.oid OPERATOR(pg_catalog.=) o.oprnamespace
        JOIN string AS l ON l.oid OPERATOR(pg_catalog.=) o.oprleft JOIN string AS r ON r.oid OPERATOR(pg_catalog.=) o.oprright
        WHERE o.oprname OPERATOR(pg_catalog.=) '+'
        UNION ALL
        SELECT n.tableoid, n.oid, true FROM pg_catalog.pg_namespace AS n WHERE n.nspname OPERATOR(pg_catalog.=) 'redshift_sessions_extras')
    SELECT pg_catalog.string_agg(named.line, pg_catalog.chr(10) ORDER BY named.line COLLATE pg_catalog."C") FILTER (WHERE named.is_usual),
           pg_catalog.string_agg(named.line, pg_catalog.chr(10) ORDER BY named.line COLLATE pg_catalog."C") FILTER (WHERE NOT named.is_usual)
    INTO found, elsewhere
    FROM (
        SELECT pg_catalog.concat(identity.type, ' ', identity.identity, ', of extension ' OPERATOR(pg_catalog.||) e.extname), object.is_usual
        FROM object
        CROSS JOIN LATERAL pg_catalog.pg_identify_object(object.classid, object.objid, 0) AS identity
        LEFT JOIN pg_catalog.pg_depend AS d
            ON d.classid OPERATOR(pg_catalog.=) object.classid AND d.objid OPERATOR(pg_catalog.=) object.objid AND d.deptype OPERATOR(pg_catalog.=) 'e'
        LEFT JOIN pg_catalog.pg_extension AS e ON e.oid OPERATOR(pg_catalog.=) d.refobjid
        -- FirstNormalObjectId of PostgreSQL's access/transam.h.
        WHERE object.objid OPERATOR(pg_catalog.>=) 16384::pg_catalog.oid) AS named(line, is_usual);
    IF found IS NOT NULL THEN
        RAISE EXCEPTION USING
            ERRCODE = 'duplicate_object',
            MESSAGE = 'redshift_sessions_extras would hide objects that this database has already',
            DETAIL = found,
            HINT = 'Drop these, rename them or move them to another schema, and run CREATE EXTENSION again. Or go on without this extension, and keep them.';
    END IF;
    IF elsewhere IS NOT NULL THEN
        RAISE WARNING USING
            MESSAGE = 'redshift_sessions_extras uses the names of objects in other schemas',
            DETAIL = elsewhere,
            HINT = 'Write their schema before each of these names, whatever is in search_path. Without it, PostgreSQL finds those of the extension, or cannot choose.';
    END IF;
END
$conflicts$;
