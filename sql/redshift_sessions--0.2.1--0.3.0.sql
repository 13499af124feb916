-- From 0.2.1 to 0.3.0: what is new is made as a fresh install makes it.

-- But not beside or in front of objects that have these names already, as in sql/conflicts.sql.
DO LANGUAGE plpgsql $conflicts$
DECLARE
    views CONSTANT pg_catalog.text[] := '{pg_user_info,stl_ddltext,stl_query,stl_querytext,stl_undone,stl_userlog,
        stl_utilitytext,stv_db_isolation_level,stv_wlm_query_queue_state,stv_wlm_query_state,
        svl_qlog,svl_statementtext,svl_user_info,svv_user_info,sys_connection_log,
        sys_query_history,sys_query_text,sys_transaction_history,sys_userlog}';
    functions CONSTANT pg_catalog.text[] := '{}';
    schemas CONSTANT pg_catalog.text[] := '{}';
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

CREATE FUNCTION redshift_sessions.statements(
        OUT query pg_catalog.int4,
        OUT userid pg_catalog.oid,
        OUT db_name pg_catalog.text,
        OUT pid pg_catalog.int4,
        OUT xid pg_catalog.int8,
        OUT label pg_catalog.text,
        OUT starttime pg_catalog.timestamp,
        OUT endtime pg_catalog.timestamp,
        OUT status pg_catalog.text,
        OUT class pg_catalog.text,
        OUT type pg_catalog.text,
        OUT error_message pg_catalog.text,
        OUT returned_rows pg_catalog.int8,
        OUT text pg_catalog.text)
    RETURNS SETOF pg_catalog.record
    LANGUAGE c
    VOLATILE
    PARALLEL RESTRICTED
    ROWS 1000
    AS 'MODULE_PATHNAME', 'statements_wrapper';

COMMENT ON FUNCTION redshift_sessions.statements() IS
    'Statements that the caller may see, running and finished, with all that is known of them';

GRANT EXECUTE ON FUNCTION redshift_sessions.statements() TO PUBLIC;

CREATE VIEW redshift_sessions.sys_query_history AS
    SELECT s.userid::pg_catalog.int4 AS user_id,
           s.query::pg_catalog.int8 AS query_id,
           s.label::pg_catalog.bpchar(320) AS query_label,
           s.xid AS transaction_id,
           s.pid AS session_id,
           s.db_name::pg_catalog.bpchar(128) AS database_name,
           s.type::pg_catalog.bpchar(32) AS query_type,
           s.status::pg_catalog.bpchar(10) AS status,
           false AS result_cache_hit,
           s.starttime AS start_time,
           s.endtime AS end_time,
           elapsed.microseconds AS elapsed_time,
           0::pg_catalog.int8 AS queue_time,
           elapsed.microseconds AS execution_time,
           s.error_message::pg_catalog.bpchar(512) AS error_message,
           s.returned_rows,
           NULL::pg_catalog.int8 AS returned_bytes,
           s.text::pg_catalog.bpchar(4000) AS query_text,
           pg_catalog.current_setting('server_version')::pg_catalog.bpchar(256) AS redshift_version,
           NULL::pg_catalog.int8 AS compile_time,
           NULL::pg_catalog.int8 AS planning_time,
           NULL::pg_catalog.int8 AS lock_wait_time,
           NULL::pg_catalog.int4 AS service_class_id,
           NULL::pg_catalog.bpchar(64) AS service_class_name,
           NULL::pg_catalog.bpchar(20) AS query_priority,
           NULL::pg_catalog.bpchar(10) AS short_query_accelerated,
           NULL::pg_catalog.bpchar(40) AS user_query_hash,
           NULL::pg_catalog.bpchar(40) AS generic_query_hash
    FROM redshift_sessions.statements() AS s,
         LATERAL (SELECT (pg_catalog.date_part('epoch', COALESCE(s.endtime, pg_catalog.timezone('UTC', pg_catalog.clock_timestamp())) OPERATOR(pg_catalog.-) s.starttime) OPERATOR(pg_catalog.*) 1000000)::pg_catalog.int8) AS elapsed(microseconds);

COMMENT ON VIEW redshift_sessions.sys_query_history IS
    'Statements that run, and finished ones; regular users see their own';
