-- Page GETDATE: start of the current statement, in the session's time zone; its samples have whole
-- seconds.
CREATE FUNCTION pg_catalog.getdate()
    RETURNS pg_catalog.timestamp
    LANGUAGE sql
    STABLE
    PARALLEL SAFE
    RETURN pg_catalog.date_trunc('second', pg_catalog.statement_timestamp()::pg_catalog.timestamp);

COMMENT ON FUNCTION pg_catalog.getdate() IS 'Start of the statement, in whole seconds, in the time zone of the session';

GRANT EXECUTE ON FUNCTION pg_catalog.getdate() TO PUBLIC;
