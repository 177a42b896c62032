"""Somebody sets the clock, the machine sleeps: what was to happen later happens neither sooner nor later."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from actors.shared.clocks import StampClock, careful_clock, elapsed_seconds, steady_clock

DAY = 86_400.0
JUMPS = pytest.mark.parametrize("jump", [365 * DAY, -365 * DAY, 3600.0, -1.0])


class Time:
    """A clock on the wall, and the time that has really passed."""

    def __init__(self) -> None:
        self.shown, self.passed = 1_800_000_000.0, 500.0

    def wall(self) -> float:
        return self.shown

    def elapsed(self) -> float:
        return self.passed

    def passes(self, seconds: float) -> None:
        self.shown += seconds
        self.passed += seconds


@JUMPS
def test_a_steady_clock_goes_on_evenly_when_the_clock_is_set(jump: float) -> None:
    time = Time()
    clock = steady_clock(time.wall, time.elapsed)
    began = clock()
    assert began == time.wall()
    time.shown += jump
    time.passes(7)
    assert clock() - began == 7


@JUMPS
def test_nothing_is_older_than_it_can_be_when_the_clock_is_set(jump: float) -> None:
    time = Time()
    clock = careful_clock(time.wall, time.elapsed)
    before, made = clock(), time.wall()
    time.shown += jump
    time.passes(7)
    assert clock() - before <= 7
    assert clock() - made <= 7
    assert clock() - time.wall() <= 0  # what is made now is not older than now


@JUMPS
def test_a_stamp_ages_evenly_when_the_clock_is_set(jump: float) -> None:
    time = Time()
    stamps = StampClock(time.wall, time.elapsed)
    made = time.wall() - DAY
    assert stamps.now() - stamps.at(made) == DAY
    time.shown += jump
    time.passes(7)
    assert stamps.now() - stamps.at(made) == DAY + 7
    new = time.wall()
    assert stamps.now() - stamps.at(new) == 0


def test_a_stamp_of_the_future_stays_one() -> None:
    time = Time()
    stamps = StampClock(time.wall, time.elapsed)
    assert stamps.at(time.wall() + DAY) - stamps.now() == DAY


def test_only_so_many_stamps_are_remembered() -> None:
    time = Time()
    stamps = StampClock(time.wall, time.elapsed)
    for number in range(10_000):
        stamps.at(float(number))
    assert len(stamps._seen) <= 4096


def test_what_has_passed_is_never_less_than_before() -> None:
    assert elapsed_seconds() <= elapsed_seconds()


WALL = re.compile(r"\btime\.time\b(?!_)|datetime\.now|utcnow")
ROOT = Path(__file__).parents[3]
READS_THE_WALL = {
    "actors/cli/commands/inspection/doctor.py": "ages of files, once",
    "actors/cli/commands/inspection/watch.py": "shows a time",
    "actors/cli/views/actor_table.py": "shows how long",
    "actors/diagnostics/actor.py": "log files end on a day",
    "actors/diagnostics/report/report_builder.py": "stamps a report",
    "actors/history/actor.py": "stamps entries; ages by another clock",
    "actors/history/history_home.py": "stamps the audit log",
    "actors/model_downloader/installs/install_context.py": "reads a date of a server without a clock",
    "actors/model_downloader/registry/model_registry.py": "stamps verdicts",
    "actors/model_sources/actor.py": "stamps what was added and accepted",
    "actors/model_sources/remote_manifest/remote_manifest.py": "a manifest is valid until a day",
    "actors/model_verifier/verification_records.py": "stamps verdicts",
    "actors/runtime/supervisor/reports/bus_reporter.py": "stamps alerts",
    "actors/runtime/supervisor/reports/crash_recorder.py": "stamps crashes",
    "actors/runtime/supervisor/reports/supervisor_log.py": "stamps lines",
    "actors/runtime/supervisor/supervisor.py": "stamps lines and states",
    "actors/shared/audit/audit_log.py": "stamps lines",
    "actors/shared/clocks.py": "what this is about",
    "actors/shared/durable/directory_lock.py": "says since when",
    "actors/shared/keys/key_store.py": "stamps keys",
    "actors/state_store/actor.py": "stamps values",
    "actors/state_store/audit_notes.py": "stamps the audit log",
    "actors/state_store/backups/automatic_backups.py": "stamps checks; ages by another clock",
    "actors/state_store/backups/repository.py": "stamps backups",
    "actors/state_store/engine/store.py": "stamps values",
    "actors/state_store/engine/values/value_codec.py": "stamps values",
    "actors/state_store/health.py": "stamps faults",
    "bus/telemetry/alert_book.py": "stamps alerts",
}
"""Where the system's clock is read, and for what: no durations, deadlines, leases and pauses."""


def test_the_clock_that_may_be_set_is_read_for_stamps_only() -> None:
    found = {
        path.relative_to(ROOT).as_posix()
        for part in ("actors", "bus", "schemas", "clients/python")
        for path in (ROOT / part).rglob("*.py")
        if WALL.search(path.read_text(encoding="utf-8"))
    }
    assert found - READS_THE_WALL.keys() == set(), (
        "a new place: measure what passes with actors.shared.clocks"
    )
    assert READS_THE_WALL.keys() - found == set(), "no longer reads it: take it off the list"
