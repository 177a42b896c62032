"""What is known of the segments elsewhere: a catalog of all of them, and a head that says how far the newest one goes. Pure.

Both are authenticated under a key that only the key ring gives, so that a segment that is gone, cut off or
brought back from an older copy shows. In plain a digest stands in, which shows damage and no more.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

import msgspec

FORMAT: Final = 1
CATALOG_NAME: Final = "history.json"
HEAD_NAME: Final = "history.head"
KEPT_NAME: Final = "history.kept"
CATALOG_LIMIT_BYTES: Final = 64 * 1024 * 1024
HEAD_BYTES: Final = 256
"""One write, and always the same bytes of one sector: it is there whole, or as it was before."""


class AnchorRefused(ValueError):
    """An anchor is not what was written."""


class SegmentRef(msgspec.Struct, frozen=True, kw_only=True):
    """One segment, as the catalog knows it.

    Attributes:
        last, tag: number and tag of its last line; `last` is 0 while lines may still come.
    """

    number: int
    file: str
    last: int = 0
    tag: str = ""

    @property
    def is_open(self) -> bool:
        """Whether lines may have come since the catalog was written."""
        return self.last == 0


class Catalog(msgspec.Struct, frozen=True, kw_only=True):
    """All segments, oldest first.

    Attributes:
        key: id of the key of the ring that authenticates it; empty in plain.
        next_number: of the next segment; numbers are never used twice.
        removed: names of files that are to be deleted, if they are still there.
    """

    undercroft_history_catalog: int = FORMAT
    key: str = ""
    revision: int = 0
    next_number: int = 1
    segments: list[SegmentRef] = []
    removed: list[str] = []
    mac: str = ""


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """Up to where the open segment is durable: its number and file, and the last line of it that was brought to disk."""

    key: str = ""
    number: int = 0
    file: str = ""
    sequence: int = 0
    tag: str = ""
    mac: str = ""


class _KeyOnly(msgspec.Struct):
    key: str


def write_catalog(catalog: Catalog, secret: bytes) -> bytes:
    """The bytes of a catalog."""
    return (
        msgspec.json.format(msgspec.json.encode(msgspec.structs.replace(catalog, mac=_mac(catalog, secret))))
        + b"\n"
    )


def read_catalog(content: bytes, secret: bytes) -> Catalog:
    """The catalog that was written under this secret.

    Raises:
        AnchorRefused: it is not what was written.
    """
    try:
        found = msgspec.json.decode(content, type=Catalog)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise AnchorRefused("it cannot be read") from error
    if found.undercroft_history_catalog > FORMAT:
        raise AnchorRefused(f"its format is {found.undercroft_history_catalog}, expected at most {FORMAT}")
    if not hmac.compare_digest(write_catalog(found, secret), content):
        raise AnchorRefused("its code of authenticity does not fit")
    return found


def write_head(head: Head, secret: bytes) -> bytes:
    """The bytes of a head, always as many."""
    content = msgspec.json.encode(msgspec.structs.replace(head, mac=_mac(head, secret)))
    return content.ljust(HEAD_BYTES - 1) + b"\n"


def read_head(content: bytes, secret: bytes) -> Head:
    """The head that was written under this secret.

    Raises:
        AnchorRefused: it is not what was written.
    """
    try:
        found = msgspec.json.decode(content, type=Head)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise AnchorRefused("it cannot be read") from error
    if not hmac.compare_digest(write_head(found, secret), content):
        raise AnchorRefused("its code of authenticity does not fit")
    return found


def key_of(content: bytes) -> str:
    """Under which key of the ring an anchor says it is authenticated; empty for none, or if that cannot be read."""
    try:
        return msgspec.json.decode(content, type=_KeyOnly).key
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""


def _mac(anchor: Catalog | Head, secret: bytes) -> str:
    content = (
        type(anchor).__name__.encode() + b"\n" + msgspec.json.encode(msgspec.structs.replace(anchor, mac=""))
    )
    return (hmac.new(secret, content, hashlib.sha256) if secret else hashlib.sha256(content)).hexdigest()[:32]
