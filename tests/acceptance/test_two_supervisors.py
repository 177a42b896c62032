"""One runtime for each home: a second one is refused by name; a killed one is in nobody's way."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.acceptance.conftest import Start
from tests.support.profiles import write_counter_profile
from tests.support.runtime_process import within

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc"),
]

IN_USE = 6
NOT_RUNNING = 3


@pytest.mark.requirement("C-7", "S2-9")
def test_a_second_runtime_is_refused_and_told_who_has_the_home(tmp_path: Path, start: Start) -> None:
    profile = write_counter_profile(tmp_path / "profile", [])
    first = start(profile)
    first.wait_settled()
    for arguments in (["up"], ["up", "--detach"]):
        second = first.command("--profile", str(profile), *arguments)
        assert second.returncode == IN_USE
        assert f"process {first.pid}" in second.stderr
    as_json = json.loads(first.command("--profile", str(profile), "--json", "up").stdout)
    assert (as_json["type"], as_json["exit_code"]) == ("AlreadyRunning", IN_USE)
    assert json.loads(first.command("--json", "status").stdout)["pid"] == first.pid
    assert first.end() == 0


@pytest.mark.requirement("C-4", "C-7")
def test_what_a_killed_runtime_left_is_known_for_stale_and_a_new_one_starts(
    tmp_path: Path, start: Start
) -> None:
    profile = write_counter_profile(tmp_path / "profile", [])
    first = start(profile)
    first.wait_settled()
    assert first.command("config", "set", "counters.first", "7").returncode == 0
    first.kill()
    runtime_file = first.home / "state" / "runtime.json"
    assert json.loads(runtime_file.read_bytes())["pid"] == first.pid
    status = first.command("status")
    assert status.returncode == NOT_RUNNING
    assert f"process {first.pid}" in status.stderr
    second = start(profile)
    second.wait_settled()
    assert json.loads(runtime_file.read_bytes())["pid"] == second.pid
    assert second.command("config", "get", "counters.first").stdout.strip() == "7"
    assert second.end() == 0
    assert not runtime_file.exists()
    assert within(1.0, lambda: not (first.alive() | second.alive()))
