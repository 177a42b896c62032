"""`undercroft config` against a live configuration store."""

from __future__ import annotations

import json
from typing import Any

import pytest

pytestmark = pytest.mark.slow


def test_a_setting_is_changed_listed_with_a_star_and_reset(running: Any) -> None:
    assert running("config", "get", "vad.sensitivity").out == "0.5\n"
    changed = running("config", "set", "vad.sensitivity", "0.75", "ui.theme", "dark")
    assert (changed.code, changed.out.splitlines()) == (
        0,
        ["vad.sensitivity: 0.5 -> 0.75", 'ui.theme: "system" -> "dark"', "2 settings changed"],
    )
    assert running("config", "get", "vad.sensitivity").out == "0.75\n"
    listed = running("config", "list", "vad").out.splitlines()
    assert "* vad.sensitivity = 0.75" in listed
    assert "  vad.pre_roll_seconds = 0.3" in listed
    assert running("config", "list", "--overrides", "--json").documents == [
        {"vad.sensitivity": 0.75, "ui.theme": "dark"}
    ]
    assert running("config", "reset", "ui.theme").out.splitlines() == [
        'ui.theme: "dark" -> "system"',
        "1 setting changed",
    ]
    (reset,) = running("config", "reset", "--all", "--json").documents
    assert (reset["success"], reset["durable"], reset["overrides"]) == (True, True, {})


def test_a_batch_with_one_bad_value_changes_nothing_and_says_which(running: Any) -> None:
    ended = running("config", "set", "stt.language", "pt-BR", "vad.sensitivity", "1.5")
    assert ended.code == 4
    assert ended.out.splitlines()[-1] == "nothing was changed"
    assert ended.out.startswith("vad.sensitivity: ")
    assert running("config", "get", "stt.language").out == '"auto"\n'


@pytest.mark.parametrize(
    "pair",
    [
        ("vad.sensitivty", "0.5"),
        ("paths.models", "/elsewhere"),
        ("vad.sensitivity", "loud"),
        ("ui.theme", "pink"),
    ],
)
def test_what_is_unknown_not_allowed_or_of_a_wrong_kind_is_refused(
    running: Any, pair: tuple[str, str]
) -> None:
    ended = running("config", "set", *pair, "--json")
    (answer,) = ended.documents
    assert (ended.code, answer["success"], answer["overrides"]) == (4, False, {})
    assert answer["problems"][0]["path"] == pair[0]


def test_a_dry_run_shows_the_change_and_makes_none(running: Any) -> None:
    assert (
        "vad.sensitivity: 0.5 -> 0.9" in running("config", "set", "vad.sensitivity", "0.9", "--dry-run").out
    )
    assert running("config", "get", "vad.sensitivity").out == "0.5\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["set", "vad.sensitivity"],
        ["set"],
        ["reset"],
        ["reset", "vad", "--all"],
        ["get", "vad.nothing"],
        ["list", "nothing"],
    ],
)
def test_a_wrong_command_line_is_exit_code_2(running: Any, arguments: list[str]) -> None:
    ended = running("config", *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("Usage: undercroft config ")


def test_a_section_is_printed_as_json(running: Any) -> None:
    assert json.loads(running("config", "get", "ui").out) == {
        "theme": "system",
        "ready_toast": True,
        "overlay": True,
    }


@pytest.mark.parametrize("arguments", [["list"], ["get", "vad"], ["set", "a", "1"], ["reset", "--all"]])
def test_without_a_runtime_the_exit_code_is_3(absent: Any, arguments: list[str]) -> None:
    assert absent("config", *arguments).code == 3


@pytest.mark.parametrize("name", ["list", "get", "set", "reset"])
def test_every_command_shows_examples(absent: Any, name: str) -> None:
    assert f"Examples:\n    undercroft config {name}" in absent("config", name, "--help").out
