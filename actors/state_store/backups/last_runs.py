"""Remembers from one start to the next: the versions that schemas had, and when the last check ran."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from actors.shared.durable.record_file import RecordFile
from schemas.bounds import Count, Named, UnixSeconds

UPKEEP_NAME: Final = ".upkeep.json"
SIZE_LIMIT_BYTES: Final = 1024 * 1024


class LastRuns(msgspec.Struct, frozen=True, kw_only=True):
    """What is remembered.

    Attributes:
        versions: name of a schema to its version.
        checked_at: seconds since the Unix epoch; 0 for never.
    """

    versions: Named[Count] = {}
    checked_at: UnixSeconds = 0.0


def read_last_runs(root: Path) -> LastRuns:
    """What an earlier run of the store noted; nothing if the file cannot be read."""
    return _file(root).load() or LastRuns()


def write_last_runs(root: Path, last_runs: LastRuns) -> None:
    """Note for the next start.

    Raises:
        RecordTooLarge, DurableWriteFailed: the file keeps its earlier content.
    """
    _file(root).write(last_runs)


def is_migrated(before: LastRuns, versions: dict[str, int]) -> bool:
    """Whether a schema has a later version than it had when the store was last open."""
    return any(version > before.versions.get(name, 1) for name, version in versions.items())


def _file(root: Path) -> RecordFile[LastRuns]:
    return RecordFile(root / UPKEEP_NAME, LastRuns, limit_bytes=SIZE_LIMIT_BYTES)
