"""The tour as a newcomer runs it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from actors.cli.demo.tour_models import silero_path
from actors.cli.demo.tour_processes import descendants, is_running
from tests.support.runtime_process import within

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc"),
]

COMMAND = [sys.executable, "-P", "-m", "actors", "demo"]


@pytest.mark.requirement(
    "C-1", "C-4", "C-7", "S0-6", "S0-7", "S0-8", "S0-9", "S1-11", "S1-26", "S1-27", "S2-14", "S2-15", "S2-16"
)
def test_every_step_of_the_tour_is_proven(tmp_path: Path) -> None:
    home = tmp_path / "home"
    tour = subprocess.run(
        [*COMMAND, "--json", "--home", str(home)], capture_output=True, text=True, timeout=120, check=False
    )
    report = json.loads(tour.stdout)
    assert {step["name"]: step["held"] for step in report["steps"]} == dict.fromkeys(
        (
            "up",
            "install",
            "kill_downloader",
            "resume",
            "verify",
            "activate",
            "readiness",
            "settings",
            "kill_state",
            "kill_broker",
            "down",
        ),
        True,
    ), report
    assert (tour.returncode, report["ok"], report["kept"], tour.stderr) == (0, True, True, "")
    assert all(step["detail"] and step["seconds"] >= 0 for step in report["steps"])
    installed = sorted(path.name for path in (home / "models").iterdir() if not path.name.startswith("."))
    assert installed == (["silero-vad", "synthetic-speech"] if silero_path() else ["synthetic-speech"])
    assert json.loads((home / "config" / "config.json").read_bytes())["overrides"] == {"vad.sensitivity": 0.3}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_tour_that_is_interrupted_leaves_no_process_and_no_home(number: int, tmp_path: Path) -> None:
    with subprocess.Popen(
        COMMAND, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={"TMPDIR": str(tmp_path)}, text=True
    ) as tour:
        assert tour.stdout is not None
        assert "Start the runtime" in tour.stdout.readline()
        assert within(20.0, lambda: len(descendants(tour.pid)) >= 6)
        below = descendants(tour.pid)
        tour.send_signal(number)
        tour.communicate(timeout=20)
    assert tour.returncode == 130
    assert within(10.0, lambda: not any(is_running(pid) for pid in below))
    assert list(tmp_path.iterdir()) == []
