"""Checks that the documents of the state store and the audit log are what was written."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from actors.cli.doctor.problems import ExaminedHome, Problem, error, info, listed, warning
from actors.shared.audit.audit_check import verify
from actors.shared.audit.audit_files import places_of
from actors.shared.crypto.envelope import check_envelope
from actors.shared.durable.bounded_read import FileUnreadable, read_file
from bus.errors import UndercroftError

CHECK: Final = "state"
DIRECTORY: Final = "store"
READ_LIMIT_BYTES: Final = 256 * 1024 * 1024
FILES_LIMIT: Final = 20_000
NAMED_DAMAGED: Final = 10
PUT_ASIDE: Final = re.compile(r".+\.corrupt(?:\.\d+)?")


@dataclass(frozen=True)
class DocumentFacts:
    """The documents of the store.

    Attributes:
        read: how many were read.
        left_out: how many were not read, because that takes too long.
        damaged: path and reason.
        put_aside: documents that were found damaged earlier.
        audit: what is wrong with the audit log.
    """

    read: int = 0
    left_out: int = 0
    damaged: tuple[tuple[str, str], ...] = ()
    put_aside: tuple[str, ...] = ()
    audit: tuple[str, ...] = ()


def look(home: ExaminedHome) -> DocumentFacts:
    """Read the documents, as far as possible without a key."""
    budget_bytes, read, left_out = READ_LIMIT_BYTES, 0, 0
    damaged: list[tuple[str, str]] = []
    put_aside: list[str] = []
    for path in _files(home.locations.state / DIRECTORY):
        if PUT_ASIDE.fullmatch(path.name):
            put_aside.append(str(path))
        elif path.suffix == ".json" and not path.name.startswith("."):
            if read >= FILES_LIMIT or budget_bytes <= 0:
                left_out += 1
                continue
            read += 1
            size_bytes, fault = _fault_of(path)
            budget_bytes -= size_bytes
            if fault:
                damaged.append((str(path), fault))
    audit = _audit_faults(home.locations.state)
    return DocumentFacts(read, left_out, tuple(damaged), tuple(sorted(put_aside)), audit)


def check(facts: DocumentFacts) -> list[Problem]:
    """Report what is damaged now, or was earlier."""
    problems = [
        error(
            check=CHECK,
            what=f"a document is damaged: {fault}",
            where=path,
            advice="leave it there: at its next read, the state store puts it aside and restores the newest "
            "good copy",
        )
        for path, fault in facts.damaged[:NAMED_DAMAGED]
    ]
    if (more := len(facts.damaged) - NAMED_DAMAGED) > 0:
        advice = "check the disk; restore them from a backup"
        problems.append(error(check=CHECK, what=f"{more} more documents are damaged", advice=advice))
    if facts.put_aside:
        what, advice = "damaged documents were put aside", "save what can be saved, then remove them"
        problems.append(warning(check=CHECK, what=what, where=listed(facts.put_aside), advice=advice))
    if facts.audit:
        what = "the audit log is not what was written"
        advice = "find out who changed it, or check the disk; new records continue after the damage"
        problems.append(error(check=CHECK, what=what, found=listed(facts.audit), advice=advice))
    if facts.left_out:
        total = facts.read + facts.left_out
        what = f"{facts.left_out} of {total} documents were not read, because that takes too long"
        advice = "the state store checks each when it reads it"
        problems.append(info(check=CHECK, what=what, advice=advice))
    return problems


def _fault_of(path: Path) -> tuple[int, str]:
    try:
        content = read_file(path)
    except FileUnreadable as failure:
        return 0, str(failure)
    if content is None:
        return 0, ""  # it was removed meanwhile
    try:
        check_envelope(content)
    except UndercroftError as failure:
        return len(content), str(failure)
    return len(content), ""


def _audit_faults(state: Path) -> tuple[str, ...]:
    directory, head = places_of(state)
    return tuple(
        f"{found.file}: {found.trouble}: {found.detail}"
        for found in verify(directory, head)
        if found.is_tamper
    )


def _files(root: Path) -> Iterator[Path]:
    for parent, directories, names in os.walk(root):
        directories[:] = sorted(name for name in directories if not name.startswith("."))
        for name in sorted(names):
            yield Path(parent) / name