COMMENT ON COLUMN redshift_sessions.sys_query_history.user_id IS 'OID of the user';
COMMENT ON COLUMN redshift_sessions.sys_query_history.query_id IS 'The statement''s number, in all views';
COMMENT ON COLUMN redshift_sessions.sys_query_history.query_label IS 'query_group of the session; default if it has not set any';
COMMENT ON COLUMN redshift_sessions.sys_query_history.transaction_id IS 'Transaction id, as in svv_transactions; NULL if the statement had no transaction';
COMMENT ON COLUMN redshift_sessions.sys_query_history.session_id IS 'Process id of the session';
COMMENT ON COLUMN redshift_sessions.sys_query_history.database_name IS 'Database of the session';
COMMENT ON COLUMN redshift_sessions.sys_query_history.query_type IS 'SELECT, INSERT, UPDATE, DELETE, MERGE, CTAS, DDL, COPY, UTILITY; OTHER if it failed before that was known; NULL while it runs';
COMMENT ON COLUMN redshift_sessions.sys_query_history.status IS 'running, success, failed or canceled; NULL if it has ended and is no longer in the log';
COMMENT ON COLUMN redshift_sessions.sys_query_history.result_cache_hit IS 'false: PostgreSQL keeps no results';
COMMENT ON COLUMN redshift_sessions.sys_query_history.start_time IS 'Start of the statement, in UTC';
COMMENT ON COLUMN redshift_sessions.sys_query_history.end_time IS 'End of the statement, in UTC; NULL while it runs';
COMMENT ON COLUMN redshift_sessions.sys_query_history.elapsed_time IS 'Microseconds so far, or that the statement took';
COMMENT ON COLUMN redshift_sessions.sys_query_history.queue_time IS '0: nothing queues';
COMMENT ON COLUMN redshift_sessions.sys_query_history.execution_time IS 'As elapsed_time: PostgreSQL does not tell parsing and planning apart from it';
COMMENT ON COLUMN redshift_sessions.sys_query_history.error_message IS 'The error that ended it; NULL for none';
COMMENT ON COLUMN redshift_sessions.sys_query_history.returned_rows IS 'Rows that were returned to the client; NULL while it runs';
COMMENT ON COLUMN redshift_sessions.sys_query_history.returned_bytes IS 'NULL: PostgreSQL does not count them';
COMMENT ON COLUMN redshift_sessions.sys_query_history.query_text IS 'Text of the statement, its first 4000 bytes, without passwords';
COMMENT ON COLUMN redshift_sessions.sys_query_history.redshift_version IS 'Version of the server';
COMMENT ON COLUMN redshift_sessions.sys_query_history.compile_time IS 'NULL: PostgreSQL does not know it';
COMMENT ON COLUMN redshift_sessions.sys_query_history.planning_time IS 'NULL: PostgreSQL does not know it';
COMMENT ON COLUMN redshift_sessions.sys_query_history.lock_wait_time IS 'NULL: PostgreSQL does not know it';
COMMENT ON COLUMN redshift_sessions.sys_query_history.user_query_hash IS 'NULL: PostgreSQL does not know it';
COMMENT ON COLUMN redshift_sessions.sys_query_history.generic_query_hash IS 'NULL: PostgreSQL does not know it';
COMMENT ON COLUMN redshift_sessions.sys_query_history.service_class_id IS 'NULL: PostgreSQL has no queues';
COMMENT ON COLUMN redshift_sessions.sys_query_history.service_class_name IS 'NULL: PostgreSQL has no queues';
COMMENT ON COLUMN redshift_sessions.sys_query_history.query_priority IS 'NULL: PostgreSQL has no queues';
COMMENT ON COLUMN redshift_sessions.sys_query_history.short_query_accelerated IS 'NULL: PostgreSQL has no queues';

GRANT SELECT ON redshift_sessions.sys_query_history TO PUBLIC;

ALTER VIEW redshift_sessions.sys_query_history SET SCHEMA pg_catalog;

CREATE VIEW redshift_sessions.sys_query_text AS
    SELECT s.userid::pg_catalog.int4 AS user_id,
           s.query::pg_catalog.int8 AS query_id,
           s.xid AS transaction_id,
           s.pid AS session_id,
           s.starttime AS start_time,
           piece.sequence,
           pg_catalog.substr(s.text, 4000 OPERATOR(pg_catalog.*) piece.sequence OPERATOR(pg_catalog.+) 1, 4000)::pg_catalog.bpchar(4000) AS text
    FROM redshift_sessions.statements() AS s,
         LATERAL pg_catalog.generate_series(0, (pg_catalog.length(s.text) OPERATOR(pg_catalog.-) 1) OPERATOR(pg_catalog./) 4000) AS piece(sequence);

COMMENT ON VIEW redshift_sessions.sys_query_text IS
    'Texts of statements that run and of finished ones, in pieces of 4000 characters; regular users see their own';
COMMENT ON COLUMN redshift_sessions.sys_query_text.user_id IS 'OID of the user';
COMMENT ON COLUMN redshift_sessions.sys_query_text.query_id IS 'The statement''s number, in all views';
COMMENT ON COLUMN redshift_sessions.sys_query_text.transaction_id IS 'Transaction id, as in svv_transactions';
COMMENT ON COLUMN redshift_sessions.sys_query_text.session_id IS 'Process id of the session';
COMMENT ON COLUMN redshift_sessions.sys_query_text.start_time IS 'Start of the statement, in UTC';
COMMENT ON COLUMN redshift_sessions.sys_query_text.sequence IS 'Number of the piece, from 0';
COMMENT ON COLUMN redshift_sessions.sys_query_text.text IS '4000 characters of the statement, without passwords';

GRANT SELECT ON redshift_sessions.sys_query_text TO PUBLIC;

ALTER VIEW redshift_sessions.sys_query_text SET SCHEMA pg_catalog;

CREATE VIEW redshift_sessions.stl_query AS
    SELECT s.userid::pg_catalog.int4 AS userid,
           s.query,
           s.label::pg_catalog.bpchar(320) AS label,
           s.xid,
           s.pid,
           s.db_name::pg_catalog.bpchar(32) AS database,
           s.text::pg_catalog.bpchar(4000) AS querytxt,
           s.starttime,
           s.endtime,
           CASE WHEN s.status OPERATOR(pg_catalog.=) 'success' THEN 0 ELSE 1 END AS aborted,
           0 AS insert_pristine,
           0 AS concurrency_scaling_status
    FROM redshift_sessions.statements() AS s
    WHERE s.class OPERATOR(pg_catalog.=) 'QUERY' AND s.status OPERATOR(pg_catalog.<>) 'running';

COMMENT ON VIEW redshift_sessions.stl_query IS
    'Finished queries; regular users see their own';
COMMENT ON COLUMN redshift_sessions.stl_query.userid IS 'OID of the user';
COMMENT ON COLUMN redshift_sessions.stl_query.query IS 'The statement''s number, in all views';
COMMENT ON COLUMN redshift_sessions.stl_query.label IS 'query_group of the session; default if it has not set any';
COMMENT ON COLUMN redshift_sessions.stl_query.xid IS 'Transaction id, as in svv_transactions';
COMMENT ON COLUMN redshift_sessions.stl_query.pid IS 'Process id of the session';
COMMENT ON COLUMN redshift_sessions.stl_query.database IS 'Database of the session';
COMMENT ON COLUMN redshift_sessions.stl_query.querytxt IS 'Text of the query, its first 4000 bytes, without passwords';
COMMENT ON COLUMN redshift_sessions.stl_query.starttime IS 'Start of the query, in UTC';
COMMENT ON COLUMN redshift_sessions.stl_query.endtime IS 'End of the query, in UTC';
COMMENT ON COLUMN redshift_sessions.stl_query.aborted IS '1 if it failed or was canceled, else 0';
COMMENT ON COLUMN redshift_sessions.stl_query.insert_pristine IS '0: PostgreSQL lets inserts run beside it';
COMMENT ON COLUMN redshift_sessions.stl_query.concurrency_scaling_status IS '0: PostgreSQL does not scale out';

