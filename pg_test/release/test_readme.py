"""What README.md and the other documents show is what happens, and docs/reference.md names all that there is."""

import collections
import contextlib
import io
import os
import re
import subprocess

import psycopg
import pytest

from conftest import EVERYTHING, ROOT, Server, free_port, pid_of, value
from extras import extras  # noqa: F401, a fixture

Example = collections.namedtuple("Example", "document line language text")
NOT_OURS = {".git", "target"}
# What other tests run, and what is there to be read only.
RUN_ELSEWHERE = {("docs/testing.md", language): "examples.py" for language in ("python", "console", "yaml", "js")}
RUN_ELSEWHERE |= {("docs/neighbours.md", "console"): "test_names_taken.py", ("docs/neighbours.md", "text"): "test_orders.py",
                  ("docs/neighbours.md", "ini"): "test_pgbouncer.py"}  # fmt: skip
RECORDS = {("docs/testing.md", "java"): "what our tests cannot run, and it says so", ("docs/security.md", "text"): "a run of the storm", ("docs/design.md", "text"): "a drawing"}


def documents():
    """Every Markdown file, by its path."""
    below = [path for path in ROOT.iterdir() if path.is_dir() and path.name not in NOT_OURS]
    paths = [*ROOT.glob("*.md"), *(path for directory in below for path in directory.rglob("*.md"))]
    return {str(path.relative_to(ROOT)): path.read_text() for path in sorted(paths)}


def examples_of(document, text):
    """Its fenced blocks. One that is indented, as in a list, loses the indentation."""
    for match in re.finditer(r"^( *)```(.*)\n((?s:.*?))^\1```$", text, re.MULTILINE):
        lines = match[3].splitlines(keepends=True)
        yield Example(document, text.count("\n", 0, match.start()) + 1, match[2], "".join(line.removeprefix(match[1]) for line in lines))


DOCUMENTS = documents()
README, REFERENCE = DOCUMENTS["README.md"], DOCUMENTS["docs/reference.md"]
EXAMPLES = [example for document, text in DOCUMENTS.items() for example in examples_of(document, text)]


def prose(text):
    """Without fenced blocks."""
    return re.sub(r"^( *)```.*\n(?s:.*?)^\1```$", "", text, flags=re.MULTILINE)


def section(text, heading):
    """What is below a heading, up to the next one of its level or above."""
    level = len(heading) - len(heading.lstrip("#"))
    (_, rest) = ("\n" + text).split("\n%s\n" % heading)
    return re.split(r"^#{1,%d} " % level, rest, maxsplit=1, flags=re.MULTILINE)[0]


def table(text):
    """The rows of the first table, without its head."""
    (block,) = re.findall(r"(?:^\|.*\n)+", text + "\n", re.MULTILINE)[:1]
    return [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in block.splitlines()[2:]]


# Examples


def database_of(example):
    """The one with both extensions, or the one with ours alone."""
    return "extras" if example.document == "docs/extras.md" else "dev"


def run_sql(server, example):
    with server.connect(dbname=database_of(example)) as session:
        for name in re.findall(r"^CREATE EXTENSION (\w+)", example.text):
            session.execute("DROP EXTENSION " + name)
        session.execute(example.text)
        session.execute("CREATE EXTENSION IF NOT EXISTS redshift_sessions")


def run_console(server, example):
    """One statement of psql and its answer, in which 8585 is some session of the user."""
    (prompt, *answer) = example.text.splitlines()
    with server.connect("alice") as target:
        statement = re.fullmatch(r"dev=> (.*)", prompt).group(1).replace("8585", str(pid_of(target)))
        bindir = server.call("copy").rsplit("/", 1)[0]
        run = subprocess.run([bindir + "/psql", "-X", server.dsn("alice", database_of(example)), "-c", statement], text=True, capture_output=True)
    assert run.stdout.strip("\n").splitlines() == answer


def run_python(server, example):
    """What it prints is in the comments at the ends of its lines."""
    printed, names = io.StringIO(), {}
    with contextlib.redirect_stdout(printed):
        exec(example.text.replace("5439", str(server.port)), names)
    names["connection"].close()  # its transaction would be seen by the tests that follow
    assert printed.getvalue().splitlines() == re.findall(r"  # (.*)$", example.text, re.MULTILINE) != []


def run_settings(server, example):
    with server.connect() as session:
        for name, setting in re.findall(r"^(\w+) = '(.*)'$", example.text, re.MULTILINE):
            assert value(session, "SELECT current_setting(%s)", name) == setting
    assert len(re.findall("^.*=", example.text, re.MULTILINE)) == len(example.text.splitlines())


