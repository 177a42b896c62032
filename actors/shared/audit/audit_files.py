"""The files of an audit log: their names, and the head that says how far the log is durable."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
from pathlib import Path
from typing import Annotated, Final

import msgspec

from actors.shared.audit.audit_chain import NUMBER_LIMIT, START, AuditFinding, ChainLink
from actors.shared.durable.bounded_read import FileUnreadable, read_file
from actors.shared.durable.durable_write import replace_file
from actors.shared.durable.quarantine import claim_directory, claim_file

HEAD_LIMIT_BYTES: Final = 4096
SEGMENT_READ_LIMIT_BYTES: Final = 64 * 1024 * 1024
"""A file is followed by a new one long before."""

SEGMENT_NUMBER_LIMIT: Final = 10**9
"""A file with a higher number is none of ours. Numbers may grow from there, and stay readable."""

_SEGMENT = re.compile(r"audit-(\d{6,12})\.jsonl")


class AuditHead(msgspec.Struct, frozen=True, kw_only=True):
    """How far the log is durable, and where its oldest file begins.

    Attributes:
        last: the last durable record.
        first: the link before the first record that is kept; rotation removed the older files.
        mac: HMAC-SHA-256 over the other fields; empty without a secret.
    """

    last: ChainLink
    first: ChainLink
    mac: Annotated[str, msgspec.Meta(max_length=64)] = ""


def places_of(state: Path) -> tuple[Path, Path]:
    """Directory of the audit log of a home, and its head, which lies beside the keys."""
    return state / "audit", state / "keys" / "audit.head.json"


def segments_of(directory: Path) -> list[int]:
    """Numbers of the files of a log, oldest first; none if the directory cannot be read."""
    try:
        names = os.listdir(directory)
    except OSError:
        return []
    numbers = (int(found[1]) for found in map(_SEGMENT.fullmatch, names) if found)
    ours = {number for number in numbers if number <= SEGMENT_NUMBER_LIMIT}
    return sorted(number for number in ours if name_of(number) in names)


def name_of(segment: int) -> str:
    """Name of a file of a log."""
    return f"audit-{segment:06d}.jsonl"


def read_head(path: Path, secret: bytes) -> tuple[AuditHead | None, list[AuditFinding]]:
    """The head, and what is wrong with it; None and no finding if there is none."""
    try:
        content = read_file(path, HEAD_LIMIT_BYTES)
        if content is None:
            return None, []
        head = msgspec.json.decode(content, type=AuditHead)
    except (FileUnreadable, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return None, [AuditFinding("head_changed", path.name, 0, str(error))]
    if max(head.last.number, head.first.number) > NUMBER_LIMIT:
        detail = f"it names the record {head.last.number}, expected at most {NUMBER_LIMIT}"
        return None, [AuditFinding("head_changed", path.name, 0, detail)]
    if secret and not hmac.compare_digest(_signed(head, secret).mac, head.mac):
        detail = "its code of authenticity does not fit"
        return None, [AuditFinding("head_changed", path.name, head.last.number, detail)]
    return head, []


def write_head(path: Path, head: AuditHead, secret: bytes) -> None:
    """Replace the head, durably; with a secret it carries a code of authenticity.

    What has its name and can never be a file is put aside.

    Raises:
        DurableWriteFailed, OSError: the former head is still there.
    """
    claim_directory(path.parent)
    claim_file(path)
    replace_file(path, msgspec.json.format(msgspec.json.encode(_signed(head, secret))) + b"\n")


def _signed(head: AuditHead, secret: bytes) -> AuditHead:
    if not secret:
        return head
    content = msgspec.json.encode([START, head.last, head.first])
    return msgspec.structs.replace(head, mac=hmac.new(secret, content, hashlib.sha256).hexdigest())
