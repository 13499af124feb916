"""What Amazon's drivers say when they connect, and Redshift's session parameters."""

import psycopg
import pytest

from conftest import NEWEST, EVERYTHING, Server, eventually, pid_of, value
from protocol import JDBC, ODBC, PYTHON, Raw, Refused

IDENTITY = {
    "plugin_name": "IdpTokenAuthPlugin",
    "idp_type": "AwsIdc",
    "provider_name": "somebody",
    "identity_namespace": "a namespace",
    "token_type": "ACCESS_TOKEN",
    "idc_client_display_name": "my client",
}


@pytest.fixture
def raw(server):
    opened = []

    def raw(**parameters):
        opened.append(Raw(server.port, **parameters))
        return opened[-1]

    yield raw
    for session in opened:
        session.close()


@pytest.mark.parametrize("sent", [PYTHON, JDBC, ODBC, {**PYTHON, **IDENTITY}], ids=["python", "jdbc", "odbc", "identity"])
def test_drivers_connect_and_what_they_say_is_kept(raw, admin, sent):
    session = raw(**sent)
    assert session.reported["server_version"] == "8.0.2"
    for name, text in sent.items():
        if name not in ("DateStyle", "application_name"):
            assert session.value("SHOW %s" % name) == text
    pid = int(session.value("SELECT pg_backend_pid()"))
    log = "SELECT DISTINCT trim(driver_version), trim(os_version), trim(plugin_name), protocol_version FROM stl_connection_log WHERE pid = %s AND sessionid IN " + NEWEST
    shown = (sent["driver_version"], sent["os_version"], sent.get("plugin_name", ""), int(sent["client_protocol_version"]))
    assert admin.execute(log, (pid,)).fetchall() == [shown]
    # They are facts about the connection.
    with pytest.raises(Refused, match="cannot be set after connection start"):
        session.query("SET driver_version = 'another'")


def test_everything_else_is_the_true_server(raw, login, admin):
    driver, other = raw(**PYTHON), login("alice")
    for truth in ("version()", "current_setting('server_version_num')"):
        assert driver.value("SELECT " + truth) == value(other, "SELECT " + truth)
    assert value(other, "SHOW server_version") == other.info.parameter_status("server_version") != "8.0.2"
    assert value(other, "SHOW client_protocol_version") == "-1"
    assert value(other, "SHOW driver_version") == ""
    log = "SELECT DISTINCT trim(driver_version), trim(os_version), trim(plugin_name), protocol_version FROM stl_connection_log WHERE pid = %s AND sessionid IN " + NEWEST
    assert admin.execute(log, (pid_of(other),)).fetchall() == [("", "", "", 0)]


def test_what_a_driver_says_is_shown_in_ascii(raw, admin):
    session = raw(**{**PYTHON, "os_version": "x" * 63 + "ä"})  # cut in the middle of the letter
    pid = int(session.value("SELECT pg_backend_pid()"))
    shown = "SELECT DISTINCT trim(os_version) FROM stl_connection_log WHERE pid = %s AND sessionid IN " + NEWEST
    assert admin.execute(shown, (pid,)).fetchall() == [("x" * 63 + "?",)]


def test_what_tomorrows_drivers_add_does_not_refuse_the_connection(raw):
    session = raw(tomorrow="a value", **PYTHON, another_one="2", search_path="public")
    assert session.value("SHOW tomorrow") == "a value" and session.value("SHOW another_one") == "2"
    assert session.value("SHOW search_path") == "public" and session.value("SHOW driver_discovery_version") == "1"
    with pytest.raises(Refused, match="cannot be changed"):
        session.query("SET tomorrow = 'x'")
    # For this session only.
    with pytest.raises(Refused, match='unrecognized configuration parameter "tomorrow"'):
        raw(**PYTHON).query("SHOW tomorrow")


