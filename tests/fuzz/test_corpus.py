"""What the harness found once stays mended: all kept cases are played on one real runtime."""

from __future__ import annotations

import pytest

from tests.fuzz.case_replay import findings_of
from tests.fuzz.findings import CORPUS, KeptCase, read

CASES = sorted(CORPUS.glob("*.json"))


@pytest.mark.timeout(120)
def test_no_case_of_the_corpus_does_harm_any_more() -> None:
    """If it fails: `make fuzz REPLAY=<case>` plays them one by one."""
    assert CASES
    steps = [step for path in CASES for step in read(path).steps]
    assert [str(finding) for finding in findings_of(KeptCase(0, "", steps))] == []


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_every_case_says_what_was_found(path: object) -> None:
    case = read(CORPUS / f"{path.stem}.json")  # type: ignore[attr-defined]
    assert case.found
    assert case.steps
