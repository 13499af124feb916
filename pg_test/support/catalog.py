"""What is in the catalog of a database? As text, so that two databases, or one at two times, can be compared."""

# All that an extension owns, and the rules, types and columns that come with it.
OWNED = """
    WITH member AS (
        SELECT d.classid, d.objid FROM pg_depend d
        WHERE d.deptype = 'e' AND d.refclassid = 'pg_extension'::regclass
          AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'redshift_sessions')),
    owned AS (
        SELECT classid, objid FROM member
        UNION SELECT 'pg_extension'::regclass, oid FROM pg_extension WHERE extname = 'redshift_sessions'
        UNION SELECT 'pg_rewrite'::regclass, r.oid FROM pg_rewrite r JOIN member ON objid = r.ev_class AND classid = 'pg_class'::regclass
        UNION SELECT 'pg_type'::regclass, t.oid FROM pg_type t JOIN member ON objid = t.typrelid AND classid = 'pg_class'::regclass
        UNION SELECT 'pg_type'::regclass, t.typarray FROM pg_type t JOIN member ON objid = t.typrelid AND classid = 'pg_class'::regclass)
"""
# What of an extension should be the same however it came to be there. Oids, and what is made of them, are left out; no privileges written
# down are PostgreSQL's default ones.
ASPECTS = {
    "objects": "SELECT pg_describe_object(classid, objid, 0) FROM owned ORDER BY 1",
    "members": "SELECT pg_describe_object(classid, objid, 0) FROM member ORDER BY 1",
    "extension": "SELECT extname, extowner::regrole::text, extnamespace::regnamespace::text, extrelocatable, extversion, extconfig::text, extcondition"
    " FROM pg_extension WHERE extname = 'redshift_sessions'",
    "views": "SELECT c.oid::regclass::text, c.relowner::regrole::text, c.relkind, coalesce(c.relacl, acldefault('r', c.relowner))::text, c.reloptions, pg_get_viewdef(c.oid)"
    " FROM pg_class c JOIN member ON objid = c.oid AND classid = 'pg_class'::regclass ORDER BY 1",
    "columns": "SELECT a.attrelid::regclass::text, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod), a.attacl::text, a.attnotnull,"
    " a.attcollation::regcollation::text FROM pg_attribute a JOIN member ON objid = a.attrelid AND classid = 'pg_class'::regclass ORDER BY 1, 2",
    "functions": "SELECT p.oid::regprocedure::text, p.proowner::regrole::text, coalesce(p.proacl, acldefault('f', p.proowner))::text, CASE WHEN p.prokind <> 'a' THEN pg_get_functiondef(p.oid) END"
    " FROM pg_proc p JOIN member ON objid = p.oid AND classid = 'pg_proc'::regclass ORDER BY 1",
    "schemas": "SELECT n.nspname, n.nspowner::regrole::text, coalesce(n.nspacl, acldefault('n', n.nspowner))::text"
    " FROM pg_namespace n JOIN member ON objid = n.oid AND classid = 'pg_namespace'::regclass ORDER BY 1",
    "comments": "SELECT pg_describe_object(classoid, objoid, objsubid), description"
    " FROM pg_description JOIN owned ON classoid = classid AND objoid = objid ORDER BY 1",
    "initial privileges": "SELECT pg_describe_object(classoid, objoid, objsubid), privtype, initprivs::text"
    " FROM pg_init_privs JOIN owned ON classoid = classid AND objoid = objid"
    " LEFT JOIN pg_class c ON c.oid = objoid AND c.tableoid = classoid LEFT JOIN pg_proc p ON p.oid = objoid AND p.tableoid = classoid"
    " WHERE initprivs IS DISTINCT FROM coalesce(acldefault('r', c.relowner), acldefault('f', p.proowner)) ORDER BY 1",
    "dependencies": "SELECT pg_describe_object(d.classid, d.objid, d.objsubid), pg_describe_object(refclassid, refobjid, refobjsubid), deptype"
    " FROM pg_depend d JOIN owned ON d.classid = owned.classid AND d.objid = owned.objid ORDER BY 1, 2, 3",
}


def of_extension(connection, name="redshift_sessions"):
    query = {aspect: (OWNED + query).replace("'redshift_sessions'", "'%s'" % name) for aspect, query in ASPECTS.items()}
    return {aspect: connection.execute(query[aspect]).fetchall() for aspect in ASPECTS}


def views_of_extension(connection, name="redshift_sessions"):
    return [view for (view, *_) in of_extension(connection, name)["views"]]


def of_database(connection):
    """Every row of every catalog of this database. Of pg_class without what autovacuum writes there."""
    tables = connection.execute(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'pg_catalog'::regnamespace AND NOT relisshared"
        " AND relname NOT IN ('pg_class', 'pg_statistic') ORDER BY 1"
    ).fetchall()
    queries = {name: "SELECT t::text FROM %s t ORDER BY 1" % name for (name,) in tables}
    queries["pg_class"] = "SELECT oid, relname, relnamespace, relowner, relkind, relacl::text, reloptions FROM pg_class ORDER BY 1"
    queries["pg_shdepend"] = (
        "SELECT t::text FROM pg_shdepend t WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) ORDER BY 1"
    )
    queries["pg_db_role_setting"] = "SELECT t::text FROM pg_db_role_setting t ORDER BY 1"
    return {name: connection.execute(query).fetchall() for name, query in queries.items()}
