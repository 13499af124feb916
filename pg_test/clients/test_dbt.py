"""dbt-redshift: its connection test, a run, and a run that is stopped by dbt itself."""

import json
import os
import signal
import subprocess

import pytest

from conftest import eventually, value

pytestmark = pytest.mark.once

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
        self.file("models/%s.sql" % name, text)

    def file(self, name, text):
        path = self.directory / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)

    def results(self):
        """Of the last run: status and message of each node, by its name."""
        results = json.loads((self.directory / "target/run_results.json").read_text())["results"]
        return {result["unique_id"].split(".")[2]: (result["status"], result["message"] or "") for result in results}

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
    (pid,) = eventually(lambda: admin.execute(find).fetchone(), 90)  # on a busy machine dbt takes half a minute to start
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=120)
    assert "CANCEL" in output.upper(), output
    # dbt calls pg_terminate_backend for each of its sessions.
    assert admin.execute("SELECT type FROM svl_terminate WHERE pid = %s", (pid,)).fetchall() == [("TERMINATE",)]
    eventually(lambda: value(admin, "SELECT count(*) FROM stl_sessions WHERE process = %s AND timed_out = 3", pid) == 1)


def test_what_dbt_needs_besides(dbt):
    """Without redshift_sessions_extras. A table's second incremental run asks for columns of late-binding views."""
    dbt.model("grows", "{{ config(materialized='incremental') }} select 1 as id")
    assert dbt.run("run")[0] == 0
    code, output = dbt.run("run")
    assert code == 1 and "function pg_get_late_binding_view_cols() does not exist" in output, output


@pytest.fixture
def extras(dbt, admin):
    admin.execute("CREATE EXTENSION redshift_sessions_extras")
    yield
    # First of all what dbt has built on it.
    admin.execute("SELECT pg_terminate_backend(process) FROM stv_sessions WHERE process <> pg_backend_pid()")
    admin.execute("DROP SCHEMA IF EXISTS dbt CASCADE; DROP EXTENSION redshift_sessions_extras")


FRUITS = "id,name,price,picked\n1,apple,1.5,2024-01-31\n2,pear,2.25,2024-02-29\n"
SNAPSHOT = "{%% snapshot %s %%}{{ config(target_schema='dbt', unique_key='id', %s) }} select * from {{ ref('fruits') }}{%% endsnapshot %%}"
FILES = {
    "models/kept.sql": "{{ config(materialized='view') }} select * from {{ ref('fruits') }}",
    "models/built.sql": "{{ config(materialized='table', grants={'select': ['alice']}) }} select id, {{ dbt.length('name') }} as letters from {{ ref('kept') }}",
    "models/agreed.sql": "{{ config(materialized='table') }} select 1 as id, 'x'::varchar as name",
    "models/appended.sql": "{{ config(materialized='incremental', incremental_strategy='append') }} select id from {{ ref('fruits') }}",
    "models/replaced.sql": "{{ config(materialized='incremental', unique_key='id', on_schema_change='append_new_columns') }} select id, {{ dbt.current_timestamp() }} as seen"
    " {% if is_incremental() %}, 'x'::varchar(10) as more {% endif %} from {{ ref('fruits') }}",
    "models/schema.yml": json.dumps({
        "models": [
            {"name": "kept", "description": "all fruits", "config": {"persist_docs": {"relation": True, "columns": True}},
             "columns": [{"name": "id", "description": "its number", "data_tests": ["unique", "not_null"]},
                         {"name": "name", "data_tests": [{"accepted_values": {"arguments": {"values": ["apple", "pear"]}}}]}]},
            {"name": "built", "columns": [{"name": "id", "data_tests": [{"relationships": {"arguments": {"to": "ref('fruits')", "field": "id"}}}]}]},
            {"name": "agreed", "config": {"contract": {"enforced": True}},
             "columns": [{"name": "id", "data_type": "integer", "constraints": [{"type": "not_null"}]}, {"name": "name", "data_type": "varchar"}]},
        ],
        "unit_tests": [{"name": "letters", "model": "built", "given": [{"input": "ref('kept')", "rows": [{"id": 1, "name": "abc"}]}], "expect": {"rows": [{"id": 1, "letters": 3}]}}],
    }),
    "snapshots/checked.sql": SNAPSHOT % ("checked", "strategy='check', check_cols='all'"),
    "snapshots/dated.sql": SNAPSHOT % ("dated", "strategy='timestamp', updated_at='picked'"),
    "tests/none_is_free.sql": "select * from {{ ref('fruits') }} where price <= 0",
}  # fmt: skip


