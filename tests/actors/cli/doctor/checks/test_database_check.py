"""SQLite files that are damaged, made anew, or busy."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from actors.cli.doctor.checks.database_check import DatabaseFacts, check, look
from actors.cli.doctor.problems import ExaminedHome


@pytest.fixture
def database(home: ExaminedHome) -> Path:
    """A database with two thousand rows and an index."""
    path = home.locations.workspace / "workspace.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT)")
        connection.executemany(
            "INSERT INTO notes (text) VALUES (?)", [(f"note {n}" * 10,) for n in range(2000)]
        )
        connection.execute("CREATE INDEX by_text ON notes (text)")
        connection.commit()
    return path


def test_a_whole_database_and_an_empty_file_are_well_and_nothing_is_written(
    home: ExaminedHome, database: Path
) -> None:
    (home.locations.state / "fresh.db").touch()
    before = database.read_bytes()
    assert check(look(home)) == []
    assert database.read_bytes() == before
    assert sorted(path.name for path in home.locations.workspace.iterdir()) == ["workspace.sqlite"]


@pytest.mark.parametrize("at", [0, 9000], ids=["its head", "its pages"])
def test_a_damaged_database_is_an_error(home: ExaminedHome, database: Path, at: int) -> None:
    content = bytearray(database.read_bytes())
    content[at : at + 4096] = b"\x55" * 4096
    database.write_bytes(content)
    (problem,) = check(look(home))
    assert (problem.severity, problem.where) == ("error", str(database))


def test_a_database_that_is_locked_by_its_owner_is_no_fault(home: ExaminedHome, database: Path) -> None:
    with closing(sqlite3.connect(database, isolation_level=None)) as owner:
        owner.execute("BEGIN EXCLUSIVE")
        (problem,) = check(look(home))
    assert (problem.severity, "not checked" in problem.what) == ("info", True)


def test_files_with_other_names_are_nobodys_business(home: ExaminedHome, put: Callable[..., Path]) -> None:
    put(home.locations.workspace / "notes.txt", "no database")
    assert look(home) == []
    assert check([DatabaseFacts("/w/a.db")]) == []
