"""The crash records of a home: one JSON file each in `<state>/crashes/`. Only the newest ten are kept."""

from __future__ import annotations

import contextlib
import re
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from actors.shared.durable.record_file import RecordFile
from schemas.operations.crashes import CrashRecord

DIRECTORY_NAME: Final = "crashes"
RECORDS_KEPT: Final = 10
RECORD_LIMIT_BYTES: Final = 256 * 1024
_NAME: Final = re.compile(r"(\d{8}T\d{6}\.\d{6}Z)-([a-z][a-z0-9_]{0,62})\.json")


def crash_directory(state: Path) -> Path:
    """Where the records of a home lie."""
    return state / DIRECTORY_NAME


def crash_file_name(actor: str, at: float) -> str:
    """Name of a record: time of the crash in UTC, then the actor. Names sort by time.

    Args:
        actor: that crashed.
        at: seconds since the Unix epoch.
    """
    seconds, micros = divmod(round(at * 1_000_000), 1_000_000)
    return f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime(seconds))}.{micros:06d}Z-{actor}.json"


def surplus(names: Iterable[str], limit: int = RECORDS_KEPT) -> list[str]:
    """Names of records to remove: the oldest of the actor that has the most.

    So an actor in a crash loop only pushes out its own records.
    """
    kept = sorted(name for name in names if _NAME.fullmatch(name))
    gone: list[str] = []
    while len(kept) > limit:
        counts = Counter(_actor_of(name) for name in kept)
        most = max(counts.values())
        oldest = next(name for name in kept if counts[_actor_of(name)] == most)
        kept.remove(oldest)
        gone.append(oldest)
    return gone


def keep_crash(state: Path, record: CrashRecord) -> str:
    """Write a record, durably, and remove the surplus ones. Returns the name of the record.

    Raises:
        DurableWriteFailed, OSError: the record is not kept.
    """
    directory = crash_directory(state)
    name = crash_file_name(record.actor, record.at)
    _file(directory / name).write(record)
    for old in surplus(entry.name for entry in directory.iterdir()):
        (directory / old).unlink(missing_ok=True)
    return name


def read_crashes(state: Path) -> list[tuple[str, CrashRecord | None]]:
    """Name and content of all records, oldest first; None for one that cannot be read. Never raises."""
    directory = crash_directory(state)
    with contextlib.suppress(OSError):
        names = sorted(entry.name for entry in directory.iterdir() if _NAME.fullmatch(entry.name))
        return [(name, _file(directory / name).load()) for name in names]
    return []


def _file(path: Path) -> RecordFile[CrashRecord]:
    return RecordFile(path, CrashRecord, limit_bytes=RECORD_LIMIT_BYTES, indent=2, creates_directory=True)


def _actor_of(name: str) -> str:
    match = _NAME.fullmatch(name)
    assert match is not None, "the name was matched before"
    return match[2]
