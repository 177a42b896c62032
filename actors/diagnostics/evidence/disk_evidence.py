"""Traces of faults on disk, read without any actor. Writes nothing, and takes along no key and no setting."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from actors.diagnostics.logs.log_files import NAME as LOG_NAME
from actors.diagnostics.report_facts import (
    ConfigFileState,
    DiskIntegrity,
    EvidenceFile,
    EvidenceText,
    RuntimeFileState,
    StorageUse,
)
from actors.shared.disk_space import nearest_disk_space
from actors.shared.durable.bounded_read import FileUnreadable, read_file
from actors.shared.durable.directory_tree import files_below
from actors.shared.durable.quarantine import PARTLY_READ, SUFFIX, quarantined
from actors.shared.durable.record_file import RecordFile
from actors.shared.durable.strict_json import NotStrictJson, parse
from actors.shared.locations.locations import CATEGORIES, Locations
from actors.shared.places.rooted_place import below
from bus.discovery import is_alive, read_runtime
from bus.error_words import in_words
from bus.errors import NotRunning
from schemas.bounds import LAST_UNIX_SECOND

CONFIG_NAME: Final = "config.json"
CONFIG_LIMIT_BYTES: Final = 4 * 1024 * 1024
RECORDS_LIMIT_BYTES: Final = 16 * 1024 * 1024
CRASHES_LIMIT: Final = 10
CRASH_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,120}\.json")
TEXT_LIMIT_BYTES: Final = 64 * 1024
COUNT_SECONDS: Final = 0.8
"""Limit for counting files. What is not counted by then is marked as incomplete."""
FOUND_LIMIT: Final = 200
JOURNALS: Final = ("journal", "move.json")


def runtime_file(path: Path) -> RuntimeFileState:
    """Return what `runtime.json` says."""
    if not path.exists():
        return RuntimeFileState(state="absent")
    try:
        found = read_runtime(path)
    except NotRunning as error:
        return RuntimeFileState(state="unreadable", detail=str(error))
    return RuntimeFileState(
        state="alive" if is_alive(found.pid) else "stale", pid=found.pid, started_at=found.started_at
    )


def config_file(directory: Path) -> ConfigFileState:
    """Return whether `config.json` can be used, without its values."""
    path = directory / CONFIG_NAME
    aside = [found.name for found in quarantined(path)]
    try:
        content = read_file(path, CONFIG_LIMIT_BYTES, follows_link=True)
        if content is None:
            return ConfigFileState(exists=False, put_aside=aside)
        found = parse(content, CONFIG_LIMIT_BYTES)
    except FileUnreadable as error:
        fault = f"it cannot be read ({error.detail})"
    except (NotStrictJson, RecursionError) as error:
        fault = in_words(error)
    else:
        fits = isinstance(found, dict) and isinstance(found.get("overrides"), dict)
        fault = "" if fits else "expected an object with an object 'overrides'"
    return ConfigFileState(exists=True, fault=fault, put_aside=aside)


def storage_use(
    locations: Locations, clock: Callable[[], float] = time.monotonic, limit_seconds: float = COUNT_SECONDS
) -> list[StorageUse]:
    """Return how much space each category takes, and how much is free."""
    end = clock() + limit_seconds
    return [_use_of(category, getattr(locations, category), clock, end) for category in CATEGORIES]


def integrity(
    locations: Locations, clock: Callable[[], float] = time.monotonic, limit_seconds: float = COUNT_SECONDS
) -> DiskIntegrity:
    """Return quarantined files, journals of unfinished work, and how many files of models are verified."""
    end = clock() + limit_seconds
    damaged: list[EvidenceFile] = []
    journals: list[EvidenceFile] = []
    for directory in (locations.config, locations.state, locations.models):
        for path, status in _files(directory, clock, end):
            if SUFFIX in path.name or PARTLY_READ in path.name:
                found = damaged
            elif any(word in path.name for word in JOURNALS):
                found = journals
            else:
                continue
            if len(found) < FOUND_LIMIT:
                found.append(
                    EvidenceFile(path=str(path), size_bytes=status.st_size, changed_at=status.st_mtime)
                )
    verified = _verified(locations.state / "model_verifier" / "verified.json")
    return DiskIntegrity(damaged=damaged, journals=journals, verified=verified)


def crash_records(directory: Path) -> list[EvidenceText]:
    """Return the newest crash records, newest first."""
    try:
        names = [name for name in os.listdir(directory) if CRASH_NAME.fullmatch(name)]
    except FileNotFoundError:
        return []
    newest = sorted(names, reverse=True)[:CRASHES_LIMIT]
    return [EvidenceText(name=name, text=_tail_or_fault(directory / name)) for name in newest]


def log_files(directory: Path) -> list[EvidenceText]:
    """Return the end of the log file, if there is one."""
    path = directory / LOG_NAME
    return [EvidenceText(name=path.name, text=_tail_or_fault(path))] if os.path.lexists(path) else []


def tail(path: Path, limit_bytes: int = TEXT_LIMIT_BYTES) -> str:
    """Return the last bytes of a file, from the beginning of a line on. Never waits for a pipe.

    Raises:
        OSError: it cannot be read, or is no regular file.
    """
    with os.fdopen((below(path.parent) / path.name).open(os.O_RDONLY), "rb") as file:
        size_bytes = os.fstat(file.fileno()).st_size
        file.seek(max(0, size_bytes - limit_bytes))
        content = file.read(limit_bytes)
    if size_bytes > limit_bytes:
        content = content[content.find(b"\n") + 1 :]
    return content.decode("utf-8", "replace")


def _tail_or_fault(path: Path) -> str:
    """The end of a file, or why there is none: one that cannot be read costs only itself."""
    try:
        return tail(path)
    except OSError as error:
        return f"it cannot be read: {in_words(error)}"


def _use_of(category: str, path: Path, clock: Callable[[], float], end: float) -> StorageUse:
    files = size_bytes = 0
    for _, status in _files(path, clock, end):
        files += 1
        size_bytes += status.st_size
    space = nearest_disk_space(path)
    return StorageUse(
        category=category,
        path=str(path),
        exists=path.is_dir(),
        files=files,
        size_bytes=size_bytes,
        is_complete=clock() < end,
        free_bytes=space.free_bytes if space else None,
        total_bytes=space.total_bytes if space else None,
    )


def _files(directory: Path, clock: Callable[[], float], end: float) -> Iterator[tuple[Path, os.stat_result]]:
    """Yield the files below a directory until the time is over. Links are not followed."""
    for path in files_below(directory):
        if clock() >= end:
            return
        try:
            yield path, path.lstat()
        except OSError:
            continue  # it vanished, or may not be looked at


def _verified(path: Path) -> dict[str, tuple[int, float]]:
    """Return for each model the number of its files with a record, and the time of the oldest record."""
    file = RecordFile[dict[str, dict[str, Any]]](
        path, dict[str, dict[str, Any]], limit_bytes=RECORDS_LIMIT_BYTES
    )
    return {
        model_id: (len(files), min(map(_oldest, files.values()), default=0.0))
        for model_id, files in (file.load() or {}).items()
    }


def _oldest(records: Any) -> float:
    records = records if isinstance(records, list) else [records]
    found = (record.get("verified_at") for record in records if isinstance(record, dict))
    times = (at for at in found if isinstance(at, int | float))
    return float(min((at for at in times if 0 <= at <= LAST_UNIX_SECOND), default=0.0))
