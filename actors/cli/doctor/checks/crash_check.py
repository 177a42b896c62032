"""Reports actors that ended unexpectedly: which, how, and what to do about that kind of crash."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from actors.cli.doctor.problems import ExaminedHome, Problem, info, listed
from actors.shared.crash_files import crash_directory, read_crashes
from actors.shared.text import local_time
from schemas.operations.crashes import CrashKind, CrashRecord

CHECK: Final = "crashes"
RECENT_SECONDS: Final = 86_400.0

WORDS: Final[dict[CrashKind, str]] = {
    "exception": "ended with an exception",
    "refused": "refused to start or to go on",
    "fatal_signal": "crashed in native code",
    "out_of_memory": "was killed by the system because memory ran out",
    "killed": "was killed by somebody",
    "hang": "hung and was killed",
    "start_timeout": "was not ready in time and was killed",
    "memory_limit": "exceeded its memory limit",
    "lifeline": "was killed because its messages to the supervisor were unreadable",
    "not_started": "could not be started",
    "exit": "exited without saying why",
}
ADVICE: Final[dict[CrashKind, str]] = {
    "refused": "the record says what has to be changed first",
    "out_of_memory": "close other programs, choose a smaller model, or give the runtime more memory",
    "killed": "find out who sends the signal: an out-of-memory daemon, a virus scanner, or a person",
    "start_timeout": "check whether disk or network are slow; raise 'start_timeout_seconds' of the child",
    "memory_limit": "raise 'memory_limit_mib' of the child, or choose a smaller model",
    "not_started": "check 'command' of the child in profile.toml, and the limit of processes of this user",
}
ACKNOWLEDGE: Final = "once that is done, 'undercroft doctor --acknowledge'"
DEFAULT_ADVICE: Final = "send the record, or 'undercroft diagnostics', to the maker of the app"


@dataclass(frozen=True)
class CrashFacts:
    """The records, oldest first; None for one that cannot be read. `now` in seconds since the Unix epoch."""

    directory: str
    records: tuple[tuple[str, CrashRecord | None], ...]
    now: float


def look(home: ExaminedHome) -> CrashFacts:
    """Read the records."""
    state = home.locations.state
    return CrashFacts(str(crash_directory(state)), tuple(read_crashes(state)), home.now)


def check(facts: CrashFacts) -> list[Problem]:
    """Report one problem for each actor and kind of crash.

    It is a warning if it is less than a day old, and nobody has acknowledged it.
    """
    groups: dict[tuple[str, CrashKind], list[tuple[str, CrashRecord]]] = {}
    for name, record in facts.records:
        if record is not None:
            groups.setdefault((record.actor, record.kind), []).append((name, record))
    problems = [_judge(facts, actor, kind, found) for (actor, kind), found in groups.items()]
    if unreadable := [name for name, record in facts.records if record is None]:
        problems.append(
            info(
                check=CHECK,
                what="crash records cannot be read",
                where=listed(unreadable),
                found=facts.directory,
                advice="remove them",
            )
        )
    return problems


def _judge(facts: CrashFacts, actor: str, kind: CrashKind, found: list[tuple[str, CrashRecord]]) -> Problem:
    new = [(name, record) for name, record in found if record.acknowledged_at is None]
    name, last = (new or found)[-1]
    how_often = f" {len(new or found)} times" if len(new or found) > 1 else ""
    when = local_time(max(0.0, min(last.at, facts.now)), "%Y-%m-%d %H:%M")
    return Problem(
        check=CHECK,
        severity="warning" if new and facts.now - last.at < RECENT_SECONDS else "info",
        what=f"{actor} {WORDS[kind]}{how_often}, last on {when}{'' if new else ', as is known'}",
        where=f"{facts.directory}/{name}",
        found=last.reason,
        advice=f"{ADVICE.get(kind, DEFAULT_ADVICE)}; {ACKNOWLEDGE}" if new else "nothing more",
    )
