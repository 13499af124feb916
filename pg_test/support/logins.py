"""Logging in with a password, with each driver that the tests have; each returns who is logged in."""

import asyncio
import os
import subprocess

import asyncpg
import pg8000.dbapi
import psycopg
import psycopg2
import redshift_connector
import sqlalchemy

from conftest import ROOT, Server
from protocol import JDBC, ODBC, Raw


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
