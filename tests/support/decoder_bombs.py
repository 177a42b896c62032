"""Small documents that claim or would take much: MessagePack, JSON, zstd, base64."""

from __future__ import annotations

import base64
import contextlib
import json
import struct
from collections.abc import Callable

import msgspec

from actors.shared.crypto.content_codec import decompress
from actors.shared.durable.strict_json import parse
from actors.shared.http.answers.json_answers import read_json
from bus import wire
from bus.wire.readable_values import check_encoded
from schemas.operations.logs import LogRecordedEvent

MIB = 1 << 20
ALL = 0xFFFFFFFF


def zstd_frame(content_bytes: int, window_log: int, block: bytes) -> bytes:
    """A frame (RFC 8878) with one raw block, that claims a content and a window."""
    window = bytes([(window_log - 10) << 3])
    header = b"\x28\xb5\x2f\xfd" + b"\xc0" + window + struct.pack("<Q", content_bytes)
    return header + (len(block) << 3 | 1).to_bytes(3, "little") + block


def zstd_zeros(size_bytes: int) -> bytes:
    """A frame of blocks of zeros, each of four bytes for 128 KiB."""
    header = b"\x28\xb5\x2f\xfd" + b"\xc0" + bytes([7 << 3]) + struct.pack("<Q", size_bytes)
    blocks = size_bytes >> 17
    return header + b"".join(
        (1 << 20 | 1 << 1 | (number == blocks - 1)).to_bytes(3, "little") + b"\0" for number in range(blocks)
    )


def _understated(frame: bytes, size_bytes: int, stated_bytes: int) -> bytes:
    return frame.replace(struct.pack("<Q", size_bytes), struct.pack("<Q", stated_bytes))


def _length(code: int, size: int = ALL, more: bytes = b"") -> bytes:
    return bytes([code]) + size.to_bytes(4, "big") + more


MESSAGEPACK: dict[str, Callable[[], bytes]] = {
    "a list of 2^32-1": lambda: _length(0xDD),
    "a map of 2^32-1": lambda: _length(0xDF),
    "a text of 4 GiB": lambda: _length(0xDB),
    "bytes of 4 GiB": lambda: _length(0xC6),
    "an extension of 4 GiB": lambda: _length(0xC9, more=b"\x01"),
    "a list within a list": lambda: b"\x91" * 1_000_000 + b"\x90",
    "a map within a map": lambda: b"\x81\xa1a" * 1_000_000 + b"\x90",
    "lists that claim a million each": lambda: _length(0xDD, 1_000_000) * 100_000,
    "maps that claim a million each": lambda: (_length(0xDF, 1_000_000) + b"\xa1a") * 100_000,
    "extensions in an extension": lambda: _length(0xC9, 1_000_000, b"\x05") * 200_000,
    "a map with the same key": lambda: _length(0xDF, 1_000_000) + b"\xa1a\x01" * 1_000_000,
}
JSON: dict[str, Callable[[], bytes]] = {
    "a list within a list": lambda: b"[" * 4_000_000,
    "an object within an object": lambda: b'{"a":' * 1_000_000,
    "a number of a million digits": lambda: b"9" * 1_000_000,
    "an exponent of a million digits": lambda: b"1e" + b"9" * 1_000_000,
    "a text without an end": lambda: b'"' + b"\\u0041" * 500_000,
    "a million surrogates": lambda: b'"' + b"\\ud800" * 500_000 + b'"',
    "a million keys, twice": lambda: b"{" + b'"a":1,' * 500_000 + b'"a":1}',
}
ZSTD: dict[str, Callable[[], tuple[bytes, int]]] = {
    "a window of 2 GiB": lambda: (zstd_frame(1000, 31, bytes(1000)), 1000),
    "a window of 16 MiB": lambda: (zstd_frame(1000, 24, bytes(1000)), 1000),
    "more stated than allowed": lambda: (zstd_frame(1 << 40, 17, bytes(1000)), 1 << 40),
    "more stated than there is": lambda: (zstd_frame(MIB, 17, bytes(1000)), MIB),
    "less stated than there is": lambda: (_understated(zstd_zeros(64 * MIB), 64 * MIB, 1000), 1000),
    "zeros beyond the limit": lambda: (zstd_zeros(1 << 32), 1 << 32),
    "several frames": lambda: (zstd_frame(10, 17, bytes(10)) * 1000, 10),
}


def read_messagepack(name: str) -> str:
    """What each reader of the bus makes of it; the names of the errors."""
    content, found = MESSAGEPACK[name](), []
    event = msgspec.msgpack.Decoder(LogRecordedEvent)
    for read in (
        wire.check_event,
        lambda body: wire.read_from_peer([b"PUBLISH", body]),
        wire.read_run,
        event.decode,
        msgspec.msgpack.decode,
        check_encoded,
    ):
        try:
            read(content)
            found.append("read")
        except Exception as error:
            found.append(type(error).__name__)
    return " ".join(found)


def read_json_text(name: str) -> str:
    """What the readers of files and of answers make of it."""
    content, found = JSON[name](), []
    for read in (
        lambda text: parse(text, 16 * MIB),
        lambda text: read_json(text, dict[str, int], 16 * MIB),
        lambda text: read_json(text, list[list[int]], 16 * MIB),
    ):
        try:
            read(content)
            found.append("read")
        except Exception as error:
            found.append(type(error).__name__)
    return " ".join(found)


def read_zstd(name: str) -> int:
    """Decompress it, with a limit of 16 MiB."""
    packed, stated_bytes = ZSTD[name]()
    return len(decompress(packed, stated_bytes, 16 * MIB))


def read_base64() -> int:
    """A megabyte of signs that are no base64, and one that is."""
    with contextlib.suppress(ValueError):
        base64.b64decode("=" * MIB, validate=True)
    return len(base64.b64decode(json.loads('"' + "A" * MIB + '"'), validate=True))