GRANT SELECT ON redshift_sessions.stl_query TO PUBLIC;

ALTER VIEW redshift_sessions.stl_query SET SCHEMA pg_catalog;

CREATE VIEW redshift_sessions.stl_querytext AS
    SELECT s.userid::pg_catalog.int4 AS userid,
           s.xid,
           s.pid,
           s.query,
           piece.sequence,
           pg_catalog.substr(s.text, 200 OPERATOR(pg_catalog.*) piece.sequence OPERATOR(pg_catalog.+) 1, 200)::pg_catalog.bpchar(200) AS text
    FROM redshift_sessions.statements() AS s,
         LATERAL pg_catalog.generate_series(0, (pg_catalog.length(s.text) OPERATOR(pg_catalog.-) 1) OPERATOR(pg_catalog./) 200) AS piece(sequence)
    WHERE s.class OPERATOR(pg_catalog.=) 'QUERY' AND s.status OPERATOR(pg_catalog.<>) 'running';

COMMENT ON VIEW redshift_sessions.stl_querytext IS
    'Texts of finished queries, in pieces of 200 characters; regular users see their own';
COMMENT ON COLUMN redshift_sessions.stl_querytext.userid IS 'OID of the user';
COMMENT ON COLUMN redshift_sessions.stl_querytext.xid IS 'Transaction id, as in svv_transactions';
COMMENT ON COLUMN redshift_sessions.stl_querytext.pid IS 'Process id of the session';
COMMENT ON COLUMN redshift_sessions.stl_querytext.query IS 'The statement''s number, in all views';
COMMENT ON COLUMN redshift_sessions.stl_querytext.sequence IS 'Number of the piece, from 0';
COMMENT ON COLUMN redshift_sessions.stl_querytext.text IS '200 characters of the query, without passwords';

GRANT SELECT ON redshift_sessions.stl_querytext TO PUBLIC;

ALTER VIEW redshift_sessions.stl_querytext SET SCHEMA pg_catalog;

CREATE VIEW redshift_sessions.svl_qlog AS
    SELECT s.userid::pg_catalog.int4 AS userid,
           s.query,
           s.xid,
           s.pid,
           s.starttime,
           s.endtime,
           (pg_catalog.date_part('epoch', s.endtime OPERATOR(pg_catalog.-) s.starttime) OPERATOR(pg_catalog.*) 1000000)::pg_catalog.int8 AS elapsed,
           CASE WHEN s.status OPERATOR(pg_catalog.=) 'success' THEN 0 ELSE 1 END AS aborted,
           s.label::pg_catalog.bpchar(320) AS label,
           s.text::pg_catalog.bpchar(60) AS substring,
           NULL::pg_catalog.int4 AS source_query,
           NULL::pg_catalog.text AS concurrency_scaling_status_txt,
           NULL::pg_catalog.int4 AS from_sp_call
    FROM redshift_sessions.statements() AS s
    WHERE s.class OPERATOR(pg_catalog.=) 'QUERY' AND s.status OPERATOR(pg_catalog.<>) 'running';

COMMENT ON VIEW redshift_sessions.svl_qlog IS
    'Finished queries, in short; regular users see their own';
COMMENT ON COLUMN redshift_sessions.svl_qlog.userid IS 'OID of the user';
COMMENT ON COLUMN redshift_sessions.svl_qlog.query IS 'The statement''s number, in all views';
COMMENT ON COLUMN redshift_sessions.svl_qlog.xid IS 'Transaction id, as in svv_transactions';
COMMENT ON COLUMN redshift_sessions.svl_qlog.pid IS 'Process id of the session';
COMMENT ON COLUMN redshift_sessions.svl_qlog.starttime IS 'Start of the query, in UTC';
COMMENT ON COLUMN redshift_sessions.svl_qlog.endtime IS 'End of the query, in UTC';
COMMENT ON COLUMN redshift_sessions.svl_qlog.elapsed IS 'Microseconds that the query took';
COMMENT ON COLUMN redshift_sessions.svl_qlog.aborted IS '1 if it failed or was canceled, else 0';
COMMENT ON COLUMN redshift_sessions.svl_qlog.label IS 'query_group of the session; default if it has not set any';
COMMENT ON COLUMN redshift_sessions.svl_qlog.substring IS 'Text of the query, its first 60 characters';
COMMENT ON COLUMN redshift_sessions.svl_qlog.source_query IS 'NULL: PostgreSQL keeps no results';
COMMENT ON COLUMN redshift_sessions.svl_qlog.concurrency_scaling_status_txt IS 'NULL: PostgreSQL does not scale out';
COMMENT ON COLUMN redshift_sessions.svl_qlog.from_sp_call IS 'NULL: queries of a procedure are part of the statement that calls it';

GRANT SELECT ON redshift_sessions.svl_qlog TO PUBLIC;

ALTER VIEW redshift_sessions.svl_qlog SET SCHEMA pg_catalog;

CREATE VIEW redshift_sessions.svl_statementtext AS
    SELECT s.userid::pg_catalog.int4 AS userid,
           s.xid,
           s.pid,
           s.label::pg_catalog.bpchar(320) AS label,
           s.starttime,
           s.endtime,
           piece.sequence,
           COALESCE(s.class, 'UTILITY')::pg_catalog.varchar(10) AS type,
           pg_catalog.substr(s.text, 200 OPERATOR(pg_catalog.*) piece.sequence OPERATOR(pg_catalog.+) 1, 200)::pg_catalog.bpchar(200) AS text
    FROM redshift_sessions.statements() AS s,
         LATERAL pg_catalog.generate_series(0, (pg_catalog.length(s.text) OPERATOR(pg_catalog.-) 1) OPERATOR(pg_catalog./) 200) AS piece(sequence)
    WHERE s.status OPERATOR(pg_catalog.<>) 'running';

