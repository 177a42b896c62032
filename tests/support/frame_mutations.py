"""Every valid message of the protocol with one field or body changed, and frames of nothing but chance."""

from __future__ import annotations

import random
from typing import Any, Final

import msgspec

from bus import wire

encode = msgspec.msgpack.encode

TOPICS: Final = (
    "app.x",
    "app.ask",
    "app.witness",
    "config.settings_changed",
    "config.request",
    "alerts.changed",
    "bus.statistics",
    "bus.peer_left",
    "nowhere.happened",
)
NAMES: Final = ("rude", "alias", "server", "asker", "broker", "config_store", "")

ODD_VALUES: Final = tuple(
    encode(value)
    for value in (
        None,
        True,
        -1,
        0,
        1,
        2**31,
        2**48,
        2**48 + 1,
        2**53,
        2**63 - 1,
        2**63,
        2**64 - 1,
        -(2**63),
        1.5,
        float("nan"),
        float("inf"),
        "",
        "x",
        "app.x\0",
        "app.\x1b]0;title\x07",
        "Ä.ö",
        "!heartbeat",
        "*",
        "app." + "x" * 124,
        "app." + "x" * 125,
        "x" * 512,
        "x" * 513,
        "x" * 4097,
        "x" * 60_000,
        b"",
        b"bytes",
        [],
        [1],
        ["app.x"] * 1025,
        [["app.x"]],
        {},
        {"type": "app.x"},
        {1: 2},
        msgspec.msgpack.Ext(1, b"ext"),
    )
) + (
    b"\xa2\xff\xfe",  # text that is not UTF-8
    b"\xc1",  # a byte that MessagePack does not use
    b"\xdd\xff\xff\xff\xff",  # an array of four thousand million elements
    b"\xdf\xff\xff\xff\xff",
    b"\xdb\xff\xff\xff\xff",
    b"\x91" * 400 + b"\xc0",
    b"\x91" * 60_000,
    b"",
)
"""Fields that are of the wrong type, of an odd size, or no MessagePack at all."""

GOOD_EVENTS: Final = tuple(
    encode([{"type": topic, "text": "a sentence", "n": n}]) for topic in TOPICS[:3] for n in (1, 2**60)
)
GOOD_EVENT: Final = encode({"type": "app.ask", "text": "?"})
ODD_BODIES: Final = (
    *ODD_VALUES,
    encode([{"type": "app.x"}] * 3),
    encode({"type": "app.x"}),
    encode([None]),
    encode([[]]),
    encode([{"type": "app.x", "ext": msgspec.msgpack.Ext(5, b"x" * 300)}]),
    b"\x91\x81\xc3\x01",  # a key that is no text
    b"\x91\x82\xa1a\x01\xa1a\x02",  # a key twice
    b"\x91\x81\xa9__proto__\x80",
    b"\x91\x81\xa1a\xa1\xff",
    b"\x91\x80\x00",  # one byte too many
    b"\x91\x80" * 2,
    b"\x91" * 5_000,
    b"\x91\xdc\x40\x00" + b"\xc0" * 16_384,
    encode([{"filler": bytes(30_000)}]),
)
VERBS: Final = (
    b"HELLO",
    b"BYE",
    b"PUBLISH",
    b"SERVE",
    b"REQUEST",
    b"REPLY",
    b"FAILED",
    b"CANCEL",
    b"REPLAY",
    b"SNAPSHOT",
    b"PING",
    b"PONG",
    b"HEARD",
)
ODD_VERBS: Final = (*VERBS, b"", b"hello", b"WELCOME", b"ACCEPTED", b"HELLO\0", b"\xff" * 40, b"X" * 70_000)


