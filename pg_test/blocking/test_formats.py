"""The formats of redshift_sessions.blocking(), read by grammars; hostile texts do not break out; who sees what."""

import contextlib
import html
import re

import psycopg
import pytest

from conftest import eventually, outcome, pid_of, send, value, wait_for_lock
from waits import document, edges, tree

HOSTILE = [
    "SELECT '\"]; n0 --> n1 %% \n class n0 x' FROM t",
    "SELECT '</script><b>&quot;&#34;#quot;`|{}[](())' FROM t",
    "SELECT E'\\\\\"; } digraph { \\\\N' FROM t /* \" */",
    "SELECT '\u00e9\u4e2d\u202e' FROM t",
]


def lines(reader, form):
    return [line for (line,) in reader.execute("SELECT * FROM redshift_sessions.blocking(%s)", (form,))]


def read_mermaid(text):
    """A strict grammar: nodes and arrows, labels in quotes that have no letter with a meaning. Gives texts and arrows."""
    label = r'"((?:[\w _.,:@/\-+=*()]|#\d+;|<br/>)*)"'
    nodes, arrows = {}, set()
    (head, *rest) = text
    assert head == "flowchart TD"
    for line in rest:
        if node := re.fullmatch(r"    (n\d+)\[%s\]" % label, line):
            nodes[node[1]] = html.unescape(re.sub(r"#(\d+);", r"&#\1;", node[2].replace("<br/>", "\n")))
        elif arrow := re.fullmatch(r"    (n\d+) (-->|-\.->)(?:\|%s\|)? (n\d+)" % label, line):
            arrows.add((arrow[1], arrow[4], arrow[2] == "-.->"))
        else:
            assert re.fullmatch(r"    class n\d+ deadlock|    classDef deadlock [\w:#,\-]+", line), line
    return nodes, arrows


def read_dot(text):
    label = r'"((?:[^"\\\n]|\\.)*)"'
    nodes, arrows = {}, set()
    assert text[:2] == ["digraph blocking {", "    node [shape=box];"] and text[-1] == "}"
    for line in text[2:-1]:
        if node := re.fullmatch(r"    (n\d+) \[label=%s(?:, color=red)?\];" % label, line):
            assert set(re.findall(r"\\(.)", node[2])) <= {"n", "\\", '"'}
            nodes[node[1]] = html.unescape(re.sub(r"\\(.)", lambda escape: "\n" if escape[1] == "n" else escape[1], node[2]))
        else:
            arrow = re.fullmatch(r"    (n\d+) -> (n\d+) \[label=%s(, style=dashed)?\];" % label, line)
            assert arrow, line
            arrows.add((arrow[1], arrow[2], arrow[4] is not None))
    return nodes, arrows


def first_words(statement):
    words = " ".join(statement.split())
    return words if len(words) <= 60 else words[:60].rstrip() + "..."


NAME = 'o"]}%%</b>\t\u2028\\'  # of a role, a database, a schema, a table
GID = NAME + "\n;"


@pytest.fixture
def hostile(server, admin):
    """Opens sessions of that role in that database. Such names are no part of a dsn as other tests write it."""
    quoted = '"%s"' % NAME.replace('"', '""')
    admin.execute("CREATE ROLE %s LOGIN SUPERUSER" % quoted)
    admin.execute("CREATE DATABASE %s" % quoted)
    opened = []

    def connect():
        opened.append(psycopg.connect(host="127.0.0.1", port=server.port, user=NAME, dbname=NAME, autocommit=True))
        return opened[-1]

    setup = connect()
    setup.execute("CREATE EXTENSION redshift_sessions; CREATE TABLE t (); CREATE SCHEMA %s; CREATE TABLE %s.%s ()" % ((quoted,) * 3))
    yield connect, "%s.%s" % (quoted, quoted)
    for connection in opened[::-1]:
        connection.cancel()
        connection.close()
    with contextlib.closing(connect()) as cleaner:
        cleaner.execute("ROLLBACK PREPARED '%s'" % GID)
    admin.execute("DROP DATABASE %s WITH (FORCE)" % quoted)
    admin.execute("DROP ROLE %s" % quoted)


