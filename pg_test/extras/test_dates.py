"""getdate, dateadd, datediff and convert_timezone: the examples of Amazon's pages, every name of a date part, NULL, errors."""

import psycopg
import pytest

from conftest import value
from extras import database, extras  # noqa: F401, fixtures

PARTS = {
    "millennium": "millennium millennia mil mils",
    "century": "century centuries c cent cents",
    "decade": "decade decades dec decs",
    "year": "year years y yr yrs",
    "quarter": "quarter quarters qtr qtrs",
    "month": "month months mon mons",
    "week": "week weeks w",
    "day": "day days d",
    "hour": "hour hours h hr hrs",
    "minute": "minute minutes m min mins",
    "second": "second seconds s sec secs",
    "millisecond": "millisecond milliseconds ms msec msecs msecond mseconds millisec millisecs millisecon",
    "microsecond": "microsecond microseconds microsec microsecs usecond useconds us usec usecs",
}
LATER = {
    "millennium": "3000-03-15 10:20:30.5", "century": "2100-03-15 10:20:30.5", "decade": "2010-03-15 10:20:30.5", "year": "2001-03-15 10:20:30.5",
    "quarter": "2000-06-15 10:20:30.5", "month": "2000-04-15 10:20:30.5", "week": "2000-03-22 10:20:30.5", "day": "2000-03-16 10:20:30.5",
    "hour": "2000-03-15 11:20:30.5", "minute": "2000-03-15 10:21:30.5", "second": "2000-03-15 10:20:31.5", "millisecond": "2000-03-15 10:20:30.501",
    "microsecond": "2000-03-15 10:20:30.500001",
}  # fmt: skip
# Two times that are as close as can be, with a boundary of the part between them, and how many of the smaller parts' lie there too.
BOUNDARIES = {
    "millennium": "2000-12-31 23:59:59.999999", "century": "2000-12-31 23:59:59.999999", "decade": "1999-12-31 23:59:59.999999",
    "year": "2000-12-31 23:59:59.999999", "quarter": "2000-09-30 23:59:59.999999", "month": "2000-10-31 23:59:59.999999",
    "week": "2000-10-29 23:59:59.999999", "day": "2000-10-30 23:59:59.999999", "hour": "2000-10-30 12:59:59.999999",
    "minute": "2000-10-30 12:30:59.999999", "second": "2000-10-30 12:30:30.999999", "millisecond": "2000-10-30 12:30:30.500999",
    "microsecond": "2000-10-30 12:30:30.500500",
}  # fmt: skip
NAMES = [(part, name) for part, names in PARTS.items() for name in names.split()]
VALUES = [
    ("dateadd('day', 30, date '2008-11-01')", "2008-12-01 00:00:00", "timestamp without time zone"),
    ("dateadd('month', 18, '2008-02-28')", "2009-08-28 00:00:00", "timestamp without time zone"),
    ("dateadd('m', 30, '2008-02-28')", "2008-02-28 00:30:00", "timestamp without time zone"),
    ("dateadd('minute', 5, time '00:58:00')", "01:03:00", "time without time zone"),
    ("dateadd('hour', 12, time '13:24:55')", "01:24:55", "time without time zone"),
    ("dateadd('hour', 2, timetz '13:24:55 PST')", "15:24:55-08", "time with time zone"),
    ("dateadd('month', 1, '2008-04-30')", "2008-05-30 00:00:00", "timestamp without time zone"),
    ("dateadd('month', 1, '2008-01-31')", "2008-02-29 00:00:00", "timestamp without time zone"),
    ("dateadd('month', -1, '2007-03-31')", "2007-02-28 00:00:00", "timestamp without time zone"),
    ("dateadd('month', 12, '2016-02-29')", "2017-02-28 00:00:00", "timestamp without time zone"),
    ("dateadd('year', 1, '2016-02-29')", "2017-03-01 00:00:00", "timestamp without time zone"),
    ("dateadd('year', 4, '2016-02-29 10:00')", "2020-02-29 10:00:00", "timestamp without time zone"),
    ("dateadd('year', -1, date '2016-02-29')", "2015-03-01 00:00:00", "timestamp without time zone"),
    ("dateadd('century', 1, timestamp '2000-02-29')", "2100-03-01 00:00:00", "timestamp without time zone"),
    ("dateadd('us', 1000000000000000, '2000-01-01')", "2031-09-09 01:46:40", "timestamp without time zone"),
    ("dateadd('day', 1, timestamptz '2020-03-08 03:00+00') - timestamptz '2020-03-08 03:00+00'", "23:00:00", "interval"),
    ("dateadd('hour', 24, timestamptz '2020-03-08 03:00+00') - timestamptz '2020-03-08 03:00+00'", "1 day", "interval"),
    ("dateadd('day', 1, NULL::timestamp)", None, "timestamp without time zone"),
    ("dateadd('day', NULL, timestamp '2000-01-01')", None, "timestamp without time zone"),
    ("dateadd(NULL, 1, timestamp '2000-01-01')", None, "timestamp without time zone"),
    ("datediff('week', '2009-01-01', '2009-12-31')", "52", "bigint"),
    ("datediff('hour', '2023-01-01', '2023-01-03 05:04:03')", "53", "bigint"),
    ("datediff('day', date '2009-01-01', date '2009-03-23')", "81", "bigint"),
    ("datediff('day', date '2023-01-04', date '2024-05-04')", "486", "bigint"),
    ("datediff('year', '12-31-2008', '01-01-2009')", "1", "bigint"),
    ("datediff('hour', timestamp '2009-01-01 8:30:00', '2009-01-01 10:00:00')", "2", "bigint"),
    ("datediff('hour', time '8:30:00', '10:00:00')", "2", "bigint"),
    ("datediff('hour', time '20:00:00', time '15:24:45')", "-5", "bigint"),
    ("datediff('minute', time '20:00:00', time '21:00:00')", "60", "bigint"),
    ("datediff('hours', timetz '20:00:00 PST', timetz '00:00:00.5550+00')", "-4", "bigint"),
    ("datediff('hours', timetz '20:00:00 PST', timetz '00:58:00 EST')", "1", "bigint"),
    ("datediff('hour', date '2023-01-01', '2023-01-03 05:04:03')", "53", "bigint"),
    ("datediff('hour', '2023-01-03 05:04:03', date '2023-01-01')", "-53", "bigint"),
    ("datediff('day', date '2023-01-01', timestamp '2023-01-03 05:04:03')", "2", "bigint"),
    ("datediff('s', timestamp '1969-12-31 23:59:59.5', '1970-01-01')", "1", "bigint"),
    ("datediff('us', timestamp '0001-01-01', '9999-12-31 23:59:59.999999')", "315537897599999999", "bigint"),
    ("datediff('day', timestamptz '2020-01-01 04:30+00', timestamptz '2020-01-01 05:30+00')", "1", "bigint"),
    ("datediff('day', NULL::date, date '2020-01-01')", None, "bigint"),
    ("datediff('hour', timestamp '2020-01-01', NULL)", None, "bigint"),
    ("datediff(NULL, timestamp '2020-01-01', '2020-01-02')", None, "bigint"),
    ("convert_timezone('PST', timestamp '2008-08-24 09:36:12')", "2008-08-24 01:36:12", "timestamp without time zone"),
    ("convert_timezone('US/Pacific', timestamp '2008-08-24 09:36:12')", "2008-08-24 02:36:12", "timestamp without time zone"),
    ("convert_timezone('EST', 'PST', '20080305 12:25:29')", "2008-03-05 09:25:29", "timestamp without time zone"),
    ("convert_timezone('America/New_York', '2013-02-01 08:00:00')", "2013-02-01 03:00:00", "timestamp without time zone"),
    ("convert_timezone('America/New_York', '2013-06-01 08:00:00')", "2013-06-01 04:00:00", "timestamp without time zone"),
    ("convert_timezone('GMT', 'NEWZONE +2', '2014-05-17 12:00:00')", "2014-05-17 10:00:00", "timestamp without time zone"),
    ("convert_timezone('GMT', 'NEWZONE-2:15', '2014-05-17 12:00:00')", "2014-05-17 14:15:00", "timestamp without time zone"),
    ("convert_timezone('GMT', 'America/Los_Angeles+2', '2014-05-17 12:00:00')", "2014-05-17 10:00:00", "timestamp without time zone"),
    ("convert_timezone('GMT', 'GMT+2', '2014-05-17 12:00:00')", "2014-05-17 10:00:00", "timestamp without time zone"),
    ("convert_timezone('UTC', date '2020-01-01')", "2020-01-01 00:00:00", "timestamp without time zone"),
    ("convert_timezone('UTC', NULL)", None, "timestamp without time zone"),
]  # fmt: skip


