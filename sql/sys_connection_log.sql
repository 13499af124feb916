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
