-- Page LISTAGG, without WITHIN GROUP: PostgreSQL's parser takes that for another kind of aggregate.
-- NULL and empty strings are left out; longer than 65,535 bytes is an error.
CREATE FUNCTION redshift_sessions_extras.listagg_add(list pg_catalog.text, value pg_catalog.text, delimiter pg_catalog.text)
    RETURNS pg_catalog.text
    LANGUAGE plpgsql
    IMMUTABLE
    PARALLEL SAFE
    AS $listagg_add$
BEGIN
    IF value IS NULL OR pg_catalog.octet_length(value) OPERATOR(pg_catalog.=) 0 THEN
        RETURN list;
    END IF;
    IF list IS NOT NULL THEN
        value := pg_catalog.concat(list, delimiter, value);
    END IF;
    IF pg_catalog.octet_length(value) OPERATOR(pg_catalog.>) 65535 THEN
        RAISE EXCEPTION USING ERRCODE = 'program_limit_exceeded', MESSAGE = 'Result size exceeds LISTAGG limit';
    END IF;
    RETURN value;
END
$listagg_add$;

COMMENT ON FUNCTION redshift_sessions_extras.listagg_add(pg_catalog.text, pg_catalog.text, pg_catalog.text) IS
    'A list of listagg with one more string';

GRANT EXECUTE ON FUNCTION redshift_sessions_extras.listagg_add(pg_catalog.text, pg_catalog.text, pg_catalog.text) TO PUBLIC;

CREATE FUNCTION redshift_sessions_extras.listagg_add(list pg_catalog.text, value pg_catalog.text)
    RETURNS pg_catalog.text
    LANGUAGE plpgsql
    IMMUTABLE
    PARALLEL SAFE
    AS 'BEGIN RETURN redshift_sessions_extras.listagg_add(list, value, NULL::pg_catalog.text); END';

COMMENT ON FUNCTION redshift_sessions_extras.listagg_add(pg_catalog.text, pg_catalog.text) IS
    'A list of listagg without delimiter, with one more string';

GRANT EXECUTE ON FUNCTION redshift_sessions_extras.listagg_add(pg_catalog.text, pg_catalog.text) TO PUBLIC;

-- Values of other types as text, which may depend on settings such as DateStyle.
CREATE FUNCTION redshift_sessions_extras.listagg_add_any(list pg_catalog.text, value pg_catalog.anyelement, delimiter pg_catalog.text)
    RETURNS pg_catalog.text
    LANGUAGE plpgsql
    STABLE
    PARALLEL SAFE
    AS 'BEGIN RETURN redshift_sessions_extras.listagg_add(list, value::pg_catalog.text, delimiter); END';

COMMENT ON FUNCTION redshift_sessions_extras.listagg_add_any(pg_catalog.text, pg_catalog.anyelement, pg_catalog.text) IS
    'A list of listagg with one more value';

GRANT EXECUTE ON FUNCTION redshift_sessions_extras.listagg_add_any(pg_catalog.text, pg_catalog.anyelement, pg_catalog.text) TO PUBLIC;

CREATE FUNCTION redshift_sessions_extras.listagg_add_any(list pg_catalog.text, value pg_catalog.anyelement)
    RETURNS pg_catalog.text
    LANGUAGE plpgsql
    STABLE
    PARALLEL SAFE
    AS 'BEGIN RETURN redshift_sessions_extras.listagg_add(list, value::pg_catalog.text, NULL::pg_catalog.text); END';

COMMENT ON FUNCTION redshift_sessions_extras.listagg_add_any(pg_catalog.text, pg_catalog.anyelement) IS
    'A list of listagg without delimiter, with one more value';

GRANT EXECUTE ON FUNCTION redshift_sessions_extras.listagg_add_any(pg_catalog.text, pg_catalog.anyelement) TO PUBLIC;

CREATE AGGREGATE pg_catalog.listagg(pg_catalog.text, pg_catalog.text) (
    SFUNC = redshift_sessions_extras.listagg_add,
    STYPE = pg_catalog.text,
    PARALLEL = SAFE);

COMMENT ON AGGREGATE pg_catalog.listagg(pg_catalog.text, pg_catalog.text) IS 'The values, with a delimiter between them';

GRANT EXECUTE ON FUNCTION pg_catalog.listagg(pg_catalog.text, pg_catalog.text) TO PUBLIC;

CREATE AGGREGATE pg_catalog.listagg(pg_catalog.text) (
    SFUNC = redshift_sessions_extras.listagg_add,
    STYPE = pg_catalog.text,
    PARALLEL = SAFE);

COMMENT ON AGGREGATE pg_catalog.listagg(pg_catalog.text) IS 'The values, one after another';

GRANT EXECUTE ON FUNCTION pg_catalog.listagg(pg_catalog.text) TO PUBLIC;

CREATE AGGREGATE pg_catalog.listagg(pg_catalog.anyelement, pg_catalog.text) (
    SFUNC = redshift_sessions_extras.listagg_add_any,
    STYPE = pg_catalog.text,
    PARALLEL = SAFE);

COMMENT ON AGGREGATE pg_catalog.listagg(pg_catalog.anyelement, pg_catalog.text) IS 'The values, with a delimiter between them';

GRANT EXECUTE ON FUNCTION pg_catalog.listagg(pg_catalog.anyelement, pg_catalog.text) TO PUBLIC;

CREATE AGGREGATE pg_catalog.listagg(pg_catalog.anyelement) (
    SFUNC = redshift_sessions_extras.listagg_add_any,
    STYPE = pg_catalog.text,
    PARALLEL = SAFE);

COMMENT ON AGGREGATE pg_catalog.listagg(pg_catalog.anyelement) IS 'The values, one after another';

GRANT EXECUTE ON FUNCTION pg_catalog.listagg(pg_catalog.anyelement) TO PUBLIC;

-- "char", which catalogs have, may be text and any type, and PostgreSQL would not choose.
CREATE AGGREGATE pg_catalog.listagg(pg_catalog."char", pg_catalog.text) (
    SFUNC = redshift_sessions_extras.listagg_add_any,
    STYPE = pg_catalog.text,
    PARALLEL = SAFE);

COMMENT ON AGGREGATE pg_catalog.listagg(pg_catalog."char", pg_catalog.text) IS 'The values, with a delimiter between them';

GRANT EXECUTE ON FUNCTION pg_catalog.listagg(pg_catalog."char", pg_catalog.text) TO PUBLIC;

CREATE AGGREGATE pg_catalog.listagg(pg_catalog."char") (
    SFUNC = redshift_sessions_extras.listagg_add_any,
    STYPE = pg_catalog.text,
    PARALLEL = SAFE);

COMMENT ON AGGREGATE pg_catalog.listagg(pg_catalog."char") IS 'The values, one after another';

GRANT EXECUTE ON FUNCTION pg_catalog.listagg(pg_catalog."char") TO PUBLIC;
