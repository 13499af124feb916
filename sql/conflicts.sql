-- A server may have objects of these names already: own ones, or another emulator's. In pg_catalog
-- ours cannot be made beside them; those in public ours would hide. So nothing is made, and all of
-- them are named at once. The scripts of updates do the same for what they add.
DO LANGUAGE plpgsql $conflicts$
DECLARE
    views CONSTANT pg_catalog.text[] := '{pg_user_info,stl_connection_log,stl_ddltext,stl_query,stl_querytext,
        stl_restarted_sessions,stl_sessions,stl_tr_conflict,stl_undone,stl_userlog,
        stl_utilitytext,stv_db_isolation_level,stv_inflight,stv_locks,stv_recents,
        stv_sessions,stv_wlm_query_queue_state,stv_wlm_query_state,svl_qlog,
        svl_statementtext,svl_terminate,svl_user_info,svv_query_inflight,svv_transactions,
        svv_user_info,sys_connection_log,sys_query_history,sys_query_text,
        sys_session_history,sys_transaction_history,sys_userlog}';
    functions CONSTANT pg_catalog.text[] := '{pg_last_query_id}';
    schemas CONSTANT pg_catalog.text[] := '{redshift_sessions}';
    found pg_catalog.text;
BEGIN
    WITH place AS (
        SELECT n.oid FROM pg_catalog.pg_namespace AS n
        WHERE n.nspname OPERATOR(pg_catalog.=) ANY (ARRAY['pg_catalog', 'public'])),
    object(classid, objid) AS (
        SELECT c.tableoid, c.oid FROM pg_catalog.pg_class AS c JOIN place ON place.oid OPERATOR(pg_catalog.=) c.relnamespace
        WHERE c.relname OPERATOR(pg_catalog.=) ANY (views)
        UNION ALL
        -- A view is a type too. The types of relations are left out, as those are named already.
        SELECT t.tableoid, t.oid FROM pg_catalog.pg_type AS t JOIN place ON place.oid OPERATOR(pg_catalog.=) t.typnamespace
        WHERE t.typname OPERATOR(pg_catalog.=) ANY (views) AND t.typrelid OPERATOR(pg_catalog.=) 0::pg_catalog.oid
        UNION ALL
        SELECT p.tableoid, p.oid FROM pg_catalog.pg_proc AS p JOIN place ON place.oid OPERATOR(pg_catalog.=) p.pronamespace
        WHERE p.proname OPERATOR(pg_catalog.=) ANY (functions) AND p.pronargs OPERATOR(pg_catalog.=) 0::pg_catalog.int2
        UNION ALL
        SELECT n.tableoid, n.oid FROM pg_catalog.pg_namespace AS n WHERE n.nspname OPERATOR(pg_catalog.=) ANY (schemas))
    SELECT pg_catalog.string_agg(named.line, pg_catalog.chr(10) ORDER BY named.line COLLATE pg_catalog."C") INTO found
    FROM (
        SELECT pg_catalog.concat(identity.type, ' ', identity.identity, ', of extension ' OPERATOR(pg_catalog.||) e.extname)
        FROM object
        CROSS JOIN LATERAL pg_catalog.pg_identify_object(object.classid, object.objid, 0) AS identity
        LEFT JOIN pg_catalog.pg_depend AS d
            ON d.classid OPERATOR(pg_catalog.=) object.classid AND d.objid OPERATOR(pg_catalog.=) object.objid AND d.deptype OPERATOR(pg_catalog.=) 'e'
        LEFT JOIN pg_catalog.pg_extension AS e ON e.oid OPERATOR(pg_catalog.=) d.refobjid) AS named(line);
    IF found IS NOT NULL THEN
        RAISE EXCEPTION USING
            ERRCODE = 'duplicate_object',
            MESSAGE = 'redshift_sessions uses the names of objects that this database has already',
            DETAIL = found,
            HINT = 'Drop these, rename them or move them to a schema other than pg_catalog and public, and run the command again. What belongs to an extension goes with DROP EXTENSION.';
    END IF;
END
$conflicts$;
