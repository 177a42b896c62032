"""SQLite files that are damaged, made anew, or busy."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from actors.cli.doctor.checks.database_check import DatabaseFacts, check, look
from actors.cli.doctor.problems import Place


@pytest.fixture
def database(place: Place) -> Path:
    """A database with two thousand rows and an index."""
    path = place.locations.workspace / "workspace.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT)")
        connection.executemany(
            "INSERT INTO notes (text) VALUES (?)", [(f"note {n}" * 10,) for n in range(2000)]
        )
        connection.execute("CREATE INDEX by_text ON notes (text)")
        connection.commit()
    return path


def test_a_whole_database_and_an_empty_file_are_well_and_nothing_is_written(
    place: Place, database: Path
) -> None:
    (place.locations.state / "fresh.db").touch()
    before = database.read_bytes()
    assert check(look(place)) == []
    assert database.read_bytes() == before
    assert sorted(path.name for path in place.locations.workspace.iterdir()) == ["workspace.sqlite"]


@pytest.mark.parametrize("at", [0, 9000], ids=["its head", "its pages"])
def test_a_damaged_database_is_an_error(place: Place, database: Path, at: int) -> None:
    content = bytearray(database.read_bytes())
    content[at : at + 4096] = b"\x55" * 4096
    database.write_bytes(content)
    (problem,) = check(look(place))
    assert (problem.severity, problem.where) == ("error", str(database))


def test_a_database_that_is_locked_by_its_owner_is_no_fault(place: Place, database: Path) -> None:
    with closing(sqlite3.connect(database, isolation_level=None)) as owner:
        owner.execute("BEGIN EXCLUSIVE")
        (problem,) = check(look(place))
    assert (problem.severity, "not looked through" in problem.what) == ("info", True)


def test_files_with_other_names_are_nobodys_business(place: Place, put: Callable[..., Path]) -> None:
    put(place.locations.workspace / "notes.txt", "no database")
    assert look(place) == []
    assert check([DatabaseFacts("/w/a.db")]) == []