COMMENT ON VIEW redshift_sessions.svl_statementtext IS
    'Texts of finished statements, with their class, in pieces of 200 characters; regular users see their own';
COMMENT ON COLUMN redshift_sessions.svl_statementtext.userid IS 'OID of the user';
COMMENT ON COLUMN redshift_sessions.svl_statementtext.xid IS 'Transaction id, as in svv_transactions';
COMMENT ON COLUMN redshift_sessions.svl_statementtext.pid IS 'Process id of the session';
COMMENT ON COLUMN redshift_sessions.svl_statementtext.label IS 'query_group of the session; default if it has not set any';
COMMENT ON COLUMN redshift_sessions.svl_statementtext.starttime IS 'Start of the statement, in UTC';
COMMENT ON COLUMN redshift_sessions.svl_statementtext.endtime IS 'End of the statement, in UTC';
COMMENT ON COLUMN redshift_sessions.svl_statementtext.sequence IS 'Number of the piece, from 0';
COMMENT ON COLUMN redshift_sessions.svl_statementtext.type IS 'QUERY, DDL or UTILITY, which also stands for what failed before that was known';
COMMENT ON COLUMN redshift_sessions.svl_statementtext.text IS '200 characters of the statement, without passwords';

GRANT SELECT ON redshift_sessions.svl_statementtext TO PUBLIC;

ALTER VIEW redshift_sessions.svl_statementtext SET SCHEMA pg_catalog;

CREATE VIEW redshift_sessions.stl_utilitytext AS
    SELECT s.userid::pg_catalog.int4 AS userid,
           s.xid,
           s.pid,
           s.label::pg_catalog.bpchar(320) AS label,
           s.starttime,
           s.endtime,
           piece.sequence,
           pg_catalog.substr(s.text, 200 OPERATOR(pg_catalog.*) piece.sequence OPERATOR(pg_catalog.+) 1, 200)::pg_catalog.bpchar(200) AS text
    FROM redshift_sessions.statements() AS s,
         LATERAL pg_catalog.generate_series(0, (pg_catalog.length(s.text) OPERATOR(pg_catalog.-) 1) OPERATOR(pg_catalog./) 200) AS piece(sequence)
    WHERE COALESCE(s.class, 'UTILITY') OPERATOR(pg_catalog.=) 'UTILITY' AND s.status OPERATOR(pg_catalog.<>) 'running';

COMMENT ON VIEW redshift_sessions.stl_utilitytext IS
    'Texts of finished statements that are neither queries nor DDL, in pieces of 200 characters; regular users see their own';
COMMENT ON COLUMN redshift_sessions.stl_utilitytext.userid IS 'OID of the user';
COMMENT ON COLUMN redshift_sessions.stl_utilitytext.xid IS 'Transaction id, as in svv_transactions';
COMMENT ON COLUMN redshift_sessions.stl_utilitytext.pid IS 'Process id of the session';
COMMENT ON COLUMN redshift_sessions.stl_utilitytext.label IS 'query_group of the session; default if it has not set any';
COMMENT ON COLUMN redshift_sessions.stl_utilitytext.starttime IS 'Start of the statement, in UTC';
COMMENT ON COLUMN redshift_sessions.stl_utilitytext.endtime IS 'End of the statement, in UTC';
COMMENT ON COLUMN redshift_sessions.stl_utilitytext.sequence IS 'Number of the piece, from 0';
COMMENT ON COLUMN redshift_sessions.stl_utilitytext.text IS '200 characters of the statement, without passwords';

GRANT SELECT ON redshift_sessions.stl_utilitytext TO PUBLIC;

ALTER VIEW redshift_sessions.stl_utilitytext SET SCHEMA pg_catalog;

CREATE VIEW redshift_sessions.stl_ddltext AS
    SELECT s.userid::pg_catalog.int4 AS userid,
           s.xid,
           s.pid,
           s.label::pg_catalog.bpchar(320) AS label,
           s.starttime,
           s.endtime,
           piece.sequence,
           pg_catalog.substr(s.text, 200 OPERATOR(pg_catalog.*) piece.sequence OPERATOR(pg_catalog.+) 1, 200)::pg_catalog.bpchar(200) AS text
    FROM redshift_sessions.statements() AS s,
         LATERAL pg_catalog.generate_series(0, (pg_catalog.length(s.text) OPERATOR(pg_catalog.-) 1) OPERATOR(pg_catalog./) 200) AS piece(sequence)
    WHERE s.class OPERATOR(pg_catalog.=) 'DDL' AND s.status OPERATOR(pg_catalog.<>) 'running';

COMMENT ON VIEW redshift_sessions.stl_ddltext IS
    'Texts of finished DDL statements, in pieces of 200 characters; regular users see their own';
COMMENT ON COLUMN redshift_sessions.stl_ddltext.userid IS 'OID of the user';
COMMENT ON COLUMN redshift_sessions.stl_ddltext.xid IS 'Transaction id, as in svv_transactions';
COMMENT ON COLUMN redshift_sessions.stl_ddltext.pid IS 'Process id of the session';
COMMENT ON COLUMN redshift_sessions.stl_ddltext.label IS 'query_group of the session; default if it has not set any';
COMMENT ON COLUMN redshift_sessions.stl_ddltext.starttime IS 'Start of the statement, in UTC';
COMMENT ON COLUMN redshift_sessions.stl_ddltext.endtime IS 'End of the statement, in UTC';
COMMENT ON COLUMN redshift_sessions.stl_ddltext.sequence IS 'Number of the piece, from 0';
COMMENT ON COLUMN redshift_sessions.stl_ddltext.text IS '200 characters of the statement, without passwords';

GRANT SELECT ON redshift_sessions.stl_ddltext TO PUBLIC;

ALTER VIEW redshift_sessions.stl_ddltext SET SCHEMA pg_catalog;

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

