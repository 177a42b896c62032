"""Readiness over real processes: an interrupted setup continues, and killing the actor loses nothing."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest

from tests.acceptance.conftest import Start
from tests.support.faulty_origin import FaultyOrigin, serve_model
from tests.support.origin_content import SyntheticContent
from tests.support.origin_faults import Faults
from tests.support.profiles import MANY_RESTARTS, bundled, write_counter_profile
from tests.support.runtime_process import LIMIT_SECONDS, RuntimeProcess, within

pytestmark = pytest.mark.slow

SIZE_BYTES = 24_000_000
RATE_BYTES_PER_SECOND = 12_000_000.0

MODES = """
[readiness.categories.stt]
model = "ears"

[[modes]]
name = "dictation"
requires = ["stt"]
"""
READINESS = bundled("readiness", intensity=MANY_RESTARTS)


def snapshot_of(runtime: RuntimeProcess) -> dict[str, Any]:
    """The readiness of the app now."""
    told = runtime.command("ready", "--report", "--json")
    found: dict[str, Any] = msgspec.json.decode(told.stdout)
    assert "snapshot" in found, told.stdout + told.stderr
    snapshot: dict[str, Any] = found["snapshot"]
    return snapshot


@pytest.mark.requirement("S1-8", "S1-11", "S1-25")
def test_a_setup_that_was_interrupted_goes_on_at_the_next_launch_without_another_question(
    tmp_path: Path, start: Start
) -> None:
    with FaultyOrigin(RATE_BYTES_PER_SECOND) as origin:
        entry = serve_model(origin, "ears", SyntheticContent(SIZE_BYTES))
        (path,) = (urlsplit(url).path for url in entry.files[0].urls)
        origin.misbehave(
            path, Faults(stall_after_bytes=4_000_000)
        )  # so that it cannot finish before it is killed
        profile = write_counter_profile(tmp_path / "profile", [entry], READINESS, tables=MODES)
        first = start(profile)
        first.wait_settled()
        assert first.command("ready").returncode == 4
        assert first.command("ready", "--setup", "--yes", "--wait", "0.5").returncode == 5
        partial = first.home / "models" / "ears.partial" / "model.bin"
        assert within(LIMIT_SECONDS, lambda: partial.exists() and partial.stat().st_size > 0)
        before = snapshot_of(first)
        assert (before["state"], before["show"]) == ("downloading", "progress")
        first.kill()
        assert within(LIMIT_SECONDS, lambda: not first.alive())
        origin.misbehave(path, Faults())

        again = start(profile)
        again.wait_settled()
        after = snapshot_of(again)
        assert after["state"] in ("downloading", "ready")
        assert after["setup"] is None
        assert after["revision"] > before["revision"]
        assert again.command("ready", "--wait", "25").returncode == 0
        assert (again.home / "models" / "ears" / "model.bin").stat().st_size == SIZE_BYTES
        assert again.end() == 0


@pytest.mark.requirement("S1-37")
def test_a_server_that_takes_up_a_download_once_and_begins_it_anew_another_time_is_a_warning_sign(
    tmp_path: Path, start: Start
) -> None:
    with FaultyOrigin(RATE_BYTES_PER_SECOND) as origin:
        entry = serve_model(origin, "ears", SyntheticContent(SIZE_BYTES))
        (path,) = (urlsplit(url).path for url in entry.files[0].urls)
        origin.misbehave(path, Faults(stall_after_bytes=4_000_000))
        runtime = start(write_counter_profile(tmp_path / "profile", [entry], READINESS, tables=MODES))
        runtime.wait_settled()
        assert runtime.command("ready", "--setup", "--yes", "--wait", "1").returncode == 5
        assert runtime.command("models", "cancel", "ears").returncode == 0
        assert 0 < snapshot_of(runtime)["setup"]["missing_bytes"] < SIZE_BYTES
        origin.misbehave(path, Faults(no_ranges=True))
        assert runtime.command("ready", "--setup", "--yes", "--wait", "25").returncode == 0
        report = runtime.command("ready", "--report").stdout
        assert "Ears: the server resumed a download once and restarted it another time (1 x)." in report, (
            report
        )
        assert runtime.end() == 0


@pytest.mark.requirement("S1-25")
def test_an_actor_that_is_killed_comes_back_with_the_same_picture_and_a_higher_revision(
    tmp_path: Path, start: Start
) -> None:
    with FaultyOrigin() as origin:
        profile = write_counter_profile(
            tmp_path / "profile",
            [serve_model(origin, "ears", SyntheticContent(100_000))],
            READINESS,
            tables=MODES,
        )
        runtime = start(profile)
        runtime.wait_settled()
        assert runtime.command("ready", "--setup", "--yes", "--wait", "25").returncode == 0
        before = snapshot_of(runtime)
        pid = runtime.pid_of("uc-readiness")
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        assert within(LIMIT_SECONDS, lambda: runtime.pid_of("uc-readiness") not in (None, pid))
        assert runtime.command("ready", "--wait", "25").returncode == 0
        after = snapshot_of(runtime)
        assert after["revision"] >= before["revision"]
        assert (after["state"], after["modes"], after["since"]) == (
            before["state"],
            before["modes"],
            before["since"],
        )
        assert runtime.end() == 0
