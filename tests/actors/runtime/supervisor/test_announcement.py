"""The broker counts as ready once `runtime.json` is written: by then its process may be another one."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from actors.runtime.supervisor.core.supervision_events import (
    BecameReady,
    Exited,
    ExitStatus,
    Started,
    StopRequested,
    Ticked,
)
from actors.runtime.supervisor.supervisor import Supervisor
from actors.runtime.supervisor.supervisor_options import SupervisorOptions
from actors.shared.locations.locations import locate
from actors.shared.profile.profile import read_profile
from tests.support.profiles import write_profile

pytestmark = pytest.mark.anyio
DETAILS = {"lane": "ipc:///lane", "feed": "ipc:///feed"}


class Announcing:
    """A supervisor whose processes are words, and whose disk writes when it is let."""

    def __init__(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        options = SupervisorOptions(
            app="probe",
            home=str(tmp_path),
            locations=locate("probe", tmp_path),
            profile=read_profile(write_profile(tmp_path / "profile", "history")),
            runtime_path=tmp_path / "runtime.json",
            transport="tcp",
            spawn_method="spawn",
        )
        self.supervisor = Supervisor(options)
        self.started: list[str] = []
        self.gate = threading.Event()
        self.wrote = asyncio.Event()
        loop = asyncio.get_running_loop()

        def write(runtime: Any) -> None:
            assert self.gate.wait(20)
            loop.call_soon_threadsafe(self.wrote.set)

        monkeypatch.setattr(self.supervisor._runtime_file, "write", write)
        monkeypatch.setattr(
            self.supervisor._processes, "start", lambda spec, *_: self.started.append(spec.name)
        )
        self.supervisor._take(Ticked())

    def happens(self, *events: Any) -> None:
        for event in events:
            self.supervisor._on_process_event(event)

    async def written(self) -> None:
        self.gate.set()
        assert self.supervisor._announcement is not None
        await self.supervisor._announcement

    def end(self) -> None:
        self.supervisor._take(StopRequested())
        if self.supervisor._timer is not None:
            self.supervisor._timer.cancel()
        self.supervisor._processes.close()


@pytest.mark.parametrize("first", ["ready", "started"])
async def test_others_start_once_the_file_is_written_whichever_word_came_first(
    first: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    announcing = Announcing(tmp_path, monkeypatch)
    events: list[Any] = [BecameReady("broker", DETAILS), Started("broker", 7)]
    announcing.happens(*(events if first == "ready" else reversed(events)))
    assert announcing.started == ["broker"]
    await announcing.written()
    assert announcing.started == ["broker", "history"]
    announcing.end()


async def test_a_broker_that_ended_while_the_file_was_written_is_not_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    announcing = Announcing(tmp_path, monkeypatch)
    announcing.happens(
        Started("broker", 7), BecameReady("broker", DETAILS), Exited("broker", 7, ExitStatus(signal=9))
    )
    announcing.happens(Started("broker", 8))
    await announcing.written()
    assert announcing.started == ["broker", "broker"]
    announcing.happens(BecameReady("broker", DETAILS))
    assert announcing.started == ["broker", "broker", "history"]
    announcing.end()


async def test_the_next_broker_that_is_ready_before_the_file_is_written_counts_once_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    announcing = Announcing(tmp_path, monkeypatch)
    announcing.happens(
        Started("broker", 7),
        BecameReady("broker", DETAILS),
        Exited("broker", 7, ExitStatus(signal=9)),
        Started("broker", 8),
        BecameReady("broker", DETAILS),
    )
    assert announcing.started == ["broker", "broker"]
    await announcing.written()
    assert announcing.started == ["broker", "broker", "history"]
    announcing.end()