CREATE FUNCTION redshift_sessions.sys_connection_log(
        OUT event pg_catalog.text,
        OUT recordtime pg_catalog.timestamp,
        OUT remotehost pg_catalog.text,
        OUT remoteport pg_catalog.text,
        OUT pid pg_catalog.int4,
        OUT dbname pg_catalog.text,
        OUT username pg_catalog.text,
        OUT authmethod pg_catalog.text,
        OUT duration pg_catalog.int4,
        OUT sslversion pg_catalog.text,
        OUT sslcipher pg_catalog.text,
        OUT application_name pg_catalog.text,
        OUT os_version pg_catalog.text,
        OUT driver_version pg_catalog.text,
        OUT plugin_name pg_catalog.text,
        OUT protocol_version pg_catalog.int4,
        OUT sessionid pg_catalog.text)
    RETURNS SETOF pg_catalog.record
    LANGUAGE c
    VOLATILE
    PARALLEL RESTRICTED
    ROWS 1000
    AS 'MODULE_PATHNAME', 'sys_connection_log_wrapper';

COMMENT ON FUNCTION redshift_sessions.sys_connection_log() IS
    'Events of connections, oldest first, for those who may select from pg_catalog.sys_connection_log';

GRANT EXECUTE ON FUNCTION redshift_sessions.sys_connection_log() TO PUBLIC;

CREATE VIEW redshift_sessions.sys_connection_log AS
    SELECT l.event::pg_catalog.bpchar(50) AS event,
           l.recordtime AS record_time,
           l.remotehost::pg_catalog.bpchar(45) AS remote_host,
           l.remoteport::pg_catalog.bpchar(32) AS remote_port,
           l.pid AS session_id,
           l.dbname::pg_catalog.bpchar(50) AS database_name,
           l.username::pg_catalog.bpchar(50) AS user_name,
           l.authmethod::pg_catalog.bpchar(32) AS auth_method,
           l.duration,
           l.sslversion::pg_catalog.bpchar(50) AS ssl_version,
           l.sslcipher::pg_catalog.bpchar(128) AS ssl_cipher,
           0 AS mtu,
           ''::pg_catalog.bpchar(64) AS ssl_compression,
           ''::pg_catalog.bpchar(64) AS ssl_expansion,
           ''::pg_catalog.bpchar(36) AS iam_auth_guid,
           l.application_name::pg_catalog.bpchar(250) AS application_name,
           l.driver_version::pg_catalog.bpchar(64) AS driver_version,
           l.os_version::pg_catalog.bpchar(64) AS os_version,
           l.plugin_name::pg_catalog.bpchar(32) AS plugin_name,
           l.protocol_version,
           l.sessionid::pg_catalog.bpchar(36) AS global_session_id
    FROM redshift_sessions.sys_connection_log() AS l;

COMMENT ON VIEW redshift_sessions.sys_connection_log IS
    'Logins, sessions that begin and end; for superusers, and whom they grant SELECT';
COMMENT ON COLUMN redshift_sessions.sys_connection_log.event IS 'authentication failure, authenticated, initiating session, set application_name, disconnecting session, Terminating backend on administrator''s request';
COMMENT ON COLUMN redshift_sessions.sys_connection_log.record_time IS 'When, in UTC';
COMMENT ON COLUMN redshift_sessions.sys_connection_log.remote_host IS 'Address of the client';
COMMENT ON COLUMN redshift_sessions.sys_connection_log.remote_port IS 'Port of the client';
COMMENT ON COLUMN redshift_sessions.sys_connection_log.session_id IS 'Process id of the session';
COMMENT ON COLUMN redshift_sessions.sys_connection_log.database_name IS 'Database that the client asked for';
COMMENT ON COLUMN redshift_sessions.sys_connection_log.user_name IS 'User that the client asked for';
COMMENT ON COLUMN redshift_sessions.sys_connection_log.auth_method IS 'Method of pg_hba.conf';
COMMENT ON COLUMN redshift_sessions.sys_connection_log.duration IS 'Microseconds that the session lasted, on disconnecting session; at most 2147483647';
COMMENT ON COLUMN redshift_sessions.sys_connection_log.ssl_version IS 'Version of TLS; blank without';
COMMENT ON COLUMN redshift_sessions.sys_connection_log.ssl_cipher IS 'Cipher of TLS; blank without';
COMMENT ON COLUMN redshift_sessions.sys_connection_log.mtu IS '0: PostgreSQL does not know it';
COMMENT ON COLUMN redshift_sessions.sys_connection_log.ssl_compression IS 'Blank: PostgreSQL does not compress';
COMMENT ON COLUMN redshift_sessions.sys_connection_log.ssl_expansion IS 'Blank: PostgreSQL does not compress';
COMMENT ON COLUMN redshift_sessions.sys_connection_log.iam_auth_guid IS 'Blank: PostgreSQL knows no IAM';
COMMENT ON COLUMN redshift_sessions.sys_connection_log.application_name IS 'As the client sent it when it connected; the new one on set application_name';
COMMENT ON COLUMN redshift_sessions.sys_connection_log.driver_version IS 'As the driver says; blank if it does not';
COMMENT ON COLUMN redshift_sessions.sys_connection_log.os_version IS 'As the driver says; blank if it does not';
COMMENT ON COLUMN redshift_sessions.sys_connection_log.plugin_name IS 'As the driver says; blank if it does not';
COMMENT ON COLUMN redshift_sessions.sys_connection_log.protocol_version IS 'client_protocol_version of the driver; 0 if it does not say';
COMMENT ON COLUMN redshift_sessions.sys_connection_log.global_session_id IS 'The same for all events of a session, and for no other session';

REVOKE ALL ON redshift_sessions.sys_connection_log FROM PUBLIC;

ALTER VIEW redshift_sessions.sys_connection_log SET SCHEMA pg_catalog;

-- Names and settings are in the encoding of the database where they were given.
CREATE FUNCTION redshift_sessions.readable(string pg_catalog.text)
    RETURNS pg_catalog.text
    LANGUAGE c
    STABLE
    STRICT
    PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'readable_wrapper';

COMMENT ON FUNCTION redshift_sessions.readable(pg_catalog.text) IS
    'The string, with ? for letters of another encoding than that of this database';

GRANT EXECUTE ON FUNCTION redshift_sessions.readable(pg_catalog.text) TO PUBLIC;

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

