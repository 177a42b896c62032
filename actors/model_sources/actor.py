"""Model sources as an actor: keeps what was added, accepted and fetched, and publishes the catalogue."""

from __future__ import annotations

import getpass
import logging
import os
import secrets
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, assert_never

import anyio
import anyio.to_thread
import msgspec

from actors.model_sources.addition_rules import acceptance_of, is_addition_of, with_addition, without
from actors.model_sources.errors import NameRefused
from actors.model_sources.list_store import ItemT, ListFormatNewer, ListFull, ListStore, UnreadItem
from actors.model_sources.remote_manifest.remote_manifest import ManifestRefresh, RemoteManifest
from actors.model_sources.sources.resolver import NameRequest, ResolvedModel, Resolver
from actors.model_sources.sources.source_client import SourceClient
from actors.shared.credentials.environment_tokens import EnvironmentTokens
from actors.shared.credentials.source_endpoints import SourceEndpoints, is_offline
from actors.shared.credentials.token_provider import TokenProvider
from actors.shared.durable.durable_write import DurableWriteFailed
from actors.shared.durable.quarantine import claim_directory
from actors.shared.durable.record_file import RecordNotRead
from actors.shared.http.answers.stranger_text import quoted, sentence
from actors.shared.manifest import (
    AddedModel,
    Catalogue,
    DeclaredManifest,
    ManifestRefused,
    is_licence_due,
    load_bundled,
    merge,
)
from actors.shared.places.rooted_place import below
from actors.shared.settings_at_start import settings_at_start
from bus.actor import Actor, Later
from bus.error_words import in_words
from bus.errors import OperatorError, Refused, TransientError
from schemas.config import SettingsChangedEvent
from schemas.event import Event
from schemas.sources import (
    LicenceAcceptance,
    LicenceAcceptedEvent,
    LicenceAcceptRequestEvent,
    ManifestRefreshedEvent,
    ManifestRefreshRequestEvent,
    ModelAddedEvent,
    ModelAddRequestEvent,
    ModelCatalogueChangedEvent,
    ModelCatalogueRequestEvent,
    ModelCatalogueStatedEvent,
    ModelNameResolvedEvent,
    ModelNameResolveRequestEvent,
    ModelWithdrawnEvent,
    ModelWithdrawRequestEvent,
)

if TYPE_CHECKING:
    from actors.shared.context import ActorContext

DIRECTORY: Final = "model_sources"
ACCEPTED_LIMIT_BYTES: Final = 2 * 1024 * 1024
"""Acceptances travel in one message with the catalogue, and the bus takes 16 MiB at most."""
RESOLVED_AT_ONCE: Final = 8
"""Answers of servers may be large, so few of them are in memory at once."""
RETRY_SECONDS: Final = (60.0, 300.0, 1800.0, 3600.0)
"""Pauses before another attempt to fetch a manifest; the last one repeats."""

Inbox = (
    ModelNameResolveRequestEvent
    | ModelAddRequestEvent
    | ModelWithdrawRequestEvent
    | LicenceAcceptRequestEvent
    | ManifestRefreshRequestEvent
    | ModelCatalogueRequestEvent
    | SettingsChangedEvent
)
CatalogueReason = Literal["start", "added", "withdrawn", "accepted", "refreshed"]
log = logging.getLogger(__name__)


