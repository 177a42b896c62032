"""Settings as commands show them."""

from __future__ import annotations

import pytest

from actors.cli.commands.config.config_change import is_within, show_change
from schemas.config import RuntimeConfigResponseEvent, SettingProblem


def test_a_change_shows_path_former_value_and_new_one(capsys: pytest.CaptureFixture[str]) -> None:
    before = RuntimeConfigResponseEvent(success=True, message="", settings={"vad": {"x": 1, "y": "ä"}})
    show_change(
        before,
        RuntimeConfigResponseEvent(
            success=True, message="1 setting changed", settings={"vad": {"x": 1, "y": "ö"}}
        ),
    )
    assert capsys.readouterr().out == 'vad.y: "ä" -> "ö"\n1 setting changed\n'


def test_a_refusal_shows_every_problem(capsys: pytest.CaptureFixture[str]) -> None:
    wrong = RuntimeConfigResponseEvent(
        success=False, message="", problems=[SettingProblem(path="vad.x", problem="too large")]
    )
    show_change(wrong, wrong)
    assert capsys.readouterr().out == "vad.x: too large\nnothing was changed\n"


def test_no_section_holds_everything() -> None:
    assert is_within("a.b", None)
    assert is_within("a.b", "a")
    assert not is_within("ab", "a")
