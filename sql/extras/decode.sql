-- Page DECODE: expression, then pairs of search and result, then perhaps a default; NULL finds
-- NULL. A function must name its arguments' types, so there is one for each number of arguments
-- from 3 to 22 (ten pairs and a default) and for each type in which the expression is compared.
-- Results may have any types that have a common one, as in CASE. anyelement serves what is compared
-- with its own type; the others, which PostgreSQL prefers, serve numbers and strings of different
-- types. Integers are compared as bigint or, up to four bytes, as double precision, both without
-- loss.
DO LANGUAGE plpgsql $decode$
DECLARE
    compared CONSTANT pg_catalog.text[] := '{anyelement,text,int8,numeric,float8}';
    type pg_catalog.text;
    last pg_catalog.int4;
    n pg_catalog.int4;
    arguments pg_catalog.text;
    body pg_catalog.text;
BEGIN
    FOREACH type IN ARRAY compared LOOP
        FOR last IN 3..22 LOOP
            arguments := 'pg_catalog.' OPERATOR(pg_catalog.||) type;
            body := '';
            FOR n IN 2..last LOOP
                IF n OPERATOR(pg_catalog.%) 2 OPERATOR(pg_catalog.=) 0 AND n OPERATOR(pg_catalog.<) last THEN
                    arguments := pg_catalog.format('%s, pg_catalog.%s', arguments, type);
                    -- IS NOT DISTINCT FROM would look for its operator in the caller's search_path.
                    body := pg_catalog.format('%1$s WHEN $1 OPERATOR(pg_catalog.=) $%2$s OR $1 IS NULL AND $%2$s IS NULL THEN $%3$s',
                        body, n, n OPERATOR(pg_catalog.+) 1);
                ELSE
                    arguments := pg_catalog.format('%s, pg_catalog.anycompatible', arguments);
                END IF;
            END LOOP;
            IF last OPERATOR(pg_catalog.%) 2 OPERATOR(pg_catalog.=) 0 THEN
                body := pg_catalog.format('%s ELSE $%s', body, last);
            END IF;
            EXECUTE pg_catalog.format('CREATE FUNCTION pg_catalog.decode(%s) RETURNS pg_catalog.anycompatible'
                ' LANGUAGE sql IMMUTABLE PARALLEL SAFE AS %L', arguments, pg_catalog.format('SELECT CASE%s END', body));
            EXECUTE pg_catalog.format('COMMENT ON FUNCTION pg_catalog.decode(%s) IS %L', arguments,
                'The result that follows the first value that the expression equals');
            EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION pg_catalog.decode(%s) TO PUBLIC', arguments);
        END LOOP;
    END LOOP;
END
$decode$;
