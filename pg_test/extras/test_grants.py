"""svv_user_grants and svv_relation_privileges: what was granted, and who sees it."""

import pytest

from conftest import check_columns, value
from extras import database, extras  # noqa: F401, fixtures

USER_GRANTS = [("user_id", "integer"), ("user_name", "text"), ("role_id", "integer"), ("role_name", "text"), ("admin_option", "boolean")]
PRIVILEGES = [("namespace_name", "text"), ("relation_name", "text"), ("privilege_type", "text"), ("identity_id", "integer"), ("identity_name", "text"),
              ("identity_type", "text"), ("admin_option", "boolean")]  # fmt: skip


def oid(database, role):  # noqa: F811
    return value(database, "SELECT oid::int FROM pg_roles WHERE rolname = %s", role)


def test_columns(database):  # noqa: F811
    check_columns(database, "svv_user_grants", USER_GRANTS)
    check_columns(database, "svv_relation_privileges", PRIVILEGES)


@pytest.fixture
def roles(database):  # noqa: F811
    database.execute("CREATE ROLE role1; CREATE ROLE role2; GRANT role1 TO alice; GRANT role2 TO alice WITH ADMIN OPTION; GRANT role1 TO bob; GRANT role1 TO role2")
    yield
    database.execute("DROP OWNED BY role1, role2; DROP ROLE role1, role2")


def test_roles_of_users(database, login, extras, roles):  # noqa: F811
    """What was granted to users, not to roles; each user's own, and all for superusers."""
    query = "SELECT * FROM svv_user_grants WHERE role_name LIKE 'role_' ORDER BY user_name, role_name"
    of_alice = [(oid(database, "alice"), "alice", oid(database, "role1"), "role1", False), (oid(database, "alice"), "alice", oid(database, "role2"), "role2", True)]
    of_bob = [(oid(database, "bob"), "bob", oid(database, "role1"), "role1", False)]
    assert database.execute(query).fetchall() == of_alice + of_bob
    assert login("alice", extras).execute(query).fetchall() == of_alice
    assert login("bob", extras).execute(query).fetchall() == of_bob
    assert login("reader", extras).execute(query).fetchall() == []
    database.execute("SET ROLE bob")
    assert database.execute(query).fetchall() == of_bob
    database.execute("RESET ROLE")


def test_a_role_that_two_have_granted_is_one_row(database, login, extras, roles):  # noqa: F811
    """Possible since PostgreSQL 16."""
    login("alice", extras).execute("GRANT role2 TO bob")
    database.execute("GRANT role2 TO bob WITH ADMIN OPTION")
    assert database.execute("SELECT admin_option FROM svv_user_grants WHERE user_name = 'bob' AND role_name = 'role2'").fetchall() == [(True,)]


def test_privileges_on_tables(database, login, extras, roles):  # noqa: F811
    """Not the owner's own, not those that Redshift does not have; a regular user's, and those on its own tables."""
    alice, bob = login("alice", extras), login("bob", extras)
    alice.execute("CREATE TABLE orders (id int); CREATE VIEW seen AS SELECT 1 AS one")
    alice.execute("GRANT SELECT, INSERT, TRUNCATE ON orders TO bob; GRANT UPDATE ON orders TO bob WITH GRANT OPTION; GRANT DELETE ON orders TO role1; GRANT SELECT ON seen TO PUBLIC")
    query = "SELECT * FROM svv_relation_privileges WHERE relation_name IN ('orders', 'seen') ORDER BY relation_name, privilege_type"
    of_role = [("public", "orders", "DELETE", oid(database, "role1"), "role1", "role", False)]
    of_bob = [("public", "orders", kind, oid(database, "bob"), "bob", "user", kind == "UPDATE") for kind in ("INSERT", "SELECT", "UPDATE")]
    of_all = [("public", "seen", "SELECT", 0, "public", "public", False)]
    assert database.execute(query).fetchall() == of_role + of_bob + of_all
    assert login("reader", extras).execute(query).fetchall() == of_role + of_bob + of_all
    assert alice.execute(query).fetchall() == of_role + of_bob + of_all
    assert bob.execute(query).fetchall() == of_role + of_bob + of_all, "a member of role1"
    assert login("canceller", extras).execute(query).fetchall() == of_all
    alice.execute("DROP VIEW seen; DROP TABLE orders")
