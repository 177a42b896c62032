"""What lies beside the installed models: staged parts of models, and damaged copies.

They are collected only by a rule that a person set, and never while an install wants them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping
from typing import Final

import anyio.to_thread
import msgspec

from actors.model_downloader.downloader_settings import DownloaderSettings
from actors.model_downloader.installs.install_queue import InstallQueue
from actors.model_downloader.registry.model_registry import ModelRegistry
from actors.model_downloader.staging.models_layout import DAMAGED_SUFFIX, STAGING_SUFFIX, ModelsLayout
from actors.model_downloader.staging.staging_journal import JOURNAL_NAME, StagingState, read_journal
from actors.shared.clocks import careful_clock
from actors.shared.durable.directory_tree import disk_bytes
from actors.shared.http.answers.stranger_text import quoted
from actors.shared.http.urls import url_parts
from actors.shared.places.rooted_place import AnyPlace, RootedPlace, below
from bus.error_words import in_words
from bus.errors import UndercroftError
from schemas.manifest import ModelEntry
from schemas.models import (
    PartialFound,
    PartialsCollectedEvent,
    PartialsCollectRequestEvent,
    PartialsListedEvent,
)

DAY_SECONDS: Final = 86_400.0


def collectable(found: Iterable[PartialFound], keep_days: int) -> list[PartialFound]:
    """What is older than the rule keeps and not wanted. A rule of 0 days keeps everything, for ever. Pure."""
    if keep_days <= 0:
        return []
    return [
        partial
        for partial in found
        if not partial.is_wanted and partial.age_seconds > keep_days * DAY_SECONDS
    ]


class Partials:
    """The partials of one directory of models."""

    def __init__(
        self,
        layout: ModelsLayout,
        registry: ModelRegistry,
        queue: InstallQueue,
        settings: DownloaderSettings,
        now: Callable[[], float] | None = None,
    ) -> None:
        self._layout = layout
        self._registry = registry
        self._queue = queue
        self._settings = settings
        self._now = now or careful_clock()

    async def find(self) -> PartialsListedEvent:
        """Everything that lies beside the installed models."""
        return PartialsListedEvent(
            partials=await self._find_all(), keep_days=self._settings.partials_keep_days
        )

    async def collect(self, request: PartialsCollectRequestEvent) -> PartialsCollectedEvent:
        """Remove what is older than a person's rule says, and not wanted."""
        keep_days = self._settings.partials_keep_days
        if request.keep_days is not None:
            keep_days = max(0, request.keep_days)
        removed, problems = [], []
        for found in collectable(await self._find_all(), keep_days):
            try:
                async with self._queue.turn(found.model_id):
                    if request.dry_run or await self._collect_one(found, keep_days):
                        removed.append(found)
            except (OSError, UndercroftError) as error:
                problems.append(f"{found.model_id}: cannot be removed: {in_words(error)}")
        return PartialsCollectedEvent(
            removed=removed,
            freed_bytes=sum(found.size_bytes for found in removed),
            keep_days=keep_days,
            dry_run=request.dry_run,
            problems=problems,
        )

    async def _collect_one(self, found: PartialFound, keep_days: int) -> bool:
        """Look once more, since it may be wanted by now, and remove it if not."""
        place = place_of(self._layout, found)
        again = await anyio.to_thread.run_sync(find_partial, place, dict(self._registry.entries), self._now())
        if again is None or not collectable([self._with_state(again)], keep_days):
            return False
        await anyio.to_thread.run_sync(self._layout.trash, place)
        await self._registry.refresh(found.model_id)
        return True

    async def _find_all(self) -> list[PartialFound]:
        found = await anyio.to_thread.run_sync(
            find_partials, self._layout.root, dict(self._registry.entries), self._now()
        )
        return [self._with_state(one) for one in found]

    def _with_state(self, found: PartialFound) -> PartialFound:
        """A running install wants its partial, no matter what the journal said a moment ago."""
        model_id = found.model_id
        if found.kind != "partial" or not self._registry.has_install(model_id):
            return found
        return msgspec.structs.replace(
            found,
            state=self._registry.status(model_id).state,
            is_wanted=found.is_wanted or self._registry.is_installing(model_id),
        )


def find_partials(models: AnyPlace, entries: Mapping[str, ModelEntry], now: float) -> list[PartialFound]:
    """All partials in a directory, also of models that the manifest no longer names. Blocks.

    Args:
        models: the directory of models.
        entries: the models of the manifest, by id.
        now: seconds since the Unix epoch.
    """
    try:
        places = list(below(models).iterdir())
    except OSError:
        return []
    found = (find_partial(place, entries, now) for place in places)
    return [partial for partial in found if partial is not None]


def find_partial(place: RootedPlace, entries: Mapping[str, ModelEntry], now: float) -> PartialFound | None:
    """What lies at one place, with its state on disk; None if that is no partial. Blocks."""
    if not place.name.endswith((STAGING_SUFFIX, DAMAGED_SUFFIX)) or place.name.startswith("."):
        return None
    if not place.is_dir():
        return None
    age_seconds = max(0.0, now - _changed_at(place))
    if place.name.endswith(DAMAGED_SUFFIX):
        model_id = place.name.removesuffix(DAMAGED_SUFFIX)
        return PartialFound(
            model_id=model_id,
            kind="damaged",
            state="damaged",
            size_bytes=disk_bytes(place),
            durable_bytes=0,
            promised_bytes=entries[model_id].size_bytes if model_id in entries else 0,
            age_seconds=age_seconds,
        )
    model_id = place.name.removesuffix(STAGING_SUFFIX)
    journal, entry = read_journal(place), entries.get(model_id)
    promised = entry.size_bytes if entry else sum(file.size_bytes for file in journal.files) if journal else 0
    return PartialFound(
        model_id=model_id,
        kind="partial",
        state="paused" if journal and journal.paused and journal.wanted else "partial",
        size_bytes=disk_bytes(place),
        durable_bytes=journal.durable_bytes if journal else 0,
        promised_bytes=promised,
        age_seconds=age_seconds,
        url_hosts=_hosts(journal) if journal else [],
        is_wanted=journal.wanted if journal else entry is not None,
    )


def place_of(layout: ModelsLayout, found: PartialFound) -> RootedPlace:
    """Where a partial lies."""
    return layout.staging(found.model_id) if found.kind == "partial" else layout.damaged(found.model_id)


def _hosts(journal: StagingState) -> list[str]:
    parts = [url_parts(file.url) for file in journal.files if file.url]
    hosts = [quoted((found.hostname if found else "") or "this machine") for found in parts]
    return list(dict.fromkeys(hosts))


def _changed_at(place: RootedPlace) -> float:
    """When a partial was last added to.

    Every step replaces the journal, and a directory changes when it is renamed into its place.
    """
    times = [0.0]
    for path in (place, place / JOURNAL_NAME):
        with contextlib.suppress(OSError):
            times.append(path.lstat().st_mtime)
    return max(times)
