-- Ours from the start: a schema of this name that someone else made makes CREATE EXTENSION fail.
CREATE SCHEMA redshift_sessions;

COMMENT ON SCHEMA redshift_sessions IS 'Functions behind Redshift''s session and lock views';

GRANT USAGE ON SCHEMA redshift_sessions TO PUBLIC;
