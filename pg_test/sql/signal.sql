-- What the functions answer. No pid here is a session's: the tests with real sessions are in the folders beside this one.
\set VERBOSITY sqlstate
\pset null NULL
-- the examples of Amazon's page
SELECT PG_TERMINATE_BACKEND(-8585);
SELECT PG_CANCEL_BACKEND(-8585);
-- every way to name them
\set VERBOSITY terse
SELECT pg_catalog.pg_terminate_backend(0), redshift_sessions.pg_terminate_backend(0);
SELECT pg_terminate_backend('-1'), pg_terminate_backend(pid => -2);
SELECT pg_terminate_backend(NULL), pg_cancel_backend(NULL), redshift_sessions.pg_terminate_backend(NULL);
PREPARE by_pid AS SELECT pg_terminate_backend($1);
EXECUTE by_pid(-3);
-- a query over many pids runs on, in order
SELECT pid, pg_cancel_backend(pid) FROM generate_series(-2, 0) AS pid ORDER BY pid;
-- inside an expression it stays a boolean
SELECT pg_terminate_backend(0) IS FALSE AS no, bool_or(pg_cancel_backend(0)) AS nor FROM generate_series(1, 2);
SELECT * FROM pg_terminate_backend(0);
SELECT DISTINCT pg_terminate_backend(0);
SELECT pg_terminate_backend(0) UNION ALL SELECT NULL;
-- the form with a timeout
SELECT pg_terminate_backend(0, 10), pg_terminate_backend(pid => 0, timeout => 10);
\set VERBOSITY default
SELECT pg_terminate_backend(0, -10);
-- not an integer
SELECT pg_terminate_backend('x');
\set VERBOSITY terse
SELECT pg_terminate_backend(8589934592);
\set VERBOSITY default
SELECT pg_terminate_backend([8585]);
-- what a call becomes
EXPLAIN (VERBOSE, COSTS OFF) SELECT pg_terminate_backend(pid), pg_cancel_backend(pid) FROM pg_stat_activity LIMIT 0;
-- without the integer, and without the redirection
SET client_min_messages = error;
SET redshift_sessions.integer_result = off;
SELECT pg_terminate_backend(0);
RESET redshift_sessions.integer_result;
SET redshift_sessions.redirect = off;
SELECT pg_terminate_backend(0);
RESET redshift_sessions.redirect;
