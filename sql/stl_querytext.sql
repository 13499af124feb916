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
