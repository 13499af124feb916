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
