"""Turns values into canonical JSON, and compresses it with zstd. Decompression is bounded."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final

import msgspec

from bus.errors import UndercroftError

if TYPE_CHECKING:
    import zstandard

DEPTH_LIMIT: Final = 128
"""How deep lists and objects may be nested."""

ZSTD_LEVEL: Final = 3
WINDOW_LIMIT_BYTES: Final = 8 * 1024 * 1024  # decoders should support this much (RFC 8878, 3.1.1.1.2)
_of_thread = threading.local()  # a compressor is costly to make, and serves one thread at a time


class ValueNotStorable(UndercroftError):
    """A value would not come back as it was given, so it is refused.

    Attributes:
        problem: what is wrong; shows nothing of the value.
    """

    problem: str
    words = (
        "the value cannot be stored: {problem}; store null, booleans, finite numbers, text, "
        "lists and objects with text keys"
    )


class NotDecodable(UndercroftError, ValueError):
    """Bytes do not hold what their header announced."""


def encode(value: Any, limit_bytes: int) -> bytes:
    """Canonical JSON: sorted keys, no spaces, UTF-8. It decodes to an equal value.

    Raises:
        ValueNotStorable: the value holds what JSON cannot (NaN, bytes, a tuple), is too large, or is nested
            too deep.
    """
    try:
        content = msgspec.json.encode(value, order="deterministic")
    except (TypeError, ValueError, RecursionError, OverflowError) as error:
        raise ValueNotStorable(f"it is no JSON ({type(error).__name__})") from error
    if len(content) > limit_bytes:
        raise ValueNotStorable(f"it has {len(content)} bytes, expected at most {limit_bytes}")
    check_depth(value, content)
    if decode(content) != value:
        raise ValueNotStorable(
            "it holds NaN, Infinity, bytes, a tuple, a date or another object that JSON does not know"
        )
    return content


def decode(content: bytes | memoryview) -> Any:
    """The value that canonical JSON stands for.

    Raises:
        NotDecodable: it is no JSON.
    """
    try:
        return msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NotDecodable(f"expected JSON: {error}") from error


def check_depth(value: Any, content: bytes) -> None:
    """Refuse nesting that a reader with a smaller stack could not follow.

    Args:
        value: as it was given.
        content: the same value as JSON.

    Raises:
        ValueNotStorable: it is nested deeper than DEPTH_LIMIT.
    """
    if content.count(b"[") + content.count(b"{") <= DEPTH_LIMIT:
        return
    level = [value]
    for _ in range(DEPTH_LIMIT):
        level = [
            item
            for part in level
            for item in (part.values() if isinstance(part, dict) else part)
            if isinstance(item, dict | list)
        ]
        if not level:
            return
    raise ValueNotStorable(f"it is nested deeper than {DEPTH_LIMIT} levels")


def compress(content: bytes) -> bytes:
    """One zstd frame (RFC 8878) that states the size of its content."""
    found: zstandard.ZstdCompressor | None = getattr(_of_thread, "compressor", None)
    if found is None:
        import zstandard

        found = _of_thread.compressor = zstandard.ZstdCompressor(level=ZSTD_LEVEL, write_content_size=True)
    return found.compress(content)


def decompress(packed: bytes, size_bytes: int, limit_bytes: int) -> bytes:
    """The content of one zstd frame. Allocates nothing before the size is known to be within the limit.

    Raises:
        NotDecodable: it is no such frame, or its content has another size than announced.
    """
    import zstandard

    try:
        stated = zstandard.frame_content_size(packed)
        if stated != size_bytes or stated > limit_bytes:
            raise NotDecodable(
                f"the compressed content says it has {stated} bytes, "
                f"expected {size_bytes} and at most {limit_bytes}"
            )
        decompressor = zstandard.ZstdDecompressor(max_window_size=WINDOW_LIMIT_BYTES)
        content = decompressor.decompress(packed, max_output_size=size_bytes, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise NotDecodable(f"expected a zstd frame: {error}") from error
    if len(content) != size_bytes:
        raise NotDecodable(f"the compressed content has {len(content)} bytes, expected {size_bytes}")
    return content
