"""The keeper of locations: answers where everything lies, takes choices, and tells everybody when a directory comes or goes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, Literal, Self, assert_never

import anyio
import anyio.to_thread
import msgspec

from actors.locations.choice_plan import Plan, plan
from actors.locations.directory_rules import LITTLE_BYTES, busy, held, judge_room, judge_space
from actors.locations.location_survey import Map, survey
from actors.shared.durable.durable_write import DurableWriteFailed
from actors.shared.durable.quarantine import quarantine
from actors.shared.locations.location_choices import (
    CHOICES_NAME,
    LocationChoices,
    LocationChoicesFound,
    read_choices,
    write_choices,
)
from actors.shared.locations.locations import LocationRefused, Locations, prepare
from bus.actor import Actor, Later
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

if TYPE_CHECKING:
    from actors.shared.context import ActorContext

LOOK_SECONDS: Final = 30.0
LOOK_AGAIN_SECONDS: Final = 3.0
"""While something is wrong, a drive that was connected again is seen so soon; otherwise a look now and then is enough."""

RELOCATE_TIMEOUT_SECONDS: Final = 60.0

Inbox = PathsListRequestEvent | PathChooseRequestEvent | PathSettleRequestEvent


class LocationKeeper(Actor[Inbox]):
    """Owns `locations.json`. Config and state lie where they lie: only what can be moved is chosen here."""

    def __init__(
        self, at_start: Locations, defaults: Locations, environ: Mapping[str, str] = os.environ
    ) -> None:
        self._at_start = at_start
        self._defaults = defaults
        self._environ = environ
        self._found = read_choices(defaults.config)
        self._told: list[PathStatus] = []
        self._room: dict[Category, Severity | None] = {}
        self._one_at_a_time = anyio.Lock()

    @classmethod
    def of(cls, surroundings: ActorContext) -> Self:
        """The keeper of an app."""
        return cls(surroundings.locations, surroundings.defaults or surroundings.locations)

    async def prepare(self) -> None:
        """Say where everything lies."""
        await self._look("start")
        self.tasks.start_soon(self._keep_looking)

    async def handle(self, event: Inbox) -> PathsListedEvent | PathsSettledEvent | Later:
        """Answer one request."""
        match event:
            case PathsListRequestEvent():
                paths = await self._look("observed")
                return PathsListedEvent(paths=paths, choices_file=str(self._defaults.config / CHOICES_NAME))
            case PathChooseRequestEvent():
                return Later(lambda: self._choose(event))
            case PathSettleRequestEvent():
                return await self._settle(event)
            case _:
                assert_never(event)

    async def _choose(self, event: PathChooseRequestEvent) -> PathChosenEvent:
        async with self._one_at_a_time:
            found = await anyio.to_thread.run_sync(plan, self._chart, event)
            if found.problems:
                return _answer(event, found, found.problems)
            relocation, problems = await self._relocate(event, found, dry_run=True)
            copy_bytes = relocation.copy_bytes if relocation else 0
            problems = problems or judge_space(
                event.category, str(found.models or ""), copy_bytes, found.free_bytes
            )
            if not problems and not event.dry_run:
                problems = await self._create(event, found)
            if not problems and not event.dry_run:
                if relocation is None:
                    problems = await self._keep(event, found.choices)
                else:  # the owner of the models has it settled once they are there
                    begun, problems = await self._relocate(event, found, dry_run=False)
                    return _answer(event, found, problems, copy_bytes, begun.move_id if begun else "")
            return _answer(event, found, problems, copy_bytes)

    async def _relocate(
        self, event: PathChooseRequestEvent, found: Plan, *, dry_run: bool
    ) -> tuple[ModelsRelocationEvent | None, list[PathProblem]]:
        """Ask the owner of the models to go over; None if they stay, or if the app has no such owner."""
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
            words = f"the owner of the models cannot answer now ({failed.kind}); try again in a moment"
            return None, [busy(event.category, str(found.models), words)]

    async def _create(self, event: PathChooseRequestEvent, found: Plan) -> list[PathProblem]:
        for directory in dict.fromkeys([*found.to_create, *([found.models] if found.models else [])]):
            try:
                await anyio.to_thread.run_sync(prepare, event.category, directory)
            except LocationRefused as error:
                words = f"{event.category}: {directory}: {error.problem}; change its rights, or choose another directory"
                return [
                    PathProblem(
                        kind="not_writable",
                        category=event.category,
                        path=str(directory),
                        message=words,
                        offers=["choose", "reset"],
                    )
                ]
        return []

    async def _keep(
        self, event: PathChooseRequestEvent | PathSettleRequestEvent, choices: LocationChoices
    ) -> list[PathProblem]:
        """Make a choice durable, then tell it.

        Raises:
            DurableWriteFailed: it is in the file, but a power cut may undo it. Neither yes nor no would be
                true then; this life ends, the next one reads the file, and whoever asked asks again.
        """
        try:
            await anyio.to_thread.run_sync(self._write, choices)
        except (DurableWriteFailed, OSError) as error:
            if isinstance(error, DurableWriteFailed) and error.replaced:
                raise
            words = f"{event.category}: the choice could not be kept: {error}"
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

    def _write(self, choices: LocationChoices) -> None:
        if self._found.fault and (self._defaults.config / CHOICES_NAME).exists():
            quarantine(
                self._defaults.config / CHOICES_NAME
            )  # what could not be read is put aside, never overwritten
        write_choices(self._defaults.config, choices)

    async def _settle(self, event: PathSettleRequestEvent) -> PathsSettledEvent:
        """The files are at the new place: from here on it counts. Settling twice is settling once."""
        request = PathChooseRequestEvent(category=event.category, path=event.path, action="anew")
        async with self._one_at_a_time:
            found = await anyio.to_thread.run_sync(plan, self._chart, request)
            if problems := await self._keep(event, found.choices):
                raise Refused(problems[0].message)
        return PathsSettledEvent(paths=self._told)

    async def _look(self, reason: Literal["start", "chosen", "observed"]) -> list[PathStatus]:
        """Look at everything anew; tell everybody if it is other than it was."""
        paths = await anyio.to_thread.run_sync(survey, self._chart)
        if _without_sizes(paths) != _without_sizes(self._told) or reason != "observed":
            self._told = paths
            await self.peer.publish(PathsChangedEvent(paths=paths, reason=reason))
            await self._alert(paths)
        await self._alert_of_room(paths)
        return paths

    async def _alert_of_room(self, paths: list[PathStatus]) -> None:
        """Tell of a disk that fills up, once for each step."""
        for status in paths:
            severity = judge_room(status.free_bytes)
            if severity == self._room.get(status.category):
                continue
            self._room[status.category] = severity
            if severity is None:
                await self.alerts.clear("location.disk_space", status.category)
            else:
                words = f"{status.path}: {status.free_bytes} bytes are free, expected at least {LITTLE_BYTES}"
                advice = (
                    "free some space, or move the models to another disk with 'undercroft paths set models'"
                )
                await self.alerts.raise_alert(
                    "location.disk_space", status.category, severity=severity, message=words, advice=advice
                )

    async def _alert(self, paths: list[PathStatus]) -> None:
        for status in paths:
            if status.problems:
                first = status.problems[0]
                advice = "see 'undercroft paths'"
                await self.alerts.raise_alert(
                    "location", status.category, severity="error", message=first.message, advice=advice
                )
            else:
                await self.alerts.clear("location", status.category)

    async def _keep_looking(self) -> None:
        while True:
            await anyio.sleep(
                LOOK_AGAIN_SECONDS if any(status.problems for status in self._told) else LOOK_SECONDS
            )
            await self._look("observed")

    @property
    def _chart(self) -> Map:
        return Map(self._defaults, self._at_start, self._found, self._environ)


def _answer(
    event: PathChooseRequestEvent,
    found: Plan,
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
