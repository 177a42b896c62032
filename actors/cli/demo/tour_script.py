"""The five-minute tour: a real runtime in a throwaway home is put through what goes wrong in real life, and every step is measured."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

import msgspec

from actors.cli.demo.batch_ledger import KEYS, Ledger
from actors.cli.demo.event_recorder import Chronicle
from actors.cli.demo.origin import Origin
from actors.cli.demo.tour_fixtures import Exhibit
from actors.cli.demo.tour_processes import KILL, Command, all_gone, descendants
from actors.cli.demo.tour_report import NotProven, StepOutcome, all_held, expect, mebibytes
from actors.cli.demo.visibility_probe import Lookout, check_whole
from actors.shared.locations.locations import locate
from bus.client import Peer, connect
from bus.discovery import DEFAULT_APP
from bus.errors import RequestFailed, UndercroftError
from schemas.config import RuntimeConfigRequestEvent
from schemas.event import Event, Request
from schemas.models import ModelDownloadProgressedEvent, ModelInstallRequestEvent
from schemas.operations.supervision import (
    SupervisorStatusEvent,
    SupervisorStatusRequestEvent,
    SupervisorStopRequestEvent,
)
from schemas.readiness import ReadinessReportRequestEvent
from schemas.state import StateLoadBatchRequestEvent

FETCHED_TWICE_LIMIT_BYTES: Final = 1 << 20
ASK_AGAIN_SECONDS: Final = 0.02
SETTING: Final = "vad.sensitivity"
BROKER: Final = "broker"
DOWNLOADER: Final = "model_downloader"
STATE_STORE: Final = "state_store"
LEDGER_BATCHES: Final = 50

ReplyT = TypeVar("ReplyT", bound=Event)


class View(Protocol):
    """Shows the tour to somebody."""

    def began(self, title: str) -> None:
        """A step begins."""

    def progressed(self, event: ModelDownloadProgressedEvent) -> None:
        """More bytes of a model are durable."""

    def ended(self, outcome: StepOutcome) -> None:
        """A step is over."""


class Tour:
    """One runtime, from its start to its end."""

    def __init__(
        self, home: Path, profile: Path, exhibits: list[Exhibit], origin: Origin, view: View
    ) -> None:
        self._home = home
        self._profile = profile
        self._exhibits = exhibits
        self._largest = max(exhibits, key=lambda exhibit: exhibit.content.size_bytes)
        self._origin = origin
        self._view = view
        self._locations = locate(DEFAULT_APP, home)
        self._chronicle = Chronicle(view.progressed)
        self._lookout = Lookout(self._locations.models, [exhibit.entry for exhibit in exhibits])
        self._seen: set[int] = set()
        self._durable_at_kill = 0
        self._background: list[asyncio.Task[None]] = []
        self._stack = contextlib.AsyncExitStack()
        self._peer: Peer
        self._looking: asyncio.Task[None]
        self._runtime: Command
        self._listener: Command
        self._steps: tuple[tuple[str, str, float, Callable[[], Any]], ...] = (
            ("up", "Start the runtime", 30, self._up),
            ("install", "Install models from the origin", 60, self._install),
            ("kill_downloader", "Kill the downloader half-way", 15, self._kill_downloader),
            ("resume", "Go on from the last durable byte", 120, self._resume),
            ("verify", "Verify what was fetched", 30, self._verify),
            ("activate", "Activate by one rename", 30, self._activate),
            ("readiness", "Say that it may be used", 15, self._readiness),
            ("settings", "Change a setting while it runs", 15, self._change_settings),
            ("kill_state", "Kill the state store in a batch", 30, self._kill_state),
            ("kill_broker", "Kill the broker", 30, self._kill_broker),
            ("down", "Stop without leaving anything behind", 30, self._down),
        )

    async def run(self) -> list[StepOutcome]:
        """Walk through all steps, each within its time. After one that did not hold, the rest is not tried, but for the end."""
        outcomes: list[StepOutcome] = []
        try:
            for name, title, deadline_seconds, prove in self._steps:
                tried = all_held(outcomes) or not outcomes or (name == "down" and bool(outcomes[0].held))
                self._view.began(title)
                outcomes.append(await _outcome(name, title, deadline_seconds, prove if tried else None))
                self._view.ended(outcomes[-1])
        finally:
            await self._clean_up()
        return outcomes

    async def _clean_up(self) -> None:
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        await self._stack.aclose()

    # -- steps: each returns what it measured, or raises what it found instead
    # ---------------------------------------

    async def _up(self) -> str:
        began = time.monotonic()
        self._runtime = self._command("--profile", str(self._profile), "up", "--settled-to-stdout")
        overview = msgspec.json.decode(await self._runtime.next_line(), type=SupervisorStatusEvent)
        milliseconds = (time.monotonic() - began) * 1000
        unwell = [
            f"{actor.actor} is {actor.state}: {actor.reason}"
            for actor in overview.actors
            if actor.state != "ready"
        ]
        expect(not unwell, "; ".join(unwell))
        self._note_processes(overview)
        self._peer = await self._stack.enter_async_context(connect("tour", home=self._home))
        follows = asyncio.Event()
        self._looking = asyncio.ensure_future(self._lookout.watch())
        self._background += [
            asyncio.ensure_future(self._chronicle.follow(self._peer, follows)),
            self._looking,
        ]
        await follows.wait()
        self._listener = self._command("watch", "config.settings_changed")
        await self._listener.next_line()  # the retained event of the start: it listens
        return f"{len(overview.actors)} processes are ready {milliseconds:.0f} ms after the command"

    async def _install(self) -> str:
        for exhibit in self._exhibits:
            await self._insist(ModelInstallRequestEvent(model_id=exhibit.id))
        half = self._largest.content.size_bytes // 2
        await self._until_installs(lambda: self._chronicle.durable_bytes.get(self._largest.id, 0) >= half)
        files = ", ".join(
            f"{exhibit.promise.path} ({mebibytes(exhibit.content.size_bytes)})" for exhibit in self._exhibits
        )
        return f"{files}; {mebibytes(self._chronicle.durable_bytes[self._largest.id])} of the largest are on disk"

    async def _kill_downloader(self) -> str:
        pid = await self._pid_of(DOWNLOADER)
        expect(
            self._largest.id not in self._chronicle.installed,
            "the install was over before it could be interrupted",
        )
        began = time.monotonic()
        os.kill(pid, KILL)
        self._durable_at_kill = self._chronicle.durable_bytes[self._largest.id]
        await self._chronicle.until(lambda: self._chronicle.is_ready(DOWNLOADER, not_pid=pid))
        milliseconds = (time.monotonic() - began) * 1000
        self._note_processes(await self._insist(SupervisorStatusRequestEvent()))
        return f"killed at {mebibytes(self._durable_at_kill)}; the supervisor had it serving again after {milliseconds:.0f} ms"

    async def _resume(self) -> str:
        ids = {exhibit.id for exhibit in self._exhibits}
        await self._until_installs(lambda: ids <= self._chronicle.installed.keys())
        exhibit = self._largest
        starts = [seen.range_start for seen in self._origin.requests if seen.path == exhibit.url_path]
        twice = self._origin.sent_bytes(exhibit.url_path) - exhibit.content.size_bytes
        expect(
            len(starts) > 1 and bool(starts[-1]),
            f"expected a request for the rest, found requests that began at {starts}",
        )
        expect(
            twice <= FETCHED_TWICE_LIMIT_BYTES,
            f"{mebibytes(twice)} were fetched twice, expected at most {mebibytes(FETCHED_TWICE_LIMIT_BYTES)}",
        )
        return f"the origin was asked for bytes from {starts[-1]} on with If-Range, and sent {max(0, twice) / 1024:.0f} KiB twice"

    async def _verify(self) -> str:
        ids = {exhibit.id for exhibit in self._exhibits}
        await self._chronicle.until(lambda: ids <= self._chronicle.verified)
        digests = ", ".join(
            f"{exhibit.promise.path} {exhibit.promise.sha256[:12]}..." for exhibit in self._exhibits
        )
        return f"the verifier found size and SHA-256 as the manifest promises: {digests}"

    async def _activate(self) -> str:
        await asyncio.shield(self._looking)
        for exhibit in self._exhibits:
            directory = self._locations.models / exhibit.id
            await asyncio.to_thread(check_whole, exhibit.entry, directory, self._lookout.sights[exhibit.id])
            expect(
                not directory.with_name(f"{exhibit.id}.partial").exists(),
                f"{exhibit.id}.partial is still there",
            )
        return f"in {self._lookout.looks} looks no half-installed model was visible; every byte was hashed once more"

    async def _readiness(self) -> str:
        await self._chronicle.until(lambda: self._chronicle.readiness[-1:] == ["ready"])
        told = self._chronicle.readiness
        expect(
            told[0] != "ready" and "downloading" in told,
            f"expected setup, then a download, then ready; found {told}",
        )
        report = await self._insist(ReadinessReportRequestEvent())
        modes = ", ".join(f"{mode.title} is {mode.status}" for mode in report.snapshot.modes)
        return f"every frontend was told {', then '.join(dict.fromkeys(told)).replace('_', ' ')}: {modes}"

    async def _change_settings(self) -> str:
        milliseconds = await self._change(0.8)
        return f"{SETTING} is 0.8: heard by another process, and in config.json when the request was answered, after {milliseconds:.1f} ms"

    async def _kill_state(self) -> str:
        pid, ledger = await self._pid_of(STATE_STORE), Ledger()
        writing = asyncio.ensure_future(ledger.write(self._peer))
        self._background.append(writing)
        await ledger.reached(LEDGER_BATCHES)
        os.kill(pid, KILL)
        await writing
        await self._chronicle.until(lambda: self._chronicle.is_ready(STATE_STORE, not_pid=pid))
        self._note_processes(await self._insist(SupervisorStatusRequestEvent()))
        number = ledger.check((await self._insist(StateLoadBatchRequestEvent(keys=list(KEYS)))).values)
        return f"{ledger.acknowledged} batches over {len(KEYS)} keys were answered before the kill; all keys have number {number}, none is torn"

    async def _kill_broker(self) -> str:
        pid = await self._pid_of(BROKER)
        began = time.monotonic()
        os.kill(pid, KILL)
        names = [actor for actor in self._chronicle.actors if actor != BROKER]
        await self._chronicle.until(
            lambda: (
                self._chronicle.is_ready(BROKER, not_pid=pid)
                and all(self._chronicle.is_ready(name) for name in names)
            )
        )
        overview = await self._insist(SupervisorStatusRequestEvent())
        self._note_processes(overview)
        await self._change(0.3)
        milliseconds = (time.monotonic() - began) * 1000
        restarted = [
            actor.actor
            for actor in overview.actors
            if actor.restarts and actor.actor not in (BROKER, DOWNLOADER, STATE_STORE)
        ]
        expect(
            not restarted,
            f"{', '.join(restarted)} had to be started again, expected them to find the new broker",
        )
        return f"requests, events and the listener go on with a new broker after {milliseconds:.0f} ms; nobody else had to be started again"

    async def _down(self) -> str:
        self._seen |= {self._runtime.pid, *descendants(self._runtime.pid)}
        began = time.monotonic()
        with contextlib.suppress(RequestFailed):  # its end is what counts
            await self._insist(SupervisorStopRequestEvent(reason="the tour is over"))
        code = await self._runtime.end()
        await all_gone(self._seen)
        expect(code == 0, f"the runtime ended with exit code {code}, expected 0")
        return f"{len(self._seen)} processes were started, none is left {(time.monotonic() - began) * 1000:.0f} ms after the request"

    # -- what steps are made of
    # -------------------------------------------------------------------------------------

    def _command(self, *arguments: str) -> Command:
        command = Command("--home", str(self._home), *arguments)
        self._stack.push_async_callback(command.stop)
        return command

    async def _insist(self, request: Request[ReplyT]) -> ReplyT:
        """Ask until there is an answer; for requests that may be carried out twice. The step's time is the limit."""
        while True:
            try:
                return await self._peer.request(request)
            except RequestFailed as failed:
                if failed.kind in ("refused", "invalid"):
                    raise
            await asyncio.sleep(ASK_AGAIN_SECONDS)

    async def _pid_of(self, actor: str) -> int:
        overview = await self._insist(SupervisorStatusRequestEvent())
        self._note_processes(overview)
        pid = next((status.pid for status in overview.actors if status.actor == actor), None)
        if pid is None:
            raise NotProven(f"the supervisor knows no process of {actor}")
        return pid

    def _note_processes(self, overview: SupervisorStatusEvent) -> None:
        self._seen |= {actor.pid for actor in overview.actors if actor.pid is not None} | descendants(
            overview.pid
        )

    async def _until_installs(self, what: Callable[[], bool]) -> None:
        """Wait until something is so, unless an install gives up before."""

        def given_up() -> list[str]:
            return [
                status.problem
                for status in self._chronicle.models.values()
                if status.state in ("failed", "damaged")
            ]

        await self._chronicle.until(lambda: what() or bool(given_up()))
        expect(not given_up(), "; ".join(given_up()))

    async def _change(self, value: float) -> float:
        """Change the setting; milliseconds until it is answered. Wait until the listener has heard it."""
        began = time.monotonic()
        answer = await self._insist(RuntimeConfigRequestEvent(operation="update", updates={SETTING: value}))
        milliseconds = (time.monotonic() - began) * 1000
        on_disk = msgspec.json.decode((self._locations.config / "config.json").read_bytes())["overrides"].get(
            SETTING
        )
        expect(answer.success and answer.durable, f"the answer is {answer.message!r}")
        expect(
            on_disk == value, f"config.json has {on_disk!r} when the request is answered, expected {value!r}"
        )
        heard: list[object] = []
        while value not in heard:
            heard.append(
                msgspec.json.decode(await self._listener.next_line())["event"]["changed"].get(SETTING)
            )
        return milliseconds


async def _outcome(
    name: str, title: str, deadline_seconds: float, prove: Callable[[], Any] | None
) -> StepOutcome:
    if prove is None:
        return StepOutcome(
            name=name,
            title=title,
            held=None,
            detail="not tried, since an earlier step did not hold",
            seconds=0.0,
        )
    began = time.monotonic()
    held = False
    try:
        async with asyncio.timeout(deadline_seconds):
            detail = await prove()
        held = True
    except TimeoutError:
        detail = f"not within {deadline_seconds:g} s"
    except (NotProven, UndercroftError, OSError, EOFError) as error:
        detail = str(error) or type(error).__name__
    return StepOutcome(
        name=name, title=title, held=held, detail=detail, seconds=round(time.monotonic() - began, 3)
    )