class ModelSources(Actor[Inbox]):
    """Keeps the catalogue, and resolves the names of models."""

    def __init__(
        self,
        context: ActorContext,
        environment: Mapping[str, str] = os.environ,
        now: Callable[[], float] = time.time,
        account: Callable[[], str] = getpass.getuser,
    ) -> None:
        """Build it for a profile and an environment.

        Args:
            context: name, directories and profile, and the connection to the bus.
            environment: may name endpoints, tokens, certificates, and switch the network off.
            now: seconds since the Unix epoch.
            account: name of the account that accepts a licence.

        Raises:
            SourceEndpointRefused, PinnedKeyRefused: profile or environment are invalid.
        """
        super().__init__(context)
        profile, directory = context.profile, below(context.locations.state) / DIRECTORY
        endpoints = SourceEndpoints.read(environment, hub=profile.sources.hf, ollama=profile.sources.ollama)
        tokens = EnvironmentTokens.read(environment, hub=endpoints.hub)
        self._now = now
        self._account = account
        self._manifests = profile.manifests
        self._keeps_settings = profile.keeps_settings
        self._refresh_seconds = profile.manifest.refresh_hours * 3600
        self._token_problems = tokens.problems
        self._client = SourceClient(TokenProvider(tokens), environment, offline=endpoints.offline)
        self._resolver = Resolver(self._client, endpoints)
        self._remote = RemoteManifest(profile.manifest, directory / "remote.json", self._client, now)
        self._added = ListStore(directory / "added.json", AddedModel)
        self._accepted = ListStore(directory / "accepted.json", LicenceAcceptance, ACCEPTED_LIMIT_BYTES)
        self._bundled: list[DeclaredManifest] = []
        self._refused: list[ManifestRefused] = []
        self._catalogue = Catalogue({})
        self._life, self._revision = secrets.token_hex(8), 0
        self._turn = anyio.Lock()
        self._resolving = anyio.Semaphore(RESOLVED_AT_ONCE)
        self._directory, self._directory_problem = directory, ""
        self._remote_problem = ""

    async def prepare(self) -> None:
        """Read what is on disk, publish the catalogue, and begin to look for a newer manifest.

        No server is asked before it is known whether the settings allow that.
        """
        self._remote_problem = await anyio.to_thread.run_sync(self._read_files)
        for problem in self._token_problems:
            log.warning("%s", problem)
        await self._publish_catalogue("start")
        await self._update_alerts()
        found = await settings_at_start(self.peer, awaited=self._keeps_settings)
        is_unknown = found is None and self._keeps_settings
        self._client.follow_settings(offline=is_unknown or is_offline(found or {}))
        self.tasks.start_soon(self._refresh_regularly)

    async def close(self) -> None:
        """Close the connections to servers."""
        await self._client.close()

    async def handle(self, event: Inbox) -> Event | Later | None:
        """Answer a request. What asks a server or hashes files goes on beside the inbox."""
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
                return Later(self._refresh_on_request)
            case ModelCatalogueRequestEvent():
                return self._stated(event)
            case SettingsChangedEvent():
                self._client.follow_settings(offline=is_offline(event.settings))
                return None
            case _:
                assert_never(event)

    # -- names

    async def _resolve(self, event: ModelNameResolveRequestEvent) -> ModelNameResolvedEvent:
        found = await self._resolved(event)
        return ModelNameResolvedEvent(entry=found.entry, pinned=found.pinned, skipped=found.skipped)

    async def _add(self, event: ModelAddRequestEvent) -> ModelAddedEvent:
        found = await self._resolved(event)
        new = AddedModel(name=event.name, pinned=found.pinned, entry=found.entry, added_at=self._now())
        async with self._turn:
            try:
                added, is_new = with_addition(self._catalogue.models, self._added.items, new)
            except NameRefused as refused:
                raise Refused(str(refused)) from refused
            if is_new:
                await self._write(self._added, added)
                await self._publish_catalogue("added")
        return ModelAddedEvent(entry=found.entry, pinned=found.pinned, is_new=is_new, skipped=found.skipped)

    async def _withdraw(self, model_id: str) -> ModelWithdrawnEvent:
        async with self._turn:
            left = without(self._added.items, model_id)
            unread = [item for item in self._added.unread if not is_addition_of(item.raw, model_id)]
            if left is None and len(unread) == len(self._added.unread):
                raise Refused(
                    f"{model_id}: nobody added it, so it cannot be withdrawn; "
                    "models that come with the app stay"
                )
            await self._write(self._added, self._added.items if left is None else left, unread)
            await self._publish_catalogue("withdrawn")
        await self._update_alerts()
        return ModelWithdrawnEvent(model_id=model_id)

    async def _accept(self, model_id: str) -> LicenceAcceptedEvent:
        async with self._turn:
            known = self._catalogue.models.get(model_id)
            if known is None:
                raise Refused(f"there is no model {model_id!r}; 'undercroft models list' shows all models")
            acceptance = acceptance_of(known.entry, self._now(), self._account())
            key = (model_id, acceptance.digest)
            earlier = next((one for one in self._accepted.items if (one.model_id, one.digest) == key), None)
            if earlier is not None:
                return LicenceAcceptedEvent(acceptance=earlier)
            if not known.entry.accept_licence:
                raise Refused(
                    f"{model_id}: its licence ({known.entry.licence}) need not be accepted; "
                    "the model can be installed as it is"
                )
            await self._write(self._accepted, [*self._accepted.items, acceptance])
            await self._publish_catalogue("accepted")
        assert not is_licence_due(known.entry, self._accepted.items)
        return LicenceAcceptedEvent(acceptance=acceptance)

    async def _resolved(self, request: NameRequest) -> ResolvedModel:
        try:
            async with self._resolving:
                return await self._resolver.resolve(request)
        except (OperatorError, TransientError) as error:
            raise Refused(sentence(error)) from error
        except Exception as error:  # a stranger's answer costs its own request, whatever it is
            log.exception("%s: it could not be resolved", quoted(request.name))
            found = f"{quoted(request.name)}: an error that nobody foresaw: {in_words(error)}"
            raise Refused(f"{sentence(found)}; report it") from error

    # -- the remote manifest

    async def _refresh_on_request(self) -> ManifestRefreshedEvent:
        refresh = await self._refresh()
        version = self._remote.version
        messages = {
            "taken": f"version {version} of the manifest applies now",
            "unchanged": f"version {version} of the manifest is the newest",
            "none": "the profile names no manifest to fetch",
            "kept": refresh.problem,
        }
        return ManifestRefreshedEvent(
            outcome=refresh.outcome, version=version, message=messages[refresh.outcome]
        )

    async def _refresh(self) -> ManifestRefresh:
        refresh = await self._remote.refresh(self._bundled_version)
        if refresh.is_refused:
            self._remote_problem = refresh.problem
        elif refresh.outcome in ("taken", "unchanged"):
            self._remote_problem = ""
        if refresh.outcome == "taken":
            async with self._turn:
                await self._publish_catalogue("refreshed")
        await self._update_alerts()
        return refresh

    async def _refresh_regularly(self) -> None:
        failures = 0
        while (refresh := await self._refresh()).outcome != "none":
            pause = self._refresh_seconds
            if refresh.outcome == "kept":
                retry = RETRY_SECONDS[min(failures, len(RETRY_SECONDS) - 1)]
                pause = min(pause or RETRY_SECONDS[-1], retry)
                failures += 1
            elif pause:
                failures = 0
            else:
                return
            await anyio.sleep(pause)

    @property
    def _bundled_version(self) -> int:
        return max((declared.manifest.version for declared in self._bundled), default=0)

    # -- files and catalogue

    def _read_files(self) -> str:
        """Read everything, and return what is wrong with the remote manifest."""
        self._bundled, self._refused = load_bundled(self._manifests)
        self._directory_problem = self._claim_directory()
        self._added.read()
        self._accepted.read()
        return self._remote.read_stored()

    def _claim_directory(self) -> str:
        """Put aside what has the name of the directory and is none. What was in the way, if anything was."""
        place = str(self._directory)
        if not os.path.lexists(place):
            return ""
        try:
            aside = claim_directory(Path(place))
        except (OperatorError, OSError) as error:
            return f"{place}: cannot be used: {in_words(error)}; nothing can be added or accepted"
        return f"{place}: is no directory; renamed to {aside.name}" if aside else ""

    @property
    def _stored_problems(self) -> list[str]:
        of_directory = [self._directory_problem] if self._directory_problem else []
        return [*of_directory, *self._added.problems, *self._accepted.problems]

    async def _write(
        self, store: ListStore[ItemT], items: list[ItemT], unread: list[UnreadItem] | None = None
    ) -> None:
        try:
            await anyio.to_thread.run_sync(store.write, items, unread)
        except (DurableWriteFailed, ListFull, ListFormatNewer, RecordNotRead, OSError) as error:
            raise Refused(in_words(error)) from error

    async def _publish_catalogue(self, reason: CatalogueReason) -> None:
        remote = self._remote.declared(self._bundled_version)
        self._catalogue = merge(self._bundled, remote, self._added.items)
        self._revision += 1
        problems = [
            *map(sentence, self._refused),
            *self._stored_problems,
            *map(sentence, self._catalogue.problems),
        ]
        await self.peer.publish(
            ModelCatalogueChangedEvent(
                models=list(self._catalogue.models.values()),
                accepted=self._accepted.items,
                revision=self._revision,
                life=self._life,
                reason=reason,
                manifest_version=self._remote.version,
                problems=problems,
            )
        )

    def _stated(self, asked: ModelCatalogueRequestEvent) -> ModelCatalogueStatedEvent:
        state = ModelCatalogueStatedEvent(life=self._life, revision=self._revision, is_known=True)
        if (asked.life, asked.revision) == (state.life, state.revision):
            return state
        return msgspec.structs.replace(
            state, is_known=False, models=list(self._catalogue.models.values()), accepted=self._accepted.items
        )

    async def _update_alerts(self) -> None:
        await self._update_alert(
            "model_sources.unreadable",
            "; ".join(self._stored_problems),
            "error",
            "look at the files that were quarantined, and add or accept again what is missing",
        )
        await self._update_alert(
            "manifest.unusable",
            "; ".join(map(str, self._refused)),
            "error",
            "correct the manifest that comes with the app",
        )
        await self._update_alert(
            "manifest.refused",
            self._remote_problem,
            "warning",
            "the former manifest still applies; tell the app's makers if this goes on",
        )
        expired = f"version {self._remote.version} of the manifest applies, but it has expired"
        await self._update_alert(
            "manifest.expired",
            expired if self._remote.has_expired else "",
            "warning",
            "it still applies, but somebody may withhold a newer one; check clock and connection",
        )

    async def _update_alert(
        self, name: str, message: str, severity: Literal["warning", "error"], advice: str
    ) -> None:
        """Raise an alert, or clear it if there is no message."""
        if message:
            await self.alerts.raise_alert(name, severity=severity, message=message, advice=advice)
        else:
            await self.alerts.clear(name)
