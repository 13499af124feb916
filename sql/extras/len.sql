-- Page LEN. Trailing blanks of character(n) do not count: PostgreSQL drops them when it makes text.
CREATE FUNCTION pg_catalog.len(pg_catalog.text)
    RETURNS pg_catalog.int4
    LANGUAGE sql
    IMMUTABLE
    STRICT
    PARALLEL SAFE
    RETURN pg_catalog.length($1);

COMMENT ON FUNCTION pg_catalog.len(pg_catalog.text) IS 'Number of characters';

GRANT EXECUTE ON FUNCTION pg_catalog.len(pg_catalog.text) TO PUBLIC;

CREATE FUNCTION pg_catalog.len(pg_catalog.bytea)
    RETURNS pg_catalog.int4
    LANGUAGE sql
    IMMUTABLE
    STRICT
    PARALLEL SAFE
    RETURN pg_catalog.octet_length($1);

COMMENT ON FUNCTION pg_catalog.len(pg_catalog.bytea) IS 'Number of bytes';

GRANT EXECUTE ON FUNCTION pg_catalog.len(pg_catalog.bytea) TO PUBLIC;
