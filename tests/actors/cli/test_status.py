"""`undercroft status`."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.slow


def test_all_actors_are_listed_with_state_and_process(running: Any) -> None:
    ended = running("status")
    assert ended.code == 0
    headline, *lines = ended.out.splitlines()
    assert headline.startswith("probe: 5 of 5 ready, process ")
    assert {line.split(":")[0].strip() for line in lines} == {"broker", "config_store", "model_verifier", "model_downloader", "worker"}
    assert all(": ready (process " in line for line in lines)


def test_with_json_it_is_one_document(running: Any) -> None:
    ended = running("status", "--json")
    (overview,) = ended.documents
    assert (ended.code, overview["settled"], overview["profile"], overview["home"]) == (0, True, "probe", str(running.home))


def test_without_a_runtime_the_exit_code_is_3_and_the_next_step_is_named(absent: Any) -> None:
    ended = absent("status")
    assert (ended.code, ended.out) == (3, "")
    assert "start it with 'undercroft up'" in ended.err