def test_parallel_workers_of_a_driver_do_the_same(raw, admin):
    session = raw(tomorrow="a value", **PYTHON)
    for setting in ("parallel_setup_cost = 0", "parallel_tuple_cost = 0", "min_parallel_table_scan_size = 0", "max_parallel_workers_per_gather = 2", "parallel_leader_participation = off"):
        session.query("SET " + setting)
    query = "SELECT min(current_setting('server_version') || left(relname, 0)), min(current_setting('tomorrow') || left(relname, 0)) FROM pg_class"
    assert any("Workers Planned" in line for (line,) in session.query("EXPLAIN " + query))
    assert session.query(query) == [["8.0.2", "a value"]]
    # Odd ones, and what is none: in the worker as in the leader.
    odd = {"another": "1=2:3;'\\ä", "empty": "", "long": "x" * 5000}
    session = raw(**odd, **PYTHON)
    for setting in ("parallel_setup_cost = 0", "parallel_tuple_cost = 0", "min_parallel_table_scan_size = 0", "max_parallel_workers_per_gather = 2", "parallel_leader_participation = off"):
        session.query("SET " + setting)
    query = "SELECT min(current_setting('another') || '|' || current_setting('empty') || '|' || current_setting('long') || coalesce(current_setting('absent', true), 'NULL') || left(relname, 0)) FROM pg_class"
    assert any("Workers Planned" in line for (line,) in session.query("EXPLAIN " + query))
    assert session.value(query) == "|".join(odd.values()) + "NULL"


@pytest.mark.parametrize(
    "sent, state, message",
    [
        ({"tomorrow": "x"}, "42704", 'unrecognized configuration parameter "tomorrow"'),
        ({**PYTHON, "not plain": "x"}, "42704", "not plain"),
        ({**PYTHON, "client_protocol_version": "two"}, "22023", 'invalid value for parameter "client_protocol_version": "two"'),
        ({**PYTHON, "work_mem": "much"}, "22023", 'invalid value for parameter "work_mem": "much"'),
        ({**PYTHON, "user": "nobody"}, "28000", 'role "nobody" does not exist'),
    ],
)
def test_what_is_wrong_is_refused_as_ever(raw, sent, state, message):
    with pytest.raises(Refused) as error:
        raw(**sent)
    assert error.value.sqlstate == state and message in error.value.message


def test_a_setting_turns_the_version_off(raw, admin):
    admin.execute("ALTER SYSTEM SET redshift_sessions.driver_server_version = off")
    try:
        admin.execute("SELECT pg_reload_conf()")
        eventually(lambda: raw(**PYTHON).reported["server_version"] == value(admin, "SHOW server_version"))
    finally:
        admin.execute("ALTER SYSTEM RESET redshift_sessions.driver_server_version")
        admin.execute("SELECT pg_reload_conf()")
        eventually(lambda: raw(**PYTHON).reported["server_version"] == "8.0.2")


def test_without_preload_drivers_are_refused():
    server = Server("drivers", {**EVERYTHING, "shared_preload_libraries": "", "session_preload_libraries": "redshift_sessions"})
    try:
        with pytest.raises(Refused, match="unrecognized configuration parameter"):
            Raw(server.port, **PYTHON)
        # But the session parameters are there.
        with server.connect("alice") as session:
            session.execute("SET query_group TO 'x'; SET wlm_query_slot_count TO 3")
            assert value(session, "SELECT trim(label) FROM stv_inflight WHERE pid = pg_backend_pid()") == "default"
    finally:
        server.remove()


