"""Actors that ended unexpectedly: which, how, and what to do about that kind."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

from actors.cli.doctor.problems import Place, Problem, places
from actors.shared.crash_files import directory_of, read_crashes
from schemas.operations.crashes import CrashKind, CrashRecord

CHECK: Final = "crashes"
RECENT_SECONDS: Final = 86_400.0

WORDS: Final[dict[CrashKind, str]] = {
    "exception": "ended by an exception",
    "refused": "refused to start or to go on",
    "fatal_signal": "crashed in native code",
    "out_of_memory": "was killed by the system: there was no memory left",
    "killed": "was killed by somebody",
    "hang": "hung and was killed",
    "start_timeout": "was not ready in time and was killed",
    "memory_limit": "went over its memory limit",
    "lifeline": "was killed: what it said to the supervisor could not be understood",
    "not_started": "could not be started",
    "exit": "left without saying why",
}
ADVICE: Final[dict[CrashKind, str]] = {
    "refused": "the record says what has to be put right first",
    "out_of_memory": "close other programs, choose a smaller model, or give the runtime more memory",
    "killed": "find out who sends the signal: an out-of-memory daemon, a virus scanner, or a person",
    "start_timeout": "see whether the disk or the network is slow; 'start_timeout_seconds' of the child may be raised",
    "memory_limit": "raise 'memory_limit_mib' of the child, or choose a smaller model",
    "not_started": "check 'command' of the child in profile.toml, and how many processes this user may have",
}
DEFAULT_ADVICE: Final = "send the record, or 'undercroft diagnostics', to whoever made the app"


@dataclass(frozen=True)
class Facts:
    """The records, oldest first; None for one that cannot be read. `now` in seconds since the Unix epoch."""

    directory: str
    records: tuple[tuple[str, CrashRecord | None], ...]
    now: float


def look(place: Place) -> Facts:
    """Read the records."""
    return Facts(
        str(directory_of(place.locations.state)), tuple(read_crashes(place.locations.state)), place.now
    )


def check(facts: Facts) -> list[Problem]:
    """One problem for each actor and kind of crash: a warning if it was within a day. Last words stay in the records."""
    groups: dict[tuple[str, CrashKind], list[tuple[str, CrashRecord]]] = {}
    for name, record in facts.records:
        if record is not None:
            groups.setdefault((record.actor, record.kind), []).append((name, record))
    problems = []
    for (actor, kind), found in groups.items():
        name, last = found[-1]
        how_often = f" {len(found)} times" if len(found) > 1 else ""
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(max(0.0, min(last.at, facts.now))))
        problems.append(
            Problem(
                check=CHECK,
                severity="warning" if facts.now - last.at < RECENT_SECONDS else "info",
                what=f"{actor} {WORDS[kind]}{how_often}, last on {when}",
                where=f"{facts.directory}/{name}",
                found=last.reason,
                advice=ADVICE.get(kind, DEFAULT_ADVICE),
            )
        )
    if unreadable := [name for name, record in facts.records if record is None]:
        what, advice = "crash records cannot be read", "remove them"
        problems.append(
            Problem(
                check=CHECK,
                severity="info",
                what=what,
                where=places(unreadable),
                found=facts.directory,
                advice=advice,
            )
        )
    return problems