@pytest.mark.parametrize("expression, expected, kind", VALUES)
def test_values_and_types(database, expression, expected, kind):  # noqa: F811
    database.execute("SET timezone = 'America/New_York'; SET datestyle = 'ISO, MDY'")
    assert database.execute("SELECT (%s)::text, pg_typeof(%s)::text" % (expression, expression)).fetchone() == (expected, kind)


@pytest.mark.parametrize("part, name", NAMES)
def test_every_name_of_a_part(database, part, name):  # noqa: F811
    for spelled in (name, name.upper(), " %s " % name):
        assert value(database, "SELECT dateadd(%s, 1, timestamp '2000-03-15 10:20:30.5')::text", spelled) == LATER[part]


def test_names_of_parts_in_a_turkish_database(admin, server):
    """There the small letter of I is one without a dot."""
    if admin.info.server_version < 150000 or not value(admin, "SELECT count(*) FROM pg_collation WHERE collname = 'tr-x-icu'"):
        pytest.skip("no database with the rules of ICU")
    admin.execute("CREATE DATABASE turkish LOCALE_PROVIDER icu ICU_LOCALE 'tr' TEMPLATE template0")
    try:
        with server.connect("awsuser", "turkish") as turkish:
            turkish.execute("CREATE EXTENSION redshift_sessions_extras")
            assert value(turkish, "SELECT lower('MINUTE') <> 'minute'") is True
            for part, name in NAMES:
                assert value(turkish, "SELECT dateadd(%s, 1, timestamp '2000-03-15 10:20:30.5')::text", name.upper()) == LATER[part], name
    finally:
        admin.execute("DROP DATABASE turkish WITH (FORCE)")


