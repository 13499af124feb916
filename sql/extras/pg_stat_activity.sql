-- For sessions whose search_path has this schema before pg_catalog: there a bare procpid is found,
-- and SELECT * has the two columns as well.
CREATE VIEW redshift_sessions_extras.pg_stat_activity AS
    SELECT a.*, a.procpid, a.current_query
    FROM pg_catalog.pg_stat_activity AS a;

COMMENT ON VIEW redshift_sessions_extras.pg_stat_activity IS
    'pg_catalog.pg_stat_activity with the columns procpid and current_query of PostgreSQL 8.0';

GRANT SELECT ON redshift_sessions_extras.pg_stat_activity TO PUBLIC;
