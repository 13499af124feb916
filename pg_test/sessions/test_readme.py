"""What README.md shows is what happens."""

import os
import re
import subprocess

import psycopg
import pytest

from conftest import ROOT, free_port, Server, pid_of, value

README = (ROOT / "README.md").read_text()


def blocks(language):
    return re.findall(r"^ *```%s\n(.*?)^ *```$" % language, README, re.DOTALL | re.MULTILINE)


def normalized(text):
    """Without the numbers that differ from run to run, and the padding that follows their width."""
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?", "T", text)
    text = re.sub(r"-?\d{3,}", "N", text)
    text = re.sub(r"-{3,}", "---", text)
    return [re.sub(r" +", " ", line).strip() for line in text.splitlines() if line.strip()]


def test_the_first_example_is_what_make_run_prints():
    port = free_port()
    # As `make run ONCE=1`, without its set-up and build.
    run = subprocess.run(
        [ROOT / "pg_test/demo"], env={**os.environ, "PORT": str(port), "ONCE": "1"}, text=True, capture_output=True
    )
    Server.call("remove", "demo-%d" % port)
    assert run.returncode == 0, run.stdout + run.stderr
    shown, printed = normalized(blocks("console")[0]), normalized(run.stdout)
    assert len(shown) == 17
    start = printed.index(shown[0])
    assert printed[start : start + len(shown)] == shown


def test_the_other_examples(server, login):
    """Each is one statement of psql and its answer, in which 8585 is some session."""
    bindir = server.call("copy").rsplit("/", 1)[0]
    for block in blocks("console")[1:]:
        (prompt, *answer) = block.splitlines()
        statement = re.fullmatch(r"dev=> (.*)", prompt).group(1).replace("8585", str(pid_of(login("alice"))))
        run = subprocess.run([bindir + "/psql", "-X", server.dsn("alice"), "-c", statement], text=True, capture_output=True)
        assert run.stdout.strip("\n").splitlines() == [line.rstrip("\n") for line in answer]


def test_the_lines_of_python_run(server, capsys):
    (lines,) = blocks("python")
    assert len(lines.splitlines()) == 3
    exec(lines.replace("5439", str(server.port)))
    assert capsys.readouterr().out == "([0],)\n"


def test_the_session_parameters_are_listed(admin):
    parameters = "SELECT name FROM pg_settings WHERE extra_desc LIKE 'A parameter of Amazon Redshift%' OR name = 'query_group' ORDER BY name COLLATE \"C\""
    listed = README.split("the others have no effect:")[1].split("## ")[0]
    assert re.findall("`(\\w+)`", listed) == [name for (name,) in admin.execute(parameters)]


def test_the_statements_run(server):
    statements = blocks("sql")
    assert len(statements) == 3
    with server.connect() as session:
        session.execute("DROP EXTENSION redshift_sessions")
        for statement in statements:
            session.execute(statement)


@pytest.mark.parametrize("name", ["redirect", "integer_result", "cancel_text", "driver_server_version", "terminate_log_size", "conflict_log_size", "connection_log_size", "session_log_size", "statement_log_size"])
def test_settings_are_described_as_in_the_server(admin, name):
    name = "redshift_sessions." + name
    setting, context, description = admin.execute(
        "SELECT setting, context, short_desc FROM pg_settings WHERE name = %s", (name,)
    ).fetchone()
    who = {"superuser": "superuser", "user": "any user", "postmaster": "server start", "sighup": "configuration file"}[context]
    assert "| `%s` | %s | %s | %s |" % (name, setting, who, description) in README


def test_messages_are_as_shown(login):
    session = login("alice")
    missing = -8585
    assert value(session, "SELECT pg_terminate_backend(%s)", missing) == 0
    assert session.notices[0].message_primary.replace(str(missing), "8585") in README
    with pytest.raises(psycopg.errors.InsufficientPrivilege) as error:
        session.execute("SELECT pg_terminate_backend(%s)", (pid_of(login("bob")),))
    assert "error 42501: `%s`" % error.value.diag.message_primary in README


def test_the_columns_of_the_other_views_are_as_listed(admin):
    rows = re.findall(r"^\| ((?:st[vl]|svl)_\w+|svv_query_inflight|sys_session_history) \|.*\| (.*) \|$", README, re.MULTILINE)
    assert len(rows) == 11
    for view, listed in rows:
        columns = [re.match(r"\w+", column).group() for column in listed.split(", ")]
        query = "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass ORDER BY attnum"
        assert columns == [name for (name,) in admin.execute(query, ("pg_catalog." + view,))]


def test_the_columns_of_svv_transactions_are_as_listed(admin):
    columns = admin.execute(
        "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute"
        " WHERE attrelid = 'svv_transactions'::regclass ORDER BY attnum"
    ).fetchall()
    table = README.split("### svv_transactions")[1].split("## ")[0]
    listed = re.findall(r"^\| (\w+) \| (\w+) \|", table, re.MULTILINE)[1:]
    assert listed == [(name, kind.replace(" without time zone", "")) for name, kind in columns]