def test_hostile_names_and_statements(hostile, admin):
    connect, named_table = hostile
    reader, holder, prepared, last = (connect() for _ in range(4))
    prepared.execute("BEGIN; LOCK TABLE %s IN ACCESS SHARE MODE; PREPARE TRANSACTION '%s'" % (named_table, GID))
    holder.execute("BEGIN; LOCK TABLE t")
    for statement in HOSTILE:
        waiter = connect()
        send(admin, waiter, statement)
        wait_for_lock(admin, waiter)
    send(admin, last, "BEGIN; LOCK TABLE %s" % named_table)
    wait_for_lock(admin, last)

    found = document(reader)
    assert len(found["sessions"]) == len(HOSTILE) + 3
    assert {(session["user"], session["database"]) for session in found["sessions"]} == {(NAME, NAME)}
    assert {session["gid"] for session in found["sessions"]} == {None, GID}
    statements = {first_words(statement) for statement in HOSTILE}
    assert statements < {session["statement"] for session in found["sessions"]}
    objects = {wait["object"] for wait in found["waits"]}
    assert objects == {"table public.t", "table " + named_table}
    who = re.sub("[\t\u2028]", " ", "%s@%s" % (NAME, NAME))
    for read, form in ((read_mermaid, "mermaid"), (read_dot, "dot")):
        nodes, arrows = read(lines(reader, form))
        assert len(nodes) == len(found["sessions"]) and len(arrows) == len(HOSTILE) + 1
        assert statements < {text.split("\n")[-1] for text in nodes.values()}
        assert all(who in text for text in nodes.values())
    text = tree(reader)
    assert len(text) == len(found["sessions"]) and not [line for line in text if re.search(r"[\x00-\x1f\x7f\u2028]", line)]


def test_formats_show_the_same_arrows(login, admin, table):
    """A dotted arrow is a place in a queue, and one that a waiter has behind somebody in the way is left out."""
    holder, writer, reading, last = login("alice"), login("bob"), login("alice"), login("bob")
    holder.execute("BEGIN; LOCK t IN ACCESS SHARE MODE")
    for session, query in ((writer, "BEGIN; LOCK t"), (reading, "SELECT 1 FROM t"), (last, "BEGIN; LOCK t")):
        send(admin, session, query)
        wait_for_lock(admin, session)
    found = document(admin)
    pids = {"n%d" % session["id"]: session["pid"] for session in found["sessions"]}
    shown = {(pid_of(writer), pid_of(holder), False), (pid_of(last), pid_of(holder), False), (pid_of(reading), pid_of(writer), True)}
    assert shown < edges(found)
    for read, form in ((read_mermaid, "mermaid"), (read_dot, "dot")):
        nodes, arrows = read(lines(admin, form))
        assert {(pids[waiter], pids[blocker], queued) for waiter, blocker, queued in arrows} == shown
        assert {node: int(text.split()[0]) for node, text in nodes.items()} == pids


def test_a_deadlock_is_marked(login, admin, table):
    admin.execute("ALTER ROLE alice SET deadlock_timeout = '10min'")
    try:
        one, two = login("alice"), login("alice")
        for number, session in enumerate((one, two), 1):
            session.execute("BEGIN; SELECT pg_advisory_xact_lock(%d)" % number)
        for number, session in ((2, one), (1, two)):
            send(admin, session, "SELECT pg_advisory_xact_lock(%d)" % number)
            wait_for_lock(admin, session)
        mermaid, dot = lines(admin, "mermaid"), lines(admin, "dot")
        read_mermaid(mermaid), read_dot(dot)
        assert len([line for line in mermaid if line.endswith(" deadlock")]) == 2
        assert len([line for line in dot if "color=red" in line]) == 2
    finally:
        admin.execute("ALTER ROLE alice RESET deadlock_timeout")
        admin.execute("SELECT pg_cancel_backend(%s)", (pid_of(one),))
        outcome(one), outcome(two)


