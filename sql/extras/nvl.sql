-- Page NVL: a synonym of COALESCE, whose arguments are evaluated only as far as needed. PostgreSQL
-- inlines the functions with up to eight arguments, so that the same is true here. A longer list is
-- one array, whose elements are all evaluated.

CREATE FUNCTION pg_catalog.nvl(pg_catalog.anycompatible, pg_catalog.anycompatible)
    RETURNS pg_catalog.anycompatible
    LANGUAGE sql
    IMMUTABLE
    PARALLEL SAFE
    AS 'SELECT coalesce($1, $2)';

COMMENT ON FUNCTION pg_catalog.nvl(pg_catalog.anycompatible, pg_catalog.anycompatible) IS 'The first of the arguments that is not NULL';

GRANT EXECUTE ON FUNCTION pg_catalog.nvl(pg_catalog.anycompatible, pg_catalog.anycompatible) TO PUBLIC;

CREATE FUNCTION pg_catalog.nvl(pg_catalog.anycompatible, pg_catalog.anycompatible, pg_catalog.anycompatible)
    RETURNS pg_catalog.anycompatible
    LANGUAGE sql
    IMMUTABLE
    PARALLEL SAFE
    AS 'SELECT coalesce($1, $2, $3)';

COMMENT ON FUNCTION pg_catalog.nvl(pg_catalog.anycompatible, pg_catalog.anycompatible, pg_catalog.anycompatible) IS 'The first of the arguments that is not NULL';

GRANT EXECUTE ON FUNCTION pg_catalog.nvl(pg_catalog.anycompatible, pg_catalog.anycompatible, pg_catalog.anycompatible) TO PUBLIC;

CREATE FUNCTION pg_catalog.nvl(pg_catalog.anycompatible, pg_catalog.anycompatible, pg_catalog.anycompatible, pg_catalog.anycompatible)
    RETURNS pg_catalog.anycompatible
    LANGUAGE sql
    IMMUTABLE
    PARALLEL SAFE
    AS 'SELECT coalesce($1, $2, $3, $4)';

COMMENT ON FUNCTION pg_catalog.nvl(pg_catalog.anycompatible, pg_catalog.anycompatible, pg_catalog.anycompatible, pg_catalog.anycompatible) IS 'The first of the arguments that is not NULL';

GRANT EXECUTE ON FUNCTION pg_catalog.nvl(pg_catalog.anycompatible, pg_catalog.anycompatible, pg_catalog.anycompatible, pg_catalog.anycompatible) TO PUBLIC;

CREATE FUNCTION pg_catalog.nvl(pg_catalog.anycompatible, pg_catalog.anycompatible, pg_catalog.anycompatible, pg_catalog.anycompatible, pg_catalog.anycompatible)
    RETURNS pg_catalog.anycompatible
    LANGUAGE sql
    IMMUTABLE
    PARALLEL SAFE
    AS 'SELECT coalesce($1, $2, $3, $4, $5)';

COMMENT ON FUNCTION pg_catalog.nvl(pg_catalog.anycompatible, pg_catalog.anycompatible, pg_catalog.anycompatible, pg_catalog.anycompatible, pg_catalog.anycompatible) IS 'The first of the arguments that is not NULL';

GRANT EXECUTE ON FUNCTION pg_catalog.nvl(pg_catalog.anycompatible, pg_catalog.anycompatible, pg_catalog.anycompatible, pg_catalog.anycompatible, pg_catalog.anycompatible) TO PUBLIC;

CREATE FUNCTION pg_catalog.nvl(pg_catalog.anycompatible, pg_catalog.anycompatible, pg_catalog.anycompatible, pg_catalog.anycompatible, pg_catalog.anycompatible, pg_catalog.anycompatible)
    RETURNS pg_catalog.anycompatible
    LANGUAGE sql
    IMMUTABLE
    PARALLEL SAFE
    AS 'SELECT coalesce($1, $2, $3, $4, $5, $6)';

COMMENT ON FUNCTION pg_catalog.nvl(pg_catalog.anycompatible, pg_catalog.anycompatible, pg_catalog.anycompatible, pg_catalog.anycompatible, pg_catalog.anycompatible, pg_catalog.anycompatible) IS 'The first of the arguments that is not NULL';

