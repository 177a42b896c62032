"""Cases are kept whole, and made as small as they can be."""

from __future__ import annotations

from pathlib import Path

from tests.fuzz.file_changes import FileChange
from tests.fuzz.findings import FileStep, Finding, KeptCase, RequestStep, Step, keep, read, readable, smallest


def request(number: int) -> RequestStep:
    return RequestStep("state.load", "valid", False, [b"REQUEST", bytes([number]), b"\x80"])


def test_a_case_comes_back_as_it_was_kept(tmp_path: Path) -> None:
    case = KeptCase(
        7, "gone: x", [request(1), FileStep(FileChange("a/b.json", "value", ["x", 0], "NaN", 0.5))]
    )
    path = keep(case, tmp_path)
    assert read(path) == case
    assert keep(case, tmp_path) == path


def test_the_smallest_case_is_found() -> None:
    steps: list[Step] = [request(number) for number in range(40)]

    def is_bad(choice: list[Step]) -> bool:
        return steps[11] in choice and steps[30] in choice

    assert smallest(steps, is_bad, 100) == ([steps[11], steps[30]], True)


def test_what_does_not_happen_again_is_kept_whole() -> None:
    steps: list[Step] = [request(1), request(2)]
    assert smallest(steps, lambda choice: False, 10) == (steps, False)
    assert smallest(steps, lambda choice: True, 0) == (steps, False)


def test_it_stops_after_so_many_tries() -> None:
    tried = []

    def is_bad(choice: list[Step]) -> bool:
        tried.append(choice)
        return len(choice) == 64

    smallest([request(number) for number in range(64)], is_bad, 9)
    assert len(tried) == 9


def test_bodies_are_shown_to_people() -> None:
    assert readable(b"\x81\xa1a\x01") == "{'a': 1}"
    assert readable(b"\xc1") == "b'\\xc1'"


def test_findings_of_one_kind_are_alike() -> None:
    assert Finding("gone", "state", "x").is_like(Finding("gone", "state", "y"))
    assert not Finding("gone", "state", "x").is_like(Finding("silent", "state", "x"))