def run_refusal(server, example):
    with server.connect("alice") as session, pytest.raises(psycopg.Error) as error:
        session.execute("PREPARE report(boolean) AS SELECT $1; EXECUTE report(pg_terminate_backend(pg_backend_pid()))")
    told = error.value.diag
    assert example.text == "ERROR:  %s\nDETAIL:  %s\nHINT:  %s\n" % (told.message_primary, told.message_detail, told.message_hint)


RUN = {"sql": run_sql, "console": run_console, "python": run_python, "ini": run_settings, "text": run_refusal}


def is_demo(example):
    return example.text.startswith("dev=# ")


def name_of(example):
    return "%s:%d" % (example.document, example.line)


@pytest.mark.parametrize("example", EXAMPLES, ids=name_of)
def test_each_example_runs(server, example, extras):  # noqa: F811
    """Of every document: one that is new is run as well, or fails here for being of a kind that nothing runs."""
    kind = (example.document, example.language)
    if kind in RUN_ELSEWHERE:
        (tests,) = (ROOT / "pg_test").rglob(RUN_ELSEWHERE[kind])
        assert '"%s"' % example.document in tests.read_text()
    elif is_demo(example):
        run_demo(example)
    elif kind not in RECORDS:
        assert example.language in RUN, "no test runs an example of this kind"
        RUN[example.language](server, example)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_example_is_fenced_and_found(document):
    """Also those that are unlike the others: indented, or with another fence."""
    text = DOCUMENTS[document]
    fences = re.findall(r"^\s*(?:```|~~~)", text, re.MULTILINE)
    assert len(fences) == 2 * len([example for example in EXAMPLES if example.document == document])
    assert not re.findall(r"^(?: {4}|\t) *(?:SELECT|CREATE|DROP|ALTER|SET|make|docker|dev=)\b.*", prose(text), re.MULTILINE)


def normalized(text):
    """Without the numbers that differ from run to run, and the padding that follows their width."""
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?", "T", text)
    text = re.sub(r"\b\d+ (s|min|h|d)\b( \d+ (s|min|h)\b)?", "D", text)
    text = re.sub(r"-?\d{3,}", "N", text)
    text = re.sub(r"-{3,}", "---", text)
    return [re.sub(r" +", " ", line).strip() for line in text.splitlines() if line.strip()]


def run_demo(example):
    """As `make run ONCE=1`, without its set-up and build."""
    port = free_port()
    run = subprocess.run(
        [ROOT / "pg_test/demo"], env={**os.environ, "PORT": str(port), "ONCE": "1"}, text=True, capture_output=True
    )
    Server.call("remove", "demo-%d" % port)
    assert run.returncode == 0, run.stdout + run.stderr
    shown, printed = normalized(example.text), normalized(run.stdout)
    assert [line for line in shown if line.startswith("dev=# ")] == [line for line in printed if line.startswith("dev=# ")]
    start = printed.index(shown[0])
    assert printed[start : start + len(shown)] == shown


# README


def test_the_readme_is_short():
    """Its examples aside."""
    assert len(prose(README).split()) <= 900


def test_the_readme_names_what_users_call(admin):
    """Every view, and every function that the reference describes in a section of its own."""
    views = {name for (name,) in admin.execute("SELECT viewname FROM pg_views WHERE viewname = ANY (%s)", (views_of(admin),))}
    functions = set(re.findall(r"^### ([\w.]+) \(", REFERENCE, re.MULTILINE))
    assert len(views) == 31 and len(functions) == 7
    objects = " ".join(section(README, "## Objects").split()).replace(" * ", "\n* ")
    heads = re.findall(r"(?:^\* |; )((?:`[^`]*`(?:, )?)+)", objects, re.MULTILINE)
    listed = [name for head in heads for name in re.findall(r"`([\w.]+)", head)]
    assert sorted(listed) == sorted(views | functions)


def test_the_readmes_figures_are_those_of_the_benchmark():
    measured = section(DOCUMENTS["docs/speed.md"], "## svv_transactions")
    shown = table(section(README, "## Speed"))
    assert len(shown) == 3
    for _, ours, hand_written in shown:
        assert re.search(r"^\| 100000, 10, .* \| %s \| %s \|" % (ours, hand_written), measured, re.MULTILINE)


# Reference


def views_of(admin):
    return [name for kind, name in members(admin) if kind == "view"]


def members(admin):
    """What belongs to the extension: kind and name of each. From PostgreSQL 17 on the row types of views do too."""
    query = """
        SELECT o.type, coalesce(o.name, o.identity) FROM pg_depend d, pg_identify_object(d.classid, d.objid, 0) o
        WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND o.type NOT LIKE '%type'
          AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'redshift_sessions') ORDER BY 1, 2
    """
    return admin.execute(query).fetchall()


def test_every_kind_of_object_is_looked_at(admin):
    assert {kind for kind, _ in members(admin)} == {"schema", "function", "view"}
    assert "The extension's schema is `redshift_sessions`." in REFERENCE


