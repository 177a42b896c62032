"""The readiness actor: learns from other actors, derives the snapshot, and publishes what is new."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

import anyio
import anyio.to_thread
import msgspec

from actors.readiness.readiness_commands import CommandOutcome, check_bundle, retry, set_up
from actors.readiness.readiness_report import report_text
from actors.readiness.snapshot import readiness_snapshot
from actors.readiness.snapshot.availability import ReadinessDeclaration, broken_models
from actors.readiness.snapshot.readiness_facts import FactEvent, ReadinessFacts, learn, listed
from actors.readiness.snapshot.readiness_snapshot import failed_services
from actors.readiness.snapshot.warning_signs import taken_over
from actors.readiness.wording import Wording, WordingTables
from actors.shared.clocks import steady_clock
from actors.shared.disk_space import free_bytes
from bus.actor import Actor, BusContext, Later
from bus.client import GapEvent
from bus.peer.feed.follower import Follower
from schemas.config import SettingsChangedEvent
from schemas.event import Event
from schemas.models import (
    ModelDownloadProgressedEvent,
    ModelsListedEvent,
    ModelsListRequestEvent,
    ModelStateChangedEvent,
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

LIST_TIMEOUT_SECONDS: Final = 5.0
FIRST_FACTS_SECONDS: Final = 2.0
"""How long a command waits for them after a start: less than those wait who ask."""

PLACE_EVENTS: Final = (PathsChangedEvent, PathMoveChangedEvent, ModelCatalogueChangedEvent)
"""Events of other actors after which the owner of the models may have others."""

ModelEvent = ModelStateChangedEvent | ModelDownloadProgressedEvent | ModelVerificationFailedEvent
"""What the owner of the models tells about them. Followed together with its list, so not in the inbox."""

Heard = (
    ModelCatalogueChangedEvent
    | ActorStateChangedEvent
    | SettingsChangedEvent
    | AlertChangedEvent
    | PathsChangedEvent
    | PathMoveChangedEvent
    | SupervisorStoppingEvent
)
Inbox = Heard | ReadinessReportRequestEvent | ReadinessSetupRequestEvent | ReadinessRetryRequestEvent


class Readiness(Actor[Inbox]):
    """Says what the app can be used for now. Owns no file: everything follows from events and replies."""

    def __init__(
        self,
        context: BusContext,
        declared: ReadinessDeclaration,
        tables: WordingTables,
        clock: Callable[[], float] | None = None,
    ) -> None:
        """Start without any facts.

        Args:
            context: the connection to the bus.
            declared: what the app declares.
            tables: the texts of all languages.
            clock: seconds since the Unix epoch, never set back; None for the system's clock.
        """
        super().__init__(context)
        self._declared = declared
        self._tables = tables
        self._clock = clock or steady_clock()
        self._facts = ReadinessFacts()
        self._snapshot: ReadinessSnapshot | None = None
        self._published_at = 0.0
        self._published = context.metrics.counter(
            "readiness.snapshots", "Snapshots that were published, by state."
        )
        self._measured: tuple[str, int] | None = None
        self._news = asyncio.Event()
        self._knows_enough = asyncio.Event()
        self._models: Follower[ModelsListedEvent, ModelEvent] | None = None

    async def prepare(self) -> None:
        """Learn from retained events, also of a former life, and publish a first snapshot."""
        heard = [event for event in self.inbox if issubclass(event, Heard)]
        for former in await self.peer.retained(ReadinessChangedEvent):
            self._snapshot = former.snapshot
        if self._snapshot is not None:
            self._facts = ReadinessFacts(
                signs=taken_over(self._snapshot.signs)
            )  # everything else is retained
        async with self.peer.subscribe(*heard, ModelStateChangedEvent) as events:
            pass  # it keeps the retained events when it is left
        async for event in events:
            if not isinstance(event, GapEvent):
                self._learn(event)
        await self._publish()
        self.tasks.start_soon(self._keep_published)
        self._models = await self.follow(
            ModelsListRequestEvent(),
            ModelStateChangedEvent,
            ModelDownloadProgressedEvent,
            always=[ModelVerificationFailedEvent],
            into=self._learn_models,
            timeout_seconds=LIST_TIMEOUT_SECONDS,
        )

    async def handle(self, event: Inbox) -> Event | Later | None:
        """Learn from an event, or answer a request."""
        match event:
            case ReadinessReportRequestEvent():
                return self._report(event)
            case ReadinessSetupRequestEvent():
                if not self._knows_enough.is_set():
                    return Later(partial(self._set_up_once_known, event))
                return Later(partial(self._set_up, self._confirmed(event)))
            case ReadinessRetryRequestEvent():
                return Later(self._retry)
            case _:
                self._learn(event)
                return None

    # -- commands

    def _confirmed(self, event: ReadinessSetupRequestEvent) -> list[BundleModel]:
        return check_bundle(event, self._derive(self._words()), self._words())

    async def _set_up_once_known(self, event: ReadinessSetupRequestEvent) -> ReadinessSetupAcceptedEvent:
        await self._until_known()
        return await self._set_up(self._confirmed(event))

    async def _until_known(self) -> None:
        """Wait for the first settings and list of models: without them nothing seems to be missing."""
        with anyio.move_on_after(FIRST_FACTS_SECONDS):
            await self._knows_enough.wait()

    async def _set_up(self, models: list[BundleModel]) -> ReadinessSetupAcceptedEvent:
        begun, problems = await self._carry_out(set_up(models, self._facts, self.peer))
        return ReadinessSetupAcceptedEvent(
            model_ids=begun, problems=problems, revision=await self._revision_of_now()
        )

    async def _retry(self) -> ReadinessRetriedEvent:
        if not failed_services(self._facts):  # those that failed are not waited for, but restarted
            await self._until_known()
        broken = broken_models(self._facts, self._declared, self._words())
        begun, problems = await self._carry_out(retry(broken, self._facts, self.peer))
        return ReadinessRetriedEvent(
            model_ids=begun, problems=problems, revision=await self._revision_of_now()
        )

    async def _carry_out(self, commands: AsyncIterator[CommandOutcome]) -> tuple[list[str], list[str]]:
        """Carry out commands, then learn from a list of all models what became of them.

        The replies to the commands are not learned: events that came before them may be newer.

        Returns:
            The models that are being installed, and the problems of the others.
        """
        begun, problems = [], []
        async for outcome in commands:
            if outcome.is_begun:
                begun.append(outcome.name)
            if outcome.problem:
                problems.append(outcome.problem)
        if self._models is not None:
            with anyio.move_on_after(LIST_TIMEOUT_SECONDS):
                await self._models.refreshed()
        return begun, problems

    async def _revision_of_now(self) -> int:
        """Revision of the first snapshot that contains everything that is known now."""
        is_delayed = await self._publish() is not None
        return self._now.revision + is_delayed

    # -- facts

    def _learn(self, event: FactEvent) -> None:
        self._facts = learn(self._facts, event, self._clock())
        if self._models is not None and isinstance(event, PLACE_EVENTS):
            self._models.ask_again()  # the downloader may have other models now, or another directory
        self._noticed()

    def _noticed(self) -> None:
        self._news.set()
        if self._facts.is_listed and (self._facts.settings is not None or not self._declared.has_settings):
            self._knows_enough.set()

    async def _learn_models(self, update: ModelsListedEvent | ModelEvent) -> None:
        """Take the list of all models, or what changed since."""
        if isinstance(update, ModelsListedEvent):
            self._facts = listed(self._facts, update, self._clock())
            self._noticed()
        else:
            self._learn(update)

    # -- snapshots

    @property
    def _now(self) -> ReadinessSnapshot:
        assert self._snapshot is not None, "prepare publishes the first one"
        return self._snapshot

    def _words(self, locale: str = "") -> Wording:
        table = self._declared.table
        chosen = self._facts.setting(table.locale_setting) if table.locale_setting else ""
        return self._tables.choose(locale or (chosen if isinstance(chosen, str) else "") or table.locale)

    async def _keep_published(self) -> None:
        """Publish news as they come, and what time alone changes when it is due, until cancelled."""
        delayed_until: float | None = None
        while True:
            now = self._clock()
            moments = (readiness_snapshot.next_due(self._now, self._declared, now), delayed_until)
            due = min((moment for moment in moments if moment is not None), default=None)
            with anyio.move_on_after(None if due is None else max(0.0, due - now)):
                await self._news.wait()
            self._news.clear()
            delayed_until = await self._publish()

    async def _publish(self) -> float | None:
        """Publish a snapshot if something in it is new.

        Returns:
            When to try again, if only progress is new and it is too early; None otherwise.
        """
        now, before = self._clock(), self._snapshot
        after = self._derive(self._words())
        changed = readiness_snapshot.changed_fields(before, after)
        if not changed:
            return None
        if before is not None and readiness_snapshot.is_mere_progress(before, after):
            due = self._published_at + readiness_snapshot.PROGRESS_GAP_SECONDS
            if now < due:
                return due
        self._snapshot, self._published_at = after, now
        await self.peer.publish(ReadinessChangedEvent(snapshot=after, changed=changed))
        self._published.add(state=after.state)
        self._measure_disk(after)
        return None

    def _derive(self, words: Wording) -> ReadinessSnapshot:
        return readiness_snapshot.derive(self._facts, self._declared, words, self._snapshot, self._clock())

    def _report(self, event: ReadinessReportRequestEvent) -> ReadinessReportedEvent:
        words = self._words(event.locale)
        snapshot = msgspec.structs.replace(self._derive(words), revision=self._now.revision)
        return ReadinessReportedEvent(
            snapshot=snapshot, text=report_text(snapshot, self._facts, self._declared, words, self._clock())
        )

    # -- disk space

    def _measure_disk(self, snapshot: ReadinessSnapshot) -> None:
        """Measure the free space whenever another bundle is shown. A drive that hangs delays nothing."""
        setup = snapshot.setup
        wanted = None if setup is None else (setup.location, len(setup.models))
        if wanted != self._measured:
            self._measured = wanted
            if setup is not None and setup.location:
                self.tasks.start_soon(self._find_free_bytes, setup.location)

    async def _find_free_bytes(self, location: str) -> None:
        found = await anyio.to_thread.run_sync(free_bytes, Path(location), abandon_on_cancel=True)
        self._facts = replace(self._facts, free_bytes=found)
        self._news.set()
