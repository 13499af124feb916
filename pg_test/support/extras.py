"""A database that has both extensions, for the tests of redshift_sessions_extras."""

import pytest

NAME = "redshift_sessions_extras"


@pytest.fixture(scope="module")
def extras(server):
    """Its name."""
    with server.connect("awsuser", "postgres") as connection:
        connection.execute("CREATE DATABASE extras TEMPLATE template0")
        with server.connect("awsuser", "extras") as database:
            database.execute("CREATE EXTENSION redshift_sessions; CREATE EXTENSION %s" % NAME)
            database.execute("GRANT CREATE ON SCHEMA public TO PUBLIC")
        yield "extras"
        connection.execute("DROP DATABASE extras WITH (FORCE)")


@pytest.fixture
def database(extras, login):
    """A superuser's session there."""
    return login("awsuser", extras)