CREATE VIEW redshift_sessions.svv_user_info AS
    SELECT u.usename AS user_name,
           u.usesysid AS user_id,
           u.usecreatedb AS createdb,
           u.usesuper AS superuser,
           u.usecatupd AS catalog_update,
           u.useconnlimit AS connection_limit,
           u.syslogaccess AS syslog_access,
           u.last_ddl_ts AS last_ddl_timestamp,
           u.sessiontimeout AS session_timeout,
           u.external_id AS external_user_id
    FROM pg_catalog.svl_user_info AS u
    WHERE EXISTS (
        SELECT FROM pg_catalog.pg_roles AS r
        WHERE r.rolname OPERATOR(pg_catalog.=) CURRENT_USER
          AND (r.rolsuper OR r.oid::pg_catalog.int4 OPERATOR(pg_catalog.=) u.usesysid));

COMMENT ON VIEW redshift_sessions.svv_user_info IS
    'Users, and what they may do; regular users see themselves';
COMMENT ON COLUMN redshift_sessions.svv_user_info.user_name IS 'User';
COMMENT ON COLUMN redshift_sessions.svv_user_info.user_id IS 'OID of the user';
COMMENT ON COLUMN redshift_sessions.svv_user_info.createdb IS 'May the user create databases?';
COMMENT ON COLUMN redshift_sessions.svv_user_info.superuser IS 'Is the user a superuser?';
COMMENT ON COLUMN redshift_sessions.svv_user_info.catalog_update IS 'May the user update catalogs? Superusers may';
COMMENT ON COLUMN redshift_sessions.svv_user_info.connection_limit IS 'Number of sessions that the user may have; UNLIMITED for no limit';
COMMENT ON COLUMN redshift_sessions.svv_user_info.syslog_access IS 'UNRESTRICTED for superusers and members of pg_read_all_stats, else RESTRICTED';
COMMENT ON COLUMN redshift_sessions.svv_user_info.last_ddl_timestamp IS 'NULL: PostgreSQL does not record it';
COMMENT ON COLUMN redshift_sessions.svv_user_info.session_timeout IS 'The user''s own idle_session_timeout in seconds; 0 for none';
COMMENT ON COLUMN redshift_sessions.svv_user_info.external_user_id IS 'NULL: PostgreSQL knows no identity provider';

GRANT SELECT ON redshift_sessions.svv_user_info TO PUBLIC;

ALTER VIEW redshift_sessions.svv_user_info SET SCHEMA pg_catalog;

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

-- A database has its own default, or the server's. What the server's is, a session knows as long as
-- no setting of its database, its role or its client hides it.
CREATE VIEW redshift_sessions.stv_db_isolation_level AS
    SELECT redshift_sessions.readable(d.datname::pg_catalog.text)::pg_catalog.bpchar(128) COLLATE pg_catalog."default" AS db_name,
           CASE coalesce(own.level, server.level)
               WHEN 'serializable' THEN 'Serializable'
               WHEN 'repeatable read' THEN 'Snapshot Isolation'
               WHEN 'read committed' THEN 'Read Committed'
               WHEN 'read uncommitted' THEN 'Read Committed'
           END::pg_catalog.bpchar(20) AS isolation_level
    FROM pg_catalog.pg_database AS d
    LEFT JOIN (
        SELECT s.setdatabase, pg_catalog.lower(pg_catalog.split_part(item.setting, '=', 2))
        FROM pg_catalog.pg_db_role_setting AS s, LATERAL pg_catalog.unnest(s.setconfig) AS item(setting)
        WHERE s.setrole OPERATOR(pg_catalog.=) 0::pg_catalog.oid
          AND pg_catalog.split_part(item.setting, '=', 1) OPERATOR(pg_catalog.=) 'default_transaction_isolation') AS own(database, level)
        ON own.database OPERATOR(pg_catalog.=) d.oid
    LEFT JOIN (
        SELECT g.reset_val
        FROM pg_catalog.pg_settings AS g
        WHERE g.name OPERATOR(pg_catalog.=) 'default_transaction_isolation'
          AND g.source OPERATOR(pg_catalog.<>) ALL (ARRAY['database', 'user', 'database user', 'client'])
          AND NOT EXISTS (
              SELECT FROM pg_catalog.pg_db_role_setting AS s, LATERAL pg_catalog.unnest(s.setconfig) AS item(setting)
              WHERE pg_catalog.split_part(item.setting, '=', 1) OPERATOR(pg_catalog.=) 'default_transaction_isolation'
                AND s.setdatabase OPERATOR(pg_catalog.=) ANY (ARRAY[0::pg_catalog.oid, (
                    SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database())])
                AND s.setrole OPERATOR(pg_catalog.=) ANY (ARRAY[0::pg_catalog.oid, (
                    SELECT r.oid FROM pg_catalog.pg_roles AS r WHERE r.rolname OPERATOR(pg_catalog.=) SESSION_USER)]))) AS server(level)
        ON true
    WHERE d.datallowconn;

COMMENT ON VIEW redshift_sessions.stv_db_isolation_level IS
    'Databases, and the isolation level that transactions have there by default';
COMMENT ON COLUMN redshift_sessions.stv_db_isolation_level.db_name IS 'Database';
COMMENT ON COLUMN redshift_sessions.stv_db_isolation_level.isolation_level IS 'Serializable, Snapshot Isolation or Read Committed; NULL where a setting of this session''s hides the server''s';

GRANT SELECT ON redshift_sessions.stv_db_isolation_level TO PUBLIC;

ALTER VIEW redshift_sessions.stv_db_isolation_level SET SCHEMA pg_catalog;

