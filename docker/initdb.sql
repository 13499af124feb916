-- What a new cluster has: the extension in dev, and in each database that a test suite creates from then on.
CREATE EXTENSION redshift_sessions;
\connect template1
CREATE EXTENSION redshift_sessions;
