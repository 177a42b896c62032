"""Random and mutated messages: the broker survives, stays as large as it is, and serves the others."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.frame_mutations import FrameMutator
from tests.support.fuzzed_core import FuzzedCore

REPOSITORY = Path(__file__).parents[2]


@pytest.mark.parametrize("seed", range(4))
def test_a_core_under_mutated_messages_answers_every_request_of_others(seed: int) -> None:
    fuzzed = FuzzedCore(seed)
    fuzzed.run(5_000)
    fuzzed.check()
    assert fuzzed.replies == 10
    assert min(fuzzed.kinds.values()) > 100, "every kind of message was tried"
    assert {"malformed", "unknown_peer", "wrong_verb", "truncated", "not_yours"} <= set(fuzzed.refused)


def test_the_same_seed_makes_the_same_messages() -> None:
    first, again, other = FrameMutator(1), FrameMutator(1), FrameMutator(2)
    messages = [first.message() for _ in range(200)]
    assert messages == [again.message() for _ in range(200)]
    assert messages != [other.message() for _ in range(200)]


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is read from Linux's /proc")
@pytest.mark.parametrize("transport", ["ipc", "tcp"])
def test_a_real_broker_survives_them_with_flat_memory(transport: str) -> None:
    command = [sys.executable, "-m", "tests.benchmarks.fuzz_broker", "--transport", transport]
    ended = subprocess.run(
        [*command, "--messages", "200000", "--over-sockets", "20000"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    found = json.loads(ended.stdout)
    assert found["core"]["witness_requests"] == 400
    assert found["sockets"]["is_alive"]
    assert sum(found["sockets"]["refused"].values()) > 5_000
