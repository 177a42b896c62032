"""The crash records of a home: one JSON file each in `<state>/crashes/`, a ring of the newest ones."""

from __future__ import annotations

import contextlib
import re
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec

from actors.shared.durable.bounded_read import FileUnreadable, read_file
from actors.shared.durable.durable_write import make_directory, replace_file
from schemas.operations.crashes import CrashRecord

DIRECTORY_NAME: Final = "crashes"
RING_LIMIT: Final = 10
RECORD_LIMIT_BYTES: Final = 256 * 1024
_NAME: Final = re.compile(r"(\d{8}T\d{6}\.\d{6}Z)-([a-z][a-z0-9_]{0,62})\.json")


def directory_of(state: Path) -> Path:
    """Where the records of a home lie."""
    return state / DIRECTORY_NAME


def name_of(actor: str, at: float) -> str:
    """Name of a record: time of the crash in UTC, then the actor. Names sort by time."""
    seconds, micros = divmod(round(at * 1_000_000), 1_000_000)
    return f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime(seconds))}.{micros:06d}Z-{actor}.json"


def surplus(names: Iterable[str], limit: int = RING_LIMIT) -> list[str]:
    """Which records have to go: the oldest of whichever actor has the most, so that a crash loop pushes out nobody but itself."""
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
    """Write a record, durably, and remove those that have to go; returns its name.

    Raises:
        DurableWriteFailed, OSError: the disk does not take it.
    """
    directory = directory_of(state)
    make_directory(directory)
    name = name_of(record.actor, record.at)
    replace_file(directory / name, msgspec.json.format(msgspec.json.encode(record), indent=2))
    for old in surplus(entry.name for entry in directory.iterdir()):
        (directory / old).unlink(missing_ok=True)
    return name


def read_crashes(state: Path) -> list[tuple[str, CrashRecord | None]]:
    """Name and content of all records, the oldest first; None for one that cannot be read. Never raises."""
    found: list[tuple[str, CrashRecord | None]] = []
    with contextlib.suppress(OSError):
        names = sorted(entry.name for entry in directory_of(state).iterdir() if _NAME.fullmatch(entry.name))
        found = [(name, _read(directory_of(state) / name)) for name in names]
    return found


def _read(path: Path) -> CrashRecord | None:
    try:
        content = read_file(path, RECORD_LIMIT_BYTES)
        return None if content is None else msgspec.json.decode(content, type=CrashRecord)
    except (FileUnreadable, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _actor_of(name: str) -> str:
    match = _NAME.fullmatch(name)
    assert match is not None, "only names of records are asked for"
    return match[2]
