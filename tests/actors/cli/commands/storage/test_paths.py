"""`undercroft paths`: without a runtime from the disk, with one as it is live."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from actors.cli.commands.storage.paths import lines_of, move_line
from actors.shared.locations.location_choices import LocationChoices, write_choices
from schemas.paths import MoveState, PathMoveChangedEvent, PathStatus
from tests.support.profiles import write_counter_profile
from tests.support.runtime_process import RuntimeProcess


def undercroft(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "actors", "--home", str(home), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


def moving(state: MoveState, **more: object) -> PathMoveChangedEvent:
    fields = {"source": "/old", "target": "/new", "action": "move", "state": state, **more}
    return PathMoveChangedEvent(**fields)  # type: ignore[arg-type]  # as named


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (moving("moving", model_id="tiny", moved_bytes=1, total_bytes=4), "moving to /new: 25 % tiny"),
        (moving("moving"), "moving to /new: 100 %"),
        (moving("leaving", kept_back=["tiny"]), "the models are in /new; clearing /old; still in use: tiny"),
        (moving("moved"), "the models are in /new"),
        (moving("cancelled"), "cancelled: all models are in /old"),
        (moving("failed", problem="full"), "failed: full"),
    ],
)
def test_a_move_is_told_in_one_line(event: PathMoveChangedEvent, line: str) -> None:
    assert move_line(event) == line


@pytest.mark.requirement("S1-19")
def test_the_normal_view_of_a_category_is_its_active_path_alone() -> None:
    status = PathStatus(
        category="logs",
        path="/logs",
        next_path="/big/logs",
        origin="root",
        default="/logs",
        exists=True,
        writable=True,
        free_bytes=1,
        takes_effect="next_start",
        problems=[],
    )
    assert lines_of(status, with_category=False) == ["/logs"]
    assert lines_of(status, with_category=True) == [
        "logs       /logs  (root)",
        "           /big/logs from the next start",
    ]


@pytest.mark.requirement("S1-19")
def test_without_a_runtime_the_active_path_is_shown_and_with_all_every_category(tmp_path: Path) -> None:
    shown = undercroft(tmp_path, "paths")
    assert (shown.returncode, shown.stdout) == (0, f"{tmp_path / 'models'}\n")
    everything = undercroft(tmp_path, "paths", "--all").stdout.splitlines()
    assert [line.split()[0] for line in everything] == [
        "config",
        "state",
        "logs",
        "models",
        "tools",
        "workspace",
    ]
    assert list(tmp_path.iterdir()) == []


def test_without_a_runtime_a_missing_directory_is_told_and_exits_with_1(tmp_path: Path) -> None:
    write_choices(tmp_path / "config", LocationChoices(paths={"models": str(tmp_path / "gone")}))
    shown = undercroft(tmp_path, "paths", "--json")
    assert shown.returncode == 1
    (status,) = json.loads(shown.stdout)["paths"]
    assert (status["path"], [problem["kind"] for problem in status["problems"]]) == (
        str(tmp_path / "gone"),
        ["missing"],
    )


def test_a_choice_needs_a_runtime(tmp_path: Path) -> None:
    assert undercroft(tmp_path, "paths", "set", "models", "/big").returncode == 3
    assert undercroft(tmp_path, "paths", "set", "config", "/big").returncode == 2


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Path]:
    """The home of a runtime with a registry of locations."""
    life = RuntimeProcess(tmp_path / "home", write_counter_profile(tmp_path / "profile", [], "locations"))
    try:
        life.wait_settled()
        yield tmp_path / "home"
        life.end()
    finally:
        life.clean_up()


@pytest.mark.slow
@pytest.mark.requirement("S1-18", "S1-20", "S1-21")
def test_a_choice_is_offered_shown_made_and_taken_back(running: Path, tmp_path: Path) -> None:
    big = tmp_path / "big"
    refused = undercroft(running, "paths", "set", "models", str(big))
    assert refused.returncode == 4
    assert refused.stderr.endswith("add --create to create it\n")
    dry = undercroft(running, "paths", "set", "models", str(big), "--create", "--dry-run")
    assert (dry.returncode, dry.stdout.splitlines()[:2]) == (
        0,
        ["dry run: nothing was changed; without --dry-run,", f"{big} will be created"],
    )
    assert not big.exists()
    done = undercroft(running, "paths", "set", "models", str(big), "--create", "--anew")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, f"the models are in {big}")
    assert undercroft(running, "paths").stdout == f"{big}\n"
    assert undercroft(running, "paths", "cancel").stdout == "no models are being moved\n"
    assert undercroft(running, "paths", "set", "root", str(tmp_path / "root"), "--create").returncode == 0
    everything = undercroft(running, "paths", "--all").stdout
    assert f"{tmp_path / 'root' / 'logs'} from the next start" in everything
    assert undercroft(running, "paths", "reset", "models").returncode == 0
    assert undercroft(running, "paths").stdout == f"{tmp_path / 'root' / 'models'}\n"
