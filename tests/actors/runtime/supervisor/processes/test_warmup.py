"""The warm-up runs one whole life of an actor, leaves nothing behind, and stops nobody if it fails."""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from actors.runtime.supervisor.processes import warmup

MODELS_BUILT = """
import sys
from actors.runtime.supervisor.processes.warmup import warm_up
warm_up(["pydantic.fields"])
print("pydantic.main" in sys.modules, any(module == "zmq" for module in sys.modules))
"""
NOTHING_HEAVY = """
import sys
from actors.runtime.supervisor.processes.warmup import warm_up
warm_up(["actors.locations"])
print("pydantic" in sys.modules)
"""


def run(program: str) -> tuple[str, str]:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return done.stdout.strip(), done.stderr


def test_the_warmup_actor_hears_what_it_said_and_leaves() -> None:
    actor = asyncio.run(warmup._run_one_life({"/srv/somebody/models": "models"}))
    assert [event.reason for event in actor.heard] == [warmup.NAME]


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="descriptors are counted in Linux's /proc")
def test_no_thread_descriptor_or_log_handler_is_left(capsys: pytest.CaptureFixture[str]) -> None:
    warmup.warm_up()
    before = (
        len(os.listdir("/proc/self/fd")),
        threading.active_count(),
        list(logging.getLogger().handlers),
        logging.getLogger().level,
    )
    warmup.warm_up()
    assert (
        len(os.listdir("/proc/self/fd")),
        threading.active_count(),
        list(logging.getLogger().handlers),
        logging.getLogger().level,
    ) == before
    assert capsys.readouterr().err == ""


def test_models_are_built_where_they_will_be_and_nothing_of_zeromq_is_touched() -> None:
    assert run(MODELS_BUILT) == ("True False", "")
    assert run(NOTHING_HEAVY) == ("False", "")


def test_a_warmup_that_fails_is_reported_and_nothing_more(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(warmup, "LIMIT_SECONDS", 0.0)
    warmup.warm_up()
    assert capsys.readouterr().err == "warmup: timeout\n"
