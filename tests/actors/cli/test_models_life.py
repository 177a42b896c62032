"""Pause, resume, roll back, repair, lease and collect, each against a live downloader."""

from __future__ import annotations

import re
from typing import Any

import pytest

from actors.cli.models_life import COMMANDS

pytestmark = pytest.mark.slow
NAMES = [command.name for command in COMMANDS]


@pytest.mark.requirement("S1-31", "S1-10")
def test_an_install_is_paused_and_resumed(running: Any) -> None:
    assert running("models", "install", "second", "--no-wait").code == 0
    paused = running("models", "pause", "second")
    assert paused.code == 0, paused.err
    assert re.fullmatch(r"The second model: paused, \S+ \S+ kept\n", paused.out)
    assert re.search(r"^second +paused \d+ % ", running("models", "list").out, re.MULTILINE)
    resumed = running("models", "resume", "second")
    assert resumed.code == 0, resumed.err
    assert running("models", "install", "second").code == 0
    assert running("models", "remove", "second").code == 0


def test_what_lies_beside_the_models_is_listed_and_collected_by_a_rule_only(running: Any) -> None:
    listed = running("models", "partials")
    assert listed.code == 0, listed.err
    assert listed.out.splitlines()[-1] == "nothing lies beside the installed models"
    without = running("models", "collect")
    assert (without.code, without.out.splitlines()[-1].split(";")[0]) == (0, "nothing was removed: no rule is set")
    assert running("models", "collect", "--keep-days", "0").code == 2, "0 would read as everything, and means nothing"
    collected = running("models", "collect", "--keep-days", "30", "--dry-run")
    assert (collected.code, collected.out.splitlines()[-1]) == (0, "0 B would be freed")


def test_a_model_that_is_held_is_not_removed_until_it_is_given_back(running: Any) -> None:
    assert running("models", "install", "first").code == 0
    leased = running("models", "lease", "first", "--holder", "recorder", "--ttl", "300")
    assert leased.code == 0, leased.err
    directory, words = leased.out.splitlines()
    assert directory.endswith("first")
    assert "held by recorder" in running("models", "list").out
    refused = running("models", "remove", "first")
    assert refused.code == 4
    assert "recorder" in refused.err
    lease_id = words.removeprefix("lease ")
    assert running("models", "lease", "first", "--holder", "recorder", "--renew", lease_id).code == 0
    assert running("models", "release", "first", lease_id).out == "first: released\n"
    assert running("models", "release", "first", lease_id).out == "first: was not held under that lease\n"
    assert running("models", "remove", "first").code == 0


def test_what_cannot_be_rolled_back_or_repaired_is_refused(running: Any) -> None:
    assert running("models", "rollback", "first").code == 4
    assert running("models", "repair", "first").code == 4


@pytest.mark.parametrize("name", NAMES)
def test_every_command_shows_examples(absent: Any, name: str) -> None:
    assert f"Examples:\n    undercroft models {name}" in absent("models", name, "--help").out
