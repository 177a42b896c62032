"""The registry of locations: lists them, takes choices, publishes when a directory appears or vanishes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from typing import Final, Literal, assert_never

import anyio
import anyio.to_thread
import msgspec

from actors.locations.choice_plan import ChoicePlan, plan_choice
from actors.locations.directory_rules import LITTLE_BYTES, busy, held, judge_room, judge_space, unwritable
from actors.locations.location_survey import LocationSources, survey
from actors.shared.durable.durable_write import DurableWriteFailed
from actors.shared.locations.location_choices import (
    CHOICES_NAME,
    LocationChoices,
    LocationChoicesFound,
    read_choices,
    write_choices,
)
from actors.shared.locations.locations import LocationRefused, Locations, prepare
from actors.shared.text import size_text
from bus.actor import Actor, BusContext, Later
from bus.error_words import in_words
from bus.errors import Refused, RequestFailed
from schemas.operations.alerts import Severity
from schemas.paths import (
    Category,
    ModelsRelocateRequestEvent,
    ModelsRelocationEvent,
    PathChooseRequestEvent,
    PathChosenEvent,
    PathProblem,
    PathsChangedEvent,
    PathSettleRequestEvent,
    PathsListedEvent,
    PathsListRequestEvent,
    PathsSettledEvent,
    PathStatus,
)

LOOK_SECONDS: Final = 30.0
LOOK_AGAIN_SECONDS: Final = 3.0
"""Pauses between two looks at the directories. The shorter one applies while something is wrong."""

RELOCATE_TIMEOUT_SECONDS: Final = 60.0

Inbox = PathsListRequestEvent | PathChooseRequestEvent | PathSettleRequestEvent


class LocationRegistry(Actor[Inbox]):
    """Owns `locations.json`, and says where every category lies."""

    def __init__(
        self,
        context: BusContext,
        at_start: Locations,
        defaults: Locations,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        """Read what the user chose.

        Args:
            context: the connection to the bus.
            at_start: where everything lay when the runtime started.
            defaults: where everything lies without a choice.
            environ: variables of the process.
        """
        super().__init__(context)
        self._at_start = at_start
        self._defaults = defaults
        self._environ = environ
        self._choices_file = defaults.config / CHOICES_NAME
        self._found = read_choices(defaults.config)
        self._published: list[PathStatus] = []
        self._room: dict[Category, Severity | None] = {}
        self._one_at_a_time = anyio.Lock()

    async def prepare(self) -> None:
        """Publish where everything lies."""
        await self._look("start")
        self.tasks.start_soon(self._keep_looking)

    async def handle(self, event: Inbox) -> PathsListedEvent | PathsSettledEvent | Later:
        """Answer one request."""
        match event:
            case PathsListRequestEvent():
                paths = await self._look("observed")
                return PathsListedEvent(paths=paths, choices_file=str(self._choices_file))
            case PathChooseRequestEvent():
                return Later(partial(self._choose, event))
            case PathSettleRequestEvent():
                return await self._settle(event)
            case _:
                assert_never(event)

    async def _choose(self, event: PathChooseRequestEvent) -> PathChosenEvent:
        async with self._one_at_a_time:
            found = await anyio.to_thread.run_sync(plan_choice, self._sources, event)
            if found.problems:
                return _reply(event, found, found.problems)
            relocation, problems = await self._relocate(event, found, dry_run=True)
            copy_bytes = relocation.copy_bytes if relocation else 0
            problems = problems or judge_space(
                event.category, str(found.models or ""), copy_bytes, found.free_bytes
            )
            if not problems and not event.dry_run:
                problems = await self._create(event, found)
            if not problems and not event.dry_run:
                if relocation is None:
                    problems = await self._store(event, found.choices)
                else:  # the owner of the models settles the choice once they are there
                    begun, problems = await self._relocate(event, found, dry_run=False)
                    return _reply(event, found, problems, copy_bytes, begun.move_id if begun else "")
            return _reply(event, found, problems, copy_bytes)

    async def _relocate(
        self, event: PathChooseRequestEvent, found: ChoicePlan, *, dry_run: bool
    ) -> tuple[ModelsRelocationEvent | None, list[PathProblem]]:
        """Ask the owner of the models to move them; None if they stay, or if the app has no such owner."""
        if found.models is None:
            return None, []
        request = ModelsRelocateRequestEvent(
            target=str(found.models),
            action=event.action,
            category=event.category,
            path=found.path,
            dry_run=dry_run,
        )
        try:
            return await self.peer.request(request, timeout_seconds=RELOCATE_TIMEOUT_SECONDS), []
        except RequestFailed as failed:
            if failed.kind == "no_responder":
                return None, []
            if failed.kind == "refused":
                return None, [held(event.category, str(found.models), failed.message)]
            words = f"the owner of the models does not answer ({failed.kind}); try again in a moment"
            return None, [busy(event.category, str(found.models), words)]

    async def _create(self, event: PathChooseRequestEvent, found: ChoicePlan) -> list[PathProblem]:
        for directory in dict.fromkeys([*found.to_create, *([found.models] if found.models else [])]):
            try:
                await anyio.to_thread.run_sync(prepare, event.category, directory)
            except LocationRefused as error:
                words = f"{error.problem}; change its permissions, or choose another directory"
                return [unwritable(event.category, str(directory), words, "choose", "reset")]
        return []

    async def _store(
        self, event: PathChooseRequestEvent | PathSettleRequestEvent, choices: LocationChoices
    ) -> list[PathProblem]:
        """Make a choice durable, then publish it.

        Raises:
            DurableWriteFailed: it is in the file, but a power cut may undo it, so neither yes nor no is true.
                The actor ends. Its next life reads the file, and the client has to ask again.
        """
        try:
            await anyio.to_thread.run_sync(write_choices, self._defaults.config, choices)
        except (DurableWriteFailed, OSError) as error:
            if isinstance(error, DurableWriteFailed) and error.replaced:
                raise
            words = f"{event.category}: the choice could not be stored: {in_words(error)}"
            return [
                PathProblem(
                    kind="not_writable",
                    category=event.category,
                    path=event.path,
                    message=words,
                    offers=["free_space", "wait"],
                )
            ]
        self._found = LocationChoicesFound(choices)
        await self._look("chosen")
        return []

    async def _settle(self, event: PathSettleRequestEvent) -> PathsSettledEvent:
        """The models are at the new place, so from now on the choice counts. May be repeated."""
        request = PathChooseRequestEvent(category=event.category, path=event.path, action="anew")
        async with self._one_at_a_time:
            found = await anyio.to_thread.run_sync(plan_choice, self._sources, request)
            if problems := await self._store(event, found.choices):
                raise Refused(problems[0].message)
        return PathsSettledEvent(paths=self._published)

    async def _look(self, reason: Literal["start", "chosen", "observed"]) -> list[PathStatus]:
        """Look at every directory; publish the state if it differs."""
        paths = await anyio.to_thread.run_sync(survey, self._sources)
        if _without_sizes(paths) != _without_sizes(self._published) or reason != "observed":
            self._published = paths
            await self.peer.publish(PathsChangedEvent(paths=paths, reason=reason))
            await self._report_problems(paths)
        await self._report_room(paths)
        return paths

    async def _report_room(self, paths: list[PathStatus]) -> None:
        """Raise an alert for a disk that fills up, once for each severity."""
        for status in paths:
            severity = judge_room(status.free_bytes)
            if severity == self._room.get(status.category):
                continue
            self._room[status.category] = severity
            if severity is None:
                await self.alerts.clear("location.disk_space", status.category)
            else:
                free = size_text(status.free_bytes or 0)
                await self.alerts.raise_alert(
                    "location.disk_space",
                    status.category,
                    severity=severity,
                    message=f"{status.path}: {free} are free, expected at least {size_text(LITTLE_BYTES)}",
                    advice="free some space, or move the models with 'undercroft paths set models'",
                )

    async def _report_problems(self, paths: list[PathStatus]) -> None:
        for status in paths:
            if status.problems:
                first = status.problems[0]
                advice = "run 'undercroft paths' to see what you can do"
                await self.alerts.raise_alert(
                    "location", status.category, severity="error", message=first.message, advice=advice
                )
            else:
                await self.alerts.clear("location", status.category)

    async def _keep_looking(self) -> None:
        while True:
            await anyio.sleep(
                LOOK_AGAIN_SECONDS if any(status.problems for status in self._published) else LOOK_SECONDS
            )
            await self._look("observed")

    @property
    def _sources(self) -> LocationSources:
        return LocationSources(self._defaults, self._at_start, self._found, self._environ)


def _reply(
    event: PathChooseRequestEvent,
    found: ChoicePlan,
    problems: list[PathProblem],
    move_bytes: int = 0,
    move_id: str = "",
) -> PathChosenEvent:
    return PathChosenEvent(
        accepted=not problems,
        dry_run=event.dry_run,
        problems=problems,
        what_happens=[] if problems else found.what_happens,
        paths=found.paths,
        created=[] if problems else [str(path) for path in found.to_create],
        move_bytes=move_bytes,
        move_id=move_id,
    )


def _without_sizes(paths: list[PathStatus]) -> list[PathStatus]:
    return [msgspec.structs.replace(status, free_bytes=None) for status in paths]
