"""Which driver can log in with a password, by what pg_hba.conf asks for and how the password is stored."""

import re

import pytest

from conftest import EVERYTHING, ROOT, Server
from logins import DRIVERS, WITHOUT_SCRAM

PASSWORD = "sécret"
# The method of pg_hba.conf, and how the password is stored; one role each.
WAYS = [("trust", None), ("password", "scram-sha-256"), ("password", "md5"), ("md5", "md5"), ("md5", "scram-sha-256"), ("scram-sha-256", "scram-sha-256")]
USERS = {way: "user_%d" % number for number, way in enumerate(WAYS)}
# With what the server then asks for: method md5 asks for SCRAM if that is how the password is stored.
SCRAM = {("md5", "scram-sha-256"), ("scram-sha-256", "scram-sha-256")}


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