def test_every_function_is_in_the_reference(admin):
    """Its arguments and its result; the columns too if it has any."""
    query = """
        SELECT CASE n.nspname WHEN 'pg_catalog' THEN '' ELSE n.nspname || '.' END || proname
                   || '(' || pg_get_function_identity_arguments(p.oid) || ') → ' || lower(pg_get_function_result(p.oid)),
               proargnames[pronargs + 1:]
        FROM pg_depend d JOIN pg_proc p ON p.oid = d.objid JOIN pg_namespace n ON n.oid = pronamespace
        WHERE d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
          AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'redshift_sessions')
    """
    written = re.sub(r" *([(),]) *", r"\1", re.sub(r"[][]", "", REFERENCE)).replace(",", ", ").replace(")→", ") →")
    functions = admin.execute(query).fetchall()
    assert len(functions) == 25
    for signature, columns in functions:
        signature = signature.replace("[]", "")
        signature = re.sub(r"table\(.*\)", "setof record", re.sub(r", OUT .*?\)|OUT .*?\)", ")", signature))
        place = re.search(r"^.*(?<![\w.])%s\b.*$" % re.escape(signature), written, re.MULTILINE)
        assert place, signature
        if columns and not place[0].startswith("###"):
            assert place[0].split("|")[2].strip() == ", ".join(columns), signature


def types(admin, relation):
    query = "SELECT attname, format_type(atttypid, atttypmod), coalesce(col_description(attrelid, attnum), '') FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 ORDER BY attnum"
    return [(name, kind.replace(" without time zone", ""), meaning) for name, kind, meaning in admin.execute(query, (relation,))]


def test_every_column_is_in_the_reference(admin):
    """Name, type and meaning, which is the comment in the database."""
    assert sorted(re.findall(r"^### (\w+)$", section(REFERENCE, "## Views"), re.MULTILINE)) == sorted(name.split(".")[-1] for name in views_of(admin))
    for view in views_of(admin):
        assert table(section(REFERENCE, "### " + view)) == types(admin, "pg_catalog." + view), view


def test_every_column_of_logs_is_in_the_reference(admin):
    admin.execute("CREATE TEMP VIEW l AS SELECT * FROM redshift_sessions.logs()")
    listed = table(section(REFERENCE, "### redshift_sessions.logs ( ) → setof record"))
    assert [row[:2] for row in listed] == [row[:2] for row in types(admin, "l")]
    shown = table(section(REFERENCE, "## Logs"))
    assert [row[0] for row in shown] == [name for (name,) in admin.execute("SELECT log FROM redshift_sessions.logs()")]


WHO = {"superuser": "superuser", "user": "any user", "postmaster": "server start", "sighup": "configuration file", "backend": "the connection", "internal": "nobody"}


def settings(admin, condition):
    """As the reference lists them: name, type, default, values, who, meaning."""
    query = """
        SELECT name, vartype, boot_val, min_val, max_val, enumvals, context, short_desc, unit FROM pg_settings
        WHERE category = 'Customized Options' AND name NOT LIKE 'plpgsql.%%' AND (%s) ORDER BY name COLLATE "C"
    """ % condition.replace("%", "%%")
    for name, kind, default, least, most, choices, context, meaning, unit in admin.execute(query.replace("%%", "%")):
        assert unit is None
        values = " to ".join([least, most]) if least is not None else ", ".join(choices or {"bool": ["on", "off"]}.get(kind, []))
        if name == "redshift_sessions.lock_source":
            default = "lists or snapshot"
        yield ("`%s`" % name, kind, default or "''", values, WHO[context], meaning)


PARAMETERS = "extra_desc LIKE 'A parameter of Amazon Redshift%' OR name = 'query_group'"
DRIVERS = "extra_desc LIKE 'Sent by Amazon Redshift''s drivers%'"


@pytest.mark.parametrize(
    "heading, condition, number",
    [
        ("## Settings", "name LIKE 'redshift\\_sessions.%'", 13),
        ("## Session parameters", PARAMETERS, 32),
        ("### Driver parameters", DRIVERS, 10),
    ],
)
def test_every_setting_is_in_the_reference(admin, heading, condition, number):
    listed = table(section(REFERENCE, heading))
    assert sorted(listed) == sorted(settings(admin, condition))
    assert len(listed) == number


def test_there_are_no_other_settings(admin):
    assert list(settings(admin, "NOT (name LIKE 'redshift\\_sessions.%%' OR %s OR %s)" % (PARAMETERS, DRIVERS))) == []
    # The one that pg_settings does not show.
    assert value(admin, "SHOW redshift_sessions.driver_parameters") == "" and "`redshift_sessions.driver_parameters`" in REFERENCE


