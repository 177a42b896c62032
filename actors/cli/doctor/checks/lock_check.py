"""Checks who owns the directories: held locks, notes of former owners, and a stale `runtime.json`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from actors.cli.doctor.problems import ExaminedHome, Problem, RemoveFile, error, info, warning
from actors.shared.durable.directory_lock import HOLDER_NAME, LOCK_NAME, holder_of
from actors.shared.durable.process_identity import is_same_process
from bus.discovery import is_alive, read_runtime
from bus.errors import NotRunning

CHECK: Final = "locks"


@dataclass(frozen=True)
class DirectoryLockFacts:
    """The lock of one directory.

    Attributes:
        is_held: None if unknown.
        holder_pid: as the note beside the lock says; None without a note.
    """

    directory: str
    is_held: bool | None
    holder_pid: int | None = None
    holder_name: str = ""
    is_holder_alive: bool = False


@dataclass(frozen=True)
class RuntimeJsonFacts:
    """`runtime.json`.

    Attributes:
        exists: whether something of that name exists.
        pid: None if it cannot be read; `fault` says why.
    """

    path: str
    exists: bool
    pid: int | None = None
    fault: str = ""
    is_alive: bool = False


@dataclass(frozen=True)
class LockFacts:
    """The locks, that of the home first, and the file by which clients find the bus."""

    locks: tuple[DirectoryLockFacts, ...]
    runtime_file: RuntimeJsonFacts


def is_held(directory: Path) -> bool | None:
    """Whether the lock of a directory is held, found out by taking it for a moment; None if unknown."""
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


def look(home: ExaminedHome) -> LockFacts:
    """Look at every directory that has an owner."""
    state = home.locations.state
    directories = dict.fromkeys([state, state / "store", home.locations.models, home.locations.workspace])
    locks = tuple(_look_at(directory) for directory in directories)
    return LockFacts(locks, _look_at_runtime_file(home.runtime_path))


def check(facts: LockFacts) -> list[Problem]:
    """Report what does not fit together."""
    home, *others = facts.locks
    problems = [problem for lock in facts.locks if (problem := _judge_lock(lock)) is not None]
    if not home.is_held:
        problems += [_owned_by_another(lock) for lock in others if lock.is_held and lock.is_holder_alive]
    judge = _judge_file_of_running if home.is_held else _judge_file_of_stopped
    return [*problems, *judge(home, facts.runtime_file)]


def _judge_lock(lock: DirectoryLockFacts) -> Problem | None:
    directory = Path(lock.directory)
    if lock.is_held is None:
        advice = "make the directory readable and writable for this user"
        return error(check=CHECK, what="the lock cannot be tested", where=lock.directory, advice=advice)
    if lock.holder_pid is None:
        return None
    if not lock.is_held:
        note = str(directory / HOLDER_NAME)
        return info(
            check=CHECK,
            what=f"a note says that {lock.holder_name or 'a process'} owns the directory, but nobody does",
            where=note,
            found=f"process {lock.holder_pid}",
            advice="nothing: the next owner overwrites it",
            repairs=(RemoveFile(path=note),),
        )
    if not lock.is_holder_alive:
        return warning(
            check=CHECK,
            what="the directory is locked, but the process that says it owns it has ended",
            where=lock.directory,
            found=f"process {lock.holder_pid}",
            advice=f"find out who holds it: fuser {directory / LOCK_NAME}",
        )
    return None


def _owned_by_another(lock: DirectoryLockFacts) -> Problem:
    return info(
        check=CHECK,
        what=f"no runtime has this home, but {lock.holder_name or 'another process'} owns this directory",
        where=lock.directory,
        found=f"process {lock.holder_pid}",
        advice="nothing, if apps share it: this one waits until it is free",
    )


def _judge_file_of_stopped(home: DirectoryLockFacts, file: RuntimeJsonFacts) -> Iterator[Problem]:
    """Judge `runtime.json` while no runtime holds the home."""
    if not file.exists:
        return
    what = "a runtime that has ended left its runtime.json"
    advice = "run 'undercroft doctor --fix', or start a runtime"
    if file.is_alive:
        what = "runtime.json names a process that does not hold this home"
        advice = "check whether that process is a runtime of another home"
    yield warning(
        check=CHECK,
        what=what,
        where=file.path,
        found=f"process {file.pid}" if file.pid else file.fault,
        advice=advice,
        repairs=() if file.is_alive else (RemoveFile(path=file.path),),
    )


def _judge_file_of_running(home: DirectoryLockFacts, file: RuntimeJsonFacts) -> Iterator[Problem]:
    """Judge `runtime.json` while a runtime holds the home."""
    holder = f"process {home.holder_pid}"
    if not file.exists:
        what = "a runtime holds this home, but there is no runtime.json by which to find it"
        advice = "look again: a running runtime restores it within a second; else 'undercroft down' ends it"
        yield error(check=CHECK, what=what, where=file.path, found=holder, advice=advice)
    elif file.pid is None:
        what, advice = "runtime.json cannot be used", "look again: its runtime restores it within a second"
        yield error(check=CHECK, what=what, where=file.path, found=file.fault, advice=advice)
    elif home.holder_pid is not None and file.pid != home.holder_pid:
        yield error(
            check=CHECK,
            what="runtime.json names another process than the one that holds this home",
            where=file.path,
            found=f"process {file.pid}",
            expected=holder,
            advice="look again: its runtime restores it within a second",
        )


def _look_at(directory: Path) -> DirectoryLockFacts:
    holder = holder_of(directory)
    if holder is None:
        return DirectoryLockFacts(str(directory), is_held(directory))
    return DirectoryLockFacts(
        str(directory),
        is_held(directory),
        holder.pid,
        holder.name,
        is_same_process(holder.pid, holder.started),
    )


def _look_at_runtime_file(path: Path) -> RuntimeJsonFacts:
    if not path.exists():
        return RuntimeJsonFacts(str(path), exists=False)
    try:
        pid = read_runtime(path).pid
        return RuntimeJsonFacts(str(path), exists=True, pid=pid, is_alive=is_alive(pid))
    except NotRunning as unreadable:
        return RuntimeJsonFacts(str(path), exists=True, fault=unreadable.detail)
