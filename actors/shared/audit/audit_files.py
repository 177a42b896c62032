"""The files of an audit log: their names, and the head that says how far the log is durable."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
from pathlib import Path
from typing import Final

import msgspec

from actors.shared.audit.audit_chain import START, AuditFinding, ChainLink
from actors.shared.durable.bounded_read import FileUnreadable, read_file
from actors.shared.durable.durable_write import make_directory, replace_file

HEAD_LIMIT_BYTES: Final = 4096
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
    mac: str = ""


def places_of(state: Path) -> tuple[Path, Path]:
    """Directory of the audit log of a home, and its head, which lies beside the keys."""
    return state / "audit", state / "keys" / "audit.head.json"


def segments_of(directory: Path) -> list[int]:
    """Numbers of the files of a log, oldest first."""
    if not directory.is_dir():
        return []
    return sorted(int(found[1]) for found in map(_SEGMENT.fullmatch, os.listdir(directory)) if found)


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
    except (FileUnreadable, msgspec.DecodeError, UnicodeDecodeError) as error:
        return None, [AuditFinding("head_changed", path.name, 0, str(error))]
    if secret and not hmac.compare_digest(_signed(head, secret).mac, head.mac):
        detail = "its code of authenticity does not fit"
        return None, [AuditFinding("head_changed", path.name, head.last.number, detail)]
    return head, []


def write_head(path: Path, head: AuditHead, secret: bytes) -> None:
    """Replace the head, durably; with a secret it carries a code of authenticity.

    Raises:
        DurableWriteFailed, OSError: the former head is still there.
    """
    make_directory(path.parent)
    replace_file(path, msgspec.json.format(msgspec.json.encode(_signed(head, secret))) + b"\n")


def _signed(head: AuditHead, secret: bytes) -> AuditHead:
    if not secret:
        return head
    content = msgspec.json.encode([START, head.last, head.first])
    return msgspec.structs.replace(head, mac=hmac.new(secret, content, hashlib.sha256).hexdigest())
