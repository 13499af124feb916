-- From 0.1.0 to 0.2.0: finished statements in stv_recents, the query group in stv_inflight, the table of a conflict, and what drivers say of
-- themselves. Views are replaced, not dropped, so that views over them stay. Columns of a function cannot be added, so each function with new
-- ones is made anew beside the old one.

CREATE FUNCTION redshift_sessions.recents(
        OUT userid pg_catalog.oid,
        OUT user_name pg_catalog.text,
        OUT db_name pg_catalog.text,
        OUT pid pg_catalog.int4,
        OUT starttime pg_catalog.timestamp,
        OUT duration pg_catalog.int4,
        OUT query pg_catalog.text)
    RETURNS SETOF pg_catalog.record
    LANGUAGE c
    VOLATILE
    PARALLEL RESTRICTED
    ROWS 1000
    AS 'MODULE_PATHNAME', 'recents_wrapper';

COMMENT ON FUNCTION redshift_sessions.recents() IS
    'Statements that the caller may see: those that run, with a pid, and finished ones';

ALTER VIEW pg_catalog.stv_recents SET SCHEMA redshift_sessions;

CREATE OR REPLACE VIEW redshift_sessions.stv_recents AS
    SELECT r.userid::pg_catalog.int4 AS userid,
           CASE WHEN r.pid IS NULL THEN 'Done' ELSE 'Running' END::pg_catalog.bpchar(20) AS status,
           r.starttime,
           r.duration,
           r.user_name::pg_catalog.bpchar(50) AS user_name,
           r.db_name::pg_catalog.bpchar(50) AS db_name,
           r.query::pg_catalog.bpchar(600) AS query,
           COALESCE(r.pid, -1) AS pid
    FROM redshift_sessions.recents() AS r
    ORDER BY r.starttime DESC;

COMMENT ON VIEW redshift_sessions.stv_recents IS
    'Statements that run, and finished ones, newest first; regular users see their own';
COMMENT ON COLUMN redshift_sessions.stv_recents.query IS 'Text of the statement, its first 600 bytes once it is done';

ALTER VIEW redshift_sessions.stv_recents SET SCHEMA pg_catalog;

ALTER FUNCTION redshift_sessions.sessions() RENAME TO sessions_of_0_1;

CREATE FUNCTION redshift_sessions.sessions(
        OUT process pg_catalog.int4,
        OUT userid pg_catalog.oid,
        OUT user_name pg_catalog.text,
        OUT databaseid pg_catalog.oid,
        OUT db_name pg_catalog.text,
        OUT starttime pg_catalog.timestamp,
        OUT xid pg_catalog.int8,
        OUT query pg_catalog.int4,
        OUT running pg_catalog.bool,
        OUT query_starttime pg_catalog.timestamp,
        OUT duration pg_catalog.int4,
        OUT query_text pg_catalog.text,
        OUT label pg_catalog.text)
    RETURNS SETOF pg_catalog.record
    LANGUAGE c
    VOLATILE
    PARALLEL RESTRICTED
    ROWS 100
    AS 'MODULE_PATHNAME', 'sessions_wrapper';

COMMENT ON FUNCTION redshift_sessions.sessions() IS
    'Clients'' sessions that the caller may see, each with its running or its last statement';

ALTER VIEW pg_catalog.stv_inflight SET SCHEMA redshift_sessions;

CREATE OR REPLACE VIEW redshift_sessions.stv_inflight AS
    SELECT s.userid::pg_catalog.int4 AS userid,
           0 AS slice,
           s.query,
           s.label::pg_catalog.bpchar(320) AS label,
           s.xid,
           s.process AS pid,
           s.query_starttime AS starttime,
           s.query_text::pg_catalog.bpchar(100) AS text,
           0 AS suspended,
           0 AS insert_pristine,
           0 AS concurrency_scaling_status
    FROM redshift_sessions.sessions() AS s
    WHERE s.running;

COMMENT ON COLUMN redshift_sessions.stv_inflight.label IS 'query_group of the session; default if it has not set any';

ALTER VIEW redshift_sessions.stv_inflight SET SCHEMA pg_catalog;

ALTER VIEW pg_catalog.svv_query_inflight SET SCHEMA redshift_sessions;

CREATE OR REPLACE VIEW redshift_sessions.svv_query_inflight AS
    SELECT s.userid::pg_catalog.int4 AS userid,
           0 AS slice,
           s.query,
           s.process AS pid,
           s.query_starttime AS starttime,
           0 AS suspended,
           pg_catalog.substr(s.query_text, 200 OPERATOR(pg_catalog.*) piece.sequence OPERATOR(pg_catalog.+) 1, 200)::pg_catalog.bpchar(200) AS text,
           piece.sequence
    FROM redshift_sessions.sessions() AS s,
         LATERAL pg_catalog.generate_series(0, (pg_catalog.length(s.query_text) OPERATOR(pg_catalog.-) 1) OPERATOR(pg_catalog./) 200) AS piece(sequence)
    WHERE s.running;


ALTER VIEW redshift_sessions.svv_query_inflight SET SCHEMA pg_catalog;

ALTER VIEW pg_catalog.stv_sessions SET SCHEMA redshift_sessions;