@pytest.mark.timeout(300)  # dbt starts five times
def test_a_whole_project(dbt, admin, extras):
    """Seeds, models of each kind, snapshots, data tests, a unit test and the documentation; then all of it once more with other data."""
    for name, text in FILES.items():
        dbt.file(name, text)
    if admin.info.server_version >= 150000:  # there is no MERGE before
        dbt.model("merged", "{{ config(materialized='incremental', unique_key='id', incremental_strategy='merge') }} select id, name from {{ ref('fruits') }}")
    for price, rows in (("1.5", 2), ("1.75", 3)):
        if rows == 3:  # who has been granted what is read from svv_relation_privileges then
            dbt.file("dbt_project.yml", PROJECT.replace("flags: {", "flags: {redshift_grants_extended: true, "))
        dbt.file("seeds/fruits.csv", FRUITS.replace("1.5", price))
        code, output = dbt.run("build")
        assert code == 0 and " ERROR=0 " in output, output
        assert {status for status, _ in dbt.results().values()} == {"success", "pass"} and len(dbt.results()) >= 13
        assert value(admin, "SELECT count(*) FROM dbt.checked") == rows
    assert value(admin, "SELECT count(*) FROM dbt.appended") == 4
    assert admin.execute("SELECT id, more FROM dbt.replaced ORDER BY 1").fetchall() == [(1, "x"), (2, "x")]
    assert value(admin, "SELECT count(*) FROM dbt.checked WHERE dbt_valid_to IS NOT NULL AND price = 1.5") == 1
    assert admin.execute("SELECT * FROM dbt.built ORDER BY 1").fetchall() == [(1, 5), (2, 4)]
    assert value(admin, "SELECT has_table_privilege('alice', 'dbt.built', 'SELECT')") is True
    eventually(lambda: value(admin, "SELECT count(*) FROM svv_table_info WHERE schema = 'dbt' AND \"table\" IN ('fruits', 'built')") == 2)

    code, output = dbt.run("docs", "generate")
    assert code == 0, output
    catalog = json.loads((dbt.directory / "target/catalog.json").read_text())
    assert catalog["errors"] is None
    nodes = {name.split(".")[2]: node for name, node in catalog["nodes"].items()}
    assert set(nodes) >= {"fruits", "kept", "built", "agreed", "appended", "replaced", "checked", "dated"}
    assert {name: column["type"] for name, column in nodes["built"]["columns"].items()} == {"id": "integer", "letters": "integer"}
    assert nodes["built"]["stats"]["rows"]["value"] == 2 and nodes["built"]["stats"]["diststyle"]["value"] == "AUTO(ALL)"
    assert "rows" not in nodes["kept"]["stats"], "a view"

    code, output = dbt.run("build", "--full-refresh")
    assert code == 0 and " ERROR=0 " in output, output


# Macros of dbt for all databases, as dbt-redshift writes them, and what they give.
MACROS = {
    "dbt.length(\"'abc'\")": 3, "dbt.split_part(\"'a|b'\", \"'|'\", 2)": "b", "dbt.concat([\"'a'\", \"'b'\"])": "ab", "dbt.hash(\"'a'\")": "0cc175b9c0f1b6a831c399e269772661",
    "dbt.safe_cast(\"'1'\", api.Column.translate_type('integer'))": 1, "dbt.cast_bool_to_text('true')": "true", "dbt.position(\"'b'\", \"'abc'\")": 2,
    "dbt.right(\"'abc'\", 2)": "bc", "dbt.replace(\"'abc'\", \"'b'\", \"'x'\")": "axc", "dbt.listagg('x', \"','\")": "y", "dbt.bool_or('true')": True,
    "dbt.date_trunc('month', \"date '2024-02-29'\")": None, "dbt.current_timestamp()": None,
}  # fmt: skip
# What dbt sends that PostgreSQL refuses, and how. docs/extras.md says why.
REFUSED = {
    "late_bound": ("{{ config(materialized='view', bind=False) }} select 1 as id", 'syntax error at or near "no"'),
    "distributed": ("{{ config(materialized='table', dist='even') }} select 1 as id", 'syntax error at or near "diststyle"'),
    "sorted": ("{{ config(materialized='table', sort='id') }} select 1 as id", 'syntax error at or near "compound"'),
    "not_saved": ("{{ config(materialized='table', backup=False) }} select 1 as id", 'syntax error at or near "backup"'),
    "stored": ("{{ config(materialized='materialized_view') }} select 1 as id", 'syntax error at or near "backup"'),
    "later": ("select {{ dbt.dateadd('day', 1, 'getdate()') }} as x", 'column "day" does not exist'),
    "between": ("select {{ dbt.datediff('getdate()', 'getdate()', 'day') }} as x", 'column "day" does not exist'),
    "last": ("select {{ dbt.last_day('getdate()', 'month') }} as x", 'column "day" does not exist'),
    "spanned": ("{{ dbt.date_spine('day', \"'2024-02-01'::date\", \"'2024-03-01'::date\") }}", 'column "day" does not exist'),
    "listed": ("select {{ dbt.listagg('x', \"','\", 'order by x') }} as x from (select 'y' as x) s", "function listagg("),
    "array": ("select {{ dbt.array_construct([1, 2]) }} as x", 'syntax error at or near "1"'),
    "n" * 63: ("{{ config(materialized='table') }} select 1 as id", "already exists"),
}


def test_which_of_dbts_own_statements_work_and_which_do_not(dbt, admin, extras):
    columns = ", ".join("{{ %s }} as m%d" % (macro, n) for n, macro in enumerate(MACROS))
    dbt.model("macros", "{{ config(materialized='table') }} select %s from (select 'y'::text as x) s" % columns)
    for name, (text, _) in REFUSED.items():
        dbt.model(name, text)
    code, output = dbt.run("run")
    results = dbt.results()
    assert results.pop("macros")[0] == "success", output
    row = admin.execute("SELECT * FROM dbt.macros").fetchone()
    assert [(macro, found) for (macro, expected), found in zip(MACROS.items(), row) if expected not in (None, found)] == []
    unexpected = {name: message for name, (status, message) in results.items() if status != "error" or REFUSED[name][1] not in message}
    assert code == 1 and set(results) == set(REFUSED) and unexpected == {}