def test_the_defaults_are_in_force(admin):
    """None of them is set in the tests' server, and lock_source has one of its two."""
    changed = "SELECT name, setting FROM pg_settings WHERE category = 'Customized Options' AND name NOT LIKE 'plpgsql.%' AND setting IS DISTINCT FROM boot_val"
    changed = dict(admin.execute(changed).fetchall())
    lock_source = changed.pop("redshift_sessions.lock_source", "snapshot")
    assert changed == {} and not any(name.startswith("redshift_sessions.") for name in EVERYTHING)
    (source,) = (ROOT / "src").rglob("compat.rs")
    proved = [int(number.replace("_", "")) for number in re.search(r"const PROVED.*\[(.*)\];", source.read_text())[1].split(", ")]
    sentence = re.search(r"on which the two were compared: (.*?)\. On all", " ".join(REFERENCE.split()))[1]
    assert re.split(", | and ", sentence) == ["%d.%d" % divmod(number, 10_000) for number in proved]
    assert lock_source == ("lists" if admin.info.server_version in proved else "snapshot")


def test_every_message_is_in_the_reference():
    """Of error.rs, with whatever is put into it."""
    source = (ROOT / "src/error.rs").read_text().split("#[cfg(test)]")[0]
    texts = re.findall(r'text: (?:format!\(\s*)?"((?:[^"\\]|\\.)*)"', source, re.DOTALL)
    assert len(texts) == 16
    listed = [row[2].strip("`") for row in table(section(REFERENCE, "## Errors and warnings"))]
    for text in texts:
        text = re.sub(r"\\\n\s*", "", text).replace('\\"', '"')
        pattern = ".+".join(re.escape(part) for part in re.split(r"\{\w+\}", text))
        assert any(re.fullmatch(pattern, other) for other in listed), text


def test_messages_are_as_shown(login):
    session = login("alice")
    missing = -8585
    assert value(session, "SELECT pg_terminate_backend(%s)", missing) == 0
    notice = session.notices[0]
    assert "%s: `%s`" % (notice.sqlstate, notice.message_primary.replace(str(missing), "8585")) in REFERENCE
    with pytest.raises(psycopg.errors.InsufficientPrivilege) as error:
        session.execute("SELECT pg_terminate_backend(%s)", (pid_of(login("bob")),))
    assert "error 42501: `%s`" % error.value.diag.message_primary in REFERENCE
    for text in (notice.message_primary.replace(str(missing), "8585"), error.value.diag.message_primary):
        assert "`%s`" % text in section(REFERENCE, "## Errors and warnings")


# All documents


def anchors(text):
    """As GitHub makes them of headings."""
    headings = re.findall(r"^#+ (.*)$", prose(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document):
    for target in re.findall(r"\]\(([^)]*)\)", prose(DOCUMENTS[document])):
        if re.match(r"https?://", target):
            continue
        path, _, anchor = target.partition("#")
        file = (ROOT / document).parent / path if path else ROOT / document
        assert file.exists(), target
        if anchor:
            assert anchor in anchors(file.read_text()), target


@pytest.mark.parametrize("document", [name for name in DOCUMENTS if name != "CHANGELOG.md"])
def test_prose_wraps(document):
    lines = [line for line in prose(DOCUMENTS[document]).splitlines() if not line.startswith("|")]
    assert [line for line in lines if len(line) > 100] == []


def test_the_tests_that_are_named_exist():
    """A test of docs/security.md, and a file without a test of its own."""
    named = set(re.findall(r"\b(test_\w+|\w+\.py)\b", prose(DOCUMENTS["docs/security.md"])))
    files = {path.name: path.read_text() for path in (ROOT / "pg_test").rglob("*.py")}
    tests = set(re.findall(r"^ *def (test_\w+)", "\n".join(files.values()), re.MULTILINE))
    assert len(named) > 40
    assert {name for name in named if name not in files and name + ".py" not in files and name not in tests} == set()


def test_make_targets_are_there():
    """Those of the Makefile, and the kinds of stress."""
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    for document, text in DOCUMENTS.items():
        if document != "CHANGELOG.md":
            used = set(re.findall(r"`make ([a-z]+)", text))
            assert used <= targets, document
    kinds = {row[0].strip("`") for row in table(section(DOCUMENTS["docs/testing.md"], "### Stress"))}
    assert kinds == set(re.findall(r"^(\w+) {2,}", (ROOT / "pg_test/stress/run").read_text().split("\nkind ")[1], re.MULTILINE))


def test_files_of_docker_are_there():
    files = [path for text in DOCUMENTS.values() for path in re.findall(r"docker compose -f (?:redshift_sessions/)?(\S+)", text)]
    assert len(files) >= 4 and all((ROOT / path).exists() for path in files)