CREATE VIEW redshift_sessions.stv_wlm_query_state AS
    SELECT CASE WHEN s.xid OPERATOR(pg_catalog.>) 0 AND s.xid OPERATOR(pg_catalog.<=) 2147483647 THEN s.xid::pg_catalog.int4 END AS xid,
           s.query AS task,
           s.query,
           100 AS service_class,
           1 AS slot_count,
           s.query_starttime AS wlm_start_time,
           'Running'::pg_catalog.bpchar(16) AS state,
           0::pg_catalog.int8 AS queue_time,
           greatest(0, pg_catalog.date_part('epoch',
               pg_catalog.timezone('UTC', pg_catalog.clock_timestamp()) OPERATOR(pg_catalog.-) s.query_starttime)
               OPERATOR(pg_catalog.*) 1000000)::pg_catalog.int8 AS exec_time,
           'n/a'::pg_catalog.bpchar(20) AS query_priority
    FROM redshift_sessions.sessions() AS s
    WHERE s.running;

COMMENT ON VIEW redshift_sessions.stv_wlm_query_state IS
    'Running statements, the reader''s own included; regular users see their own';
COMMENT ON COLUMN redshift_sessions.stv_wlm_query_state.xid IS 'Transaction id; NULL while none was assigned, and beyond 2147483647';
COMMENT ON COLUMN redshift_sessions.stv_wlm_query_state.task IS 'The statement''s number in stv_inflight';
COMMENT ON COLUMN redshift_sessions.stv_wlm_query_state.query IS 'The statement''s number in stv_inflight';
COMMENT ON COLUMN redshift_sessions.stv_wlm_query_state.service_class IS '100, the first queue of automatic WLM: PostgreSQL has no queues';
COMMENT ON COLUMN redshift_sessions.stv_wlm_query_state.slot_count IS '1: PostgreSQL has no slots';
COMMENT ON COLUMN redshift_sessions.stv_wlm_query_state.wlm_start_time IS 'Start of the statement, in UTC';
COMMENT ON COLUMN redshift_sessions.stv_wlm_query_state.state IS 'Running: PostgreSQL knows no other state of a running statement';
COMMENT ON COLUMN redshift_sessions.stv_wlm_query_state.queue_time IS '0: nothing queues';
COMMENT ON COLUMN redshift_sessions.stv_wlm_query_state.exec_time IS 'Microseconds so far';
COMMENT ON COLUMN redshift_sessions.stv_wlm_query_state.query_priority IS 'n/a: PostgreSQL has no priorities';

GRANT SELECT ON redshift_sessions.stv_wlm_query_state TO PUBLIC;

ALTER VIEW redshift_sessions.stv_wlm_query_state SET SCHEMA pg_catalog;

-- Always empty: PostgreSQL has no queues, so no statement waits in one.
CREATE VIEW redshift_sessions.stv_wlm_query_queue_state AS
    SELECT NULL::pg_catalog.int4 AS service_class,
           NULL::pg_catalog.int4 AS position,
           NULL::pg_catalog.int4 AS task,
           NULL::pg_catalog.int4 AS query,
           NULL::pg_catalog.int4 AS slot_count,
           NULL::pg_catalog.timestamp AS start_time,
           NULL::pg_catalog.int8 AS queue_time
    WHERE false;

COMMENT ON VIEW redshift_sessions.stv_wlm_query_queue_state IS
    'Statements that wait in a queue: none, PostgreSQL has no queues';
COMMENT ON COLUMN redshift_sessions.stv_wlm_query_queue_state.service_class IS 'Queue';
COMMENT ON COLUMN redshift_sessions.stv_wlm_query_queue_state.position IS 'Place in the queue';
COMMENT ON COLUMN redshift_sessions.stv_wlm_query_queue_state.task IS 'The statement''s number in stv_wlm_query_state';
COMMENT ON COLUMN redshift_sessions.stv_wlm_query_queue_state.query IS 'The statement''s number in stv_inflight';
COMMENT ON COLUMN redshift_sessions.stv_wlm_query_queue_state.slot_count IS 'Slots that the statement needs';
COMMENT ON COLUMN redshift_sessions.stv_wlm_query_queue_state.start_time IS 'When it entered the queue';
COMMENT ON COLUMN redshift_sessions.stv_wlm_query_queue_state.queue_time IS 'Microseconds that it has waited';

GRANT SELECT ON redshift_sessions.stv_wlm_query_queue_state TO PUBLIC;

ALTER VIEW redshift_sessions.stv_wlm_query_queue_state SET SCHEMA pg_catalog;

CREATE FUNCTION redshift_sessions.sys_transaction_history(
        OUT user_id pg_catalog.int4,
        OUT transaction_id pg_catalog.int8,
        OUT isolation_level pg_catalog.text,
        OUT status pg_catalog.text,
        OUT transaction_start_time pg_catalog.timestamp,
        OUT commit_start_time pg_catalog.timestamp,
        OUT commit_end_time pg_catalog.timestamp,
        OUT undo_transaction_id pg_catalog.int8)
    RETURNS SETOF pg_catalog.record
    LANGUAGE c
    VOLATILE
    PARALLEL RESTRICTED
    ROWS 1000
    AS 'MODULE_PATHNAME', 'sys_transaction_history_wrapper';

COMMENT ON FUNCTION redshift_sessions.sys_transaction_history() IS
    'Finished transactions, oldest first, for those who may select from pg_catalog.sys_transaction_history';

GRANT EXECUTE ON FUNCTION redshift_sessions.sys_transaction_history() TO PUBLIC;

CREATE VIEW redshift_sessions.sys_transaction_history AS
    SELECT t.user_id,
           t.transaction_id,
           t.isolation_level,
           t.status,
           t.transaction_start_time,
           t.commit_start_time,
           t.commit_end_time,
           NULL::pg_catalog.int8 AS blocks_committed,
           t.undo_transaction_id
    FROM redshift_sessions.sys_transaction_history() AS t;

COMMENT ON VIEW redshift_sessions.sys_transaction_history IS
    'Transactions that were committed or rolled back; for superusers, and whom they grant SELECT';
