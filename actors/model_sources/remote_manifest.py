"""The remote manifest of a profile: fetched, judged, kept, and put in force; a bad one leaves the former in force."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import anyio
import anyio.to_thread

from actors.model_sources.errors import Offline, SourceRefused, SourceUnreachable
from actors.model_sources.kept_manifest import NEVER, keep, read_kept
from actors.model_sources.manifest_freshness import has_expired, judge
from actors.model_sources.source_client import Door
from actors.shared.durable.durable_write import DurableWriteFailed
from actors.shared.manifest import DeclaredModel, ManifestRefused
from actors.shared.manifest.manifest_signature import (
    ENVELOPE_LIMIT_BYTES,
    Verified,
    open_signed_manifest,
    read_keys,
)
from actors.shared.profile.profile_tables import ManifestTable


@dataclass(frozen=True)
class Look:
    """What became of a look at the remote manifest; `trouble` is empty if nothing is wrong.

    Attributes:
        is_refused: what came cannot be trusted, which somebody should know; otherwise it may go well the next
            time.
    """

    outcome: Literal["taken", "unchanged", "kept", "none"]
    trouble: str = ""
    is_refused: bool = False


class RemoteManifest:
    """The manifest at one URL, and which of its versions is in force."""

    def __init__(
        self, table: ManifestTable, path: Path, door: Door, now: Callable[[], float] = time.time
    ) -> None:
        self._table = table
        self._path = path
        self._door = door
        self._now = now
        self._keys = read_keys(table.keys)
        self._verified: Verified | None = None
        self._newest = NEVER
        self._turn = anyio.Lock()

    @property
    def version(self) -> int:
        """Version that is in force; 0 for none."""
        return self._verified.manifest.version if self._verified else 0

    @property
    def has_expired(self) -> bool:
        """Whether a newer one may be withheld."""
        return self._verified is not None and has_expired(
            self._verified.manifest, self._now(), self._table.max_skew_seconds
        )

    def declared(self, bundled_version: int) -> DeclaredModel | None:
        """What is in force, unless the app came with a newer one."""
        if self._verified is None or self.version < bundled_version:
            return None
        return DeclaredModel(self._table.url, self._verified.manifest)

    def recall(self) -> str:
        """Take up what was kept; returns what is wrong with it, or nothing.

        Raises:
            OSError: it is there but cannot be read.
        """
        if not self._table.url:
            return ""
        kept = read_kept(self._path, self._keys)
        self._verified, self._newest = kept.verified, kept.newest
        return kept.problem

    async def look(self, bundled_version: int) -> Look:
        """Fetch the manifest and take it if it is signed, newer and in time; it is on disk before it is in force."""
        if not self._table.url:
            return Look("none")
        async with self._turn:
            try:
                page = await self._door.read(self._table.url, ENVELOPE_LIMIT_BYTES, "application/json")
                found = await anyio.to_thread.run_sync(
                    open_signed_manifest, page.content, self._keys, self._table.url
                )
            except (Offline, SourceUnreachable) as error:
                return Look("kept", str(error))
            except (ManifestRefused, SourceRefused) as error:
                return Look("kept", str(error), is_refused=True)
            verdict = judge(
                found.manifest,
                found.digest,
                self._newest,
                bundled_version,
                self._now(),
                self._table.max_skew_seconds,
            )
            if verdict.outcome == "refuse":
                return Look(
                    "kept",
                    f"{self._table.url}: the manifest is not taken: {verdict.problem}",
                    is_refused=True,
                )
            if verdict.outcome == "unchanged" and self._verified is not None:
                return Look("unchanged")
            try:
                await anyio.to_thread.run_sync(
                    keep, self._path, self._table.url, page.content, found, self._now()
                )
            except (DurableWriteFailed, OSError) as error:
                return Look("kept", str(error), is_refused=True)
            self._verified, self._newest = found, type(self._newest)(found.manifest.version, found.digest)
            return Look("taken")