GRANT EXECUTE ON FUNCTION pg_catalog.nvl(pg_catalog.anycompatible, pg_catalog.anycompatible, pg_catalog.anycompatible, pg_catalog.anycompatible, pg_catalog.anycompatible, pg_catalog.anycompatible) TO PUBLIC;

CREATE FUNCTION pg_catalog.nvl(pg_catalog.anycompatible, pg_catalog.anycompatible, pg_catalog.anycompatible, pg_catalog.anycompatible, pg_catalog.anycompatible, pg_catalog.anycompatible, pg_catalog.anycompatible)
    RETURNS pg_catalog.anycompatible
    LANGUAGE sql
    IMMUTABLE
    PARALLEL SAFE
    AS 'SELECT coalesce($1, $2, $3, $4, $5, $6, $7)';

COMMENT ON FUNCTION pg_catalog.nvl(pg_catalog.anycompatible, pg_catalog.anycompatible, pg_catalog.anycompatible, pg_catalog.anycompatible, pg_catalog.anycompatible, pg_catalog.anycompatible, pg_catalog.anycompatible) IS 'The first of the arguments that is not NULL';

GRANT EXECUTE ON FUNCTION pg_catalog.nvl(pg_catalog.anycompatible, pg_catalog.anycompatible, pg_catalog.anycompatible, pg_catalog.anycompatible, pg_catalog.anycompatible, pg_catalog.anycompatible, pg_catalog.anycompatible) TO PUBLIC;

CREATE FUNCTION pg_catalog.nvl(pg_catalog.anycompatible, pg_catalog.anycompatible, pg_catalog.anycompatible, pg_catalog.anycompatible, pg_catalog.anycompatible, pg_catalog.anycompatible, pg_catalog.anycompatible, pg_catalog.anycompatible)
    RETURNS pg_catalog.anycompatible
    LANGUAGE sql
    IMMUTABLE
    PARALLEL SAFE
    AS 'SELECT coalesce($1, $2, $3, $4, $5, $6, $7, $8)';

COMMENT ON FUNCTION pg_catalog.nvl(pg_catalog.anycompatible, pg_catalog.anycompatible, pg_catalog.anycompatible, pg_catalog.anycompatible, pg_catalog.anycompatible, pg_catalog.anycompatible, pg_catalog.anycompatible, pg_catalog.anycompatible) IS 'The first of the arguments that is not NULL';

GRANT EXECUTE ON FUNCTION pg_catalog.nvl(pg_catalog.anycompatible, pg_catalog.anycompatible, pg_catalog.anycompatible, pg_catalog.anycompatible, pg_catalog.anycompatible, pg_catalog.anycompatible, pg_catalog.anycompatible, pg_catalog.anycompatible) TO PUBLIC;

CREATE FUNCTION pg_catalog.nvl(pg_catalog.anycompatible, pg_catalog.anycompatible, pg_catalog.anycompatible, pg_catalog.anycompatible, pg_catalog.anycompatible, pg_catalog.anycompatible, pg_catalog.anycompatible, pg_catalog.anycompatible, VARIADIC pg_catalog.anycompatiblearray)
    RETURNS pg_catalog.anycompatible
    LANGUAGE sql
    IMMUTABLE
    PARALLEL SAFE
    AS 'SELECT coalesce($1, $2, $3, $4, $5, $6, $7, $8,
        (SELECT list.item FROM pg_catalog.unnest($9) WITH ORDINALITY AS list(item, place)
         WHERE list.item IS NOT NULL ORDER BY list.place LIMIT 1))';

COMMENT ON FUNCTION pg_catalog.nvl(pg_catalog.anycompatible, pg_catalog.anycompatible, pg_catalog.anycompatible, pg_catalog.anycompatible, pg_catalog.anycompatible, pg_catalog.anycompatible, pg_catalog.anycompatible, pg_catalog.anycompatible, VARIADIC pg_catalog.anycompatiblearray) IS 'The first of the arguments that is not NULL';

GRANT EXECUTE ON FUNCTION pg_catalog.nvl(pg_catalog.anycompatible, pg_catalog.anycompatible, pg_catalog.anycompatible, pg_catalog.anycompatible, pg_catalog.anycompatible, pg_catalog.anycompatible, pg_catalog.anycompatible, pg_catalog.anycompatible, VARIADIC pg_catalog.anycompatiblearray) TO PUBLIC;
