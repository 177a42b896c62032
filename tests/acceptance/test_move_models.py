"""Models move to another disk while the app runs: whatever is killed, they are served whole."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.faulty_origin import FaultyOrigin, serve_model
from tests.support.origin_content import SyntheticContent
from tests.support.profiles import MANY_RESTARTS, bundled, write_counter_profile
from tests.support.runtime_process import LIMIT_SECONDS, RuntimeProcess, within

pytestmark = pytest.mark.slow
MIB = 1 << 20

LOCATIONS = bundled("locations", intensity=MANY_RESTARTS)


@pytest.fixture
def other_disk(tmp_path: Path) -> Iterator[Path]:
    """A directory on another file system than the home."""
    if not os.access("/dev/shm", os.W_OK) or Path("/dev/shm").stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second file system here")
    with tempfile.TemporaryDirectory(dir="/dev/shm") as directory:
        yield Path(directory)


@contextlib.contextmanager
def runtime(home: Path, profile: Path) -> Iterator[RuntimeProcess]:
    life = RuntimeProcess(home, profile)
    try:
        life.wait_settled()
        yield life
        life.end()
    finally:
        life.clean_up()


def undercroft(home: Path, *arguments: str) -> tuple[int, Any]:
    """The exit code of a command, and its JSON."""
    command = [sys.executable, "-P", "-m", "actors", "--home", str(home), *arguments, "--json"]
    done = subprocess.run(command, capture_output=True, timeout=LIMIT_SECONDS, check=False)
    lines = done.stdout.splitlines()
    return done.returncode, json.loads(lines[-1]) if lines else done.stderr.decode()


def state_of(home: Path, model_id: str) -> str:
    _, listed = undercroft(home, "models", "list")
    return next(str(model["state"]) for model in listed["models"] if model["model_id"] == model_id)


@pytest.mark.requirement("S1-18", "S1-19", "S1-20", "S0-6")
def test_a_model_moves_to_another_disk_through_kills_of_its_owner_and_serves_there(
    tmp_path: Path, other_disk: Path
) -> None:
    home, target = tmp_path / "home", other_disk / "models"
    content = SyntheticContent(seed=7, size_bytes=192 * MIB)
    with FaultyOrigin() as origin:
        profile = write_counter_profile(
            tmp_path / "profile", [serve_model(origin, "tiny", content)], LOCATIONS
        )
        with runtime(home, profile) as life:
            assert undercroft(home, "models", "install", "tiny")[0] == 0
            code, answer = undercroft(home, "paths", "set", "models", str(target))
            assert (code, answer["chosen"]["problems"][0]["kind"]) == (4, "missing")
            assert not target.exists()
            code, answer = undercroft(home, "paths", "set", "models", str(target), "--create", "--no-wait")
            assert (code, answer["chosen"]["accepted"]) == (0, True)
            kills = kill_while_it_moves(life, home, target)
            assert within(
                LIMIT_SECONDS,
                lambda: (target / "tiny" / "model.bin").exists() and not (home / "models" / "tiny").exists(),
            )
            assert kills > 0
            assert (target / "tiny" / "model.bin").stat().st_size == content.size_bytes
            assert undercroft(home, "models", "verify", "tiny")[0] == 0
            assert state_of(home, "tiny") == "installed"
            _, listed = undercroft(home, "paths")
            assert [(status["category"], status["path"], status["origin"]) for status in listed["paths"]] == [
                ("models", str(target), "override")
            ]
            pid = life.pid_of("uc-model_downlo")
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            _, listed = undercroft(home, "models", "list")
            assert (listed["models_directory"], listed["models"][0]["state"]) == (str(target), "installed")
        with runtime(home, profile):
            assert state_of(home, "tiny") == "installed"
            assert not list((home / "models").glob("tiny*"))
            assert undercroft(home, "paths", "reset", "models")[0] == 0
            assert (home / "models" / "tiny" / "model.bin").stat().st_size == content.size_bytes
            assert not (target / "tiny").exists()


def kill_while_it_moves(life: RuntimeProcess, home: Path, target: Path) -> int:
    """Kill the owner of the models whenever it has copied more; they must be whole where they are served."""
    kills, seen = 0, -1
    end = time.monotonic() + LIMIT_SECONDS
    while time.monotonic() < end and kills < 3 and not (target / "tiny").exists():
        copied = sum(path.stat().st_size for path in target.glob(".moving-tiny/*"))
        pid = life.pid_of("uc-model_downlo")
        if pid is None or copied <= max(seen, 0):
            continue
        os.kill(pid, signal.SIGKILL)
        kills, seen = kills + 1, 0
        assert (home / "models" / "tiny" / "model.bin").exists() or (target / "tiny" / "model.bin").exists()
        while life.pid_of("uc-model_downlo") in (None, pid) and time.monotonic() < end:
            pass
    return kills


@pytest.mark.requirement("S1-2")
def test_a_start_without_the_drive_of_the_models_creates_nothing_there_and_goes_on_when_it_is_back(
    tmp_path: Path,
) -> None:
    home, drive = tmp_path / "home", tmp_path / "drive"
    content = SyntheticContent(seed=8, size_bytes=MIB)
    with FaultyOrigin() as origin:
        profile = write_counter_profile(
            tmp_path / "profile", [serve_model(origin, "tiny", content)], LOCATIONS
        )
        with runtime(home, profile):
            assert undercroft(home, "paths", "set", "models", str(drive / "models"), "--create")[0] == 0
            assert undercroft(home, "models", "install", "tiny")[0] == 0
        drive.rename(tmp_path / "unplugged")
        with runtime(home, profile) as life:
            assert undercroft(home, "status")[0] == 0
            assert not drive.exists()
            code, listed = undercroft(home, "paths")
            assert (code, [problem["kind"] for problem in listed["paths"][0]["problems"]]) == (1, ["missing"])
            assert state_of(home, "tiny") == "absent"
            assert undercroft(home, "models", "install", "tiny")[0] == 4
            assert not drive.exists()
            (tmp_path / "unplugged").rename(drive)
            assert undercroft(home, "paths")[0] == 0
            assert within(LIMIT_SECONDS, lambda: state_of(home, "tiny") == "installed")
            assert life.process.poll() is None
        drive.rename(tmp_path / "unplugged")
        code, listed = undercroft(home, "paths")
        assert (code, listed["paths"][0]["path"]) == (1, str(drive / "models"))


@pytest.mark.requirement("S1-2")
def test_a_start_whose_choice_is_on_a_removed_drive_says_so(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "config").mkdir(parents=True)
    gone = "/media/nobody/stick"
    (home / "config" / "locations.json").write_text(
        json.dumps({"paths": {"models": f"{gone}/models"}, "mounts": {"models": gone}})
    )
    profile = write_counter_profile(tmp_path / "profile", [], LOCATIONS)
    with runtime(home, profile):
        _, listed = undercroft(home, "paths")
        (problem,) = listed["paths"][0]["problems"]
        assert (problem["kind"], problem["offers"][0]) == ("removed_drive", "connect")
        assert undercroft(home, "paths", "reset", "models")[0] == 0
        assert undercroft(home, "paths")[0] == 0
    assert not Path(gone).exists()
