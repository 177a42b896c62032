"""The signed manifest that the profile names: fetched, verified, stored, then applied.

`manifest_freshness` decides which manifest may replace which; `manifest_store` is the file.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import anyio
import anyio.to_thread

from actors.model_sources.errors import Offline, SourceRefused, SourceUnreachable
from actors.model_sources.remote_manifest.manifest_freshness import NewestManifest, has_expired, judge
from actors.model_sources.remote_manifest.manifest_store import RemoteManifestStore
from actors.model_sources.sources.source_client import SourceClient
from actors.shared.durable.durable_write import DurableWriteFailed
from actors.shared.durable.record_file import RecordNotRead, RecordTooLarge
from actors.shared.http.answers.stranger_text import sentence
from actors.shared.manifest import DeclaredManifest, ManifestRefused
from actors.shared.manifest.manifest_signature import (
    ENVELOPE_LIMIT_BYTES,
    VerifiedManifest,
    open_signed_manifest,
    read_keys,
)
from actors.shared.places.rooted_place import AnyPlace
from actors.shared.profile.profile_tables import ManifestTable
from bus.error_words import in_words

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ManifestRefresh:
    """Outcome of an attempt to fetch a newer manifest.

    Attributes:
        outcome: `kept`: the former manifest still applies. `none`: the profile names no manifest.
        problem: what is wrong; empty if nothing is.
        is_refused: whether the manifest cannot be trusted or saved, which people should know. Otherwise
            another attempt may succeed.
    """

    outcome: Literal["taken", "unchanged", "kept", "none"]
    problem: str = ""
    is_refused: bool = False


class RemoteManifest:
    """The manifest at one URL, and which version of it applies."""

    def __init__(
        self, table: ManifestTable, path: AnyPlace, client: SourceClient, now: Callable[[], float] = time.time
    ) -> None:
        """Use a URL and a file.

        Args:
            table: URL and pinned keys from the profile.
            path: of the file with the manifest that was fetched last.
            client: asks the server.
            now: seconds since the Unix epoch.

        Raises:
            PinnedKeyRefused: a pinned key is invalid.
        """
        self._table = table
        self._client = client
        self._now = now
        self._keys = read_keys(table.keys)
        self._store = RemoteManifestStore(path, self._keys)
        self._verified: VerifiedManifest | None = None
        self._newest = NewestManifest()
        self._turn = anyio.Lock()

    @property
    def version(self) -> int:
        """Version that applies; 0 for none."""
        return self._verified.manifest.version if self._verified else 0

    @property
    def has_expired(self) -> bool:
        """Whether somebody may withhold a newer one."""
        skew_seconds = self._table.max_skew_seconds
        return self._verified is not None and has_expired(self._verified.manifest, self._now(), skew_seconds)

    def declared(self, bundled_version: int) -> DeclaredManifest | None:
        """Return the manifest that applies, unless the app came with a newer one."""
        if self._verified is None or self.version < bundled_version:
            return None
        return DeclaredManifest(self._table.url, self._verified.manifest)

    def read_stored(self) -> str:
        """Apply the manifest that was fetched last. Returns what is wrong with it; empty if nothing is."""
        if not self._table.url:
            return ""
        stored = self._store.read()
        self._verified, self._newest = stored.verified, stored.newest
        return stored.problem

    async def refresh(self, bundled_version: int) -> ManifestRefresh:
        """Fetch the manifest. If it is signed, newer and in time, store it and then apply it.

        Args:
            bundled_version: version of the manifest that comes with the app.
        """
        if not self._table.url:
            return ManifestRefresh("none")
        async with self._turn:
            try:
                return await self._fetch(self._table.url, bundled_version)
            except Exception as error:  # the actor serves what it has, whatever a server makes of us
                log.exception("%s: fetching the manifest failed", self._table.url)
                problem = sentence(f"{self._table.url}: it cannot be used: {in_words(error)}")
                return ManifestRefresh("kept", problem, is_refused=True)

    async def _fetch(self, url: str, bundled_version: int) -> ManifestRefresh:
        try:
            page = await self._client.read(url, ENVELOPE_LIMIT_BYTES, "application/json")
            found = await anyio.to_thread.run_sync(open_signed_manifest, page.content, self._keys, url)
        except (Offline, SourceUnreachable) as error:
            return ManifestRefresh("kept", str(error))
        except (ManifestRefused, SourceRefused) as error:
            return ManifestRefresh("kept", sentence(error), is_refused=True)
        now, skew_seconds = self._now(), self._table.max_skew_seconds
        verdict = judge(found.manifest, found.digest, self._newest, bundled_version, now, skew_seconds)
        if verdict.outcome == "refuse":
            problem = f"{url}: the manifest is not accepted: {verdict.problem}"
            return ManifestRefresh("kept", problem, is_refused=True)
        if verdict.outcome == "unchanged" and self._verified is not None:
            return ManifestRefresh("unchanged")
        try:
            await anyio.to_thread.run_sync(self._store.write, url, page.content, found, now)
        except (DurableWriteFailed, RecordTooLarge, RecordNotRead, OSError) as error:
            return ManifestRefresh("kept", in_words(error), is_refused=True)
        self._verified = found
        self._newest = NewestManifest(found.manifest.version, found.digest)
        return ManifestRefresh("taken")
