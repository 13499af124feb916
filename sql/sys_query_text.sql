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
