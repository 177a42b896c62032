"""The crash records of a home: one JSON file each in `<state>/crashes/`. Only the newest ten are kept."""

from __future__ import annotations

import contextlib
import re
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec

from actors.shared.durable.durable_write import DurableWriteFailed
from actors.shared.durable.quarantine import claim_directory, claim_file
from actors.shared.durable.record_file import RecordFile
from actors.shared.places.rooted_place import RootedPlace, below
from schemas.operations.crashes import CrashRecord

DIRECTORY_NAME: Final = "crashes"
RECORDS_KEPT: Final = 10
RECORD_LIMIT_BYTES: Final = 256 * 1024
_DIGITS: Final = re.compile(r"\d+")
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


def surplus(records: Iterable[tuple[str, CrashRecord | None]], limit: int = RECORDS_KEPT) -> list[str]:
    """Names of records to remove, with those first that a person has acknowledged.

    Otherwise the actor with the most records loses one, of those that are alike the oldest. So an actor in a
    crash loop only pushes out its own records, and a rare crash outlives a frequent one.
    """
    kept = dict(sorted((name, record) for name, record in records if _NAME.fullmatch(name)))
    gone: list[str] = []
    while len(kept) > limit:
        known = [name for name, record in kept.items() if record is not None and record.acknowledged_at]
        name = known[0] if known else _oldest_of_most(kept)
        del kept[name]
        gone.append(name)
    return gone


def _oldest_of_most(kept: dict[str, CrashRecord | None]) -> str:
    by_actor = Counter(_actor_of(name) for name in kept)
    most = max(by_actor.values())
    own = {name: _likeness(name, kept[name]) for name in kept if by_actor[_actor_of(name)] == most}
    alike = Counter(own.values())
    most_alike = max(alike.values())
    return next(name for name, likeness in own.items() if alike[likeness] == most_alike)


def _likeness(name: str, record: CrashRecord | None) -> tuple[str, ...]:
    """What crashes that are alike have in common: who, how, and the words without their numbers."""
    if record is None:
        return (_actor_of(name), "")
    last_line = record.last_words.rstrip().rpartition("\n")[2]
    words = (_DIGITS.sub("", text) for text in (record.reason, last_line))
    return (_actor_of(name), record.kind, record.signal, *words)


def acknowledge_crashes(state: Path, now: float) -> int:
    """Note in every record that a person knows of it; returns how many nobody knew of before.

    Args:
        state: the state directory.
        now: seconds since the Unix epoch.

    Raises:
        DurableWriteFailed, OSError: a record could not be written.
    """
    directory, count, failure = _place(state), 0, None
    for name, record in read_crashes(state):
        if record is not None and record.acknowledged_at is None:
            try:
                _file(directory / name).write(msgspec.structs.replace(record, acknowledged_at=now))
                count += 1
            except (DurableWriteFailed, OSError) as error:
                failure = error  # the others can be noted all the same
    if failure is not None:
        raise failure
    return count


def keep_crash(state: Path, record: CrashRecord) -> str:
    """Write a record, durably, and remove the surplus ones. Returns the name of the record.

    What has the name of the directory or of a surplus record and can never be one is put aside.

    Raises:
        DurableWriteFailed, OSError: the record is not kept.
    """
    claim_directory(crash_directory(state))
    directory = _place(state)
    name = crash_file_name(record.actor, record.at)
    _file(directory / name).write(record)
    for old in surplus(read_crashes(state)):
        with contextlib.suppress(OSError):  # the new record is kept, whatever an old one is
            if claim_file(directory / old) is None:
                (directory / old).unlink(missing_ok=True)
    return name


def read_crashes(state: Path) -> list[tuple[str, CrashRecord | None]]:
    """Name and content of all records, oldest first; None for one that cannot be read. Never raises."""
    directory = _place(state)
    with contextlib.suppress(OSError):
        names = sorted(entry.name for entry in directory.iterdir() if _NAME.fullmatch(entry.name))
        return [(name, _file(directory / name).load()) for name in names]
    return []


def _place(state: Path) -> RootedPlace:
    return below(state) / DIRECTORY_NAME


def _file(place: RootedPlace) -> RecordFile[CrashRecord]:
    return RecordFile(place, CrashRecord, limit_bytes=RECORD_LIMIT_BYTES, indent=2, creates_directory=True)


def _actor_of(name: str) -> str:
    match = _NAME.fullmatch(name)
    assert match is not None, "the name was matched before"
    return match[2]
