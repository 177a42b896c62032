"""`undercroft doctor`: against a runtime that is up, and on homes that were broken in several ways."""

from __future__ import annotations

import os
import stat
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from actors.cli.commands.inspection.doctor import profile_of
from actors.cli.options import Target
from actors.shared.crash_files import keep_crash, read_crashes
from bus.discovery import Runtime
from schemas.operations.crashes import CrashRecord

pytestmark = pytest.mark.slow
GONE = 2**22 + 1
"""No process has this id (proc(5), pid_max)."""


@pytest.fixture(autouse=True)
def keychain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNDERCROFT_KEYCHAIN", f"file:{tmp_path / 'keychain.json'}")


@pytest.fixture
def broken(absent: Any) -> Any:
    """A home that a runtime left in disorder."""
    config, state = absent.home / "config", absent.home / "state"
    for directory in (absent.home, config, state, state / "store", absent.home / "models"):
        directory.mkdir(mode=0o700)
    (config / "config.json").write_text('{"format": 1, "overrides": {"no.such": "VALUE-CANARY"}}')
    (config / "config.json").chmod(0o644)
    runtime = Runtime(
        app="undercroft", pid=GONE, started_at=1.0, lane="ipc://l", feed="ipc://f", token="TOKEN-CANARY"
    )
    (state / "runtime.json").write_bytes(msgspec.json.encode(runtime))
    (state / "runtime.json").chmod(0o600)
    (state / "a.json.tmp").write_text("half")
    (state / "a.json.tmp").chmod(0o600)
    os.utime(state / "a.json.tmp", (0, 1_780_000_000))
    (state / "store" / "a.json").write_text('{"undercroft": 1, "value": "DOCUMENT-CANARY"')
    (state / "store" / "a.json").chmod(0o600)
    keep_crash(
        state,
        CrashRecord(
            actor="store",
            at=1_780_000_000.0,
            kind="out_of_memory",
            reason="killed by SIGKILL",
            last_words="WORDS-CANARY",
        ),
    )
    return absent


def _of_the_home(ended: Any) -> dict[str, list[dict[str, Any]]]:
    """Problems by check, without what the machine of the test may really lack."""
    found: dict[str, list[dict[str, Any]]] = {}
    for problem in ended.documents[0]["problems"]:
        if problem["check"] not in ("disk", "machine"):
            found.setdefault(problem["check"], []).append(problem)
    return found


def test_a_runtime_that_is_up_is_asked_and_its_alerts_are_told(running: Any) -> None:
    ended = running("doctor", "--json")
    (found,) = ended.documents
    assert (ended.code, found["is_well"], found["is_up"]) == (1, False, True)
    (problem,) = [problem for problem in found["problems"] if problem["check"] == "runtime"]
    assert (problem["severity"], problem["where"], problem["advice"]) == ("warning", "worker", "bring some")
    assert not set(_of_the_home(ended)) & {"locks", "sockets", "permissions", "leftovers", "state", "config"}


@pytest.mark.skipif(sys.platform == "win32", reason="modes of files are a matter of POSIX")
def test_every_fault_of_a_broken_home_is_found_and_no_content_is_told(broken: Any) -> None:
    ended = broken("doctor", "--json")
    found = _of_the_home(ended)
    assert ended.code == 1
    assert set(found) == {"permissions", "locks", "config", "state", "leftovers", "crashes"}
    assert found["config"][0]["found"] == "no.such"
    assert [
        problem["is_fixable"] for problem in (*found["permissions"], *found["locks"], *found["leftovers"])
    ] == [True] * 3
    assert not found["state"][0]["is_fixable"]
    assert "CANARY" not in ended.out + ended.err + broken("doctor").out + broken("doctor", "--fix").out


@pytest.mark.skipif(sys.platform == "win32", reason="modes of files are a matter of POSIX")
def test_fix_previews_and_with_yes_it_mends_what_is_safe_and_says_what(broken: Any) -> None:
    config, state = broken.home / "config" / "config.json", broken.home / "state"
    preview = broken("doctor", "--fix")
    assert f"would set the mode of {config} to 0600" in preview.out.splitlines()
    assert f"would remove {state / 'runtime.json'}" in preview.out.splitlines()
    assert stat.S_IMODE(config.stat().st_mode) == 0o644
    assert (state / "runtime.json").exists()
    mended = broken("doctor", "--fix", "--yes")
    assert mended.code == 1  # what a person has to look at is still there
    assert f"done: set the mode of {config} to 0600" in mended.out.splitlines()
    assert stat.S_IMODE(config.stat().st_mode) == 0o600
    assert not (state / "runtime.json").exists()
    assert not (state / "a.json.tmp").exists()
    assert (state / "store" / "a.json").exists()
    assert set(_of_the_home(broken("doctor", "--json"))) == {"config", "state", "crashes"}


def test_a_home_where_nothing_ever_ran_is_well(absent: Any) -> None:
    ended = absent("doctor", "--json")
    assert [problem["severity"] for problems in _of_the_home(ended).values() for problem in problems] == [
        "info"
    ] * 3
    assert not absent.home.exists()


def test_the_home_is_judged_by_the_profile_that_its_runtime_runs(running: Any) -> None:
    target = Target(home=str(running.home))
    assert profile_of(target) == str(running.profile)
    assert profile_of(replace(target, profile="other")) == "other"


def test_yes_alone_is_no_order(absent: Any) -> None:
    ended = absent("doctor", "--yes")
    assert (ended.code, "--yes goes with --fix" in ended.err) == (2, True)


def test_a_profile_that_cannot_be_read_does_not_keep_the_home_from_being_examined(absent: Any) -> None:
    (absent.profile / "profile.toml").write_text("name = ")
    found = _of_the_home(absent("doctor", "--json"))
    assert "the profile cannot be used" in found["config"][0]["what"]


def test_crashes_that_were_acknowledged_leave_nothing_to_attend_to(absent: Any) -> None:
    state = absent.home / "state"
    for directory in (absent.home, state):
        directory.mkdir(mode=0o700)
    crash = CrashRecord(actor="store", at=time.time() - 60, kind="hang", reason="hung")
    keep_crash(state, crash)
    (before,) = absent("doctor", "--json").documents
    assert [problem["severity"] for problem in before["problems"] if problem["check"] == "crashes"] == [
        "warning"
    ]
    (after,) = absent("doctor", "--acknowledge", "--json").documents
    assert after["acknowledged"] == 1
    assert [problem["severity"] for problem in after["problems"] if problem["check"] == "crashes"] == ["info"]
    assert [record.kind for _, record in read_crashes(state) if record] == ["hang"]
