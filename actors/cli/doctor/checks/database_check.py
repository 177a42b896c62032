"""Whether SQLite files below the workspace and the state are whole."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from actors.cli.doctor.problems import Place, Problem

CHECK: Final = "databases"
SUFFIXES: Final = frozenset({".db", ".sqlite", ".sqlite3"})
MAGIC: Final = b"SQLite format 3\0"
CHECKED_LIMIT_BYTES: Final = 256 * 1024 * 1024
FILES_LIMIT: Final = 100
BUSY_SECONDS: Final = 1.0


@dataclass(frozen=True)
class DatabaseFacts:
    """One file.

    Attributes:
        fault: what is wrong with it; empty if nothing is.
        is_checked: False if it is too large to be looked through, or busy.
    """

    path: str
    fault: str = ""
    is_checked: bool = True


def look(place: Place) -> list[DatabaseFacts]:
    """Have SQLite look through each; nothing is written."""
    found: list[DatabaseFacts] = []
    for path in _files(place):
        if len(found) >= FILES_LIMIT:
            break
        found.append(_look_at(path))
    return found


def check(facts: list[DatabaseFacts]) -> list[Problem]:
    """Which are damaged."""
    problems = []
    for found in facts:
        if found.fault:
            advice = "stop the runtime, copy the file away, and bring it back from a backup"
            what = f"a database is damaged: {found.fault}"
            problems.append(
                Problem(check=CHECK, severity="error", what=what, where=found.path, advice=advice)
            )
        elif not found.is_checked:
            what = "a database was not looked through: it is too large, or busy"
            problems.append(Problem(check=CHECK, severity="info", what=what, where=found.path))
    return problems


def _look_at(path: Path) -> DatabaseFacts:
    try:
        with path.open("rb") as file:
            head = file.read(len(MAGIC))
            length = os.fstat(file.fileno()).st_size
    except OSError as error:
        return DatabaseFacts(str(path), error.strerror or str(error))
    if length == 0:
        return DatabaseFacts(str(path))  # made, and nothing put into it yet
    if head != MAGIC:
        return DatabaseFacts(str(path), "it does not begin as one")
    if length > CHECKED_LIMIT_BYTES:
        return DatabaseFacts(str(path), is_checked=False)
    return _looked_through(path)


def _looked_through(path: Path) -> DatabaseFacts:
    try:
        with contextlib.closing(
            sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=BUSY_SECONDS)
        ) as database:
            rows = database.execute("PRAGMA quick_check(1)").fetchall()
    except sqlite3.OperationalError:
        return DatabaseFacts(str(path), is_checked=False)  # busy, or its log cannot be read without writing
    except sqlite3.DatabaseError as error:
        return DatabaseFacts(str(path), str(error))
    return DatabaseFacts(str(path), "" if rows == [("ok",)] else str(rows[0][0])[:200])


def _files(place: Place) -> Iterator[Path]:
    for root in (place.locations.workspace, place.locations.state):
        for parent, _, names in os.walk(root):
            for name in sorted(names):
                path = Path(parent) / name
                if path.suffix in SUFFIXES and path.is_file():
                    yield path
