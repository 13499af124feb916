-- Page DATEDIFF: how many boundaries of the date part lie between two times, so that one second can
-- be a year. On which day weeks begin is unknown; here it is Monday, as the page of DATE_TRUNC
-- says. Where there is a CASE, the function is not STRICT, because PostgreSQL would not inline it.
-- NULL gives NULL all the same.

CREATE FUNCTION pg_catalog.datediff(datepart pg_catalog.text, first pg_catalog.timestamp, second pg_catalog.timestamp)
    RETURNS pg_catalog.int8
    LANGUAGE sql
    IMMUTABLE
    PARALLEL SAFE
    RETURN CASE redshift_sessions_extras.step(datepart, false)
        WHEN INTERVAL '1000 years' THEN EXTRACT(millennium FROM second) - EXTRACT(millennium FROM first)
        WHEN INTERVAL '100 years' THEN EXTRACT(century FROM second) - EXTRACT(century FROM first)
        WHEN INTERVAL '10 years' THEN EXTRACT(decade FROM second) - EXTRACT(decade FROM first)
        WHEN INTERVAL '1 year' THEN EXTRACT(year FROM second) - EXTRACT(year FROM first)
        WHEN INTERVAL '3 months' THEN 4 * (EXTRACT(year FROM second) - EXTRACT(year FROM first))
            + EXTRACT(quarter FROM second) - EXTRACT(quarter FROM first)
        WHEN INTERVAL '1 month' THEN 12 * (EXTRACT(year FROM second) - EXTRACT(year FROM first))
            + EXTRACT(month FROM second) - EXTRACT(month FROM first)
        WHEN INTERVAL '7 days' THEN
            (pg_catalog.date_trunc('week', second)::pg_catalog.date - pg_catalog.date_trunc('week', first)::pg_catalog.date) / 7
        WHEN INTERVAL '1 day' THEN second::pg_catalog.date - first::pg_catalog.date
        -- Of the others, in numbers that are exact.
        ELSE pg_catalog.floor(EXTRACT(epoch FROM second) / EXTRACT(epoch FROM redshift_sessions_extras.step(datepart, false)))
            - pg_catalog.floor(EXTRACT(epoch FROM first) / EXTRACT(epoch FROM redshift_sessions_extras.step(datepart, false)))
        END::pg_catalog.int8;

COMMENT ON FUNCTION pg_catalog.datediff(pg_catalog.text, pg_catalog.timestamp, pg_catalog.timestamp) IS
    'Number of boundaries of the date part between two times';

GRANT EXECUTE ON FUNCTION pg_catalog.datediff(pg_catalog.text, pg_catalog.timestamp, pg_catalog.timestamp) TO PUBLIC;

CREATE FUNCTION pg_catalog.datediff(datepart pg_catalog.text, first pg_catalog.date, second pg_catalog.date)
    RETURNS pg_catalog.int8
    LANGUAGE sql
    IMMUTABLE
    PARALLEL SAFE
    RETURN pg_catalog.datediff(datepart, first::pg_catalog.timestamp, second::pg_catalog.timestamp);

COMMENT ON FUNCTION pg_catalog.datediff(pg_catalog.text, pg_catalog.date, pg_catalog.date) IS
    'Number of boundaries of the date part between two dates';

GRANT EXECUTE ON FUNCTION pg_catalog.datediff(pg_catalog.text, pg_catalog.date, pg_catalog.date) TO PUBLIC;

CREATE FUNCTION pg_catalog.datediff(datepart pg_catalog.text, first pg_catalog.timestamptz, second pg_catalog.timestamptz)
    RETURNS pg_catalog.int8
    LANGUAGE sql
    STABLE
    PARALLEL SAFE
    RETURN pg_catalog.datediff(datepart, first::pg_catalog.timestamp, second::pg_catalog.timestamp);

COMMENT ON FUNCTION pg_catalog.datediff(pg_catalog.text, pg_catalog.timestamptz, pg_catalog.timestamptz) IS
    'Number of boundaries of the date part between two times, by the clock of the session''s time zone';

