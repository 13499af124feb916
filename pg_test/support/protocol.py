"""A startup packet with whatever a driver sends, and one query: the protocol's own form, for drivers that are not here."""

import hashlib
import socket
import struct

# As their public sources send them.
PYTHON = {
    "application_name": "",
    "client_protocol_version": "2",
    "driver_version": "Redshift Python Driver 2.2.0",
    "os_version": "Linux-6.1-x86_64-with-glibc2.36",
    "driver_discovery_version": "1",
}
JDBC = {
    "client_encoding": "UTF8",
    "DateStyle": "ISO",
    "TimeZone": "UTC",
    "extra_float_digits": "2",
    "application_name": "[main]x.Main.main(Main.java:1)",
    "driver_version": "Redshift JDBC Driver 2.2.6",
    "os_version": "Linux 6.1.0 amd64",
    "client_protocol_version": "3",
}
ODBC = {
    "client_protocol_version": "1",
    "driver_version": "Redshift ODBC Driver 2.1.17",
    "os_version": "Linux 6.1 x86_64",
    "plugin_name": "none",
    "application_name": "/usr/bin/isql",
}


class Refused(Exception):
    def __init__(self, fields):
        super().__init__(fields["M"])
        self.sqlstate, self.message = fields["C"], fields["M"]


class Raw:
    """A session, with what the server reported about itself. Its password is given as it is or hashed by MD5, as asked."""

    def __init__(self, port, password="", **parameters):
        self.user, self.password = parameters.get("user", "alice"), password
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.buffer = self.socket.makefile("rb")
        self.reported = {}
        packet = struct.pack("!i", 196608)
        for name, value in {"user": "alice", "database": "dev", **parameters}.items():
            packet += name.encode(errors="surrogateescape") + b"\0" + value.encode(errors="surrogateescape") + b"\0"
        self.socket.sendall(struct.pack("!i", len(packet) + 5) + packet + b"\0")
        self.answer()

    def answer(self):
        """Text values of all rows, up to ReadyForQuery."""
        rows = []
        while True:
            kind, length = struct.unpack("!ci", self.buffer.read(5))
            body = self.buffer.read(length - 4)
            if kind == b"S":
                name, value, _ = body.decode(errors="surrogateescape").split("\0")
                self.reported[name] = value
            elif kind == b"E":
                raise Refused({field[0]: field[1:] for field in body.decode(errors="surrogateescape").split("\0") if field})
            elif kind == b"R":
                self.authenticate(*struct.unpack_from("!i", body), body[4:])
            elif kind == b"D":
                rows.append(self.values(body[2:]))
            elif kind == b"Z":
                return rows

    def authenticate(self, request, rest):
        """As Amazon's JDBC and ODBC drivers do: nothing, the password, its MD5; and no SCRAM."""
        if request == 0:
            return
        if request not in (3, 5):
            raise Refused({"C": "", "M": "authentication request %d" % request})
        answer = self.password.encode()
        if request == 5:
            stored = hashlib.md5((self.password + self.user).encode()).hexdigest()
            answer = b"md5" + hashlib.md5(stored.encode() + rest).hexdigest().encode()
        self.socket.sendall(b"p" + struct.pack("!i", len(answer) + 5) + answer + b"\0")

    @staticmethod
    def values(body):
        values = []
        while body:
            (length,) = struct.unpack("!i", body[:4])
            values.append(None if length < 0 else body[4 : 4 + length].decode())
            body = body[4 + max(length, 0) :]
        return values

    def query(self, text):
        body = text.encode() + b"\0"
        self.socket.sendall(b"Q" + struct.pack("!i", len(body) + 4) + body)
        return self.answer()

    def value(self, text):
        return self.query(text)[0][0]

    def call(self, function, *arguments):
        """The function call message; arguments and result as text."""
        body = struct.pack("!ihh", function, 0, len(arguments))
        for argument in arguments:
            body += struct.pack("!i", len(argument)) + argument.encode()
        self.socket.sendall(b"F" + struct.pack("!i", len(body) + 6) + body + struct.pack("!h", 0))
        return self.answer()

    def close(self):
        self.socket.sendall(b"X" + struct.pack("!i", 4))
        self.buffer.close()
        self.socket.close()
