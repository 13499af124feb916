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