COMMENT ON COLUMN redshift_sessions.sys_transaction_history.user_id IS 'OID of the user who owned the session';
COMMENT ON COLUMN redshift_sessions.sys_transaction_history.transaction_id IS 'Transaction id, as in svv_transactions';
COMMENT ON COLUMN redshift_sessions.sys_transaction_history.isolation_level IS 'Serializable, Snapshot Isolation or Read Committed';
COMMENT ON COLUMN redshift_sessions.sys_transaction_history.status IS 'committed or rolledback';
COMMENT ON COLUMN redshift_sessions.sys_transaction_history.transaction_start_time IS 'Start of the transaction, in UTC';
COMMENT ON COLUMN redshift_sessions.sys_transaction_history.commit_start_time IS 'Start of the commit, in UTC; 2000-01-01 00:00:00 for one that was rolled back';
COMMENT ON COLUMN redshift_sessions.sys_transaction_history.commit_end_time IS 'End of the commit or of the rollback, in UTC';
COMMENT ON COLUMN redshift_sessions.sys_transaction_history.blocks_committed IS 'NULL: PostgreSQL does not count them';
COMMENT ON COLUMN redshift_sessions.sys_transaction_history.undo_transaction_id IS 'The transaction itself if it was rolled back, as in stl_undone; -1 if it was committed';

REVOKE ALL ON redshift_sessions.sys_transaction_history FROM PUBLIC;

ALTER VIEW redshift_sessions.sys_transaction_history SET SCHEMA pg_catalog;

-- PostgreSQL undoes nothing: what was rolled back is never seen again. So a transaction is its own
-- undo transaction, as in the sample of Redshift's page, and took no time.
CREATE FUNCTION redshift_sessions.stl_undone(
        OUT userid pg_catalog.int4,
        OUT xact_id_undone pg_catalog.int8,
        OUT undo_end_ts pg_catalog.timestamp)
    RETURNS SETOF pg_catalog.record
    LANGUAGE c
    VOLATILE
    PARALLEL RESTRICTED
    ROWS 1000
    AS 'MODULE_PATHNAME', 'stl_undone_wrapper';

COMMENT ON FUNCTION redshift_sessions.stl_undone() IS
    'Transactions that were rolled back and that the caller may see, oldest first';

GRANT EXECUTE ON FUNCTION redshift_sessions.stl_undone() TO PUBLIC;

CREATE VIEW redshift_sessions.stl_undone AS
    SELECT t.userid,
           t.xact_id_undone AS xact_id,
           t.xact_id_undone,
           t.undo_end_ts AS undo_start_ts,
           t.undo_end_ts,
           NULL::pg_catalog.int8 AS table_id
    FROM redshift_sessions.stl_undone() AS t;

COMMENT ON VIEW redshift_sessions.stl_undone IS
    'Transactions that were rolled back; regular users see their own';
COMMENT ON COLUMN redshift_sessions.stl_undone.userid IS 'OID of the user who owned the session';
COMMENT ON COLUMN redshift_sessions.stl_undone.xact_id IS 'The transaction itself: PostgreSQL needs no other one to undo it';
COMMENT ON COLUMN redshift_sessions.stl_undone.xact_id_undone IS 'Transaction id, as in svv_transactions';
COMMENT ON COLUMN redshift_sessions.stl_undone.undo_start_ts IS 'When it was rolled back, in UTC';
COMMENT ON COLUMN redshift_sessions.stl_undone.undo_end_ts IS 'When it was rolled back, in UTC';
COMMENT ON COLUMN redshift_sessions.stl_undone.table_id IS 'NULL: PostgreSQL does not record which tables it had changed';

GRANT SELECT ON redshift_sessions.stl_undone TO PUBLIC;

ALTER VIEW redshift_sessions.stl_undone SET SCHEMA pg_catalog;

CREATE FUNCTION redshift_sessions.blocking(format pg_catalog.text DEFAULT 'tree')
    RETURNS SETOF pg_catalog.text
    LANGUAGE c
    VOLATILE
    STRICT
    PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'blocking_wrapper';

COMMENT ON FUNCTION redshift_sessions.blocking(pg_catalog.text) IS
    'Who waits for whom, a line a row; the format is tree, mermaid, dot or json';

GRANT EXECUTE ON FUNCTION redshift_sessions.blocking(pg_catalog.text) TO PUBLIC;

CREATE FUNCTION redshift_sessions.explain_terminate(pid pg_catalog.int4)
    RETURNS SETOF pg_catalog.text
    LANGUAGE c
    VOLATILE
    STRICT
    PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'explain_terminate_wrapper';

COMMENT ON FUNCTION redshift_sessions.explain_terminate(pg_catalog.int4) IS
    'What pg_terminate_backend(pid) would do and whether the caller may; nothing is signalled';

GRANT EXECUTE ON FUNCTION redshift_sessions.explain_terminate(pg_catalog.int4) TO PUBLIC;

COMMENT ON COLUMN pg_catalog.stv_inflight.query IS 'The statement''s number, in all views; ascending over the server';
COMMENT ON COLUMN pg_catalog.stv_recents.query IS 'Text of the statement, its first 600 characters, without passwords';

-- As in privileges.sql, of the objects above: what default privileges have given to others is taken
-- away, and the owner gets all.
DO LANGUAGE plpgsql $privileges$
DECLARE
    command pg_catalog.text;
    made_here CONSTANT pg_catalog.text[] := ARRAY[
                'statements', 'sys_query_history', 'sys_query_text', 'stl_query', 'stl_querytext',
                'svl_qlog', 'svl_statementtext', 'stl_utilitytext', 'stl_ddltext', 'stl_userlog',
                'sys_userlog', 'sys_connection_log', 'readable', 'svl_user_info', 'svv_user_info', 'pg_user_info',
                'stv_db_isolation_level', 'stv_wlm_query_state', 'stv_wlm_query_queue_state', 'sys_transaction_history', 'stl_undone',
                'blocking', 'explain_terminate'];
BEGIN
    FOR command IN
        WITH object AS (
            SELECT pg_catalog.replace(o.type, 'view', 'table') OPERATOR(pg_catalog.||) ' ' OPERATOR(pg_catalog.||) o.identity AS name,
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
            WHERE e.extname OPERATOR(pg_catalog.=) 'redshift_sessions'
              AND coalesce(p.proname, c.relname)::pg_catalog.text OPERATOR(pg_catalog.=) ANY (made_here))
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
