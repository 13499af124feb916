-- In published scripts; no page of Amazon's describes it.
CREATE FUNCTION pg_catalog.isnull(pg_catalog.anycompatible, pg_catalog.anycompatible)
    RETURNS pg_catalog.anycompatible
    LANGUAGE sql
    IMMUTABLE
    PARALLEL SAFE
    AS 'SELECT coalesce($1, $2)';

COMMENT ON FUNCTION pg_catalog.isnull(pg_catalog.anycompatible, pg_catalog.anycompatible) IS 'The second argument if the first is NULL, else the first';

GRANT EXECUTE ON FUNCTION pg_catalog.isnull(pg_catalog.anycompatible, pg_catalog.anycompatible) TO PUBLIC;
