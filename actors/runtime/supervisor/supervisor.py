"""Runs the children of a profile: feeds the policy with what happens and carries out what it returns."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import sys
import time
from collections.abc import Iterable
from typing import Any, Final, assert_never

from actors.runtime.supervisor.core.child_spec import BROKER, SUPERVISOR, ChildSpec
from actors.runtime.supervisor.core.child_state import ChildState
from actors.runtime.supervisor.core.supervision_events import (
    BecameReady,
    DumpStacks,
    Effect,
    Exited,
    Finish,
    Input,
    MemoryMeasured,
    PublishRemoval,
    PublishStatus,
    RecordCrash,
    RestartRequested,
    SendPing,
    SendSignal,
    SendStop,
    SpecsChanged,
    StartFailed,
    StartProcess,
    StopRequested,
    Ticked,
)
from actors.runtime.supervisor.core.supervision_policy import SupervisionPolicy
from actors.runtime.supervisor.host.broker_endpoints import choose_endpoints, discard_run_directory
from actors.runtime.supervisor.host.home.home_lock import HomeLock
from actors.runtime.supervisor.host.home.home_watch import HomeWatch
from actors.runtime.supervisor.host.home.runtime_file import RuntimeFile
from actors.runtime.supervisor.host.systemd_notify import SystemdNotifier
from actors.runtime.supervisor.interfaces import Observers, SupervisorObserver
from actors.runtime.supervisor.membership import Membership
from actors.runtime.supervisor.processes.descendants.adopted_processes import end_leftovers
from actors.runtime.supervisor.processes.descendants.process_tree import home_mark, runtime_mark
from actors.runtime.supervisor.processes.loop_signals import handled_signals
from actors.runtime.supervisor.processes.process_memory import family_mib
from actors.runtime.supervisor.processes.process_table import LinesWritten, ProcessEvent, ProcessTable
from actors.runtime.supervisor.profile_children import children_of, preloads_of
from actors.runtime.supervisor.profile_reload import ProfileReload
from actors.runtime.supervisor.reports.crash_recorder import CrashRecorder
from actors.runtime.supervisor.reports.log_ring import LogRings
from actors.runtime.supervisor.reports.status_report import StatusReport
from actors.runtime.supervisor.reports.supervisor_log import SupervisorLog
from actors.runtime.supervisor.reports.verdicts import verdict_on
from actors.runtime.supervisor.start_messages import StartMessages
from actors.runtime.supervisor.supervisor_options import SupervisorOptions
from actors.shared.durable.durable_write import DurableWriteFailed
from actors.shared.locations.locations import places
from actors.shared.profile.profile import Profile, ProfileError
from actors.shared.version import VERSION
from bus.discovery import Runtime
from bus.errors import Refused
from bus.lifeline import LifelineMessage, StopMessage
from bus.telemetry.log_handler import redactor_of_this_machine, salt_of
from schemas.operations.supervision import ActorStatus, LogLine, SupervisorStatusEvent

MEMORY_INTERVAL_SECONDS: Final = 0.5
"""While a child has a limit. What outgrows it has ended within a second."""

WRITE_SECONDS: Final = 2.0
"""How long the end waits for a `runtime.json` that is still being written."""


class Supervisor:
    """Runs the children of one profile until it is asked to stop. Build it on the event loop that runs it."""

    def __init__(
        self,
        options: SupervisorOptions,
        observers: Iterable[SupervisorObserver] = (),
        home_lock: HomeLock | None = None,
    ) -> None:
        """Be ready to run; `observers` learn what happens. With a lock, the home is watched.

        Raises:
            ProfileError: the child specs cannot be carried out.
            UnsafePlace: the directory for the sockets is not ours alone.
        """
        locations = options.locations
        self.options = options
        self._loop = asyncio.get_running_loop()
        started_at = time.time()
        specs = children_of(options.profile, options.home_directory)
        self._policy = SupervisionPolicy(specs, time.monotonic())
        endpoints = choose_endpoints(locations.state, options.transport)
        self._membership = Membership(options.profile, options.peer_credentials)
        self._start_messages = StartMessages(options, endpoints, started_at, self._membership)
        salt = salt_of(self._start_messages.token)
        self._redactor = redactor_of_this_machine(salt, places=places(locations))
        self._redactor.add_secrets({self._start_messages.token, *self._membership.secrets()})
        self._logs = LogRings(self._redactor.text)
        self._observers = Observers(observers)
        self._log = SupervisorLog(self._logs, self._observers.wrote)
        self._crashes = CrashRecorder(
            locations.state, self._logs, self._log, VERSION, self._observers.crashed
        )
        self._report = StatusReport(options, self._policy, self._logs, self._crashes, started_at)
        self._notifier = SystemdNotifier()
        self._runtime_file = RuntimeFile(options.runtime_path)
        self._watch: HomeWatch | None = None
        if home_lock is not None:
            has_sockets = options.transport == "ipc"
            self._watch = HomeWatch(home_lock, self._runtime_file, has_sockets, self.say, self.stop)
        self._timer: asyncio.TimerHandle | None = None
        self._memory_task: asyncio.Task[None] | None = None
        self._was_settled = False
        self._announced_start = 0
        self._serves = asyncio.Event()
        self._announcement: asyncio.Task[None] | None = None
        directory, home = options.profile.directory, options.home_directory
        self._reload = ProfileReload(directory, self._apply, self._refuse, home, options.developing.apart)
        self._finished: asyncio.Future[None] = self._loop.create_future()
        self._mark = runtime_mark(locations.state)
        self._processes = ProcessTable(
            self._on_process_event,
            options.runtime_path,
            options.spawn_method,
            options.server,
            preloads_of(specs),
            self._mark,
        )

    async def run(self) -> None:
        """Start everything, and return once everything has ended.

        Raises:
            DurableWriteFailed: `runtime.json` could not be written.
        """
        self._loop.set_exception_handler(self._fail)
        if self._runtime_file.path.exists():  # the former runtime came to a sudden end
            await asyncio.to_thread(end_leftovers, home_mark(self.options.locations.state), self._mark)
        self._runtime_file.remove_stale()
        self._watch_memory()
        watchdog = asyncio.ensure_future(self._feed_watchdog())
        watching = asyncio.ensure_future(self._watch.run()) if self._watch else None
        # A closed terminal sends SIGHUP, too, and then nobody wants the runtime any more.
        has_terminal = sys.stdin is not None and sys.stdin.isatty()
        hung_up = self._on_stop_signal if has_terminal else self.reload
        try:
            with handled_signals(
                self._loop,
                self._on_stop_signal,
                self._on_interrupt,
                hung_up,
                ignores_later=self.options.ends_process,
            ):
                self._take(Ticked())
                await self._finished
        finally:
            if self._watch is not None:
                self._watch.close()
            for task in filter(None, (watchdog, watching, self._memory_task)):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
            if self._timer is not None:
                self._timer.cancel()
            self._reload.cancel()
            self._processes.close()
            if self._announcement is not None:
                await asyncio.wait([self._announcement], timeout=WRITE_SECONDS)
            await self._crashes.finish()
            self._runtime_file.remove(os.getpid())
            is_lost = self._watch is not None and self._watch.is_lost
            if self.options.transport == "ipc" and not is_lost:
                discard_run_directory(self.options.locations.state)

    async def runtime(self) -> Runtime:
        """How to reach the bus, once the broker is ready for the first time."""
        await self._serves.wait()
        assert self._start_messages.runtime is not None
        return self._start_messages.runtime

    @property
    def credential(self) -> str:
        """What the supervisor presents as a peer."""
        return self._membership.credential_of(SUPERVISOR)

    # See `SupervisorControl`

    def overview(self) -> SupervisorStatusEvent:
        """The state of the whole runtime."""
        return self._report.overview()

    def newest_lines(self, actor: str | None, limit: int) -> tuple[list[LogLine], int]:
        """The newest log lines, oldest first, and the number of older ones that were left out."""
        if actor not in (None, SUPERVISOR):
            self._child(actor)
        return self._logs.newest(actor, limit)

    def restart(self, actor: str) -> ActorStatus:
        """Stop one actor and start it again."""
        child = self._child(actor)
        if self._policy.is_leaving:
            raise Refused(f"{actor} is not started again: the runtime stops")
        self._take(RestartRequested(actor))
        return self._report.status_of(child)

    def stop(self, reason: str) -> None:
        """Stop the whole runtime."""
        if self._policy.is_leaving:
            return
        self._notifier.stopping()
        self._observers.stopping(reason)
        # Later, so that the answer to the request leaves before the broker does.
        self._loop.call_soon(self._take, StopRequested())

    def peer_joined(self, peer: str) -> None:
        """Take a greeting as readiness, where the spec says so."""
        child = self._policy.children.get(peer)
        if child is not None and child.spec.ready == "hello":
            self._take(BecameReady(peer))

    def say(self, text: str) -> None:
        """Keep a sentence in the supervisor's own log."""
        self._log.say(text)

    def reload(self) -> None:
        """Read the profile again, and add, change and remove children. A wrong profile changes nothing."""
        self._reload.ask()

    def _refuse(self, error: ProfileError) -> None:
        self._log.say(f"the changed profile does not apply: {error}")
        self._observers.profile_read(str(error))

    def _apply(self, profile: Profile, specs: tuple[ChildSpec, ...]) -> None:
        self._observers.profile_read("")
        self._notifier.reloading(time.monotonic_ns() // 1000)
        self._was_settled = False
        if not self._policy.is_leaving:
            self._membership.adopt(profile, set(self._policy.children))
            self._redactor.add_secrets(self._membership.secrets())
            self._send_roster()  # before any new child is started
        self._take(SpecsChanged(specs))
        self._watch_memory()

    def _send_roster(self) -> None:
        if self._processes.runs(BROKER):
            self._processes.post(BROKER, self._start_messages.roster_message())

    def _child(self, actor: str) -> ChildState:
        child = self._policy.children.get(actor)
        if child is None:
            names = ", ".join(self._policy.children)
            raise Refused(f"there is no actor {actor!r}, expected one of {names}")
        return child

    # Inputs of the policy

    def _on_process_event(self, event: ProcessEvent) -> None:
        """Note what the policy does not need, then pass the event on."""
        match event:
            case LinesWritten(actor, texts):
                self._observers.wrote(self._logs.write(actor, texts, time.time()))
                return
            case Exited(actor) | StartFailed(actor):
                self._report.ended(actor)
            case BecameReady(actor, details) if actor == BROKER:
                runtime = self._start_messages.broker_listens(details)
                if runtime is not None:
                    self._announcement = asyncio.ensure_future(self._announce(runtime))
                if not self._serves.is_set():
                    self._announced_start = self._policy.children[BROKER].starts
                    return  # it counts as ready once everybody can find it
        self._take(event)

    async def _announce(self, runtime: Runtime) -> None:
        """Write `runtime.json` for the first time; then the broker counts as ready, if it still serves."""
        try:
            await asyncio.to_thread(self._runtime_file.write, runtime)
        except DurableWriteFailed as error:
            if not self._finished.done():
                self._finished.set_exception(error)
            return
        self._serves.set()
        if self._policy.children[BROKER].starts == self._announced_start:
            self._take(BecameReady(BROKER))

    def _take(self, event: Input) -> None:
        jitter = random.random()  # noqa: S311 - not a secret
        for effect in self._policy.handle(event, time.monotonic(), jitter):
            self._carry_out(effect)
        if self._timer is not None:
            self._timer.cancel()
        deadline = self._policy.deadline()
        self._timer = None if deadline is None else self._loop.call_at(deadline, self._take, Ticked())
        self._report_settled()

    def _on_stop_signal(self) -> None:
        """Stop; a signal that comes again changes nothing, since commands may send it, too."""
        self.stop("a signal asked for it")

    def _on_interrupt(self) -> None:
        """Stop; at the second Ctrl-C, kill what still runs."""
        if self._policy.is_leaving:
            self._processes.kill_all()
        self.stop("a signal asked for it")

    def _watch_memory(self) -> None:
        if self._memory_task is None or self._memory_task.done():
            self._memory_task = asyncio.ensure_future(self._measure_memory())

    async def _measure_memory(self) -> None:
        while any(child.spec.memory_limit_mib for child in self._policy):
            await asyncio.sleep(MEMORY_INTERVAL_SECONDS)
            for child in list(self._policy):
                if (
                    child.spec.memory_limit_mib
                    and child.pid is not None
                    and (mib := family_mib(child.pid)) is not None
                ):
                    self._take(MemoryMeasured(child.name, mib))

    # Effects of the policy

    def _carry_out(self, effect: Effect) -> None:
        self._give_verdict(effect)
        match effect:
            case StartProcess(spec):
                self._report.begins(spec.name)
                messages = self._start_messages
                self._processes.start(spec, messages.message_for(spec), messages.environment_for(spec))
            case SendStop(actor, returning):
                self._processes.post(actor, LifelineMessage(stop=StopMessage(returning=returning)))
            case SendPing(actor, number):
                self._crashes.refresh()
                self._ping(actor, number)
            case SendSignal(actor, name):
                self._processes.send_signal(actor, name)
            case DumpStacks(actor):
                self._processes.dump_stacks(actor)
            case PublishStatus(actor):
                if (child := self._policy.children.get(actor)) is not None:
                    self._observers.changed(self._report.status_of(child))
            case PublishRemoval(actor):
                if self._membership.left(actor):
                    self._send_roster()
                reason = "it is no longer in the profile"
                self._observers.changed(
                    ActorStatus(actor=actor, state="stopped", since=time.time(), reason=reason)
                )
            case RecordCrash():
                self._crashes.capture(effect, self._report.lines_before(effect.actor))
            case Finish():
                if not self._finished.done():
                    self._finished.set_result(None)
            case _:
                assert_never(effect)

    def _ping(self, actor: str, number: int) -> None:
        """Over the lifeline; a command has none, and is asked by the broker as the peer of its name."""
        if self._policy.children[actor].spec.has_lifeline:
            self._processes.post(actor, LifelineMessage(ping=number))
        elif self._processes.runs(BROKER):
            self._processes.post(BROKER, LifelineMessage(ask_peer={"peer": actor, "number": number}))

    def _give_verdict(self, effect: Effect) -> None:
        child = self._policy.children.get(getattr(effect, "actor", ""))
        words = verdict_on(effect, child) if child is not None else ""
        if child is not None and words:
            self._log.verdict(child.name, words)

    def _report_settled(self) -> None:
        settled = self._policy.is_settled and not self._policy.is_leaving
        if settled and not self._was_settled:
            ready = sum(child.state == "ready" for child in self._policy)
            self._notifier.ready(f"{ready} of {len(self._policy.children)} actors are ready")
            self._observers.settled(self.overview())
        self._was_settled = settled

    async def _feed_watchdog(self) -> None:
        interval_seconds = self._notifier.watchdog_interval_seconds
        while interval_seconds is not None:
            self._notifier.alive()
            await asyncio.sleep(interval_seconds)

    def _fail(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """End after an error in a callback: something that was decided may not have been done."""
        loop.default_exception_handler(context)
        error = context.get("exception")
        if not self._finished.done():
            self._finished.set_exception(
                error if isinstance(error, Exception) else RuntimeError(str(context.get("message")))
            )
