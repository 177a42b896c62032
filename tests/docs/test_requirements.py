"""The page of requirements says what the tests say."""

from __future__ import annotations

from tests.support.requirements_page import PAGE, SOURCE, Requirement, carriers, marks_in, page, requirements


def test_the_page_is_what_the_marks_say() -> None:
    lines = list(requirements(SOURCE.read_text(encoding="utf-8")))
    assert PAGE.read_text(encoding="utf-8") == page(lines, carriers()), "run 'make requirements'"


def test_every_mark_names_a_line_and_every_line_has_an_id_of_its_own() -> None:
    ids = [line.id for line in requirements(SOURCE.read_text(encoding="utf-8"))]
    assert len(ids) == len(set(ids))
    assert set(carriers()) <= set(ids)


def test_marks_are_read_from_decorators_and_from_module_marks() -> None:
    marks = ('pytestmark = pytest.mark.requirement("S0-1")', '@pytest.mark.requirement("C-1", "C-2")')
    source = "\n".join((*marks, "def test(): ..."))
    assert marks_in(source) == {"S0-1", "C-1", "C-2"}


def test_a_line_without_a_test_is_told_as_not_yet_met() -> None:
    text = page(
        [Requirement("S9-1", "fly", "Air"), Requirement("S9-2", "land", "Air")], {"S9-2": ["tests/test_a.py"]}
    )
    assert "| S9-1 | fly | not yet |" in text
    assert "| S9-2 | land | `test_a` |" in text
    assert "1 of 2" in text
