-- What a new cluster has: the extension in dev, and in each database that a test suite creates from then on.
CREATE EXTENSION redshift_sessions;
\connect template1
-- POSTGRES_DB may be template1 itself.
CREATE EXTENSION IF NOT EXISTS redshift_sessions;
