-- Page CONVERT_TIMEZONE. Names of zones follow daylight saving, abbreviations and offsets do not,
-- as in PostgreSQL's AT TIME ZONE.
CREATE FUNCTION pg_catalog.convert_timezone(source_timezone pg_catalog.text, target_timezone pg_catalog.text, "timestamp" pg_catalog.timestamp)
    RETURNS pg_catalog.timestamp
    LANGUAGE sql
    IMMUTABLE
    STRICT
    PARALLEL SAFE
    RETURN pg_catalog.timezone($2, pg_catalog.timezone($1, $3));

COMMENT ON FUNCTION pg_catalog.convert_timezone(pg_catalog.text, pg_catalog.text, pg_catalog.timestamp) IS
    'A time of the first time zone, as the second one''s clocks show it';

GRANT EXECUTE ON FUNCTION pg_catalog.convert_timezone(pg_catalog.text, pg_catalog.text, pg_catalog.timestamp) TO PUBLIC;

CREATE FUNCTION pg_catalog.convert_timezone(target_timezone pg_catalog.text, "timestamp" pg_catalog.timestamp)
    RETURNS pg_catalog.timestamp
    LANGUAGE sql
    IMMUTABLE
    STRICT
    PARALLEL SAFE
    RETURN pg_catalog.timezone($1, pg_catalog.timezone('UTC', $2));

COMMENT ON FUNCTION pg_catalog.convert_timezone(pg_catalog.text, pg_catalog.timestamp) IS
    'A time in UTC, as the time zone''s clocks show it';

GRANT EXECUTE ON FUNCTION pg_catalog.convert_timezone(pg_catalog.text, pg_catalog.timestamp) TO PUBLIC;
