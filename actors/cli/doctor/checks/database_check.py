"""Checks that SQLite files below the workspace and the state are whole."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from actors.cli.doctor.problems import ExaminedHome, Problem, error, info

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
        is_checked: False if it is too large to check, or busy.
    """

    path: str
    fault: str = ""
    is_checked: bool = True


def look(home: ExaminedHome) -> list[DatabaseFacts]:
    """Have SQLite check each file, without writing."""
    found: list[DatabaseFacts] = []
    for path in _files(home):
        if len(found) >= FILES_LIMIT:
            break
        found.append(_look_at(path))
    return found


def check(facts: list[DatabaseFacts]) -> list[Problem]:
    """Report the damaged ones, and those that were not checked."""
    problems = []
    for found in facts:
        if found.fault:
            problems.append(
                error(
                    check=CHECK,
                    what=f"a database is damaged: {found.fault}",
                    where=found.path,
                    advice="stop the runtime, copy the file away, and restore it from a backup",
                )
            )
        elif not found.is_checked:
            what = "a database was not checked: it is too large, or busy"
            problems.append(info(check=CHECK, what=what, where=found.path))
    return problems


def _look_at(path: Path) -> DatabaseFacts:
    try:
        with path.open("rb") as file:
            head = file.read(len(MAGIC))
            size_bytes = os.fstat(file.fileno()).st_size
    except OSError as failure:
        return DatabaseFacts(str(path), failure.strerror or str(failure))
    if size_bytes == 0:
        return DatabaseFacts(str(path))  # created, and still empty
    if head != MAGIC:
        return DatabaseFacts(str(path), "it does not begin like a database")
    if size_bytes > CHECKED_LIMIT_BYTES:
        return DatabaseFacts(str(path), is_checked=False)
    return _quick_check(path)


def _quick_check(path: Path) -> DatabaseFacts:
    try:
        with contextlib.closing(
            sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=BUSY_SECONDS)
        ) as database:
            rows = database.execute("PRAGMA quick_check(1)").fetchall()
    except sqlite3.OperationalError:
        return DatabaseFacts(str(path), is_checked=False)  # busy, or its log cannot be read without writing
    except sqlite3.DatabaseError as failure:
        return DatabaseFacts(str(path), str(failure))
    return DatabaseFacts(str(path), "" if rows == [("ok",)] else str(rows[0][0])[:200])


def _files(home: ExaminedHome) -> Iterator[Path]:
    for root in (home.locations.workspace, home.locations.state):
        for parent, _, names in os.walk(root):
            for name in sorted(names):
                path = Path(parent) / name
                if path.suffix in SUFFIXES and path.is_file():
                    yield path
