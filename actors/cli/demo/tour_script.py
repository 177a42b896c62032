"""The script of the tour: a real runtime meets what goes wrong in real life, and every step is measured."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from actors.cli.demo.batch_writer import KEYS, BatchWriter
from actors.cli.demo.event_recorder import EventRecorder
from actors.cli.demo.origin import Origin
from actors.cli.demo.tour_models import TourModel
from actors.cli.demo.tour_processes import KILL, TourCommand, all_gone, descendants
from actors.cli.demo.tour_report import NotProven, StepOutcome, all_held, expect
from actors.cli.demo.tour_step import StepObserver, TourStep, run_step, skipped
from actors.cli.demo.visibility_probe import VisibilityProbe, check_whole
from actors.shared.locations.locations import locate
from actors.shared.text import size_text
from bus.client import Peer, connect
from bus.discovery import DEFAULT_APP
from bus.errors import RequestFailed
from bus.retry import request_until_answered
from schemas.config import RuntimeConfigRequestEvent
from schemas.event import Event, Request
from schemas.models import ModelInstallRequestEvent
from schemas.operations.supervision import (
    SupervisorStatusEvent,
    SupervisorStatusRequestEvent,
    SupervisorStopRequestEvent,
)
from schemas.readiness import ReadinessReportRequestEvent
from schemas.state import StateLoadBatchRequestEvent

FETCHED_TWICE_LIMIT_BYTES: Final = 1 << 20
RETRY_WAITS_SECONDS: Final = (0.02,)
SETTING: Final = "vad.sensitivity"
BROKER: Final = "broker"
DOWNLOADER: Final = "model_downloader"
STATE_STORE: Final = "state_store"
BATCHES: Final = 50

ReplyT = TypeVar("ReplyT", bound=Event)


class TourScript:
    """One runtime, from its start to its end."""

    def __init__(
        self, home: Path, profile: Path, models: list[TourModel], origin: Origin, observer: StepObserver
    ) -> None:
        self._home = home
        self._profile = profile
        self._models = models
        self._largest = max(models, key=lambda model: model.content.size_bytes)
        self._origin = origin
        self._observer = observer
        self._locations = locate(DEFAULT_APP, home)
        self._recorder = EventRecorder(observer.progressed)
        self._probe = VisibilityProbe(self._locations.models, [model.entry for model in models])
        self._pids: set[int] = set()
        self._background: list[asyncio.Task[None]] = []
        self._stack = contextlib.AsyncExitStack()
        self._peer: Peer
        self._watching: asyncio.Task[None]
        self._runtime: TourCommand
        self._listener: TourCommand
        self._steps = (
            TourStep("up", "Start the runtime", 30, self._up),
            TourStep("install", "Install models from the origin", 60, self._install),
            TourStep("kill_downloader", "Kill the downloader halfway", 15, self._kill_downloader),
            TourStep("resume", "Resume from the last durable byte", 120, self._resume),
            TourStep("verify", "Verify what was downloaded", 30, self._verify),
            TourStep("activate", "Activate with a single rename", 30, self._activate),
            TourStep("readiness", "Report that the app is ready", 15, self._readiness),
            TourStep("settings", "Change a setting at run time", 15, self._change_settings),
            TourStep("kill_state", "Kill the state store during a batch", 30, self._kill_state),
            TourStep("kill_broker", "Kill the broker", 30, self._kill_broker),
            TourStep("down", "Stop without leaving anything behind", 30, self._down),
        )

    async def run(self) -> list[StepOutcome]:
        """Run all steps. After one that fails, only the stop of a started runtime is tried."""
        outcomes: list[StepOutcome] = []
        try:
            for step in self._steps:
                is_tried = all_held(outcomes) or not outcomes or (step.name == "down" and outcomes[0].held)
                self._observer.began(step.title)
                outcomes.append(await run_step(step) if is_tried else skipped(step))
                self._observer.ended(outcomes[-1])
        finally:
            await self._clean_up()
        return outcomes

    async def _clean_up(self) -> None:
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        await self._stack.aclose()

    # Steps: each returns what it measured, or raises what it found instead

    async def _up(self) -> str:
        began = time.monotonic()
        self._runtime = self._command("--profile", str(self._profile), "up", "--settled-to-stdout")
        overview = msgspec.json.decode(await self._runtime.next_line(), type=SupervisorStatusEvent)
        milliseconds = _milliseconds_since(began)
        unwell = [
            f"{actor.actor} is {actor.state}: {actor.reason}"
            for actor in overview.actors
            if actor.state != "ready"
        ]
        expect(not unwell, "; ".join(unwell))
        self._note_processes(overview)
        self._peer = await self._stack.enter_async_context(connect("tour", home=self._home))
        follows = asyncio.Event()
        self._watching = asyncio.ensure_future(self._probe.watch())
        self._background += [
            asyncio.ensure_future(self._recorder.follow(self._peer, follows)),
            self._watching,
        ]
        await follows.wait()
        self._listener = self._command("watch", "config.settings_changed")
        await self._listener.next_line()  # the retained event of the start: from now on it listens
        return f"{len(overview.actors)} processes are ready {milliseconds:.0f} ms after the command"

    async def _install(self) -> str:
        for model in self._models:
            await self._ask(ModelInstallRequestEvent(model_id=model.id))
        half = self._largest.content.size_bytes // 2
        await self._until_installs(lambda: self._recorder.durable_bytes.get(self._largest.id, 0) >= half)
        files = ", ".join(
            f"{model.promise.path} ({size_text(model.content.size_bytes)})" for model in self._models
        )
        durable = size_text(self._recorder.durable_bytes[self._largest.id])
        return f"{files}; {durable} of the largest are on disk"

    async def _kill_downloader(self) -> str:
        pid = await self._pid_of(DOWNLOADER)
        expect(
            self._largest.id not in self._recorder.installed,
            "the install had finished before it could be interrupted",
        )
        began = time.monotonic()
        os.kill(pid, KILL)
        durable = size_text(self._recorder.durable_bytes[self._largest.id])
        await self._recorder.until(lambda: self._recorder.is_ready(DOWNLOADER, not_pid=pid))
        milliseconds = _milliseconds_since(began)
        self._note_processes(await self._ask(SupervisorStatusRequestEvent()))
        return f"killed at {durable}; the supervisor had it ready again after {milliseconds:.0f} ms"

    async def _resume(self) -> str:
        ids = {model.id for model in self._models}
        await self._until_installs(lambda: ids <= self._recorder.installed.keys())
        largest = self._largest
        starts = [seen.range_start for seen in self._origin.requests if seen.path == largest.url_path]
        twice_bytes = self._origin.sent_bytes(largest.url_path) - largest.content.size_bytes
        expect(
            len(starts) > 1 and bool(starts[-1]),
            f"expected a request for the rest, found requests that began at {starts}",
        )
        expect(
            twice_bytes <= FETCHED_TWICE_LIMIT_BYTES,
            f"{size_text(twice_bytes)} were sent twice, expected at most "
            f"{size_text(FETCHED_TWICE_LIMIT_BYTES)}",
        )
        twice = size_text(max(0, twice_bytes))
        return f"the origin was asked for the bytes from {starts[-1]} on (If-Range), and sent {twice} twice"

    async def _verify(self) -> str:
        ids = {model.id for model in self._models}
        await self._recorder.until(lambda: ids <= self._recorder.verified)
        digests = ", ".join(f"{model.promise.path} {model.promise.sha256[:12]}..." for model in self._models)
        return f"size and SHA-256 are as the manifest promises: {digests}"

    async def _activate(self) -> str:
        await asyncio.shield(self._watching)
        for model in self._models:
            directory = self._locations.models / model.id
            await asyncio.to_thread(check_whole, model.entry, directory, self._probe.sightings[model.id])
            expect(
                not directory.with_name(f"{model.id}.partial").exists(),
                f"{model.id}.partial still exists",
            )
        return f"{self._probe.looks} looks saw no half-installed model; every byte was hashed once more"

    async def _readiness(self) -> str:
        await self._recorder.until(lambda: self._recorder.readiness[-1:] == ["ready"])
        states = self._recorder.readiness
        expect(
            states[0] != "ready" and "downloading" in states,
            f"expected setup, then a download, then ready; found {states}",
        )
        report = await self._ask(ReadinessReportRequestEvent())
        modes = ", ".join(f"{mode.title} is {mode.status}" for mode in report.snapshot.modes)
        in_order = ", then ".join(dict.fromkeys(states)).replace("_", " ")
        return f"every frontend heard {in_order}: {modes}"

    async def _change_settings(self) -> str:
        milliseconds = await self._change(0.8)
        return (
            f"{SETTING} is 0.8: answered after {milliseconds:.1f} ms, by then in config.json, "
            "and heard by another process"
        )

    async def _kill_state(self) -> str:
        pid, writer = await self._pid_of(STATE_STORE), BatchWriter()
        writing = asyncio.ensure_future(writer.write(self._peer))
        self._background.append(writing)
        await writer.until(BATCHES)
        os.kill(pid, KILL)
        await writing
        await self._recorder.until(lambda: self._recorder.is_ready(STATE_STORE, not_pid=pid))
        self._note_processes(await self._ask(SupervisorStatusRequestEvent()))
        number = writer.check((await self._ask(StateLoadBatchRequestEvent(keys=list(KEYS)))).values)
        return (
            f"{writer.acknowledged} batches over {len(KEYS)} keys were answered before the kill; "
            f"all keys have number {number}, no batch is torn"
        )

    async def _kill_broker(self) -> str:
        pid = await self._pid_of(BROKER)
        began = time.monotonic()
        os.kill(pid, KILL)
        others = [actor for actor in self._recorder.actors if actor != BROKER]
        await self._recorder.until(
            lambda: (
                self._recorder.is_ready(BROKER, not_pid=pid)
                and all(self._recorder.is_ready(name) for name in others)
            )
        )
        overview = await self._ask(SupervisorStatusRequestEvent())
        self._note_processes(overview)
        await self._change(0.3)
        milliseconds = _milliseconds_since(began)
        restarted = [
            actor.actor
            for actor in overview.actors
            if actor.restarts and actor.actor not in (BROKER, DOWNLOADER, STATE_STORE)
        ]
        expect(
            not restarted,
            f"{', '.join(restarted)} had to be restarted, expected them to find the new broker",
        )
        return (
            f"after {milliseconds:.0f} ms requests, events and the listener continue with a new broker; "
            "no other process had to be restarted"
        )

    async def _down(self) -> str:
        self._pids |= {self._runtime.pid, *descendants(self._runtime.pid)}
        began = time.monotonic()
        with contextlib.suppress(RequestFailed):  # only its end counts
            await self._ask(SupervisorStopRequestEvent(reason="the tour is over"))
        code = await self._runtime.end()
        await all_gone(self._pids)
        expect(code == 0, f"the runtime ended with exit code {code}, expected 0")
        milliseconds = _milliseconds_since(began)
        return f"of {len(self._pids)} processes none is left {milliseconds:.0f} ms after the request"

    # What steps are made of

    def _command(self, *arguments: str) -> TourCommand:
        command = TourCommand("--home", str(self._home), *arguments)
        self._stack.push_async_callback(command.stop)
        return command

    async def _ask(self, request: Request[ReplyT]) -> ReplyT:
        """Send a request that may be carried out twice, until it is answered. The step limits the time."""
        return await request_until_answered(self._peer, request, waits=RETRY_WAITS_SECONDS)

    async def _pid_of(self, actor: str) -> int:
        overview = await self._ask(SupervisorStatusRequestEvent())
        self._note_processes(overview)
        pid = next((status.pid for status in overview.actors if status.actor == actor), None)
        if pid is None:
            raise NotProven(f"the supervisor has no process of {actor}")
        return pid

    def _note_processes(self, overview: SupervisorStatusEvent) -> None:
        self._pids |= {actor.pid for actor in overview.actors if actor.pid is not None}
        self._pids |= descendants(overview.pid)

    async def _until_installs(self, condition: Callable[[], bool]) -> None:
        """Wait until the condition holds, unless an install fails first."""

        def failures() -> list[str]:
            return [
                status.problem
                for status in self._recorder.models.values()
                if status.state in ("failed", "damaged")
            ]

        await self._recorder.until(lambda: condition() or bool(failures()))
        expect(not failures(), "; ".join(failures()))

    async def _change(self, value: float) -> float:
        """Change the setting, and wait until the listener has heard it; milliseconds until the answer."""
        began = time.monotonic()
        answer = await self._ask(RuntimeConfigRequestEvent(operation="update", updates={SETTING: value}))
        milliseconds = _milliseconds_since(began)
        document = msgspec.json.decode((self._locations.config / "config.json").read_bytes())
        on_disk = document["overrides"].get(SETTING)
        expect(answer.success and answer.durable, f"the answer is {answer.message!r}")
        expect(
            on_disk == value, f"config.json has {on_disk!r} when the request is answered, expected {value!r}"
        )
        heard: list[object] = []
        while value not in heard:
            event = msgspec.json.decode(await self._listener.next_line())["event"]
            heard.append(event["changed"].get(SETTING))
        return milliseconds


def _milliseconds_since(began: float) -> float:
    return (time.monotonic() - began) * 1000
