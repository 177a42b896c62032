"""The supervisor is killed over and over while a large file is being downloaded."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import pytest

from tests.acceptance.conftest import Start
from tests.support.faulty_origin import FaultyOrigin, serve_model
from tests.support.origin_content import SyntheticContent
from tests.support.profiles import write_counter_profile
from tests.support.runtime_process import LIMIT_SECONDS, RuntimeProcess, described, within

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc"),
]

KILLS = 20
MIB = 1 << 20
STEP_BYTES = 3 * MIB
SIZE_BYTES = (KILLS + 2) * STEP_BYTES + 4711


@pytest.mark.requirement("C-4", "S1-11", "S1-26", "S1-27", "S1-30", "S0-7", "S0-8", "S0-9")
def test_a_download_survives_20_kills_of_the_supervisor_and_fetches_nothing_twice(
    tmp_path: Path, start: Start
) -> None:
    with FaultyOrigin(rate_bytes_per_second=16 * MIB) as origin:
        entry = serve_model(origin, "big", SyntheticContent(SIZE_BYTES))
        profile = write_counter_profile(tmp_path / "profile", [entry])
        home = tmp_path / "home"
        staged, installed = home / "models" / "big.partial" / "model.bin", home / "models" / "big"
        for kill in range(KILLS):
            runtime = start(profile, home)
            if kill == 0:
                runtime.wait_settled()
                assert (
                    runtime.command("models", "install", "big", "--no-wait").returncode == 0
                )  # asked for only once
            wanted = (kill + 1) * STEP_BYTES
            assert within(LIMIT_SECONDS, lambda wanted=wanted: _size(staged) >= wanted), (
                f"{_size(staged)} of {wanted} bytes came"
            )
            _kill(runtime)
            assert not installed.exists()
        last = start(profile, home)
        assert within(LIMIT_SECONDS, installed.exists)
        requests = [seen for seen in origin.requests if seen.path == "/big.bin"]
    with (installed / "model.bin").open("rb") as file:
        assert hashlib.file_digest(file, "sha256").hexdigest() == entry.files[0].sha256
    assert [path.name for path in installed.iterdir() if not path.name.startswith(".")] == ["model.bin"]
    assert len(requests) == KILLS + 1
    assert [seen.status for seen in requests] == [200, *[206] * KILLS]
    assert all(seen.headers["if-range"] for seen in requests[1:])
    twice = [
        (before.range_start or 0) + before.sent_bytes - (after.range_start or 0)
        for before, after in zip(requests, requests[1:], strict=False)
    ]
    print(f"fetched twice after each kill, in KiB: {[amount // 1024 for amount in twice]}")
    assert max(twice) <= MIB
    assert last.end() == 0
    assert within(1.0, lambda: not last.alive())


def _kill(runtime: RuntimeProcess) -> None:
    """Kill the supervisor, and check that none of its processes runs a second later."""
    runtime.kill()
    assert len(runtime.seen) >= 5
    assert within(1.0, lambda: not runtime.alive()), f"alive a second later: {described(runtime.alive())}"


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