CREATE OR REPLACE VIEW redshift_sessions.stv_sessions AS
    SELECT s.starttime,
           s.process,
           s.user_name::pg_catalog.bpchar(50) AS user_name,
           s.db_name::pg_catalog.bpchar(50) AS db_name,
           coalesce(redshift_sessions.idle_timeout(here.setconfig),
                    redshift_sessions.idle_timeout(everywhere.setconfig),
                    0) AS timeout_sec
    FROM redshift_sessions.sessions() AS s
    LEFT JOIN pg_catalog.pg_db_role_setting AS here
        ON here.setrole OPERATOR(pg_catalog.=) s.userid AND here.setdatabase OPERATOR(pg_catalog.=) s.databaseid
    LEFT JOIN pg_catalog.pg_db_role_setting AS everywhere
        ON everywhere.setrole OPERATOR(pg_catalog.=) s.userid AND everywhere.setdatabase OPERATOR(pg_catalog.=) 0::pg_catalog.oid;


ALTER VIEW redshift_sessions.stv_sessions SET SCHEMA pg_catalog;

DROP FUNCTION redshift_sessions.sessions_of_0_1();

ALTER FUNCTION redshift_sessions.stl_tr_conflict() RENAME TO stl_tr_conflict_of_0_1;

CREATE FUNCTION redshift_sessions.stl_tr_conflict(
        OUT xact_id pg_catalog.int8,
        OUT process_id pg_catalog.int8,
        OUT xact_start_ts pg_catalog.timestamp,
        OUT abort_time pg_catalog.timestamp,
        OUT table_id pg_catalog.int8)
    RETURNS SETOF pg_catalog.record
    LANGUAGE c
    VOLATILE
    PARALLEL RESTRICTED
    ROWS 100
    AS 'MODULE_PATHNAME', 'stl_tr_conflict_wrapper';

COMMENT ON FUNCTION redshift_sessions.stl_tr_conflict() IS
    'Conflicts, oldest first, for those who may select from pg_catalog.stl_tr_conflict';

ALTER VIEW pg_catalog.stl_tr_conflict SET SCHEMA redshift_sessions;

CREATE OR REPLACE VIEW redshift_sessions.stl_tr_conflict AS
    SELECT l.xact_id, l.process_id, l.xact_start_ts, l.abort_time, l.table_id
    FROM redshift_sessions.stl_tr_conflict() AS l;

COMMENT ON COLUMN redshift_sessions.stl_tr_conflict.table_id IS 'OID of the table that the conflict is about; NULL if it is not known';

ALTER VIEW redshift_sessions.stl_tr_conflict SET SCHEMA pg_catalog;

DROP FUNCTION redshift_sessions.stl_tr_conflict_of_0_1();

ALTER FUNCTION redshift_sessions.stl_connection_log() RENAME TO stl_connection_log_of_0_1;

CREATE FUNCTION redshift_sessions.stl_connection_log(
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
    AS 'MODULE_PATHNAME', 'stl_connection_log_wrapper';

COMMENT ON FUNCTION redshift_sessions.stl_connection_log() IS
    'Events of connections, oldest first, for those who may select from pg_catalog.stl_connection_log';

ALTER VIEW pg_catalog.stl_connection_log SET SCHEMA redshift_sessions;

CREATE OR REPLACE VIEW redshift_sessions.stl_connection_log AS
    SELECT l.event::pg_catalog.bpchar(50) AS event,
           l.recordtime,
           l.remotehost::pg_catalog.bpchar(45) AS remotehost,
           l.remoteport::pg_catalog.bpchar(32) AS remoteport,
           l.pid,
           l.dbname::pg_catalog.bpchar(50) AS dbname,
           l.username::pg_catalog.bpchar(50) AS username,
           l.authmethod::pg_catalog.bpchar(32) AS authmethod,
           l.duration,
           l.sslversion::pg_catalog.bpchar(50) AS sslversion,
           l.sslcipher::pg_catalog.bpchar(128) AS sslcipher,
           0 AS mtu,
           ''::pg_catalog.bpchar(64) AS sslcompression,
           ''::pg_catalog.bpchar(64) AS sslexpansion,
           ''::pg_catalog.bpchar(36) AS iamauthguid,
           l.application_name::pg_catalog.bpchar(250) AS application_name,
           l.os_version::pg_catalog.bpchar(64) AS os_version,
           l.driver_version::pg_catalog.bpchar(64) AS driver_version,
           l.plugin_name::pg_catalog.bpchar(32) AS plugin_name,
           l.protocol_version,
           l.sessionid::pg_catalog.bpchar(36) AS sessionid
    FROM redshift_sessions.stl_connection_log() AS l;

COMMENT ON COLUMN redshift_sessions.stl_connection_log.os_version IS 'As the driver says; blank if it does not';
COMMENT ON COLUMN redshift_sessions.stl_connection_log.driver_version IS 'As the driver says; blank if it does not';
COMMENT ON COLUMN redshift_sessions.stl_connection_log.plugin_name IS 'As the driver says; blank if it does not';
COMMENT ON COLUMN redshift_sessions.stl_connection_log.protocol_version IS 'client_protocol_version of the driver; 0 if it does not say';
COMMENT ON COLUMN redshift_sessions.stl_connection_log.sessionid IS 'The same for all events of a session, and for no other session';

ALTER VIEW redshift_sessions.stl_connection_log SET SCHEMA pg_catalog;

DROP FUNCTION redshift_sessions.stl_connection_log_of_0_1();
