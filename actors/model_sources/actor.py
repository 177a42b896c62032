"""The model sources: the one owner of what was added, accepted and fetched, and the voice of the catalogue."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final, Literal, Self, assert_never

import anyio
import anyio.to_thread

from actors.model_sources.addition_rules import acceptance_of, with_addition, without
from actors.model_sources.dependencies import Desk
from actors.model_sources.errors import NameRefused
from actors.model_sources.list_store import ItemT, Shelf, ShelfFull, ShelfNewer
from actors.model_sources.remote_manifest import Look
from actors.model_sources.resolver import Question, Resolved
from actors.shared.credentials.source_endpoints import is_offline
from actors.shared.durable.durable_write import DurableWriteFailed
from actors.shared.manifest import (
    Added,
    Catalogue,
    DeclaredModel,
    ManifestRefused,
    is_licence_due,
    load_bundled,
    merge,
)
from bus.actor import Actor, Later
from bus.errors import OperatorError, Refused, TransientError
from schemas.config import SettingsChangedEvent
from schemas.event import Event
from schemas.sources import (
    LicenceAcceptedEvent,
    LicenceAcceptRequestEvent,
    ManifestRefreshedEvent,
    ManifestRefreshRequestEvent,
    ModelAddedEvent,
    ModelAddRequestEvent,
    ModelCatalogueChangedEvent,
    ModelNameResolvedEvent,
    ModelNameResolveRequestEvent,
    ModelWithdrawnEvent,
    ModelWithdrawRequestEvent,
)

if TYPE_CHECKING:
    from actors.shared.context import ActorContext

RETRY_SECONDS: Final = (60.0, 300.0, 1800.0, 3600.0)
"""Delays before a manifest is looked for again that did not come; the last one repeats."""

Inbox = (
    ModelNameResolveRequestEvent
    | ModelAddRequestEvent
    | ModelWithdrawRequestEvent
    | LicenceAcceptRequestEvent
    | ManifestRefreshRequestEvent
    | SettingsChangedEvent
)
Reason = Literal["start", "added", "withdrawn", "accepted", "refreshed"]
log = logging.getLogger(__name__)


class ModelSources(Actor[Inbox]):
    """Says which models there are, and finds out what names mean."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._bundled: list[DeclaredModel] = []
        self._refused: list[ManifestRefused] = []
        self._catalogue = Catalogue({})
        self._revision = 0
        self._turn = anyio.Lock()
        self._remote_problem = ""

    @classmethod
    def of(cls, surroundings: ActorContext) -> Self:
        """Build it for a profile.

        Raises:
            SourceEndpointRefused, PinnedKeyRefused: the profile or the environment names what is none.
        """
        return cls(Desk.of(surroundings))

    async def prepare(self) -> None:
        """Read what is on disk, say which models there are, and begin to look for a newer manifest."""
        self._remote_problem = await anyio.to_thread.run_sync(self._read)
        for problem in self._desk.problems:
            log.warning("%s", problem)
        await self._announce("start")
        await self._tell_trouble()
        self.tasks.start_soon(self._keep_looking)

    async def close(self) -> None:
        """Leave the servers."""
        await self._desk.door.close()

    async def handle(self, event: Inbox) -> Event | Later | None:
        """Answer a request; what asks a server or reads a disk goes on beside the inbox."""
        match event:
            case ModelNameResolveRequestEvent():
                return Later(lambda: self._resolve(event))
            case ModelAddRequestEvent():
                return Later(lambda: self._add(event))
            case ModelWithdrawRequestEvent():
                return await self._withdraw(event.model_id)
            case LicenceAcceptRequestEvent():
                return await self._accept(event.model_id)
            case ManifestRefreshRequestEvent():
                return Later(self._refresh)
            case SettingsChangedEvent():
                self._desk.switch.by_settings = is_offline(event.settings)
                return None
            case _:
                assert_never(event)

    # -- names
    # -----------------------------------------------------------------------------------------------------

    async def _resolve(self, event: ModelNameResolveRequestEvent) -> ModelNameResolvedEvent:
        found = await self._found(event)
        return ModelNameResolvedEvent(entry=found.entry, pinned=found.pinned, skipped=found.skipped)

    async def _add(self, event: ModelAddRequestEvent) -> ModelAddedEvent:
        found = await self._found(event)
        new = Added(name=event.name, pinned=found.pinned, entry=found.entry, added_at=self._desk.now())
        async with self._turn:
            try:
                together, is_new = with_addition(self._catalogue.models, self._desk.added.items, new)
            except NameRefused as refused:
                raise Refused(str(refused)) from refused
            if is_new:
                await self._write(self._desk.added, together)
                await self._announce("added")
        return ModelAddedEvent(entry=found.entry, pinned=found.pinned, is_new=is_new, skipped=found.skipped)

    async def _withdraw(self, model_id: str) -> ModelWithdrawnEvent:
        async with self._turn:
            left = without(self._desk.added.items, model_id)
            if left is None:
                raise Refused(
                    f"{model_id}: nobody added it, so it cannot be withdrawn; what comes with the app stays"
                )
            await self._write(self._desk.added, left)
            await self._announce("withdrawn")
        return ModelWithdrawnEvent(model_id=model_id)

    async def _accept(self, model_id: str) -> LicenceAcceptedEvent:
        async with self._turn:
            known = self._catalogue.models.get(model_id)
            if known is None:
                raise Refused(
                    f"there is no model {model_id!r}; run 'undercroft models list' to see which there are"
                )
            acceptance = acceptance_of(known.entry, self._desk.now(), self._desk.account())
            held = next(
                (
                    one
                    for one in self._desk.accepted.items
                    if (one.model_id, one.digest) == (model_id, acceptance.digest)
                ),
                None,
            )
            if held is not None:
                return LicenceAcceptedEvent(acceptance=held)
            if not known.entry.accept_licence:
                raise Refused(
                    f"{model_id}: its licence ({known.entry.licence}) need not be accepted; it can be installed as it is"
                )
            await self._write(self._desk.accepted, [*self._desk.accepted.items, acceptance])
            await self._announce("accepted")
        assert not is_licence_due(known.entry, self._desk.accepted.items)
        return LicenceAcceptedEvent(acceptance=acceptance)

    # -- the remote manifest
    # ---------------------------------------------------------------------------------------

    async def _refresh(self) -> ManifestRefreshedEvent:
        look = await self._look()
        version = self._desk.remote.version
        words = {
            "taken": f"version {version} of the manifest is in force",
            "unchanged": f"version {version} of the manifest is the newest",
            "none": "the profile names no manifest to fetch",
            "kept": look.trouble,
        }
        return ManifestRefreshedEvent(outcome=look.outcome, version=version, message=words[look.outcome])

    async def _look(self) -> Look:
        look = await self._desk.remote.look(self._bundled_version)
        if look.is_refused:
            self._remote_problem = look.trouble
        elif look.outcome in ("taken", "unchanged"):
            self._remote_problem = ""
        if look.outcome == "taken":
            async with self._turn:
                await self._announce("refreshed")
        await self._tell_trouble()
        return look

    async def _keep_looking(self) -> None:
        failures = 0
        while (look := await self._look()).outcome != "none":
            waits = self._desk.refresh_seconds
            if look.outcome == "kept":
                waits = min(waits or RETRY_SECONDS[-1], RETRY_SECONDS[min(failures, len(RETRY_SECONDS) - 1)])
                failures += 1
            elif waits:
                failures = 0
            else:
                return
            await anyio.sleep(waits)

    @property
    def _bundled_version(self) -> int:
        return max((declared.manifest.version for declared in self._bundled), default=0)

    # -- what is known
    # ---------------------------------------------------------------------------------------------

    def _read(self) -> str:
        self._bundled, self._refused = load_bundled(self._desk.manifests)
        self._desk.added.read()
        self._desk.accepted.read()
        return self._desk.remote.recall()

    async def _found(self, question: Question) -> Resolved:
        try:
            return await self._desk.resolver.resolve(question)
        except (OperatorError, TransientError) as error:
            raise Refused(str(error)) from error

    async def _write(self, shelf: Shelf[ItemT], items: list[ItemT]) -> None:
        try:
            await anyio.to_thread.run_sync(shelf.write, items)
        except (DurableWriteFailed, ShelfFull, ShelfNewer, OSError) as error:
            raise Refused(str(error)) from error

    async def _announce(self, reason: Reason) -> None:
        desk = self._desk
        self._catalogue = merge(self._bundled, desk.remote.declared(self._bundled_version), desk.added.items)
        self._revision += 1
        await self.peer.publish(
            ModelCatalogueChangedEvent(
                models=list(self._catalogue.models.values()),
                accepted=desk.accepted.items,
                revision=self._revision,
                reason=reason,
                manifest_version=desk.remote.version,
                problems=[
                    *(str(refused) for refused in self._refused),
                    *desk.added.problems,
                    *desk.accepted.problems,
                    *self._catalogue.problems,
                ],
            )
        )

    async def _tell_trouble(self) -> None:
        """Raise or clear the alerts of this actor."""
        unreadable = [*self._desk.added.problems, *self._desk.accepted.problems]
        advice = "see what was put aside, and add or accept again what is missing"
        await self._alert("model_sources.unreadable", "; ".join(unreadable), "error", advice)
        await self._alert(
            "manifest.unusable",
            "; ".join(map(str, self._refused)),
            "error",
            "correct the manifest that comes with the app",
        )
        await self._alert(
            "manifest.refused",
            self._remote_problem,
            "warning",
            "the former manifest stays in force; tell the app's makers if this goes on",
        )
        expired = (
            f"the manifest in force, version {self._desk.remote.version}, has expired"
            if self._desk.remote.has_expired
            else ""
        )
        await self._alert(
            "manifest.expired",
            expired,
            "warning",
            "it stays in force, but a newer one may be withheld; check clock and connection",
        )

    async def _alert(
        self, name: str, message: str, severity: Literal["warning", "error"], advice: str
    ) -> None:
        if message:
            await self.alerts.raise_alert(name, severity=severity, message=message, advice=advice)
        else:
            await self.alerts.clear(name)