class FrameMutator:
    """Makes messages; the same ones for the same seed.

    Attributes:
        kinds: how many of each kind were made.
    """

    def __init__(self, seed: int, token: str = "token") -> None:  # noqa: S107  # that of the tests
        self._random = random.Random(seed)
        self._token = token
        self._number = 0
        self.kinds = {"valid": 0, "field": 0, "body": 0, "shape": 0, "bytes": 0, "chance": 0}

    def message(self, route: int = 0) -> list[bytes]:
        """The next message, as a peer of this number would send it."""
        chance = self._random.random()
        if chance < 0.08:
            self.kinds["chance"] += 1
            return self._chance()
        verb = self._random.choice(VERBS)
        fields, body = self._valid(verb, route)
        if chance < 0.28:
            self.kinds["valid"] += 1
        elif chance < 0.68:
            self.kinds["field"] += 1
            fields[self._random.randrange(len(fields))] = self._random.choice(ODD_VALUES)
        elif chance < 0.80 and body:
            self.kinds["body"] += 1
            body = [self._random.choice(ODD_BODIES)]
        elif chance < 0.92:
            self.kinds["shape"] += 1
            verb, fields, body = self._reshape(verb, fields, body)
        else:
            self.kinds["bytes"] += 1
            return [verb, self._damage(_array(fields)), *[self._damage(frame) for frame in body]]
        return [verb, _array(fields), *body]

    def hello(self, name: str, instance: str) -> list[bytes]:
        """A HELLO that is let in if the name is free."""
        return [b"HELLO", encode([wire.PROTOCOL_VERSION, name, instance, self._token])]

    def _valid(self, verb: bytes, route: int) -> tuple[list[bytes], list[bytes]]:
        """Fields of the header, each encoded, and the body."""
        chance = self._random
        self._number += 1
        topic, number = chance.choice(TOPICS), chance.choice((1, 2, self._number, self._number % 5000 + 1))
        values: list[Any]
        body: list[bytes] = []
        match verb:
            case b"HELLO":
                name = chance.choice((f"rude-{route}", f"rude-{route}", *NAMES))
                instance = f"instance-{route}-{chance.randrange(3)}"
                values = [wire.PROTOCOL_VERSION, name, instance, self._token]
            case b"BYE":
                values = [chance.random() < 0.5]
            case b"PUBLISH":
                key = chance.choice((None, None, "key", f"key-{number}"))
                if chance.random() < 0.1:
                    topic = f"app.t{chance.randrange(2_000):05}".translate(_LETTERS)
                count = 0 if key and chance.random() < 0.3 else 1
                if chance.random() < 0.8:  # these rise, so they get their place
                    values = [self._number, topic, count, self._number, key, None, True]
                else:
                    values = [number, topic, count, number, key, None, chance.random() < 0.5]
                body = [chance.choice(GOOD_EVENTS) if count else b"\x90"]
            case b"SERVE":
                values = [chance.sample(TOPICS, chance.randrange(4))]
            case b"REQUEST":
                values = [self._number, topic, chance.choice((1, 1000, 86_400_000)), None, ""]
                body = [GOOD_EVENT]
            case b"REPLY":
                values, body = [number, chance.choice((0, number))], [GOOD_EVENT]
            case b"FAILED":
                values = [number, "refused", "no", "REQUEST"]
            case b"REPLAY":
                values = [number, topic, number, chance.choice((number, 2**64 - 1))]
            case b"SNAPSHOT":
                patterns = [chance.choice(("*", "app.*", topic, "a*")) for _ in range(chance.randrange(4))]
                values = [number, patterns, chance.random() < 0.5, chance.choice((0, number))]
            case b"HEARD":
                values = [topic, number]
            case _:
                values = [number]
        return [encode(value) for value in values], body

    def _reshape(
        self, verb: bytes, fields: list[bytes], body: list[bytes]
    ) -> tuple[bytes, list[bytes], list[bytes]]:
        """A field or frame too few or too many, or another verb."""
        match self._random.randrange(5):
            case 0:
                return verb, fields[: self._random.randrange(len(fields))], body
            case 1:
                return verb, [*fields, self._random.choice(ODD_VALUES)], body
            case 2:
                return verb, fields, []
            case 3:
                return verb, fields, [GOOD_EVENT] * self._random.choice((2, 3, 50))
            case _:
                return self._random.choice(ODD_VERBS), fields, body

    def _damage(self, frame: bytes) -> bytes:
        """A frame with one byte changed, or cut off."""
        if not frame:
            return b"\xff"
        place = self._random.randrange(len(frame))
        if self._random.random() < 0.3:
            return frame[:place]
        return frame[:place] + bytes((self._random.randrange(256),)) + frame[place + 1 :]

    def _chance(self) -> list[bytes]:
        """Frames of nothing but chance."""
        chance = self._random
        if chance.random() < 0.5:
            return [chance.randbytes(chance.randrange(64)) for _ in range(chance.randrange(6))]
        return [chance.choice(VERBS), chance.randbytes(chance.randrange(80)), chance.randbytes(60)]


_LETTERS: Final = str.maketrans("0123456789", "abcdefghij")


def _array(fields: list[bytes]) -> bytes:
    return bytes((0x90 | len(fields),)) + b"".join(fields)
