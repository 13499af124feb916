-- No IF NOT EXISTS: if someone else has made a schema of this name, CREATE EXTENSION fails.
-- Objects that people name are in pg_catalog, where any search_path finds them. What stands behind
-- them is here. Bodies that begin with RETURN are parsed now, while the search_path is pg_catalog
-- alone, so that nobody's search_path changes what they call.
CREATE SCHEMA redshift_sessions_extras;

COMMENT ON SCHEMA redshift_sessions_extras IS 'What stands behind the functions and views of redshift_sessions_extras';

GRANT USAGE ON SCHEMA redshift_sessions_extras TO PUBLIC;
