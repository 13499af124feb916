-- dbt asks for it, and PostgreSQL has it since 15. Before, this is the form with two arguments. The
-- first is character varying, so that pg_upgrade can bring it to a server that has the other one.
DO LANGUAGE plpgsql $regexp_substr$
BEGIN
    IF pg_catalog.current_setting('server_version_num')::pg_catalog.int4 OPERATOR(pg_catalog.<) 150000 THEN
        EXECUTE $create$
            CREATE FUNCTION pg_catalog.regexp_substr(pg_catalog.varchar, pg_catalog.text)
                RETURNS pg_catalog.text
                LANGUAGE sql
                IMMUTABLE
                STRICT
                PARALLEL SAFE
                -- In a group of its own, because the value of a pattern with groups is that of its
                -- first one.
                RETURN (pg_catalog.regexp_match($1::pg_catalog.text, '(' || $2 || ')'))[1];

            COMMENT ON FUNCTION pg_catalog.regexp_substr(pg_catalog.varchar, pg_catalog.text) IS
                'The first part of the string that matches';

            GRANT EXECUTE ON FUNCTION pg_catalog.regexp_substr(pg_catalog.varchar, pg_catalog.text) TO PUBLIC
        $create$;
    END IF;
END
$regexp_substr$;
