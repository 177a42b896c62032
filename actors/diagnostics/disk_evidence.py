"""What lies on disk and speaks of a fault, read without any actor. Nothing is written, and no key or value is taken along."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from actors.diagnostics.log_files import NAME as LOG_NAME
from actors.diagnostics.report_facts import ConfigFound, FileFound, Integrity, RuntimeFound, TextFound, Usage
from actors.shared.durable.quarantine import SUFFIX, quarantined
from actors.shared.durable.strict_json import NotStrictJson, parse
from actors.shared.locations.locations import CATEGORIES, Locations
from bus.discovery import is_alive, read_runtime
from bus.errors import NotRunning

CONFIG_NAME: Final = "config.json"
CONFIG_LIMIT_BYTES: Final = 4 * 1024 * 1024
RECORDS_LIMIT_BYTES: Final = 16 * 1024 * 1024
CRASHES_KEPT: Final = 10
CRASH_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,120}\.json")
TEXT_LIMIT_BYTES: Final = 64 * 1024
COUNT_SECONDS: Final = 0.8
"""Counting files ends then; what is not counted yet is said to be so."""
FOUND_LIMIT: Final = 200
JOURNALS: Final = ("journal", "move.json")


def runtime(path: Path) -> RuntimeFound:
    """What `runtime.json` says."""
    if not path.exists():
        return RuntimeFound(state="absent")
    try:
        found = read_runtime(path)
    except NotRunning as error:
        return RuntimeFound(state="unreadable", detail=str(error))
    return RuntimeFound(
        state="alive" if is_alive(found.pid) else "stale", pid=found.pid, started_at=found.started_at
    )


def config(directory: Path) -> ConfigFound:
    """Whether `config.json` can be taken. Its values stay where they are."""
    path = directory / CONFIG_NAME
    aside = [found.name for found in quarantined(path)]
    try:
        with path.open("rb") as file:
            found = parse(file.read(CONFIG_LIMIT_BYTES + 1), CONFIG_LIMIT_BYTES)
    except FileNotFoundError:
        return ConfigFound(exists=False, put_aside=aside)
    except OSError as error:
        return ConfigFound(
            exists=True, fault=f"it cannot be read ({error.strerror or error})", put_aside=aside
        )
    except NotStrictJson as error:
        return ConfigFound(exists=True, fault=str(error), put_aside=aside)
    fits = isinstance(found, dict) and isinstance(found.get("overrides"), dict)
    return ConfigFound(
        exists=True, fault="" if fits else "expected an object with an object 'overrides'", put_aside=aside
    )


def storage(
    locations: Locations, clock: Callable[[], float] = time.monotonic, limit_seconds: float = COUNT_SECONDS
) -> list[Usage]:
    """What each category takes, and how much room there is."""
    end = clock() + limit_seconds
    return [_usage(category, getattr(locations, category), clock, end) for category in CATEGORIES]


def integrity(
    locations: Locations, clock: Callable[[], float] = time.monotonic, limit_seconds: float = COUNT_SECONDS
) -> Integrity:
    """Files that were put aside as damaged, journals of unfinished work, and how many files of models are verified."""
    end = clock() + limit_seconds
    damaged: list[FileFound] = []
    journals: list[FileFound] = []
    for directory in (locations.config, locations.state, locations.models):
        for path, status in _walk(directory, clock, end):
            if SUFFIX in path.name and len(damaged) < FOUND_LIMIT:
                damaged.append(
                    FileFound(path=str(path), size_bytes=status.st_size, changed_at=status.st_mtime)
                )
            elif any(word in path.name for word in JOURNALS) and len(journals) < FOUND_LIMIT:
                journals.append(
                    FileFound(path=str(path), size_bytes=status.st_size, changed_at=status.st_mtime)
                )
    return Integrity(
        damaged=damaged,
        journals=journals,
        verified=_verified(locations.state / "model_verifier" / "verified.json"),
    )


def crashes(directory: Path) -> list[TextFound]:
    """The newest crash records, the newest first."""
    if not directory.is_dir():
        return []
    newest = sorted(
        (path for path in directory.iterdir() if CRASH_NAME.fullmatch(path.name) and path.is_file()),
        reverse=True,
    )[:CRASHES_KEPT]
    return [TextFound(name=path.name, text=tail(path)) for path in newest]


def log_files(directory: Path) -> list[TextFound]:
    """The tail of the log file, where a person asked for one."""
    path = directory / LOG_NAME
    return [TextFound(name=path.name, text=tail(path))] if path.is_file() else []


def tail(path: Path, limit_bytes: int = TEXT_LIMIT_BYTES) -> str:
    """The last bytes of a file, from the beginning of a line on.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        size_bytes = os.fstat(file.fileno()).st_size
        file.seek(max(0, size_bytes - limit_bytes))
        content = file.read(limit_bytes)
    if size_bytes > limit_bytes:
        content = content[content.find(b"\n") + 1 :]
    return content.decode("utf-8", "replace")


def _usage(category: str, path: Path, clock: Callable[[], float], end: float) -> Usage:
    files = size_bytes = 0
    for _, status in _walk(path, clock, end):
        files += 1
        size_bytes += status.st_size
    free_bytes, total_bytes = _room(path)
    return Usage(
        category=category,
        path=str(path),
        exists=path.is_dir(),
        files=files,
        size_bytes=size_bytes,
        is_complete=clock() < end,
        free_bytes=free_bytes,
        total_bytes=total_bytes,
    )


def _room(path: Path) -> tuple[int | None, int | None]:
    nearest = next((place for place in (path, *path.parents) if place.exists()), None)
    try:
        found = shutil.disk_usage(nearest) if nearest is not None else None
    except OSError:
        found = None
    return (found.free, found.total) if found else (None, None)


def _walk(directory: Path, clock: Callable[[], float], end: float) -> Iterator[tuple[Path, os.stat_result]]:
    """Files below a directory; links are not followed. Ends when the time is over."""
    for place, _, names in os.walk(directory):
        for name in names:
            if clock() >= end:
                return
            path = Path(place, name)
            try:
                yield path, path.lstat()
            except OSError:
                continue  # it went away, or may not be looked at


def _verified(path: Path) -> dict[str, tuple[int, float]]:
    """Model id to how many of its files have a record, and the time of the oldest."""
    try:
        with path.open("rb") as file:
            found: dict[str, dict[str, Any]] = msgspec.json.decode(
                file.read(RECORDS_LIMIT_BYTES), type=dict[str, dict[str, Any]]
            )
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return {
        model_id: (len(files), min(map(_oldest, files.values()), default=0.0))
        for model_id, files in found.items()
    }


def _oldest(records: Any) -> float:
    records = records if isinstance(records, list) else [records]
    return min(
        (float(record.get("verified_at", 0.0)) for record in records if isinstance(record, dict)), default=0.0
    )
