-- Names and abbreviations of date parts: page "Date parts for date or timestamp functions".
CREATE FUNCTION redshift_sessions_extras.step(datepart pg_catalog.text, of_time pg_catalog.bool)
    RETURNS pg_catalog.interval
    LANGUAGE plpgsql
    IMMUTABLE
    STRICT
    PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
    AS $step$
DECLARE
    -- In Turkish the small letter of I is another one.
    name CONSTANT text := lower(btrim(datepart) COLLATE "C");
    step CONSTANT interval := CASE
        WHEN name = ANY ('{millennium,millennia,mil,mils}') THEN '1000 years'
        WHEN name = ANY ('{century,centuries,c,cent,cents}') THEN '100 years'
        WHEN name = ANY ('{decade,decades,dec,decs}') THEN '10 years'
        WHEN name = ANY ('{year,years,y,yr,yrs}') THEN '1 year'
        WHEN name = ANY ('{quarter,quarters,qtr,qtrs}') THEN '3 months'
        WHEN name = ANY ('{month,months,mon,mons}') THEN '1 month'
        WHEN name = ANY ('{week,weeks,w}') THEN '7 days'
        WHEN name = ANY ('{day,days,d}') THEN '1 day'
        WHEN name = ANY ('{hour,hours,h,hr,hrs}') THEN '1 hour'
        WHEN name = ANY ('{minute,minutes,m,min,mins}') THEN '1 minute'
        WHEN name = ANY ('{second,seconds,s,sec,secs}') THEN '1 second'
        WHEN name = ANY ('{millisecond,milliseconds,ms,msec,msecs,msecond,mseconds,millisec,millisecs,millisecon}') THEN '1 millisecond'
        WHEN name = ANY ('{microsecond,microseconds,microsec,microsecs,usecond,useconds,us,usec,usecs}') THEN '1 microsecond'
    END;
BEGIN
    IF step IS NULL THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('date part "%s" not recognized', datepart),
            HINT = 'Date parts are millennium, century, decade, year, quarter, month, week, day, hour, minute, second, millisecond and microsecond, or one of their abbreviations.';
    ELSIF of_time AND step >= interval '1 day' THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('a time of day has no date part "%s"', datepart);
    END IF;
    RETURN step;
END
$step$;

COMMENT ON FUNCTION redshift_sessions_extras.step(pg_catalog.text, pg_catalog.bool) IS
    'How long a date part is; with true, only those that a time of day has';

GRANT EXECUTE ON FUNCTION redshift_sessions_extras.step(pg_catalog.text, pg_catalog.bool) TO PUBLIC;
