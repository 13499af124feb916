"""dbt-redshift: its connection test, a run, and a run that is stopped by dbt itself."""

import json
import os
import signal
import subprocess

import pytest

from conftest import eventually, value

PROJECT = 'name: sessions\nversion: "1.0"\nprofile: sessions\nflags: {send_anonymous_usage_stats: false}\n'
MODELS = {"one": "select 1 as id", "two": "{{ config(materialized='table') }} select id + 1 as id from {{ ref('one') }}"}


class Dbt:
    def __init__(self, server, directory):
        self.processes = []
        self.program, self.directory = server.tests_directory() / "dbt/bin/dbt", directory
        (directory / "dbt_project.yml").write_text(PROJECT)
        target = {"type": "redshift", "host": "127.0.0.1", "port": server.port, "user": "awsuser", "password": "x", "dbname": "dev"}
        target |= {"schema": "dbt", "threads": 2, "sslmode": "disable"}
        (directory / "profiles.yml").write_text(json.dumps({"sessions": {"target": "dev", "outputs": {"dev": target}}}))
        (directory / "models").mkdir()

    def model(self, name, text):
        (self.directory / "models" / (name + ".sql")).write_text(text)

    def start(self, *arguments):
        command = [self.program, "--no-use-colors", *arguments, "--profiles-dir", "."]
        environment = {**os.environ, "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}
        self.processes.append(
            subprocess.Popen(
                command,
                cwd=self.directory,
                env=environment,
                text=True,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                # Whoever runs the tests in the background has them ignore Ctrl-C, and dbt would inherit that.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            )
        )
        return self.processes[-1]

    def run(self, *arguments):
        process = self.start(*arguments)
        output, _ = process.communicate(timeout=120)
        return process.returncode, output


@pytest.fixture
def dbt(server, tmp_path, admin):
    dbt = Dbt(server, tmp_path)
    yield dbt
    for process in dbt.processes:
        process.kill()
    # Whoever a failed test left behind must not stop the next one.
    admin.execute("SELECT pg_terminate_backend(process) FROM stv_sessions WHERE process <> pg_backend_pid()")
    admin.execute("DROP SCHEMA IF EXISTS dbt CASCADE")


def test_debug_and_run(dbt, admin):
    for name, text in MODELS.items():
        dbt.model(name, text)
    code, output = dbt.run("debug")
    assert code == 0 and "All checks passed!" in output, output
    for _ in range(2):  # the second run replaces what the first one made
        code, output = dbt.run("run")
        assert code == 0 and "PASS=2 WARN=0 ERROR=0" in output, output
    assert value(admin, "SELECT id FROM dbt.two") == 2


def test_a_run_that_is_stopped_ends_its_sessions(dbt, admin):
    dbt.model("slow", "{{ config(materialized='table') }} select 1 as id from (select pg_sleep(600)) s")
    process = dbt.start("run")
    find = "SELECT pid FROM stv_recents WHERE query LIKE '%(600)%' AND status = 'Running' AND pid <> pg_backend_pid()"
    (pid,) = eventually(lambda: admin.execute(find).fetchone())
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=120)
    assert "CANCEL" in output.upper(), output
    # dbt calls pg_terminate_backend for each of its sessions.
    assert admin.execute("SELECT type FROM svl_terminate WHERE pid = %s", (pid,)).fetchall() == [("TERMINATE",)]
    eventually(lambda: value(admin, "SELECT count(*) FROM stl_sessions WHERE process = %s AND timed_out = 3", pid) == 1)


def test_what_dbt_needs_besides(dbt):
    """A table's second incremental run asks for columns of late-binding views. When this works, the compatibility page is wrong."""
    dbt.model("grows", "{{ config(materialized='incremental') }} select 1 as id")
    assert dbt.run("run")[0] == 0
    code, output = dbt.run("run")
    assert code == 1 and "function pg_get_late_binding_view_cols() does not exist" in output, output
