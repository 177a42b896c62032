"""What a server can lie about: one field of one answer, and a value that nobody should trust.

`lies` makes them from a seed, so that a failure can be had again; `a_lie_a_field` walks every field once.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

Protocol = Literal["hf", "oci", "ollama", "https", "realm", "manifest"]
PROTOCOLS: Final[tuple[Protocol, ...]] = ("hf", "oci", "ollama", "https", "realm", "manifest")
Role = Literal["hub", "image", "blob", "file", "token", "signed"]
ROLES: Final[dict[Protocol, tuple[Role, ...]]] = {
    "hf": ("hub", "file"),
    "oci": ("image", "blob"),
    "ollama": ("image", "blob"),
    "https": ("file",),
    "realm": ("image", "token", "blob"),
    "manifest": ("signed", "file"),
}
"""The kinds of answers that each protocol takes, in their order."""

Kind = Literal["start", "field", "twice", "json", "body", "framing", "pace"]
STEERING: Final = b"\x1b[31m\x1b]0;owned\x07\x9b2J\xe2\x80\xaeexe.\x00\x08"

NUMBERS: Final = (
    b"0",
    b"-1",
    b"+5",
    b"1",
    b"1e9",
    b"9007199254740992",
    b"9007199254740993",
    b"9223372036854775808",
    b"18446744073709551616",
    b"9" * 5000,
    b"1_000",
    "１２３".encode(),
    b"\xb2\xb3",
    b" 12 ",
    b"0x10",
    b"NaN",
    b"Infinity",
    b"",
    b"5, 5",
    b"5,6",
    b"12;x",
    b"4294967296",
    STEERING,
)
TEXTS: Final = (
    b"",
    STEERING,
    b"x" * 60_000,
    b"\xff\xfe\x80",
    "‮ evil ‬".encode(),
    b"a\x00b",
    b"'; DROP TABLE",
    b"../../x",
    b"\t \t",
    b"%s%n{0}{x!r}",
    b"=cmd()",
    "😀".encode() * 1000,
    b"\x85\x1c\x0b",
)
PLACES: Final = (
    b"http://127.0.0.1:99999999/x",
    b"http://127.0.0.1:0/x",
    b"http://127.0.0.1:-1/x",
    b"http://127.0.0.1:port/",
    b"http://127.0.0.1:" + b"9" * 5000,
    b"http://user:word@127.0.0.1/x",
    b"javascript:alert(1)",
    b"file:///etc/passwd",
    b"ftp://127.0.0.1/x",
    b"data:,x",
    b"//",
    b"///",
    b"http://",
    b"http:///x",
    b"http://[",
    b"http://[::1",
    b"http://[::1%25eth0]:1/x",
    b"http://[1:2:3]:80/x",
    "http://münchen.invalid/x".encode(),
    b"http://m\xfcnchen.invalid/x",
    b"http://" + b"a" * 64 + b".invalid/",
    b"http://" + b"a." * 2000 + b"b/",
    b"http://127.0.0.1:1/",
    b"/" + b"x" * 60_000,
    b"/caf\xe9 \xff",
    b"/a b\tc",
    b"?",
    b"#",
    b".",
    b"",
    b"http://127.0.0.1:1/\x00" + STEERING,
    b"http://xn--/x",
    b"http://a..b/x",
    b"http://0x7f.1:1/x",
    b"HTTP://127.0.0.1:1/x",
    b"http:\\\\127.0.0.1:1\\x",
    b"/%",
    b"/%zz%00",
    b"http://%31%32%37.0.0.1:1/x",
)
"""Addresses to be redirected to. What can be asked at all is on this machine, and nobody listens there."""
DATES: Final = (
    b"Thu, 01 Jan 1970 00:00:00 GMT",
    b"Fri, 31 Dec 99999 23:59:59 GMT",
    b"Mon, 99 Foo 2020 99:99:99 +9999",
    b"Thu, 01 Jan 0000 00:00:00 -0000",
    b"Thu, 01 Jan 2026 00:00:00 +" + b"9" * 400,
    b"0",
    b"",
    b"Thu, 01 Jan " + b"9" * 5000 + b" 00:00:00 GMT",
    STEERING,
)
RANGES: Final = (
    b"bytes 0-0/1",
    b"bytes 0-0/*",
    b"bytes */5",
    b"bytes 5-1/10",
    b"bytes -1-5/10",
    b"bytes 0-" + b"9" * 5000,
    b"bytes 0-0/" + b"9" * 5000,
    b"items 0-0/1",
    b"bytes",
    b"",
    b"bytes 0-0/18446744073709551616",
    STEERING,
    "bytes ０-０/１".encode(),
    b"bytes 0-0/-1",
    b"bytes 0-0/0",
)
CHALLENGES: Final = (
    b"Bearer",
    b"Bearer realm",
    b'Bearer realm="',
    b'Bearer realm="http://127.0.0.1:99999999/t"',
    b'Bearer realm="http://user:word@127.0.0.1/t"',
    b'Bearer realm="file:///etc/passwd"',
    b'Bearer realm="http://["',
    b'Bearer realm="' + b"\\" * 8000,
    b"Bearer " + b"a=b, " * 1600,
    b'Bearer realm="http://127.0.0.1:1/t",scope="' + STEERING + b'"',
    b'Basic realm="x", Digest nonce="y"',
    b" " * 8000 + b"x",
    b"Bearer " + b"=" * 8000,
    b"Bearer " + b"a" * 8000 + b"!",
    b",,,,",
    STEERING,
    b'Bearer realm="http://127.0.0.1:1/t' + b"x" * 8000 + b'"',
    b'Bearer realm="http://127.0.0.1:1/?' + b"&" * 7000,
)
ETAGS: Final = (
    b'"a"',
    b'W/"a"',
    b'"',
    b'""',
    b'"a',
    b"a",
    b'"' + b"x" * 60_000 + b'"',
    b'"\xff"',
    STEERING,
    b"*",
)
ENCODINGS: Final = (
    b"gzip",
    b"deflate",
    b"br",
    b"zstd",
    b"gzip, gzip, gzip",
    b"x" * 60_000,
    b"identity",
    STEERING,
)
CODINGS: Final = (b"chunked", b"gzip, chunked", b"chunked, chunked", b"identity", b"CHUNKED ", b"x", STEERING)
FIELDS: Final[dict[bytes, tuple[bytes, ...]]] = {
    b"Content-Length": NUMBERS,
    b"Content-Range": RANGES,
    b"Content-Encoding": ENCODINGS,
    b"Content-Type": (
        *TEXTS,
        b"text/html",
        b"application/json; charset=utf-7",
        b"application/json; charset=hex",
    ),
    b"Transfer-Encoding": CODINGS,
    b"ETag": ETAGS,
    b"Last-Modified": DATES,
    b"Date": DATES,
    b"Accept-Ranges": TEXTS,
    b"Location": PLACES,
    b"Retry-After": (*NUMBERS, *DATES),
    b"WWW-Authenticate": CHALLENGES,
    b"Set-Cookie": TEXTS,
    b"Connection": (*TEXTS, b"close", b"upgrade"),
    b"Upgrade": (b"h2c", b"websocket", STEERING),
    b"Docker-Content-Digest": TEXTS,
    b"Link": TEXTS,
    b"Alt-Svc": TEXTS,
    b"Bad Name": TEXTS,
    b": no-name": (b"x",),
    STEERING: (b"x",),
}
OFTEN_TWICE: Final = (b"Content-Length", b"Content-Type", b"Location")
ON_RESUME: Final = (b"Content-Range", b"ETag", b"Last-Modified", b"Date", b"Accept-Ranges")
"""What matters of a file once a part of it is there: the whole is cut first, the rest comes with the lie."""
STATUS_OF: Final = {b"Location": b"302 Found", b"Retry-After": b"503 Busy", b"WWW-Authenticate": b"401 Who"}
"""With which status such a field is read at all."""

STATUSES: Final = (
    *(
        101,
        199,
        204,
        205,
        206,
        301,
        302,
        304,
        307,
        400,
        401,
        403,
        404,
        405,
        407,
        408,
        410,
        416,
        418,
        425,
        429,
    ),
    *(451, 500, 502, 503, 504, 511, 600, 999),
)
STARTS: Final = (
    *(b"HTTP/1.1 %d X" % status for status in STATUSES),
    b"HTTP/1.1 200",
    b"HTTP/1.1 200 " + STEERING,
    b"HTTP/1.1 500 " + STEERING,
    b"HTTP/1.1 404 " + b"x" * 60_000,
    b"HTTP/1.1 503 " + b"\xff" * 100,
    b"HTTP/1.1 99999 X",
    b"HTTP/1.1 -1 X",
    b"HTTP/1.1 abc X",
    b"HTTP/9.9 200 OK",
    b"HTTP/1.0 200 OK",
    b"HTTP/0.9 200 OK",
    b"ICY 200 OK",
    b"",
    b"\x00\x01\x02",
    STEERING,
    b"x" * 100_000,
    b"HTTP/1.1 " + b"2" * 5000 + b" OK",
    "HTTP/1.1 ２００ OK".encode(),
    b"SSH-2.0-OpenSSH",
    b"\x16\x03\x01\x02",
)
VALUES: Final = (
    b"null",
    b"true",
    b"0",
    b"-1",
    b"1e400",
    b"-0.0",
    b"1.5",
    b"9007199254740992",
    b"9007199254740993",
    b"9223372036854775808",
    b"18446744073709551616",
    b"9" * 5000,
    b"1e-400",
    b"NaN",
    b"Infinity",
    b'""',
    b'"x"',
    b"[]",
    b"{}",
    b"[null]",
    b'{"a":1}',
    b"[" * 50_000 + b"]" * 50_000,
    b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
    b'"' + b"x" * 1_000_000 + b'"',
    b"[" + b"[]," * 300_000 + b"[]]",
    b'"\\u001b[31m\\u202e\\u0000"',
    b'"\\ud800"',
    b'"../../../../etc/passwd"',
    b'"/etc/passwd"',
    b'"C:\\\\x"',
    b'"con"',
    b'"a\\n"',
    b'"\\u0085"',
    b'"http://127.0.0.1:99999999/x"',
    b'"sha256:' + b"g" * 64 + b'"',
    b'"sha256:' + b"0" * 64 + b'"',
    b'"' + b"0" * 64 + b'"',
    b'"' + b"0" * 40 + b'"',
    b'"=cmd()"',
    b"\xff\xfe",
    b'"\xff"',
    b"[1",
    b'"9999-12-31T23:59:59Z"',
    b'"0000-00-00T00:00:00Z"',
    b'"0001-01-01T00:00:00+23:59"',
    b'"9999-12-31T23:59:59-23:59"',
    b"",
)
"""What takes the place of one value of a JSON document; empty: the value goes, with its name."""

BODIES: Final = (
    "empty",
    "short",
    "long",
    "other",
    "zeros",
    "endless",
    "bom",
    "utf-16",
    "gzip bomb",
    "html",
    "twice",
)
FRAMINGS: Final = (
    b"ZZZ\r\n",
    b"-5\r\nhello\r\n",
    b"f" * 5000 + b"\r\n",
    b"ffffffffffffffff\r\nabc",
    b"5;" + b"x" * 200_000 + b"\r\n",
    b"5\r\nhello",
    b"5\r\nhelloXX0\r\n\r\n",
    b"0\r\n\r\n",
    b"0\r\n" + b"X: y\r\n" * 50_000 + b"\r\n",
    b"\r\n\r\n",
    b"",
    b"0x5\r\nhello\r\n0\r\n\r\n",
    b"5 \r\nhello\r\n0\r\n\r\n",
    b"1_0\r\n0123456789abcdef\r\n0\r\n\r\n",
    STEERING,
)
"""What comes after a head that promises chunks."""
PACES: Final = (
    "close",
    "reset",
    "head only",
    "half a head",
    "many interim",
    "many fields",
    "long field",
    "split head",
)

Step = str | int


@dataclass(frozen=True)
class Lie:
    """One thing that is not as it should be.

    Attributes:
        protocol: what is asked for.
        role: which of its answers lies.
        kind: which part of that answer.
        name: the header field, the way to the JSON value, or which body or pace.
        value: what is sent instead.
        times: how many answers of this role lie before they are honest.
    """

    protocol: Protocol
    role: Role
    kind: Kind
    name: bytes | tuple[Step, ...] | str = b""
    value: bytes = b""
    times: int = 1_000_000

    def __str__(self) -> str:
        value = self.value if len(self.value) < 60 else self.value[:50] + b"... (%d)" % len(self.value)
        return f"{self.protocol}: {self.role}: {self.kind} {self.name!r} is {value!r}, {self.times} times"


def places_in(document: Any, here: tuple[Step, ...] = ()) -> list[tuple[Step, ...]]:
    """The way to every value of a JSON document, that of the whole first."""
    found = [here]
    if isinstance(document, dict):
        for name, value in document.items():
            found += places_in(value, (*here, name))
    if isinstance(document, list):
        for number, value in enumerate(document[:3]):
            found += places_in(value, (*here, number))
    return found


def with_value(document: Any, place: tuple[Step, ...], value: bytes) -> bytes:
    """The JSON text of a document with other bytes in one place; without that place if there are none."""
    if not place:
        return value
    copy = json.loads(json.dumps(document))
    parent = copy
    for step in place[:-1]:
        parent = parent[step]
    if value:
        parent[place[-1]] = "@lie@"
    else:
        del parent[place[-1]]
    return json.dumps(copy).encode().replace(b'"@lie@"', value, 1)


Field = tuple[Role, Kind, Any, tuple[bytes, ...]]
"""A role, the part of its answer, the name there, and the values to choose from."""


def fields_of(protocol: Protocol, documents: dict[Role, Any]) -> list[Field]:
    """Every field of a protocol that can be lied about, with the values to choose from.

    Args:
        protocol: which one.
        documents: the honest JSON documents, by role.
    """
    found: list[Field] = []
    for role in ROLES[protocol]:
        found.append((role, "start", b"", STARTS))
        found += [(role, "field", name, values) for name, values in FIELDS.items()]
        found += [(role, "twice", name, FIELDS[name]) for name in OFTEN_TWICE]
        if role in documents:
            found += [(role, "json", place, VALUES) for place in places_in(documents[role])]
        found += [(role, "body", body, (b"",)) for body in BODIES]
        found.append((role, "framing", b"", FRAMINGS))
        found += [(role, "pace", pace, (b"",)) for pace in PACES]
    return found


def a_lie_a_field(seed: int, protocol: Protocol, documents: dict[Role, Any]) -> Iterator[Lie]:
    """One lie for every field of a protocol; the seed chooses the values."""
    chance = random.Random(seed)  # noqa: S311  # no secret
    for role, kind, name, values in fields_of(protocol, documents):
        times = chance.choice((1, 2, 1_000_000))
        yield Lie(protocol, role, kind, name, chance.choice(values), times)


def lies(seed: int, documents: dict[Role, Any]) -> Iterator[Lie]:
    """Lies without end, of all protocols in turn."""
    chance = random.Random(seed)  # noqa: S311  # no secret
    all_fields = {protocol: fields_of(protocol, documents) for protocol in PROTOCOLS}
    while True:
        for protocol in PROTOCOLS:
            role, kind, name, values = chance.choice(all_fields[protocol])
            times = chance.choice((1, 2, 1_000_000))
            yield Lie(protocol, role, kind, name, chance.choice(values), times)