@pytest.fixture
def chain(login, admin, table):
    """boss <- alice <- bob <- canceller, each waiting for a row of the one before."""
    sessions = {name: login(name) for name in ("boss", "alice", "bob", "canceller")}
    for number, session in enumerate(sessions.values(), 1):
        session.execute("BEGIN; UPDATE t SET v = 1 WHERE id = %d" % number)
    for number, session in enumerate(list(sessions.values())[1:], 1):
        send(admin, session, "UPDATE t SET v = 2 WHERE id = %d -- a secret of %s" % (number, session.info.user))
        wait_for_lock(admin, session)
    return {name: pid_of(session) for name, session in sessions.items()}


@pytest.mark.parametrize("name, seen", [
    ("reader", ["boss", "alice", "bob", "canceller"]), ("awsuser", ["boss", "alice", "bob", "canceller"]),
    ("boss", ["boss", "alice", "bob", "canceller"]),
    ("alice", ["alice"]), ("bob", ["bob"]), ("canceller", ["canceller"]), ("member", []),
])  # fmt: skip
def test_who_sees_what(login, chain, name, seen):
    """Of a session that one may not see no more than its pid, and only next to one's own; of its waits not even what for."""
    reader = login(name)
    order = list(chain)
    found = document(reader)
    wanted = {(chain[waiter], chain[blocker], False) for blocker, waiter in zip(order, order[1:]) if {waiter, blocker} & set(seen)}
    assert edges(found) == wanted
    names = {pid: name for name, pid in chain.items()}
    for session in found["sessions"]:
        if names[session["pid"]] in seen:
            assert session["user"] == names[session["pid"]] and session["statement"]
        else:
            assert {key for key, entry in session.items() if entry is not None} == {"id", "pid"}
    pids = {session["id"]: session["pid"] for session in found["sessions"]}
    for wait in found["waits"]:
        assert (wait["object"] is not None) == (wait["mode"] is not None) == (names[pids[wait["waiter"]]] in seen)
    text = "\n".join(sum((lines(reader, form) for form in ("tree", "json", "mermaid", "dot")), []))
    for other in set(chain) - set(seen):
        assert "a secret of " + other not in text and other + "@" not in text
    (in_tree,) = [len(tree(reader))]
    assert in_tree == len(found["sessions"])


def test_what_a_regular_user_reads(login, chain):
    text = [re.sub(r"\b\d+ s\b", "N", line) for line in tree(login("alice"))]
    assert text[0] == "%d (not yours)" % chain["boss"]
    assert text[1].startswith("    %d alice@dev waits N for ShareLock on transaction " % chain["alice"])
    assert text[2] == "        %d (not yours)" % chain["bob"] and len(text) == 3


def test_it_tells_no_more_than_pg_blocking_pids(login, chain):
    """To whom may see nothing PostgreSQL tells more."""
    session = login("member")
    assert document(session) == {"sessions": [], "waits": [], "deadlocks": []}
    assert value(session, "SELECT pg_blocking_pids(%s)", chain["bob"]) == [chain["alice"]]


def test_readings_can_be_cancelled(login, admin, table):
    """Many in one statement."""
    holder, waiter, reader = login("alice"), login("bob"), login("reader")
    holder.execute("BEGIN; LOCK t")
    send(admin, waiter, "SELECT 1 FROM t")
    wait_for_lock(admin, waiter)
    reader.execute("SET statement_timeout = '300ms'")
    send(admin, reader, "SELECT count(*) FROM generate_series(1, 1000000) g, LATERAL redshift_sessions.blocking(left('tree', 3 + least(1, g))) b")
    assert outcome(reader)[0] == "57014"
    eventually(lambda: len(tree(admin)) == 2)
