"""Whether the documents of the state store are what was written, whether any were put aside, and whether the audit log is whole."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from actors.cli.doctor.problems import Place, Problem, places
from actors.shared.audit.audit_check import verify
from actors.shared.audit.audit_files import places_of
from actors.shared.crypto.envelope import check_envelope
from actors.shared.durable.bounded_read import FileUnreadable, read_file
from bus.errors import UndercroftError

CHECK: Final = "state"
DIRECTORY: Final = "store"
READ_LIMIT_BYTES: Final = 256 * 1024 * 1024
FILES_LIMIT: Final = 20_000
ASIDE: Final = re.compile(r".+\.corrupt(?:\.\d+)?")


@dataclass(frozen=True)
class Facts:
    """The documents of the store.

    Attributes:
        read: how many were read; `left_out`: how many were not, since that takes too long.
        damaged: path and reason.
        put_aside: documents that were found to be damaged earlier.
        audit: what is wrong with the audit log.
    """

    read: int = 0
    left_out: int = 0
    damaged: tuple[tuple[str, str], ...] = ()
    put_aside: tuple[str, ...] = ()
    audit: tuple[str, ...] = ()


def look(place: Place) -> Facts:
    """Read the documents, as far as that goes without a key."""
    budget_bytes, read, left_out = READ_LIMIT_BYTES, 0, 0
    damaged: list[tuple[str, str]] = []
    aside: list[str] = []
    for path in _files(place.locations.state / DIRECTORY):
        if ASIDE.fullmatch(path.name):
            aside.append(str(path))
        elif path.suffix == ".json" and not path.name.startswith("."):
            if read >= FILES_LIMIT or budget_bytes <= 0:
                left_out += 1
                continue
            read += 1
            spent, fault = _fault_of(path)
            budget_bytes -= spent
            if fault:
                damaged.append((str(path), fault))
    directory, head = places_of(place.locations.state)
    audit = tuple(
        f"{found.file}: {found.trouble}: {found.detail}"
        for found in verify(directory, head)
        if found.is_tamper
    )
    return Facts(read, left_out, tuple(damaged), tuple(sorted(aside)), audit)


def check(facts: Facts) -> list[Problem]:
    """What is damaged, now or earlier."""
    problems = []
    for path, fault in facts.damaged[:10]:
        advice = "leave it where it is: the state store puts it aside and takes the newest good copy when it is next read"
        problems.append(
            Problem(
                check=CHECK,
                severity="error",
                what=f"a document is damaged: {fault}",
                where=path,
                advice=advice,
            )
        )
    if len(facts.damaged) > 10:
        what = f"{len(facts.damaged) - 10} more documents are damaged"
        problems.append(
            Problem(
                check=CHECK,
                severity="error",
                what=what,
                advice="check the disk; bring them back from a backup",
            )
        )
    if facts.put_aside:
        what, advice = "damaged documents were put aside", "see what can be taken from them, then remove them"
        problems.append(
            Problem(check=CHECK, severity="warning", what=what, where=places(facts.put_aside), advice=advice)
        )
    if facts.audit:
        what, advice = (
            "the audit log is not what was written",
            "find out who changed it, or check the disk; it goes on behind what is wrong",
        )
        problems.append(
            Problem(check=CHECK, severity="error", what=what, found=places(facts.audit), advice=advice)
        )
    if facts.left_out:
        what = f"{facts.left_out} of {facts.read + facts.left_out} documents were not read, since that takes too long"
        problems.append(
            Problem(
                check=CHECK, severity="info", what=what, advice="the state store checks each when it reads it"
            )
        )
    return problems


def _fault_of(path: Path) -> tuple[int, str]:
    try:
        content = read_file(path)
    except FileUnreadable as error:
        return 0, str(error)
    if content is None:
        return 0, ""  # it went away meanwhile
    try:
        check_envelope(content)
    except UndercroftError as error:
        return len(content), str(error)
    return len(content), ""


def _files(root: Path) -> Iterator[Path]:
    for parent, directories, names in os.walk(root):
        directories[:] = sorted(name for name in directories if not name.startswith("."))
        for name in sorted(names):
            yield Path(parent) / name
