-- Page PG_GET_LATE_BINDING_VIEW_COLS. PostgreSQL's parser has no WITH NO SCHEMA BINDING, so there
-- is no late-binding view. Callers name the columns: schema, view, column, its type and its number.
CREATE FUNCTION pg_catalog.pg_get_late_binding_view_cols()
    RETURNS SETOF pg_catalog.record
    LANGUAGE sql
    STABLE
    PARALLEL SAFE
    ROWS 1
    AS 'SELECT NULL::pg_catalog.name, NULL::pg_catalog.name, NULL::pg_catalog.name, NULL::pg_catalog.varchar, NULL::pg_catalog.int4 WHERE false';

COMMENT ON FUNCTION pg_catalog.pg_get_late_binding_view_cols() IS
    'Columns of late-binding views, which PostgreSQL does not have: no rows';

GRANT EXECUTE ON FUNCTION pg_catalog.pg_get_late_binding_view_cols() TO PUBLIC;
