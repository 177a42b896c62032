"""Python, libraries, encodings and inotify: what is too old or too little is told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from actors.cli.doctor.checks.system.machine_check import LibraryFacts, MachineFacts, check, is_utf8, look
from actors.cli.doctor.problems import ExaminedHome

GOOD = MachineFacts((3, 12), "utf-8", "UTF-8", (LibraryFacts("pyzmq", "27.0", "27.0.1"),), 128, 65_536)


def test_this_machine_has_what_is_declared(home: ExaminedHome) -> None:
    found = look(home)
    assert {"pyzmq", "msgspec", "click"} <= {library.name for library in found.libraries}
    assert all(library.installed for library in found.libraries)
    assert [problem for problem in check(found) if problem.severity == "error"] == []


@pytest.mark.parametrize(
    ("facts", "severity", "words"),
    [
        (replace(GOOD, python=(3, 10)), "error", "Python is too old"),
        (replace(GOOD, libraries=(LibraryFacts("pyzmq", "27.0", "26.4.1"),)), "error", "pyzmq is too old"),
        (replace(GOOD, libraries=(LibraryFacts("pyzmq", "", ""),)), "error", "pyzmq is missing"),
        (replace(GOOD, text_encoding="ISO-8859-1"), "warning", "the encoding of text is not UTF-8"),
        (replace(GOOD, filesystem_encoding="ascii"), "warning", "names of files"),
        (replace(GOOD, watch_instances=16), "warning", "max_user_instances"),
        (replace(GOOD, watches=100), "warning", "max_user_watches"),
    ],
)
def test_what_does_not_do_is_told(facts: MachineFacts, severity: str, words: str) -> None:
    (problem,) = check(facts)
    assert problem.severity == severity
    assert words in problem.what
    assert problem.expected


def test_a_good_machine_is_well_and_names_of_utf8_are_many() -> None:
    assert check(GOOD) == []
    assert check(replace(GOOD, watch_instances=None, watches=None)) == []
    assert [is_utf8(name) for name in ("utf8", "UTF_8", "cp65001", "cp1252")] == [True, True, True, False]


def test_limits_are_read_from_the_system(home: ExaminedHome, tmp_path: Path) -> None:
    (tmp_path / "max_user_instances").write_text("32\n")
    (tmp_path / "max_user_watches").write_text("many")
    found = look(home, tmp_path)
    assert (found.watch_instances, found.watches) == (32, None)
