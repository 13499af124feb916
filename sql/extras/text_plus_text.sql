-- Redshift concatenates with + too. For strings PostgreSQL has no + at all, so only statements
-- that were errors get a meaning.
CREATE OPERATOR pg_catalog.+ (
    LEFTARG = pg_catalog.text,
    RIGHTARG = pg_catalog.text,
    FUNCTION = pg_catalog.textcat);

COMMENT ON OPERATOR pg_catalog.+ (pg_catalog.text, pg_catalog.text) IS 'concatenate';
