"""An audit log in a directory of a test, and what is wrong with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from actors.shared.audit.audit_chain import AuditEntry
from actors.shared.audit.audit_check import verify
from actors.shared.audit.audit_files import name_of
from actors.shared.audit.audit_log import AuditLog

SECRET = b"s" * 32


def entries(count: int, key: str = "settings.user") -> list[AuditEntry]:
    """Some records' worth."""
    return [AuditEntry(at=float(number), who="peer", did="write", key=key) for number in range(count)]


def opened(tmp_path: Path, **more: Any) -> AuditLog:
    """A log that is open."""
    log = AuditLog(tmp_path / "audit", tmp_path / "elsewhere" / "audit.head.json", SECRET, **more)
    log.open(0.0)
    return log


def troubles(tmp_path: Path, secret: bytes = SECRET) -> list[str]:
    """What is wrong with the log."""
    return [
        finding.trouble
        for finding in verify(tmp_path / "audit", tmp_path / "elsewhere" / "audit.head.json", secret)
    ]


def text(tmp_path: Path, segment: int = 1) -> Path:
    """A file of the log."""
    return tmp_path / "audit" / name_of(segment)