@pytest.mark.parametrize("part", PARTS)
def test_boundaries_are_counted(database, part):  # noqa: F811
    """Across the boundary it is one, however near; up to it none; and backwards it is minus one."""
    query = "SELECT datediff(%s, t, t + step), datediff(%s, t + step, t), datediff(%s, t - step, t) FROM CAST(%s AS timestamp) t, CAST('1 us' AS interval) step"
    before = 1 if part == "microsecond" else 0
    assert database.execute(query, (part, part, part, BOUNDARIES[part])).fetchone() == (1, -1, before)


@pytest.mark.parametrize("part", PARTS)
def test_a_part_that_is_added_is_a_difference_of_one(database, part):  # noqa: F811
    query = "SELECT datediff(%s, t, dateadd(%s, n, t)) FROM CAST('2000-03-15 10:20:30.5' AS timestamp) t, generate_series(-1, 2) n"
    assert [n for (n,) in database.execute(query, (part, part))] == [-1, 0, 1, 2]


@pytest.mark.parametrize("call", ["dateadd('fortnight', 1, getdate())", "datediff('fortnight', getdate(), getdate())", "dateadd('', 1, time '1:00')"])
def test_a_part_that_does_not_exist(database, call):  # noqa: F811
    with pytest.raises(psycopg.errors.InvalidParameterValue, match='^date part "(fortnight)?" not recognized') as error:
        database.execute("SELECT " + call)
    assert "millennium, century" in error.value.diag.message_hint


@pytest.mark.parametrize("call", ["dateadd('day', 1, time '1:00')", "datediff('d', time '1:00', time '2:00')", "datediff('year', timetz '1:00', timetz '2:00')"])
def test_a_time_of_day_has_no_days(database, call):  # noqa: F811
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="a time of day has no date part|not recognized"):
        database.execute("SELECT " + call)


def test_getdate_is_the_start_of_the_statement_in_the_sessions_zone(database):  # noqa: F811
    for zone in ("UTC", "Asia/Kolkata"):
        database.execute("SET timezone = '%s'" % zone)
        query = "SELECT getdate() = date_trunc('second', statement_timestamp() AT TIME ZONE '%s'), pg_typeof(getdate())::text" % zone
        assert database.execute(query).fetchone() == (True, "timestamp without time zone")
    # Within a transaction it goes on.
    query = "SELECT getdate() = date_trunc('second', statement_timestamp()::timestamp), statement_timestamp() > transaction_timestamp()"
    with database.transaction():
        database.execute("SELECT 1")
        assert database.execute(query).fetchone() == (True, True)


def test_a_constant_part_costs_nothing_at_run_time(database):  # noqa: F811
    """What is left of it in the plan is what one would write by hand."""
    plan = " ".join(line for (line,) in database.execute(
        "EXPLAIN (VERBOSE, COSTS OFF) SELECT datediff('day', t, t), dateadd('hour', 1, t) FROM (SELECT getdate() + make_interval(secs => g) AS t FROM generate_series(1, 2) g OFFSET 0) x"
    ))  # fmt: skip
    assert "step" not in plan and "datediff" not in plan and "dateadd" not in plan, plan
