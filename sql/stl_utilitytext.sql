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
