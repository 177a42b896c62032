"""Carries out what the policy orders: processes, pipes, signals, timers. It decides nothing."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import secrets
import socket
import sys
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, assert_never

import msgspec

from actors.runtime.child_main import ActorStart, BrokerStart
from actors.runtime.supervisor.broker_endpoints import (
    Endpoints,
    Transport,
    choose_endpoints,
    discard_run_directory,
)
from actors.runtime.supervisor.bus_service import BusFace
from actors.runtime.supervisor.core.child_spec import BROKER, ChildSpec
from actors.runtime.supervisor.core.child_state import Child
from actors.runtime.supervisor.core.supervision_events import (
    Action,
    Announce,
    BecameReady,
    Dump,
    Forget,
    Happening,
    Leave,
    MemoryMeasured,
    Ping,
    Record,
    RestartAsked,
    Send,
    SpecsChanged,
    Start,
    StopAsked,
    Tell,
    Ticked,
)
from actors.runtime.supervisor.core.supervision_policy import Supervision
from actors.runtime.supervisor.crash_recorder import CrashDesk
from actors.runtime.supervisor.interfaces import Audience, Watcher
from actors.runtime.supervisor.log_ring import Logs
from actors.runtime.supervisor.processes.loop_signals import handled_signals
from actors.runtime.supervisor.processes.process_memory import private_mib
from actors.runtime.supervisor.processes.process_table import (
    DEFAULT_SPAWN_METHOD,
    Processes,
    Reports,
    SpawnMethod,
)
from actors.runtime.supervisor.profile_children import children_of, preloads_of
from actors.runtime.supervisor.runtime_file import RuntimeFile
from actors.runtime.supervisor.systemd_notify import Notifier
from actors.shared.locations.location_choices import handed_over
from actors.shared.locations.locations import Locations, places
from actors.shared.profile.profile import Profile, ProfileError, read_profile
from actors.shared.version import VERSION
from bus.broker.broker_process import BrokerOptions
from bus.discovery import Runtime
from bus.errors import Refused
from bus.lifeline import Message, Stop
from bus.log_handler import redactor_of_this_machine, salt_of
from bus.transport.sockets import CurveSecrets, new_curve_secrets
from schemas.operations.supervision import ActorStatus, LogLine, SupervisorStatusEvent

MEMORY_INTERVAL_SECONDS: Final = 10.0
TOKEN_BYTES: Final = 32


@dataclass(frozen=True, kw_only=True)
class SupervisorOptions:
    """What a supervisor is to run.

    Attributes:
        home: as given by the person, for messages; empty for where the platform keeps things.
        locations: as they are at the start.
        defaults: where they would be had nobody chosen; None: the same.
        server: a fork server that was forked before any ZeroMQ context existed; None for a fresh one.
    """

    app: str
    home: str
    locations: Locations
    profile: Profile
    runtime_path: Path
    transport: Transport
    spawn_method: SpawnMethod = DEFAULT_SPAWN_METHOD
    server: tuple[int, socket.socket] | None = None
    defaults: Locations | None = None


class Supervisor:
    """Runs the children of one profile until it is asked to stop."""

    def __init__(self, options: SupervisorOptions, watchers: Iterable[Watcher] = ()) -> None:
        """Raises `ProfileError` if the child specs cannot be carried out."""
        self.options = options
        self.started_at = time.time()
        self._clock_offset = self.started_at - time.monotonic()
        self._specs = children_of(options.profile)
        self._supervision = Supervision(self._specs, time.monotonic())
        self._notifier = Notifier()
        self._runtime_file = RuntimeFile(options.runtime_path)
        self._token = secrets.token_urlsafe(TOKEN_BYTES)
        self._logs = Logs(
            redactor_of_this_machine(salt_of(self._token), places=places(options.locations)).text
        )
        self._curve: CurveSecrets | None = new_curve_secrets() if options.transport == "tcp" else None
        self._endpoints = Endpoints("", "")
        self._runtime: Runtime | None = None
        self._face = BusFace(self)
        self._face_task: asyncio.Task[None] | None = None
        self._watchers = Audience([self._face, *watchers])
        self._crashes = CrashDesk(options.locations.state, self._logs, VERSION, self._face.crashed)
        self._last_words: dict[str, str] = {}
        self._began_at: dict[str, float] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._was_settled = False

    async def run(self) -> None:
        """Start everything, and return once everything has ended.

        Raises:
            DurableWriteFailed: `runtime.json` could not be written.
        """
        self._loop = asyncio.get_running_loop()
        self._left: asyncio.Future[None] = self._loop.create_future()
        self._loop.set_exception_handler(self._fail)
        self._endpoints = choose_endpoints(self.options.locations.state, self.options.transport)
        self._runtime_file.remove_stale()
        reports = Reports(self._tell, self._on_ready, self._on_lines, self._on_finished)
        self._processes = Processes(
            reports,
            self.options.runtime_path,
            self.options.spawn_method,
            self.options.server,
            preloads_of(self._specs),
        )
        background = [asyncio.ensure_future(work) for work in (self._measure_memory(), self._keep_alive())]
        try:
            # A terminal that is closed says SIGHUP, too, and then nobody wants the runtime any more.
            hung_up = self._asked_to_stop if sys.stdin is not None and sys.stdin.isatty() else self.reload
            with handled_signals(self._loop, self._asked_to_stop, hung_up):
                self._tell(Ticked())
                await self._left
        finally:
            for task in [*background, *([self._face_task] if self._face_task else [])]:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
            if self._timer is not None:
                self._timer.cancel()
            self._processes.close()
            await self._crashes.finish()
            self._runtime_file.remove(os.getpid())
            if self.options.transport == "ipc":
                discard_run_directory(self.options.locations.state)

    # The board: what others see and ask

    def overview(self) -> SupervisorStatusEvent:
        """Answer how the whole runtime fares."""
        return SupervisorStatusEvent(
            version=VERSION,
            profile=self.options.profile.name,
            home=self.options.home,
            pid=os.getpid(),
            started_at=self.started_at,
            settled=self._supervision.is_settled,
            actors=[self._status_of(child) for child in self._supervision],
        )

    def newest_lines(self, actor: str | None, limit: int) -> tuple[list[LogLine], int]:
        """Look into the rings."""
        if actor is not None:
            self._child(actor)
        return self._logs.newest(actor, limit)

    def ask_restart(self, actor: str) -> ActorStatus:
        """Have one actor stopped and started again."""
        child = self._child(actor)
        if self._supervision.is_leaving:
            raise Refused(f"{actor} is not started again: the runtime stops")
        self._tell(RestartAsked(actor))
        return self._status_of(child)

    def ask_stop(self, reason: str) -> None:
        """Have everything stopped in good order."""
        if self._supervision.is_leaving:
            return
        self._notifier.stopping()
        self._watchers.tell(lambda watcher: watcher.stopping(reason))
        self._loop.call_soon(
            self._tell, StopAsked()
        )  # so that whoever asked gets the answer before the broker goes

    def greeted(self, peer: str) -> None:
        """Take a greeting as readiness, where a spec says so."""
        child = self._supervision.children.get(peer)
        if child is not None and child.spec.ready == "hello":
            self._tell(BecameReady(peer))

    def reload(self) -> None:
        """Read the profile again, and add, change and remove children as it says. A profile that is wrong changes nothing."""
        try:
            specs = children_of(read_profile(self.options.profile.directory))
        except ProfileError as error:
            sys.stderr.write(f"supervisor: the profile is not taken over: {error}\n")
            self._face.profile_read(str(error))
            return
        self._face.profile_read("")
        self._notifier.reloading(time.monotonic_ns() // 1000)
        self._was_settled = False
        self._tell(SpecsChanged(specs))

    def _child(self, actor: str) -> Child:
        child = self._supervision.children.get(actor)
        if child is None:
            raise Refused(
                f"there is no actor {actor!r}, expected one of {', '.join(self._supervision.children)}"
            )
        return child

    def _status_of(self, child: Child) -> ActorStatus:
        waits = child.state in ("backoff", "failed") and child.due_at is not None
        return ActorStatus(
            actor=child.name,
            state=child.state,
            pid=child.pid,
            restarts=child.restarts,
            since=child.since + self._clock_offset,
            reason=child.reason,
            last_words=self._last_words.get(child.name, ""),
            retry_seconds=max(0.0, child.due_at - time.monotonic())
            if waits and child.due_at is not None
            else None,
        )

    # Policy in, actions out

    def _tell(self, happening: Happening) -> None:
        for action in self._supervision.handle(happening, time.monotonic(), random.random()):  # noqa: S311 - jitter is no secret
            self._do(action)
        if self._timer is not None:
            self._timer.cancel()
        deadline = self._supervision.deadline()
        self._timer = None if deadline is None else self._loop.call_at(deadline, self._tell, Ticked())
        self._report_settled()

    def _do(self, action: Action) -> None:
        match action:
            case Start(spec):
                self._processes.start(spec, self._start_message(spec) if spec.has_lifeline else None)
            case Tell(actor, returning):
                self._processes.post(actor, Message(stop=Stop(returning=returning)))
            case Ping(actor, number):
                self._crashes.refresh()
                self._processes.post(actor, Message(ping=number))
            case Send(actor, what):
                self._processes.end(actor, what)
            case Dump(actor):
                self._processes.dump(actor)
            case Announce(actor):
                if (child := self._supervision.children.get(actor)) is not None:
                    self._publish(self._status_of(child))
            case Record():
                self._crashes.capture(action, self._began_at.get(action.actor, 0.0))
            case Forget(actor):
                self._publish(
                    ActorStatus(
                        actor=actor,
                        state="stopped",
                        since=time.time(),
                        reason="it is no longer in the profile",
                    )
                )
            case Leave():
                if not self._left.done():
                    self._left.set_result(None)
            case _:
                assert_never(action)

    def _start_message(self, spec: ChildSpec) -> Message:
        return Message(start=msgspec.to_builtins(self._role(spec)))

    def _role(self, spec: ChildSpec) -> BrokerStart | ActorStart:
        if spec.name == BROKER:
            options = BrokerOptions(
                lane=self._endpoints.lane,
                feed=self._endpoints.feed,
                token=self._token,
                curve=self._curve,
                namespaces=list(self.options.profile.namespaces),
                succession=self._runtime is not None,
            )
            return BrokerStart(name=BROKER, options=msgspec.to_builtins(options))
        assert self._runtime is not None, "everybody depends on the broker"
        defaults = self.options.defaults or self.options.locations
        return ActorStart(
            name=spec.name,
            entry=spec.entry,
            path=str(spec.path or ""),
            profile=str(self.options.profile.directory),
            locations=_as_text(handed_over(self.options.locations, defaults)),
            runtime=self._runtime,
            defaults=_as_text(defaults),
        )

    def _publish(self, status: ActorStatus) -> None:
        self._watchers.tell(lambda watcher: watcher.changed(status))
        if status.actor == BROKER and self._supervision.is_leaving and self._face_task is not None:
            self._face_task.cancel()  # while there is still somebody to say goodbye to

    # What processes do

    def _on_ready(self, name: str, details: dict[str, object]) -> None:
        if name == BROKER:
            self._broker_is_ready(details)

    def _on_finished(self, name: str, started_at: float) -> None:
        self._last_words[name] = self._logs.last_words(name, started_at)
        self._began_at[name] = started_at

    def _on_lines(self, actor: str, texts: list[str]) -> None:
        lines = self._logs.write(actor, texts, time.time())
        self._watchers.tell(lambda watcher: watcher.wrote(lines))

    def _broker_is_ready(self, details: dict[str, object]) -> None:
        """Tell clients where it is. A broker that comes back listens where the former one did, so peers find it by themselves."""
        self._endpoints = Endpoints(str(details["lane"]), str(details["feed"]))
        if self._runtime is not None:
            return
        self._runtime = Runtime(
            app=self.options.app,
            pid=os.getpid(),
            started_at=self.started_at,
            lane=self._endpoints.lane,
            feed=self._endpoints.feed,
            token=self._token,
            curve=self._curve.for_clients() if self._curve else None,
            profile=str(self.options.profile.directory),
        )
        self._runtime_file.write(self._runtime)
        self._face_task = asyncio.ensure_future(self._face.run(self._runtime))

    # Beside the policy

    def _report_settled(self) -> None:
        settled = self._supervision.is_settled and not self._supervision.is_leaving
        if settled and not self._was_settled:
            ready = sum(child.state == "ready" for child in self._supervision)
            self._notifier.ready(f"{ready} of {len(self._supervision.children)} actors are ready")
            overview = self.overview()
            self._watchers.tell(lambda watcher: watcher.settled(overview))
        self._was_settled = settled

    async def _measure_memory(self) -> None:
        while any(child.spec.memory_limit_mib for child in self._supervision):
            await asyncio.sleep(MEMORY_INTERVAL_SECONDS)
            for child in list(self._supervision):
                if (
                    child.spec.memory_limit_mib
                    and child.pid is not None
                    and (mib := private_mib(child.pid)) is not None
                ):
                    self._tell(MemoryMeasured(child.name, mib))

    async def _keep_alive(self) -> None:
        interval_seconds = self._notifier.watchdog_interval_seconds
        while interval_seconds is not None:
            self._notifier.alive()
            await asyncio.sleep(interval_seconds)

    def _fail(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Something in a callback went wrong, and what was decided may not have been done: end, rather than go on so."""
        loop.default_exception_handler(context)
        error = context.get("exception")
        if not self._left.done():
            self._left.set_exception(
                error if isinstance(error, Exception) else RuntimeError(str(context.get("message")))
            )

    def _asked_to_stop(self) -> None:
        if self._supervision.is_leaving:
            self._processes.kill_all()
        self.ask_stop("a signal asked for it")


def _as_text(locations: Locations) -> dict[str, str]:
    return {category: str(path) for category, path in asdict(locations).items()}
