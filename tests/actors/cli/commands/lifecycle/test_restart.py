"""`undercroft restart`."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.slow


def _pid(running: Any, actor: str) -> int:
    (overview,) = running("status", "--json").documents
    return next(int(found["pid"]) for found in overview["actors"] if found["actor"] == actor)


def test_an_actor_comes_back_as_another_process_and_the_others_stay(running: Any) -> None:
    before, store = _pid(running, "worker"), _pid(running, "config_store")
    ended = running("restart", "worker", "--json")
    (status,) = ended.documents
    assert (ended.code, status["state"]) == (0, "ready")
    assert status["pid"] == _pid(running, "worker") != before
    assert _pid(running, "config_store") == store


def test_several_are_restarted_one_after_the_other(running: Any) -> None:
    ended = running("restart", "worker", "model_downloader")
    assert ended.code == 0
    assert [line.split(" (")[0] for line in ended.out.splitlines()] == [
        "worker: ready",
        "model_downloader: ready",
    ]


def test_without_waiting_it_returns_before_the_actor_is_ready(running: Any) -> None:
    (status,) = running("restart", "worker", "--no-wait", "--json").documents
    assert status["state"] in ("stopping", "starting")
    assert running("restart", "worker").code == 0


def test_an_unknown_actor_is_refused_and_the_known_ones_are_named(running: Any) -> None:
    ended = running("restart", "nobody")
    assert ended.code == 4
    assert "expected one of broker, config_store, " in ended.err


def test_without_an_actor_the_command_line_is_wrong(running: Any) -> None:
    assert running("restart").code == 2
