"""A report is made even from a runtime in a bad state, and names the cause first."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.conftest import Start
from tests.acceptance.test_secret_service import Desktop, desktop
from tests.support.profiles import MANY_RESTARTS, Child, bundled, write_counter_profile
from tests.support.runtime_process import RuntimeProcess

__all__ = ["desktop"]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc"),
]

ENCRYPTED_HISTORY = """
[[namespaces]]
name = "history"
encrypt = true
"""
CRASHER = {"name": "crasher", "entry": "crasher:build", "intensity": 2}

needs_keyring = pytest.mark.skipif(
    shutil.which("gnome-keyring-daemon") is None or shutil.which("dbus-daemon") is None,
    reason="needs gnome-keyring and dbus-daemon",
)


def diagnosed_profile(directory: Path, *children: Child) -> Path:
    """Write a profile with diagnostics, and with actors that it reports on."""
    state_store = bundled("state_store", intensity=MANY_RESTARTS)
    return write_counter_profile(
        directory, [], "diagnostics", "readiness", state_store, *children, tables=ENCRYPTED_HISTORY
    )


def report_of(runtime: RuntimeProcess) -> dict[str, Any]:
    """The report of `undercroft diagnostics`."""
    done = runtime.command("diagnostics", "--json")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["seconds"] < 2
    return found


def first(report: dict[str, Any]) -> str:
    """The cause that the summary names first."""
    finding: dict[str, Any] = report["findings"][0]
    assert report["summary"].startswith(f"# {' '.join(finding['sentence'].split())}")
    return str(finding["name"])


@pytest.mark.requirement("S0-16", "S4-28")
def test_a_broker_that_hangs_is_the_cause_and_every_part_that_needs_it_is_named(
    tmp_path: Path, start: Start
) -> None:
    runtime = start(diagnosed_profile(tmp_path / "profile"))
    runtime.wait_settled()
    broker = runtime.pid_of("uc-broker")
    assert broker is not None
    os.kill(broker, signal.SIGSTOP)
    try:
        report = report_of(runtime)
    finally:
        os.kill(broker, signal.SIGCONT)
    assert first(report) == "broker_down"
    assert {"models", "overview", "readiness", "settings", "ring"} <= {
        part["part"] for part in report["missing"]
    }
    assert {"storage.json", "integrity.json", "system.json"} <= {file["name"] for file in report["files"]}
    runtime.kill()
    assert first(report_of(runtime)) == "runtime_died"


@pytest.mark.requirement("S0-16", "S4-28")
def test_a_corrupt_settings_file_and_an_actor_in_a_crash_loop_are_the_cause(
    tmp_path: Path, start: Start
) -> None:
    profile = diagnosed_profile(tmp_path / "profile", CRASHER)
    (profile / "crasher.py").write_text(
        'import sys\n\ndef build(context):\n    sys.exit("the licence file is missing")\n'
    )
    runtime = start(profile)
    runtime.wait_settled()
    report = report_of(runtime)
    assert first(report) == "actor_failed"
    assert "crasher" in report["summary"].splitlines()[0]
    assert "the licence file is missing" in report["summary"]
    assert any(
        file["name"].startswith("crashes/") and file["name"].endswith("crasher.json")
        for file in report["files"]
    )
    runtime.end()
    (runtime.home / "config").mkdir(exist_ok=True)
    (runtime.home / "config" / "config.json").write_text('{"overrides": {')
    again = start(profile)
    again.wait_settled()
    assert first(report_of(again)) == "config_corrupt"


@pytest.mark.requirement("S0-16", "S4-28")
def test_half_of_the_actors_are_down_and_the_report_comes_in_time(tmp_path: Path, start: Start) -> None:
    runtime = start(diagnosed_profile(tmp_path / "profile"))
    runtime.wait_settled()
    stopped = [
        pid
        for name in ("uc-readiness", "uc-state_store", "uc-config_store", "uc-diagnostics")
        if (pid := runtime.pid_of(name))
    ]
    assert len(stopped) == 4
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    try:
        report = report_of(runtime)
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
    assert {part["part"] for part in report["missing"]} >= {"readiness", "state", "settings", "ring"}
    assert {"actors.json", "models.json", "output.txt"} <= {file["name"] for file in report["files"]}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of four megabytes."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount")
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m,mode=0700", "tmpfs", str(disk)],
        check=False,
        capture_output=True,
    ).returncode:
        pytest.skip("a tmpfs cannot be mounted here")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


@pytest.mark.requirement("S0-16", "S4-28")
def test_a_full_disk_is_the_cause(tmp_path: Path, start: Start, small_disk: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "state").symlink_to(small_disk)
    runtime = start(diagnosed_profile(tmp_path / "profile"), home)
    runtime.wait_settled()
    with (small_disk / "filler").open("wb", buffering=0) as file, pytest.raises(OSError, match="No space"):  # noqa: PT012  # a loop
        while True:
            file.write(bytes(64 * 1024))
    runtime.command("state", "set", "settings.x", "1")
    report = report_of(runtime)
    assert first(report) == "disk_full"
    done = runtime.command("diagnostics", "--output", str(tmp_path / "report.zip"))
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(tmp_path / "report.zip") as zipped:
        assert zipped.read("SUMMARY.md").decode().startswith("# The disk is full")


@needs_keyring
@pytest.mark.requirement("S0-16", "S4-28", "S3-19")
def test_a_locked_keychain_is_the_cause(tmp_path: Path, start: Start, desktop: Desktop) -> None:  # noqa: F811
    runtime = start(diagnosed_profile(tmp_path / "profile"))
    runtime.wait_settled()
    done = runtime.command("state", "set", "history.last", '{"a": 1}')
    assert done.returncode == 0, done.stderr
    desktop.lock()
    assert runtime.command("restart", "state_store").returncode == 0
    assert runtime.command("state", "get", "history.last").returncode != 0
    assert first(report_of(runtime)) == "keys_locked"
