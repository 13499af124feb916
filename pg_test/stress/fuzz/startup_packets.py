"""What could a client send first? Names and values of settings, at random, reproducible by a seed."""

import random

NAMES = """user database options replication client_encoding application_name DateStyle TimeZone search_path role session_authorization
    is_superuser server_version statement_timeout log_statement query_group wlm_query_slot_count client_protocol_version driver_version
    os_version plugin_name idp_type token_type tomorrow redshift_sessions.redirect redshift_sessions.x a.b _pq_.x _""".split()
VALUES = ["", "0", "-1", "2", "2147483647", "2147483648", "9" * 400, "on", "boss", "alice", "dev", "UTF8", "SJIS", "x" * 64, "x" * 3000, "ä" * 40, "𝄞" * 40,
          "-c query_group=\udcff", "-c redshift_sessions.redirect=off", "--x=y", "-c client_protocol_version=2", "\udcff\udcf0", "%s%n", "'\"\\"]  # fmt: skip


LONGEST = 9_900  # PostgreSQL hangs up on whoever sends more than 10,000 bytes


class Packets:
    def __init__(self, seed):
        self.dice = random.Random(seed)

    def packet(self):
        """Most of them name somebody who may log in; every second one is a driver's."""
        packet = {self.name(): self.value() for _ in range(self.dice.choice([0, 1, 2, 5, 40]))}
        if self.dice.random() < 0.8:
            packet.update(user="alice", database="dev")
        if self.dice.random() < 0.5:
            packet["client_protocol_version"] = self.dice.choice(["2", "0", "x", "-5", "99999999999"])
        while sum(len((name + text).encode(errors="surrogateescape")) + 2 for name, text in packet.items()) > LONGEST:
            packet.pop(next(iter(packet)))
        return packet

    def name(self):
        return self.dice.choice(NAMES) if self.dice.random() < 0.7 else self.text(20) or "x"

    def value(self):
        return self.dice.choice(VALUES) if self.dice.random() < 0.7 else self.text(200)

    def text(self, longest):
        """Any bytes but zero."""
        return bytes(self.dice.randint(1, 255) for _ in range(self.dice.randint(0, longest))).decode(errors="surrogateescape")
