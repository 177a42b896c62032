"""Who owns the directories: locks that are held, notes that nobody took away, and a runtime.json that leads nowhere."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from actors.cli.doctor.problems import Place, Problem, RemoveFile
from actors.shared.durable.directory_lock import HOLDER_NAME, LOCK_NAME, holder_of
from bus.discovery import is_alive, read_runtime
from bus.errors import NotRunning

CHECK: Final = "locks"


@dataclass(frozen=True)
class LockFacts:
    """The lock of one directory.

    Attributes:
        is_held: None if that cannot be told.
        holder_pid: as the note says; None without one.
    """

    directory: str
    is_held: bool | None
    holder_pid: int | None = None
    holder_name: str = ""
    is_holder_alive: bool = False


@dataclass(frozen=True)
class RuntimeFacts:
    """`runtime.json`.

    Attributes:
        exists: something of that name is there.
        pid: None if it cannot be read; `fault` says why.
    """

    path: str
    exists: bool
    pid: int | None = None
    fault: str = ""
    is_alive: bool = False


@dataclass(frozen=True)
class Facts:
    """The locks, that of the home first, and the file that clients look for."""

    locks: tuple[LockFacts, ...]
    runtime: RuntimeFacts


def is_held(directory: Path) -> bool | None:
    """Whether somebody holds the lock of a directory; it is taken for a moment to find out. None if it cannot be told."""
    path = directory / LOCK_NAME
    if not path.exists():
        return False
    lock = FileLock(path, mode=0o600, thread_local=False)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    except OSError:
        return None
    lock.release()
    return False


def look(place: Place) -> Facts:
    """Look at every directory that has an owner."""
    state = place.locations.state
    directories = dict.fromkeys([state, state / "store", place.locations.models, place.locations.workspace])
    return Facts(
        tuple(_look_at(directory) for directory in directories), _look_at_runtime(place.runtime_path)
    )


def check(facts: Facts) -> list[Problem]:
    """What does not fit together."""
    problems = [problem for lock in facts.locks for problem in _judge_lock(lock)]
    if not facts.locks[0].is_held:
        problems += [
            _owned_by_another(lock) for lock in facts.locks[1:] if lock.is_held and lock.is_holder_alive
        ]
    return problems + _judge_runtime(facts.locks[0], facts.runtime)


def _judge_lock(lock: LockFacts) -> list[Problem]:
    note = str(Path(lock.directory) / HOLDER_NAME)
    if lock.is_held is None:
        what, advice = (
            "the lock cannot be looked at",
            "make the directory readable and writable for this user",
        )
        return [Problem(check=CHECK, severity="error", what=what, where=lock.directory, advice=advice)]
    if not lock.is_held and lock.holder_pid is not None:
        what = f"a note says that {lock.holder_name or 'a process'} owns the directory, and nobody does"
        found = f"process {lock.holder_pid}"
        advice = "nothing: the next owner writes over it"
        return [
            Problem(
                check=CHECK,
                severity="info",
                what=what,
                where=note,
                found=found,
                advice=advice,
                repairs=(RemoveFile(path=note),),
            )
        ]
    if lock.is_held and lock.holder_pid is not None and not lock.is_holder_alive:
        what = "the directory is locked, and the process that says it owns it is gone"
        advice = f"find out who holds it: fuser {Path(lock.directory) / LOCK_NAME}"
        return [
            Problem(
                check=CHECK,
                severity="warning",
                what=what,
                where=lock.directory,
                found=f"process {lock.holder_pid}",
                advice=advice,
            )
        ]
    return []


def _owned_by_another(lock: LockFacts) -> Problem:
    what = f"no runtime has this home, and {lock.holder_name or 'another process'} owns this directory"
    advice = "nothing, if apps share it: this one waits until it is free"
    return Problem(
        check=CHECK,
        severity="info",
        what=what,
        where=lock.directory,
        found=f"process {lock.holder_pid}",
        advice=advice,
    )


def _judge_runtime(home: LockFacts, runtime: RuntimeFacts) -> list[Problem]:
    if not home.is_held:
        if not runtime.exists:
            return []
        what, advice = (
            "a runtime that is gone left its runtime.json",
            "run 'undercroft doctor --fix', or start a runtime",
        )
        if runtime.is_alive:
            what, advice = (
                "runtime.json speaks of a process that does not have this home",
                "see whether that process is a runtime of another home",
            )
        found = f"process {runtime.pid}" if runtime.pid else runtime.fault
        repairs = () if runtime.is_alive else (RemoveFile(path=runtime.path),)
        return [
            Problem(
                check=CHECK,
                severity="warning",
                what=what,
                where=runtime.path,
                found=found,
                advice=advice,
                repairs=repairs,
            )
        ]
    if not runtime.exists:
        what = "a runtime has this home, and there is no runtime.json that leads to it"
        advice = "if it is not just starting: restart it with 'kill' and 'undercroft up'"
        return [
            Problem(
                check=CHECK,
                severity="error",
                what=what,
                where=runtime.path,
                found=f"process {home.holder_pid}",
                advice=advice,
            )
        ]
    if runtime.pid is None:
        advice = "restart the runtime; it writes the file anew"
        return [
            Problem(
                check=CHECK,
                severity="error",
                what="runtime.json cannot be used",
                where=runtime.path,
                found=runtime.fault,
                advice=advice,
            )
        ]
    if home.holder_pid is not None and runtime.pid != home.holder_pid:
        what, advice = (
            "runtime.json speaks of another process than the one that has this home",
            "restart the runtime",
        )
        found, expected = f"process {runtime.pid}", f"process {home.holder_pid}"
        return [
            Problem(
                check=CHECK,
                severity="error",
                what=what,
                where=runtime.path,
                found=found,
                expected=expected,
                advice=advice,
            )
        ]
    return []


def _look_at(directory: Path) -> LockFacts:
    holder = holder_of(directory)
    if holder is None:
        return LockFacts(str(directory), is_held(directory))
    return LockFacts(str(directory), is_held(directory), holder.pid, holder.name, is_alive(holder.pid))


def _look_at_runtime(path: Path) -> RuntimeFacts:
    if not path.exists():
        return RuntimeFacts(str(path), exists=False)
    try:
        pid = read_runtime(path).pid
        return RuntimeFacts(str(path), exists=True, pid=pid, is_alive=is_alive(pid))
    except NotRunning as error:
        return RuntimeFacts(str(path), exists=True, fault=error.detail)
