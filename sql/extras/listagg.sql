-- Page LISTAGG, without WITHIN GROUP: PostgreSQL's parser takes that for another kind of aggregate.
-- NULL and empty strings are left out; longer than 65,535 bytes is an error. One form for all
-- types: beside one for text, PostgreSQL could not choose for types that it casts to text by
-- itself, such as "char". Values of other types as text may depend on settings such as DateStyle.
CREATE FUNCTION redshift_sessions_extras.listagg_add(list pg_catalog.text, value pg_catalog.anycompatible, delimiter pg_catalog.text)
    RETURNS pg_catalog.text
    LANGUAGE plpgsql
    STABLE
    PARALLEL SAFE
    AS $listagg_add$
DECLARE
    item CONSTANT pg_catalog.text := value::pg_catalog.text;
    longer pg_catalog.text := item;
BEGIN
    IF item IS NULL OR pg_catalog.octet_length(item) OPERATOR(pg_catalog.=) 0 THEN
        RETURN list;
    END IF;
    IF list IS NOT NULL THEN
        longer := pg_catalog.concat(list, delimiter, item);
    END IF;
    IF pg_catalog.octet_length(longer) OPERATOR(pg_catalog.>) 65535 THEN
        RAISE EXCEPTION USING ERRCODE = 'program_limit_exceeded', MESSAGE = 'Result size exceeds LISTAGG limit';
    END IF;
    RETURN longer;
END
$listagg_add$;

COMMENT ON FUNCTION redshift_sessions_extras.listagg_add(pg_catalog.text, pg_catalog.anycompatible, pg_catalog.text) IS
    'A list of listagg with one more value';

GRANT EXECUTE ON FUNCTION redshift_sessions_extras.listagg_add(pg_catalog.text, pg_catalog.anycompatible, pg_catalog.text) TO PUBLIC;

CREATE FUNCTION redshift_sessions_extras.listagg_add(list pg_catalog.text, value pg_catalog.anycompatible)
    RETURNS pg_catalog.text
    LANGUAGE plpgsql
    STABLE
    PARALLEL SAFE
    AS 'BEGIN RETURN redshift_sessions_extras.listagg_add(list, value, NULL::pg_catalog.text); END';

COMMENT ON FUNCTION redshift_sessions_extras.listagg_add(pg_catalog.text, pg_catalog.anycompatible) IS
    'A list of listagg without delimiter, with one more value';

GRANT EXECUTE ON FUNCTION redshift_sessions_extras.listagg_add(pg_catalog.text, pg_catalog.anycompatible) TO PUBLIC;

CREATE AGGREGATE pg_catalog.listagg(pg_catalog.anycompatible, pg_catalog.text) (
    SFUNC = redshift_sessions_extras.listagg_add,
    STYPE = pg_catalog.text,
    PARALLEL = SAFE);

COMMENT ON AGGREGATE pg_catalog.listagg(pg_catalog.anycompatible, pg_catalog.text) IS 'The values, with a delimiter between them';

GRANT EXECUTE ON FUNCTION pg_catalog.listagg(pg_catalog.anycompatible, pg_catalog.text) TO PUBLIC;

CREATE AGGREGATE pg_catalog.listagg(pg_catalog.anycompatible) (
    SFUNC = redshift_sessions_extras.listagg_add,
    STYPE = pg_catalog.text,
    PARALLEL = SAFE);

COMMENT ON AGGREGATE pg_catalog.listagg(pg_catalog.anycompatible) IS 'The values, one after another';

GRANT EXECUTE ON FUNCTION pg_catalog.listagg(pg_catalog.anycompatible) TO PUBLIC;
