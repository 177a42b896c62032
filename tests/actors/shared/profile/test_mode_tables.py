"""Modes have names of their own, and need each category in one way only."""

from __future__ import annotations

from actors.shared.profile.mode_tables import ModeTable, OptionalTable, ReadinessTable, mode_problems


def test_sound_modes_have_no_problem() -> None:
    modes = [
        ModeTable(name="a", requires=["stt"], optional=[OptionalTable(category="llm", notice="raw_output")]),
        ModeTable(name="b"),
    ]
    assert list(mode_problems(modes)) == []


def test_a_name_that_stands_there_twice_is_told_with_its_place() -> None:
    assert list(mode_problems([ModeTable(name="a"), ModeTable(name="a")])) == [
        ("modes[1].name", "expected a name of its own, found 'a' twice")
    ]


def test_a_category_that_is_required_and_optional_is_told_with_its_place() -> None:
    both = ModeTable(name="a", requires=["stt"], optional=[OptionalTable(category="stt", notice="n")])
    assert list(mode_problems([both])) == [
        ("modes[0].optional", "expected other categories than required ones, found 'stt'")
    ]


def test_the_times_are_those_of_the_design_unless_a_profile_says_otherwise() -> None:
    assert (ReadinessTable().banner_after_ms, ReadinessTable().toast, ReadinessTable().toast_setting) == (
        3000,
        True,
        "ui.ready_toast",
    )
