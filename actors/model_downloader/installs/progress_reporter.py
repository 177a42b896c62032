"""Publishes the progress of one install as its bytes become durable, no more often than people can read."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from actors.model_downloader.installs.progress_meter import ProgressMeter
from actors.model_downloader.staging.staging_journal import FileState, StagingJournal
from schemas.event import Event
from schemas.manifest import ModelEntry
from schemas.models import FileProgress, ModelDownloadProgressedEvent


class ProgressReporter:
    """Publishes the progress of one install.

    The verifier hashes behind these events: they say how much of each file is durable without a gap. A lost
    event costs hashing speed, and nothing else.
    """

    def __init__(
        self,
        entry: ModelEntry,
        publish: Callable[[Event], Awaitable[None]],
        staging_directory: str,
        journal: StagingJournal,
    ) -> None:
        self._entry = entry
        self._publish = publish
        self._staging_directory = staging_directory
        self._journal = journal
        self._meter: ProgressMeter | None = None

    async def publish_progress(self, is_last: bool) -> None:
        """Publish how much is durable if it is due; the last time also if only the number is new."""
        state, now = self._journal.saved, time.monotonic()
        meter = self._meter
        if meter is None or state.durable_bytes < meter.durable_bytes:  # another attempt threw bytes away
            meter = self._meter = ProgressMeter(state.durable_bytes, self._entry.size_bytes, now)
        is_news = is_last and state.durable_bytes > meter.durable_bytes
        if not meter.due(state.durable_bytes, now) and not is_news:
            return
        await self._publish(
            ModelDownloadProgressedEvent(
                model_id=self._entry.id,
                name=self._entry.name,
                attempt=state.attempt,
                durable_bytes=state.durable_bytes,
                size_bytes=self._entry.size_bytes,
                rate_bytes_per_second=meter.rate_bytes_per_second,
                seconds_left=meter.seconds_left,
                staging_directory=self._staging_directory,
                files=[_progress_of(file) for file in state.files],
            )
        )


def _progress_of(file: FileState) -> FileProgress:
    return FileProgress(
        path=file.path,
        durable_bytes=file.durable_bytes,
        size_bytes=file.size_bytes,
        prefix_bytes=file.prefix_bytes,
    )