# Types, defaults and ranges of Amazon's configuration reference.
PARAMETERS = {
    "analyze_threshold_percent": ("real", "10", ["0", "0.01", "100"], ["-1", "100.5", "x"]),
    "cast_super_null_on_error": ("bool", "on", ["off"], ["x"]),
    "datashare_break_glass_session_var": ("string", "", ["any token"], []),
    "default_array_search_null_handling": ("bool", "on", ["off"], ["x"]),
    "default_geometry_encoding": ("integer", "2", ["1"], ["0", "3"]),
    "describe_field_name_in_uppercase": ("bool", "off", ["on", "true"], ["x"]),
    "downcase_delimited_identifier": ("bool", "on", ["off"], ["x"]),
    "enable_case_sensitive_identifier": ("bool", "off", ["true"], ["x"]),
    "enable_case_sensitive_super_attribute": ("bool", "off", ["true"], ["x"]),
    "enable_numeric_rounding": ("bool", "off", ["on"], ["x"]),
    "enable_result_cache_for_session": ("bool", "on", ["off", "false"], ["x"]),
    "enable_spectrum_oid": ("bool", "on", ["false"], ["x"]),
    "enable_vacuum_boost": ("bool", "off", ["true"], ["x"]),
    "error_on_nondeterministic_update": ("bool", "off", ["true"], ["x"]),
    "interval_forbid_composite_literals": ("bool", "on", ["false"], ["x"]),
    "json_parse_dedup_attributes": ("bool", "off", ["on"], ["x"]),
    "json_parse_truncate_strings": ("bool", "off", ["on"], ["x"]),
    "json_serialization_enable": ("bool", "off", ["true"], ["x"]),
    "json_serialization_parse_nested_strings": ("bool", "off", ["true"], ["x"]),
    "max_concurrency_scaling_clusters": ("integer", "1", ["0", "10"], ["-1", "11"]),
    "max_cursor_result_set_size": ("integer", "0", ["14400000"], ["-1", "14400001"]),
    "mv_enable_aqmv_for_session": ("bool", "on", ["false"], ["x"]),
    "navigate_super_null_on_error": ("bool", "on", ["off"], ["x"]),
    "parse_super_null_on_error": ("bool", "off", ["on"], ["x"]),
    "pg_federation_repeatable_read": ("bool", "on", ["false"], ["x"]),
    "query_group": ("string", "default", ["superuser", "Monday", "a 'quoted' one"], []),
    "spectrum_enable_pseudo_columns": ("bool", "on", ["false"], ["x"]),
    "spectrum_query_maxerror": ("integer", "-1", ["1", "-2147483648"], ["x"]),
    "stored_proc_log_min_messages": ("enum", "log", ["INFO", "notice", "WARNING", "exception"], ["debug"]),
    "use_fips_ssl": ("bool", "off", ["true"], ["x"]),
    "wlm_query_slot_count": ("integer", "1", ["50"], ["0", "51"]),
}


@pytest.mark.parametrize("name", PARAMETERS)
def test_session_parameters(login, name):
    kind, default, good, bad = PARAMETERS[name]
    session = login("alice")
    assert session.execute("SELECT vartype, setting, context FROM pg_settings WHERE name = %s", (name,)).fetchone() == (kind, default, "user")
    for setting in good:
        session.execute(psycopg.sql.SQL("SET {} TO {}").format(psycopg.sql.Identifier(name), setting))
        shown = value(session, "SHOW " + name)
        assert shown == {"true": "on", "false": "off"}.get(setting, setting if kind == "string" else setting.lower())
    for setting in bad:
        with pytest.raises(psycopg.errors.InvalidParameterValue):
            session.execute(psycopg.sql.SQL("SET {} TO {}").format(psycopg.sql.Identifier(name), setting))
    session.execute("RESET ALL")
    assert value(session, "SHOW " + name) == default


def test_failed_logins_are_not_for_a_session_to_choose(login, admin):
    with pytest.raises(psycopg.errors.CantChangeRuntimeParam):
        login("alice").execute("SET max_failed_login_attempts TO 3")
    assert value(admin, "SHOW max_failed_login_attempts") == "5"


def test_unknown_parameters_stay_errors(login):
    for name in ("no_such_parameter", "query_groups"):
        with pytest.raises(psycopg.errors.UndefinedObject):
            login("alice").execute("SET %s TO 'x'" % name)
