-- No IF NOT EXISTS: if someone else has made a schema of this name, CREATE EXTENSION fails.
CREATE SCHEMA redshift_sessions;

COMMENT ON SCHEMA redshift_sessions IS 'Functions behind Redshift''s session and lock views';

GRANT USAGE ON SCHEMA redshift_sessions TO PUBLIC;
