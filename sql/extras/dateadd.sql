-- Page DATEADD. Its result for a date is a timestamp, and a literal is one too. A month later is
-- the same day or the month's last one, as in PostgreSQL; a year after February 29 is March 1, as
-- the page shows. That it is so with decades, centuries and millennia too is inferred. Where there
-- is a CASE, the function is not STRICT, because PostgreSQL would not inline it. NULL gives NULL
-- all the same.

CREATE FUNCTION pg_catalog.dateadd(datepart pg_catalog.text, "interval" pg_catalog.int8, value pg_catalog.timestamp)
    RETURNS pg_catalog.timestamp
    LANGUAGE sql
    IMMUTABLE
    PARALLEL SAFE
    RETURN value + "interval"::pg_catalog.float8 * redshift_sessions_extras.step(datepart, false)
        + CASE WHEN redshift_sessions_extras.step(datepart, false) >= INTERVAL '1 year' AND pg_catalog.date_part('month', value) = 2
                    AND pg_catalog.date_part('day', value) = 29
                    AND pg_catalog.date_part('day', value + "interval"::pg_catalog.float8 * redshift_sessions_extras.step(datepart, false)) = 28
               THEN INTERVAL '1 day' ELSE INTERVAL '0' END;

COMMENT ON FUNCTION pg_catalog.dateadd(pg_catalog.text, pg_catalog.int8, pg_catalog.timestamp) IS
    'A time that is so many date parts later';

GRANT EXECUTE ON FUNCTION pg_catalog.dateadd(pg_catalog.text, pg_catalog.int8, pg_catalog.timestamp) TO PUBLIC;

CREATE FUNCTION pg_catalog.dateadd(datepart pg_catalog.text, "interval" pg_catalog.int8, value pg_catalog.date)
    RETURNS pg_catalog.timestamp
    LANGUAGE sql
    IMMUTABLE
    PARALLEL SAFE
    RETURN pg_catalog.dateadd(datepart, "interval", value::pg_catalog.timestamp);

COMMENT ON FUNCTION pg_catalog.dateadd(pg_catalog.text, pg_catalog.int8, pg_catalog.date) IS
    'A time that is so many date parts after the begin of a day';

GRANT EXECUTE ON FUNCTION pg_catalog.dateadd(pg_catalog.text, pg_catalog.int8, pg_catalog.date) TO PUBLIC;

CREATE FUNCTION pg_catalog.dateadd(datepart pg_catalog.text, "interval" pg_catalog.int8, value pg_catalog.timestamptz)
    RETURNS pg_catalog.timestamptz
    LANGUAGE sql
    STABLE
    PARALLEL SAFE
    RETURN CASE WHEN redshift_sessions_extras.step(datepart, false) < INTERVAL '1 day' THEN value + "interval"::pg_catalog.float8 * redshift_sessions_extras.step(datepart, false)
        ELSE pg_catalog.dateadd(datepart, "interval", value::pg_catalog.timestamp)::pg_catalog.timestamptz END;

COMMENT ON FUNCTION pg_catalog.dateadd(pg_catalog.text, pg_catalog.int8, pg_catalog.timestamptz) IS
    'A time that is so many date parts later';

GRANT EXECUTE ON FUNCTION pg_catalog.dateadd(pg_catalog.text, pg_catalog.int8, pg_catalog.timestamptz) TO PUBLIC;

CREATE FUNCTION pg_catalog.dateadd(datepart pg_catalog.text, "interval" pg_catalog.int8, value pg_catalog.time)
    RETURNS pg_catalog.time
    LANGUAGE sql
    IMMUTABLE
    PARALLEL SAFE
    RETURN value + "interval"::pg_catalog.float8 * redshift_sessions_extras.step(datepart, true);

COMMENT ON FUNCTION pg_catalog.dateadd(pg_catalog.text, pg_catalog.int8, pg_catalog.time) IS
    'A time of day that is so many date parts later';

GRANT EXECUTE ON FUNCTION pg_catalog.dateadd(pg_catalog.text, pg_catalog.int8, pg_catalog.time) TO PUBLIC;

CREATE FUNCTION pg_catalog.dateadd(datepart pg_catalog.text, "interval" pg_catalog.int8, value pg_catalog.timetz)
    RETURNS pg_catalog.timetz
    LANGUAGE sql
    IMMUTABLE
    PARALLEL SAFE
    RETURN value + "interval"::pg_catalog.float8 * redshift_sessions_extras.step(datepart, true);

COMMENT ON FUNCTION pg_catalog.dateadd(pg_catalog.text, pg_catalog.int8, pg_catalog.timetz) IS
    'A time of day that is so many date parts later';

GRANT EXECUTE ON FUNCTION pg_catalog.dateadd(pg_catalog.text, pg_catalog.int8, pg_catalog.timetz) TO PUBLIC;

CREATE FUNCTION pg_catalog.dateadd(datepart pg_catalog.text, "interval" pg_catalog.int8, value pg_catalog.text)
    RETURNS pg_catalog.timestamp
    LANGUAGE sql
    STABLE
    PARALLEL SAFE
    RETURN pg_catalog.dateadd(datepart, "interval", value::pg_catalog.timestamp);

COMMENT ON FUNCTION pg_catalog.dateadd(pg_catalog.text, pg_catalog.int8, pg_catalog.text) IS
    'The time of a literal, so many date parts later';

GRANT EXECUTE ON FUNCTION pg_catalog.dateadd(pg_catalog.text, pg_catalog.int8, pg_catalog.text) TO PUBLIC;
