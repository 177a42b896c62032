"""Readiness as a process: it hears what the others tell, and tells everybody what follows from it."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self, assert_never

import anyio
import anyio.to_thread
import msgspec

from actors.readiness import readiness_snapshot
from actors.readiness.availability import Declared, broken_models
from actors.readiness.model_room import room_at
from actors.readiness.readiness_commands import check_bundle, fetch_bundle, try_again
from actors.readiness.readiness_facts import Facts, Heard, learn, listed
from actors.readiness.readiness_report import report_text
from actors.readiness.warning_signs import taken_over
from actors.readiness.wording import Wording, Wordings
from bus.actor import Actor, Later
from bus.client import GapEvent
from bus.errors import RequestFailed
from bus.peer.subscription import Subscription
from schemas.config import SettingsChangedEvent
from schemas.event import Event
from schemas.models import (
    ModelDownloadProgressedEvent,
    ModelsListRequestEvent,
    ModelStateChangedEvent,
    ModelStatus,
    ModelVerificationFailedEvent,
)
from schemas.operations.alerts import AlertChangedEvent
from schemas.operations.supervision import ActorStateChangedEvent, SupervisorStoppingEvent
from schemas.paths import PathMoveChangedEvent, PathsChangedEvent
from schemas.readiness import (
    BundleModel,
    ReadinessChangedEvent,
    ReadinessReportedEvent,
    ReadinessReportRequestEvent,
    ReadinessRetriedEvent,
    ReadinessRetryRequestEvent,
    ReadinessSetupAcceptedEvent,
    ReadinessSetupRequestEvent,
    ReadinessSnapshot,
)
from schemas.sources import ModelCatalogueChangedEvent

if TYPE_CHECKING:
    from actors.shared.context import ActorContext

LIST_TIMEOUT_SECONDS: Final = 5.0
ASK_AGAIN_SECONDS: Final = (0.05, 0.1, 0.25, 0.5, 1.0)
"""Pauses before the downloader is asked again what there is; the last one repeats."""

Inbox = (
    ModelStateChangedEvent
    | ModelDownloadProgressedEvent
    | ModelVerificationFailedEvent
    | ModelCatalogueChangedEvent
    | ActorStateChangedEvent
    | SettingsChangedEvent
    | AlertChangedEvent
    | PathsChangedEvent
    | PathMoveChangedEvent
    | SupervisorStoppingEvent
    | ReadinessReportRequestEvent
    | ReadinessSetupRequestEvent
    | ReadinessRetryRequestEvent
)


class Readiness(Actor[Inbox]):
    """Tells what the app can be used for now. It owns no file: all it says follows from what it heard."""

    def __init__(
        self, declared: Declared, wordings: Wordings, clock: Callable[[], float] | None = None
    ) -> None:
        """Args: clock: seconds since the Unix epoch that never go back; None for the system's."""
        self._declared = declared
        self._wordings = wordings
        self._clock = clock or steady_clock()
        self._facts = Facts()
        self._snapshot: ReadinessSnapshot | None = None
        self._told_at = 0.0
        self._looked_at: tuple[str, int] | None = None
        self._news = asyncio.Event()
        self._list_due = asyncio.Event()
        self._list_due.set()

    @classmethod
    def of(cls, surroundings: ActorContext) -> Self:
        """Build it for a profile.

        Raises:
            ProfileError: the profile's wording has a text that nobody asks for.
        """
        profile = surroundings.profile
        return cls(Declared.of(profile), Wordings.of(profile.wording, profile.directory))

    async def prepare(self) -> None:
        """Take up what was retained, also from a former life, and say at once how things are."""
        self._snapshots_told = self.metrics.counter(
            "readiness.snapshots", "Snapshots that were told, by state."
        )
        heard = [event for event in self.inbox if issubclass(event, Heard)]
        async with self.peer.subscribe(ReadinessChangedEvent) as own:
            async for told in _there_already(own):
                self._snapshot = told.snapshot
        if self._snapshot is not None:
            self._facts = Facts(signs=taken_over(self._snapshot.signs))  # all else is heard anew
        async with self.peer.subscribe(*heard) as events:
            async for event in _there_already(events):
                self._learn(event)
        await self._tell()
        self.tasks.start_soon(self._keep_telling)
        self.tasks.start_soon(self._keep_listed)

    async def handle(self, event: Inbox) -> Event | Later | None:
        """Take in what happened, or answer."""
        match event:
            case ReadinessReportRequestEvent():
                return self._report(event)
            case ReadinessSetupRequestEvent():
                models = check_bundle(event, self._derive(self._words()), self._words())
                return Later(functools.partial(self._set_up, models))
            case ReadinessRetryRequestEvent():
                return Later(self._try_again)
            case (
                ModelStateChangedEvent()
                | ModelDownloadProgressedEvent()
                | ModelVerificationFailedEvent()
                | ModelCatalogueChangedEvent()
                | ActorStateChangedEvent()
                | SettingsChangedEvent()
                | AlertChangedEvent()
                | PathsChangedEvent()
                | PathMoveChangedEvent()
                | SupervisorStoppingEvent()
            ):
                self._learn(event)
                return None
            case _:
                assert_never(event)

    async def missed(self, gap: GapEvent) -> None:
        """What was lost can be asked for."""
        self._list_due.set()

    # -- wishes
    # ----------------------------------------------------------------------------------------------------

    async def _set_up(self, models: list[BundleModel]) -> ReadinessSetupAcceptedEvent:
        begun, problems = await fetch_bundle(models, self._facts, self.peer, self._heard)
        return ReadinessSetupAcceptedEvent(
            model_ids=begun, problems=problems, revision=await self._revision_of_now()
        )

    async def _try_again(self) -> ReadinessRetriedEvent:
        self._list_due.set()
        broken = broken_models(self._facts, self._declared, self._words())
        begun, problems = await try_again(broken, self._facts, self.peer, self._heard)
        return ReadinessRetriedEvent(
            model_ids=begun, problems=problems, revision=await self._revision_of_now()
        )

    def _heard(self, found: ModelStatus) -> None:
        self._learn(ModelStateChangedEvent(model_id=found.model_id, status=found))

    async def _revision_of_now(self) -> int:
        """Revision of a snapshot that knows all that is known now."""
        is_held = await self._tell() is not None
        return self._now.revision + is_held

    # -- taking in
    # -------------------------------------------------------------------------------------------------

    def _learn(self, event: Heard) -> None:
        self._facts = learn(self._facts, event, self._clock())
        if isinstance(event, PathsChangedEvent | PathMoveChangedEvent | ModelCatalogueChangedEvent):
            self._list_due.set()  # what the downloader has, and where, may be another now
        elif (
            isinstance(event, ActorStateChangedEvent)
            and event.actor == "model_downloader"
            and event.status.state == "ready"
        ):
            self._list_due.set()
        self._news.set()

    async def _keep_listed(self) -> None:
        """Ask which models there are whenever that may have changed, until there is an answer."""
        while True:
            await self._list_due.wait()
            self._list_due.clear()
            tries = 0
            while not await self._ask_list():
                pause_seconds = ASK_AGAIN_SECONDS[min(tries, len(ASK_AGAIN_SECONDS) - 1)]
                tries += 1
                with anyio.move_on_after(pause_seconds):
                    await self._list_due.wait()
                self._list_due.clear()

    async def _ask_list(self) -> bool:
        try:
            answer = await self.peer.request(ModelsListRequestEvent(), timeout_seconds=LIST_TIMEOUT_SECONDS)
        except RequestFailed as failed:
            return failed.kind in ("refused", "invalid")
        self._facts = listed(self._facts, answer, self._clock())
        self._news.set()
        return True

    # -- telling
    # ---------------------------------------------------------------------------------------------------

    @property
    def _now(self) -> ReadinessSnapshot:
        assert self._snapshot is not None, "prepare told the first one"
        return self._snapshot

    def _words(self, locale: str = "") -> Wording:
        table = self._declared.table
        chosen = self._facts.setting(table.locale_setting) if table.locale_setting else ""
        return self._wordings.choose(locale or (chosen if isinstance(chosen, str) else "") or table.locale)

    async def _keep_telling(self) -> None:
        """Tell what is new as it comes, and what time alone makes new when it is due, whatever any check is doing."""
        held_until: float | None = None
        while True:
            now = self._clock()
            due = min(
                (
                    moment
                    for moment in (readiness_snapshot.next_due(self._now, self._declared, now), held_until)
                    if moment is not None
                ),
                default=None,
            )
            with anyio.move_on_after(None if due is None else max(0.0, due - now)):
                await self._news.wait()
            self._news.clear()
            held_until = await self._tell()

    async def _tell(self) -> float | None:
        """Publish the snapshot if anything in it is new. Mere progress waits for its turn: returns until when."""
        now, before = self._clock(), self._snapshot
        after = self._derive(self._words())
        if not readiness_snapshot.changed_fields(before, after):
            return None
        if (
            before is not None
            and readiness_snapshot.is_mere_progress(before, after)
            and now < self._told_at + readiness_snapshot.PROGRESS_GAP_SECONDS
        ):
            return self._told_at + readiness_snapshot.PROGRESS_GAP_SECONDS
        self._snapshot, self._told_at = after, now
        await self.peer.publish(
            ReadinessChangedEvent(snapshot=after, changed=readiness_snapshot.changed_fields(before, after))
        )
        self._snapshots_told.add(state=after.state)
        self._look_at_disk(after)
        return None

    def _derive(self, words: Wording) -> ReadinessSnapshot:
        return readiness_snapshot.derive(self._facts, self._declared, words, self._snapshot, self._clock())

    def _report(self, event: ReadinessReportRequestEvent) -> ReadinessReportedEvent:
        words = self._words(event.locale)
        snapshot = msgspec.structs.replace(self._derive(words), revision=self._now.revision)
        return ReadinessReportedEvent(
            snapshot=snapshot, text=report_text(snapshot, self._facts, self._declared, words, self._clock())
        )

    # -- room on the disk
    # ------------------------------------------------------------------------------------------

    def _look_at_disk(self, snapshot: ReadinessSnapshot) -> None:
        """Find out how much room there is whenever another bundle is shown. A drive that does not answer holds up nobody."""
        setup = snapshot.setup
        wanted = None if setup is None else (setup.location, len(setup.models))
        if wanted != self._looked_at:
            self._looked_at = wanted
            if setup is not None and setup.location:
                self.tasks.start_soon(self._find_room, setup.location)

    async def _find_room(self, location: str) -> None:
        free_bytes = await anyio.to_thread.run_sync(room_at, Path(location), abandon_on_cancel=True)
        self._facts = replace(self._facts, free_bytes=free_bytes)
        self._news.set()


def steady_clock() -> Callable[[], float]:
    """Seconds since the Unix epoch as they were at the start, going on evenly: a clock that is set back holds up no timer."""
    began = time.time() - time.monotonic()
    return lambda: began + time.monotonic()


async def _there_already(events: Subscription[Any]) -> AsyncIterator[Any]:
    """What a new subscription holds without waiting: the retained events."""
    while True:
        try:
            async with asyncio.timeout(0):
                event = await anext(events)
        except (TimeoutError, StopAsyncIteration):
            return
        if not isinstance(event, GapEvent):
            yield event
