"""The anchors of a history: a catalog of all segments, and a head with the end of the newest one. Pure.

Both carry a MAC under a key that only the key ring yields. A segment that is gone, cut off or restored from
an older copy contradicts them. In a plain history a digest takes the place of the MAC and shows damage
only.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Annotated, Final

import msgspec

from schemas.bounds import Count, Identifier, whole

FORMAT: Final = 1
CATALOG_NAME: Final = "history.json"
HEAD_NAME: Final = "history.head"
KEPT_NAME: Final = "history.kept"
CATALOG_LIMIT_BYTES: Final = 64 * 1024 * 1024
HEAD_BYTES: Final = 256
"""The head is one write into one sector, so it is there whole or as it was before."""


NUMBER_LIMIT: Final = 10**12 - 1
SegmentNumber = Annotated[int, msgspec.Meta(ge=0, le=NUMBER_LIMIT)]
FileId = Annotated[str, msgspec.Meta(max_length=16, pattern=whole("[0-9a-f]{16}"))]
Tag = Annotated[str, msgspec.Meta(max_length=64)]
FileName = Annotated[
    str,
    msgspec.Meta(max_length=64, pattern=whole(r"segment-[0-9]{6,12}-[0-9a-f]{16}\.jsonl(?:\.tmp)?")),
]
"""The name of a segment, or of its temporary file: never that of anything else, and never a path."""

SEGMENTS_LIMIT: Final = 1_000_000


class AnchorRefused(ValueError):
    """An anchor is not what was written."""


class SegmentRef(msgspec.Struct, frozen=True, kw_only=True):
    """One segment as the catalog knows it.

    Attributes:
        number: position among the segments; the higher, the newer.
        file: random id of its file.
        last: number of its last line; 0 while lines may still come.
        tag: tag of its last line.
    """

    number: SegmentNumber
    file: FileId
    last: Count = 0
    tag: Tag = ""

    @property
    def is_open(self) -> bool:
        """Whether lines may have come since the catalog was written."""
        return self.last == 0


class SegmentCatalog(msgspec.Struct, frozen=True, kw_only=True):
    """All segments, oldest first.

    Attributes:
        key: id of the ring's key that authenticates the catalog; empty in a plain history.
        next_number: number of the next segment. Numbers are never used twice.
        removed: names of files to delete if they still exist.
    """

    undercroft_history_catalog: Count = FORMAT
    key: Identifier = ""
    revision: Count = 0
    next_number: SegmentNumber = 1
    segments: Annotated[list[SegmentRef], msgspec.Meta(max_length=SEGMENTS_LIMIT)] = []
    removed: Annotated[list[FileName], msgspec.Meta(max_length=SEGMENTS_LIMIT)] = []
    mac: Identifier = ""


class SegmentHead(msgspec.Struct, frozen=True, kw_only=True):
    """How far the open segment is durable: its number, its file, and its last line on disk."""

    key: Identifier = ""
    number: SegmentNumber = 0
    file: Identifier = ""
    sequence: Count = 0
    tag: Tag = ""
    mac: Identifier = ""


_AUTHENTICATED_AS: Final[dict[type, bytes]] = {SegmentCatalog: b"Catalog\n", SegmentHead: b"Head\n"}
"""Part of what the MAC covers, so that neither anchor passes for the other. Part of the format on disk."""


class _KeyOnly(msgspec.Struct):
    key: Identifier


def write_catalog(catalog: SegmentCatalog, secret: bytes) -> bytes:
    """Return the bytes of a catalog."""
    signed = msgspec.structs.replace(catalog, mac=_mac(catalog, secret))
    return msgspec.json.format(msgspec.json.encode(signed)) + b"\n"


def read_catalog(content: bytes, secret: bytes) -> SegmentCatalog:
    """Return the catalog that was written under this secret.

    Raises:
        AnchorRefused: it is not what was written.
    """
    try:
        found = msgspec.json.decode(content, type=SegmentCatalog)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise AnchorRefused("it cannot be read") from error
    if found.undercroft_history_catalog > FORMAT:
        raise AnchorRefused(f"its format is {found.undercroft_history_catalog}, expected at most {FORMAT}")
    if not hmac.compare_digest(write_catalog(found, secret), content):
        raise AnchorRefused("its authentication code does not match")
    return found


def write_head(head: SegmentHead, secret: bytes) -> bytes:
    """Return the bytes of a head. Their number is always the same."""
    content = msgspec.json.encode(msgspec.structs.replace(head, mac=_mac(head, secret)))
    return content.ljust(HEAD_BYTES - 1) + b"\n"


def read_head(content: bytes, secret: bytes) -> SegmentHead:
    """Return the head that was written under this secret.

    Raises:
        AnchorRefused: it is not what was written.
    """
    try:
        found = msgspec.json.decode(content, type=SegmentHead)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise AnchorRefused("it cannot be read") from error
    if not hmac.compare_digest(write_head(found, secret), content):
        raise AnchorRefused("its authentication code does not match")
    return found


def key_of(content: bytes) -> str:
    """Return the id of the key that an anchor names; empty if it names none or cannot be read."""
    try:
        return msgspec.json.decode(content, type=_KeyOnly).key
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""


def _mac(anchor: SegmentCatalog | SegmentHead, secret: bytes) -> str:
    unsigned = msgspec.json.encode(msgspec.structs.replace(anchor, mac=""))
    content = _AUTHENTICATED_AS[type(anchor)] + unsigned
    return (hmac.new(secret, content, hashlib.sha256) if secret else hashlib.sha256(content)).hexdigest()[:32]
