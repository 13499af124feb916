"""Which driver can log in with a password, by what pg_hba.conf asks for and how the password is stored."""

import asyncio
import os
import re
import subprocess

import asyncpg
import pg8000.dbapi
import psycopg
import psycopg2
import pytest
import redshift_connector
import sqlalchemy

from conftest import EVERYTHING, ROOT, Server
from protocol import Raw
from test_drivers import JDBC, ODBC

PASSWORD = "sécret"
# The method of pg_hba.conf, and how the password is stored; one role each.
WAYS = [("trust", None), ("password", "scram-sha-256"), ("password", "md5"), ("md5", "md5"), ("md5", "scram-sha-256"), ("scram-sha-256", "scram-sha-256")]
USERS = {way: "user_%d" % number for number, way in enumerate(WAYS)}
# With what the server then asks for: method md5 asks for SCRAM if that is how the password is stored.
SCRAM = {("md5", "scram-sha-256"), ("scram-sha-256", "scram-sha-256")}


async def asyncpg_session(**options):
    connection = await asyncpg.connect(**options)
    user = await connection.fetchval("SELECT current_user")
    await connection.close()
    return user


def ask(connect, **options):
    connection = connect(**options)
    try:
        cursor = connection.cursor()
        cursor.execute("SELECT current_user")
        return cursor.fetchone()[0]
    finally:
        connection.close()


def engine(dialect, **arguments):
    def login(host, port, user, password):
        url = sqlalchemy.engine.URL.create(dialect, user, password, host, port, "dev")
        made = sqlalchemy.create_engine(url, connect_args=arguments, poolclass=sqlalchemy.pool.NullPool)
        with made.connect() as connection:
            return connection.execute(sqlalchemy.text("SELECT current_user")).scalar()

    return login


def node(host, port, user, password):
    program = 'const { Client } = require("pg"); const c = new Client(); c.connect().then(() => c.query("SELECT current_user AS u")).then((r) => { console.log(r.rows[0].u); return c.end(); })'
    settings = {"PGHOST": host, "PGPORT": str(port), "PGUSER": user, "PGPASSWORD": password, "PGDATABASE": "dev"}
    environment = {**os.environ, **settings, "NODE_PATH": str(Server.tests_directory() / "node/node_modules")}
    run = subprocess.run(["node", "-e", program], cwd=ROOT, env=environment, text=True, capture_output=True)
    if run.returncode:
        raise ConnectionError(run.stderr)
    return run.stdout.strip()


def startup_packet(parameters):
    def login(host, port, user, password):
        session = Raw(port, password, **parameters, user=user)
        try:
            return session.value("SELECT current_user")
        finally:
            session.close()

    return login


DRIVERS = {
    "redshift_connector": lambda **options: ask(redshift_connector.connect, database="dev", ssl=False, **options),
    "sqlalchemy-redshift with redshift_connector": engine("redshift+redshift_connector", ssl=False),
    "sqlalchemy-redshift with psycopg2": engine("redshift+psycopg2", sslmode="disable"),
    "psycopg": lambda **options: ask(psycopg.connect, dbname="dev", **options),
    "psycopg2": lambda **options: ask(psycopg2.connect, dbname="dev", **options),
    "pg8000": lambda **options: ask(pg8000.dbapi.connect, database="dev", **options),
    "asyncpg": lambda **options: asyncio.run(asyncpg_session(database="dev", ssl=False, **options)),
    "node's pg": node,
    "JDBC's packets": startup_packet(JDBC),
    "ODBC's packets": startup_packet(ODBC),
}
# Who cannot do SCRAM, and what it says.
WITHOUT_SCRAM = {
    "redshift_connector": "The mechanism name is not supported",
    "sqlalchemy-redshift with redshift_connector": "The mechanism name is not supported",
    "JDBC's packets": "authentication request 10",
    "ODBC's packets": "authentication request 10",
}


@pytest.fixture(scope="module")
def guarded():
    server = Server("passwords", EVERYTHING)
    with server.connect() as admin:
        for (_, stored), user in USERS.items():
            admin.execute("SET password_encryption = '%s'" % (stored or "scram-sha-256"))
            admin.execute("CREATE ROLE %s LOGIN PASSWORD '%s'" % (user, PASSWORD))
        warnings = [notice.message_primary for notice in admin.notices]
    hba = server.directory() / "data/pg_hba.conf"
    hba.write_text("".join("host all %s 127.0.0.1/32 %s\n" % (user, method) for (method, _), user in USERS.items()) + hba.read_text())
    server.restart(EVERYTHING)
    yield server, warnings
    server.remove()


@pytest.mark.parametrize("way", WAYS, ids=lambda way: "%s, stored as %s" % way)
@pytest.mark.parametrize("driver", DRIVERS)
def test_who_can_log_in(guarded, driver, way):
    server, _ = guarded
    options = {"host": "127.0.0.1", "port": server.port, "user": USERS[way], "password": PASSWORD}
    if way in SCRAM and driver in WITHOUT_SCRAM:
        with pytest.raises(Exception) as refused:
            DRIVERS[driver](**options)
        assert WITHOUT_SCRAM[driver] in "%r" % refused.value
        return
    assert DRIVERS[driver](**options) == USERS[way]
    if way[0] != "trust":
        with pytest.raises(Exception) as refused:
            DRIVERS[driver](**{**options, "password": "wrong"})
        assert "password authentication failed" in "%s" % refused.value


def test_a_password_that_is_stored_as_md5_warns_from_18_on(guarded):
    server, warnings = guarded
    assert warnings == (["setting an MD5-encrypted password"] * 2 if server.version() >= 18 else [])


def test_the_document_says_the_same():
    passwords = (ROOT / "docs/reference.md").read_text().split("\n### Passwords\n")[1].split("\n#")[0]
    rows = [tuple(cell.strip() for cell in row.strip("|").split("|")) for row in re.findall(r"^\|.*", passwords, re.MULTILINE)[2:]]
    assert rows == [(method, stored or "any", "no" if (method, stored) in SCRAM else "yes", "yes") for method, stored in WAYS]
    assert "`%s`" % WITHOUT_SCRAM["redshift_connector"] in passwords
