"""`undercroft status`."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.slow


def test_all_actors_are_listed_with_state_and_process(running: Any) -> None:
    ended = running("status")
    assert ended.code == 0
    headline, *lines, _ = ended.out.splitlines()
    assert headline.startswith("probe: 6 of 6 ready, process ")
    assert {line.split(":")[0].strip() for line in lines} == {
        "broker",
        "config_store",
        "model_verifier",
        "model_downloader",
        "diagnostics",
        "worker",
    }
    assert all(": ready (process " in line for line in lines)


def test_what_is_wrong_now_is_told_with_what_to_do(running: Any) -> None:
    alert = running("status").out.splitlines()[-1]
    assert alert.startswith("  warning: worker.thirsty, for ")
    assert alert.endswith("there is no water; bring some")
    (overview,) = running("status", "--json").documents
    assert [(one["source"], one["name"], one["is_active"]) for one in overview["alerts"]] == [
        ("worker", "worker.thirsty", True)
    ]


def test_with_json_it_is_one_document(running: Any) -> None:
    ended = running("status", "--json")
    (overview,) = ended.documents
    assert (ended.code, overview["settled"], overview["profile"], overview["home"]) == (
        0,
        True,
        "probe",
        str(running.home),
    )


def test_without_a_runtime_the_exit_code_is_3_and_the_next_step_is_named(absent: Any) -> None:
    ended = absent("status")
    assert (ended.code, ended.out) == (3, "")
    assert "start it with 'undercroft up'" in ended.err
