"""What could a careless script or view find in somebody else's schema? All of it, each raising an error."""

TYPES = {"int4": "text", "int8": "text", "oid": "text", "bool": "text", "timestamp": "text", "bpchar": "int4", "text": "int4", "record": "int4"}
RELATIONS = ["pg_class", "pg_database", "pg_db_role_setting", "svv_transactions", "stv_locks", "svl_terminate"]
FUNCTIONS = {
    "pg_terminate_backend": ["int4"],
    "pg_cancel_backend": ["int4"],
    "substr": ["text", "int4", "int4"],
    "length": ["text"],
    "current_database": [],
    "generate_series": ["int4", "int4"],
    "sessions": [],
}
OPERATORS = {"=": ["oid", "int4", "name", '"char"'], "<>": ["oid", "int4", "name", '"char"'], "*": ["int4"], "+": ["int4"], "-": ["int4"], "/": ["int4"]}


def set_trap(owner):
    """A schema `evil` of bob's, by somebody who may act for him."""
    owner.execute("CREATE SCHEMA evil AUTHORIZATION bob; GRANT USAGE ON SCHEMA evil TO PUBLIC; SET SESSION AUTHORIZATION bob")
    owner.execute("CREATE FUNCTION evil.caught() RETURNS int LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION $$caught$$; END'")
    for name, base in TYPES.items():
        owner.execute("CREATE DOMAIN evil.%s AS pg_catalog.%s" % (name, base))
    for name in RELATIONS:
        owner.execute("CREATE VIEW evil.%s AS SELECT evil.caught() AS oid; GRANT SELECT ON evil.%s TO PUBLIC" % (name, name))
    for name, arguments in FUNCTIONS.items():
        make(owner, name, arguments, "int")
    for operator, kinds in OPERATORS.items():
        for kind in kinds:
            name = '"%s %s"' % (operator, kind.strip('"'))
            make(owner, name, [kind, kind], "bool")
            arguments = "LEFTARG = pg_catalog.%s, RIGHTARG = pg_catalog.%s" % (kind, kind)
            owner.execute("CREATE OPERATOR evil.%s (%s, FUNCTION = evil.%s)" % (operator, arguments, name))
    owner.execute("RESET SESSION AUTHORIZATION")


def make(owner, name, arguments, result):
    arguments = ", ".join("pg_catalog." + argument for argument in arguments)
    result = "pg_catalog." + {"int": "int4"}.get(result, result)
    owner.execute(
        "CREATE FUNCTION evil.%s(%s) RETURNS %s LANGUAGE sql AS 'SELECT evil.caught()::pg_catalog.%s'"
        % (name, arguments, result, "bool" if result.endswith("bool") else "int4")
    )
