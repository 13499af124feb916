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

GRANT EXECUTE ON FUNCTION redshift_sessions.stl_connection_log() TO PUBLIC;

CREATE VIEW redshift_sessions.stl_connection_log AS
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

COMMENT ON VIEW redshift_sessions.stl_connection_log IS
    'Logins, sessions that begin and end; for superusers, and whom they grant SELECT';
COMMENT ON COLUMN redshift_sessions.stl_connection_log.event IS 'authentication failure, authenticated, initiating session, set application_name, disconnecting session, Terminating backend on administrator''s request';
COMMENT ON COLUMN redshift_sessions.stl_connection_log.recordtime IS 'When, in UTC';
COMMENT ON COLUMN redshift_sessions.stl_connection_log.remotehost IS 'Address of the client';
COMMENT ON COLUMN redshift_sessions.stl_connection_log.remoteport IS 'Port of the client';
COMMENT ON COLUMN redshift_sessions.stl_connection_log.pid IS 'Process id of the session';
COMMENT ON COLUMN redshift_sessions.stl_connection_log.dbname IS 'Database that the client asked for';
COMMENT ON COLUMN redshift_sessions.stl_connection_log.username IS 'User that the client asked for';
COMMENT ON COLUMN redshift_sessions.stl_connection_log.authmethod IS 'Method of pg_hba.conf';
COMMENT ON COLUMN redshift_sessions.stl_connection_log.duration IS 'Microseconds that the session lasted, on disconnecting session; at most 2147483647';
COMMENT ON COLUMN redshift_sessions.stl_connection_log.sslversion IS 'Version of TLS; blank without';
COMMENT ON COLUMN redshift_sessions.stl_connection_log.sslcipher IS 'Cipher of TLS; blank without';
COMMENT ON COLUMN redshift_sessions.stl_connection_log.mtu IS '0: PostgreSQL does not know it';
COMMENT ON COLUMN redshift_sessions.stl_connection_log.sslcompression IS 'Blank: PostgreSQL does not compress';
COMMENT ON COLUMN redshift_sessions.stl_connection_log.sslexpansion IS 'Blank: PostgreSQL does not compress';
COMMENT ON COLUMN redshift_sessions.stl_connection_log.iamauthguid IS 'Blank: PostgreSQL knows no IAM';
COMMENT ON COLUMN redshift_sessions.stl_connection_log.application_name IS 'As the client sent it when it connected; the new one on set application_name';
COMMENT ON COLUMN redshift_sessions.stl_connection_log.os_version IS 'As the driver says; blank if it does not';
COMMENT ON COLUMN redshift_sessions.stl_connection_log.driver_version IS 'As the driver says; blank if it does not';
COMMENT ON COLUMN redshift_sessions.stl_connection_log.plugin_name IS 'As the driver says; blank if it does not';
COMMENT ON COLUMN redshift_sessions.stl_connection_log.protocol_version IS 'client_protocol_version of the driver; 0 if it does not say';
COMMENT ON COLUMN redshift_sessions.stl_connection_log.sessionid IS 'The same for all events of a session, and for no other session';

REVOKE ALL ON redshift_sessions.stl_connection_log FROM PUBLIC;

ALTER VIEW redshift_sessions.stl_connection_log SET SCHEMA pg_catalog;
