-- Published scripts trim times too; Redshift makes strings of them. trim(x) is btrim(x) for
-- PostgreSQL's parser. A literal is still a string: PostgreSQL prefers text for those.

CREATE FUNCTION pg_catalog.btrim(pg_catalog.timestamp)
    RETURNS pg_catalog.text
    LANGUAGE sql
    STABLE
    STRICT
    PARALLEL SAFE
    RETURN $1::pg_catalog.text;

COMMENT ON FUNCTION pg_catalog.btrim(pg_catalog.timestamp) IS 'A time as text';

GRANT EXECUTE ON FUNCTION pg_catalog.btrim(pg_catalog.timestamp) TO PUBLIC;

CREATE FUNCTION pg_catalog.btrim(pg_catalog.timestamptz)
    RETURNS pg_catalog.text
    LANGUAGE sql
    STABLE
    STRICT
    PARALLEL SAFE
    RETURN $1::pg_catalog.text;

COMMENT ON FUNCTION pg_catalog.btrim(pg_catalog.timestamptz) IS 'A time with its zone as text';

GRANT EXECUTE ON FUNCTION pg_catalog.btrim(pg_catalog.timestamptz) TO PUBLIC;

CREATE FUNCTION pg_catalog.btrim(pg_catalog.date)
    RETURNS pg_catalog.text
    LANGUAGE sql
    STABLE
    STRICT
    PARALLEL SAFE
    RETURN $1::pg_catalog.text;

COMMENT ON FUNCTION pg_catalog.btrim(pg_catalog.date) IS 'A date as text';

GRANT EXECUTE ON FUNCTION pg_catalog.btrim(pg_catalog.date) TO PUBLIC;