GRANT EXECUTE ON FUNCTION pg_catalog.datediff(pg_catalog.text, pg_catalog.timestamptz, pg_catalog.timestamptz) TO PUBLIC;

CREATE FUNCTION pg_catalog.datediff(datepart pg_catalog.text, first pg_catalog.time, second pg_catalog.time)
    RETURNS pg_catalog.int8
    LANGUAGE sql
    IMMUTABLE
    PARALLEL SAFE
    RETURN pg_catalog.floor(EXTRACT(epoch FROM second) / EXTRACT(epoch FROM redshift_sessions_extras.step(datepart, true)))
        - pg_catalog.floor(EXTRACT(epoch FROM first) / EXTRACT(epoch FROM redshift_sessions_extras.step(datepart, true)));

COMMENT ON FUNCTION pg_catalog.datediff(pg_catalog.text, pg_catalog.time, pg_catalog.time) IS
    'Number of boundaries of the date part between two times of day';

GRANT EXECUTE ON FUNCTION pg_catalog.datediff(pg_catalog.text, pg_catalog.time, pg_catalog.time) TO PUBLIC;

CREATE FUNCTION pg_catalog.datediff(datepart pg_catalog.text, first pg_catalog.timetz, second pg_catalog.timetz)
    RETURNS pg_catalog.int8
    LANGUAGE sql
    STABLE
    PARALLEL SAFE
    RETURN pg_catalog.datediff(datepart, pg_catalog.timezone('UTC', first)::pg_catalog.time, pg_catalog.timezone('UTC', second)::pg_catalog.time);

COMMENT ON FUNCTION pg_catalog.datediff(pg_catalog.text, pg_catalog.timetz, pg_catalog.timetz) IS
    'Number of boundaries of the date part between two times of day, in UTC';

GRANT EXECUTE ON FUNCTION pg_catalog.datediff(pg_catalog.text, pg_catalog.timetz, pg_catalog.timetz) TO PUBLIC;

CREATE FUNCTION pg_catalog.datediff(datepart pg_catalog.text, first pg_catalog.text, second pg_catalog.text)
    RETURNS pg_catalog.int8
    LANGUAGE sql
    STABLE
    PARALLEL SAFE
    RETURN pg_catalog.datediff(datepart, first::pg_catalog.timestamp, second::pg_catalog.timestamp);

COMMENT ON FUNCTION pg_catalog.datediff(pg_catalog.text, pg_catalog.text, pg_catalog.text) IS
    'Number of boundaries of the date part between two literals';

GRANT EXECUTE ON FUNCTION pg_catalog.datediff(pg_catalog.text, pg_catalog.text, pg_catalog.text) TO PUBLIC;

CREATE FUNCTION pg_catalog.datediff(datepart pg_catalog.text, first pg_catalog.date, second pg_catalog.text)
    RETURNS pg_catalog.int8
    LANGUAGE sql
    STABLE
    PARALLEL SAFE
    RETURN pg_catalog.datediff(datepart, first::pg_catalog.timestamp, second::pg_catalog.timestamp);

COMMENT ON FUNCTION pg_catalog.datediff(pg_catalog.text, pg_catalog.date, pg_catalog.text) IS
    'Number of boundaries of the date part between a date and a literal';

GRANT EXECUTE ON FUNCTION pg_catalog.datediff(pg_catalog.text, pg_catalog.date, pg_catalog.text) TO PUBLIC;

CREATE FUNCTION pg_catalog.datediff(datepart pg_catalog.text, first pg_catalog.text, second pg_catalog.date)
    RETURNS pg_catalog.int8
    LANGUAGE sql
    STABLE
    PARALLEL SAFE
    RETURN pg_catalog.datediff(datepart, first::pg_catalog.timestamp, second::pg_catalog.timestamp);

COMMENT ON FUNCTION pg_catalog.datediff(pg_catalog.text, pg_catalog.text, pg_catalog.date) IS
    'Number of boundaries of the date part between a literal and a date';

GRANT EXECUTE ON FUNCTION pg_catalog.datediff(pg_catalog.text, pg_catalog.text, pg_catalog.date) TO PUBLIC;
