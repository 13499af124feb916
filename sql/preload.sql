-- Tells whoever runs CREATE EXTENSION what works only with shared_preload_libraries. Leaves nothing
-- behind.
CREATE FUNCTION redshift_sessions.warn_if_not_preloaded()
    RETURNS pg_catalog.void
    LANGUAGE c
    AS 'MODULE_PATHNAME', 'warn_if_not_preloaded_wrapper';

SELECT redshift_sessions.warn_if_not_preloaded();

DROP FUNCTION redshift_sessions.warn_if_not_preloaded();
