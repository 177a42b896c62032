"""The state of a child says what happened to it before, and names what is not ready."""

from __future__ import annotations

from pathlib import Path

import pytest

from actors.runtime.supervisor.core.child_spec import ChildSpec
from actors.runtime.supervisor.core.supervision_events import (
    BecameReady,
    Exited,
    ExitStatus,
    RecordCrash,
    RestartRequested,
    Started,
    Ticked,
)
from actors.runtime.supervisor.core.supervision_policy import SupervisionPolicy
from actors.runtime.supervisor.reports.crash_recorder import CrashRecorder
from actors.runtime.supervisor.reports.log_ring import LogRings
from actors.runtime.supervisor.reports.status_report import StatusReport
from actors.runtime.supervisor.reports.supervisor_log import SupervisorLog
from actors.runtime.supervisor.supervisor_options import SupervisorOptions
from actors.shared.locations.locations import locate
from actors.shared.profile.profile import find_profile, read_profile

pytestmark = pytest.mark.anyio


class Runtime:
    """A policy with one child, and the report on it."""

    def __init__(self, home: Path) -> None:
        self.policy = SupervisionPolicy([ChildSpec(name="a", entry="m:build")], 0.0)
        self.logs = LogRings()
        log = SupervisorLog(self.logs, lambda _: None)
        self.crashes = CrashRecorder(home / "state", self.logs, log, "1", lambda _: None)
        options = SupervisorOptions(
            app="x",
            home=str(home),
            locations=locate("x", home),
            profile=read_profile(find_profile("dictation")),
            runtime_path=home / "state" / "runtime.json",
            transport="ipc",
        )
        self.report = StatusReport(options, self.policy, self.logs, self.crashes, 1000.0)

    def take(self, *events: object) -> None:
        for event in events:
            for effect in self.policy.handle(event, 1.0):  # type: ignore[arg-type]
                if isinstance(effect, RecordCrash):
                    self.crashes.capture(effect, self.report.lines_before("a"))

    def ready(self, pid: int) -> None:
        self.report.begins("a")
        self.take(Started("a", pid), BecameReady("a"))


async def test_a_child_that_crashed_says_so_when_it_is_ready_again(tmp_path: Path) -> None:
    runtime = Runtime(tmp_path)
    runtime.take(Ticked())
    runtime.ready(7)
    (before,) = runtime.report.overview().actors
    assert (before.crashes, before.last_end) == (0, None)
    runtime.logs.write("a", ["the disk is read-only"], 2.0)
    runtime.report.ended("a")
    runtime.take(Exited("a", 7, ExitStatus(code=1)), Ticked())
    runtime.ready(8)
    (after,) = runtime.report.overview().actors
    assert (after.state, after.restarts, after.crashes) == ("ready", 1, 1)
    assert after.last_end is not None
    assert (after.last_end.kind, after.last_end.reason) == ("refused", "exit code 1")
    assert after.last_end.words == after.last_words == "the disk is read-only"
    await runtime.crashes.finish()


async def test_a_restart_that_a_person_asked_for_is_no_crash(tmp_path: Path) -> None:
    runtime = Runtime(tmp_path)
    runtime.take(Ticked())
    runtime.ready(7)
    runtime.take(RestartRequested("a"), Exited("a", 7, ExitStatus(code=0)))
    (after,) = runtime.report.overview().actors
    assert (after.restarts, after.crashes, after.last_end) == (1, 0, None)


async def test_what_is_not_ready_is_named(tmp_path: Path) -> None:
    runtime = Runtime(tmp_path)
    runtime.take(Ticked())
    overview = runtime.report.overview()
    assert (overview.ready, overview.not_ready, overview.started_at) == (False, ["a"], 1000.0)
    runtime.ready(7)
    overview = runtime.report.overview()
    assert (overview.ready, overview.not_ready) == (True, [])
