"""Finds the runtime that holds a home. What `runtime.json` says counts only if it fits the lock."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Final

from actors.cli.exit_codes import RuntimeSilent
from actors.cli.options import Target
from actors.runtime.supervisor.host.home.home_holder import HolderUnseen, HomeHolder, find_holder
from actors.shared.durable.directory_lock import LOCK_NAME
from bus.discovery import Runtime, is_alive, read_runtime, runtime_path, state_directory
from bus.errors import NotRunning, UnsafePlace
from bus.own_places import check_own_directory

SEARCH_SECONDS: Final = 5.0
"""A runtime restores its files within a second, and one that just starts has none yet."""

UNSEEN_SECONDS: Final = 2.0
POLL_SECONDS: Final = 0.05


def state_of(target: Target) -> Path:
    """The state directory that a command is about; UNDERCROFT_RUNTIME names one by its `runtime.json`."""
    named = runtime_path(target.app, target.home).parent
    if (named / LOCK_NAME).exists():
        return named
    return state_directory(target.app, target.home)


def holder_when_seen(state: Path, within_seconds: float = UNSEEN_SECONDS) -> HomeHolder | None:
    """The supervisor that holds a home; None: none does. One that cannot be told yet is waited for.

    Raises:
        UnsafePlace: others own the home, or can write to it: they could name any process.
        HolderUnseen: it could not be told in time.
    """
    check_own_directory(state)
    deadline = time.monotonic() + within_seconds
    while True:
        try:
            return find_holder(state)
        except HolderUnseen:
            if time.monotonic() > deadline:
                raise
        time.sleep(POLL_SECONDS)


def find_runtime(target: Target, within_seconds: float = SEARCH_SECONDS) -> Runtime:
    """How to reach the runtime that holds the home. Its file is waited for if it is missing or wrong.

    Raises:
        NotRunning: no runtime holds the home.
        RuntimeSilent: one does, but its file has not come back in time.
        UnsafePlace: others own the home, its file or its sockets, or can write to them.
        HolderUnseen: the home is locked, but not by a process that can be told.
    """
    path, state = runtime_path(target.app, target.home), state_of(target)
    if not (state / LOCK_NAME).exists() and path.parent != state:
        return read_runtime(path)  # UNDERCROFT_RUNTIME names a file that lies in no home
    holder = holder_when_seen(state)
    if holder is None:
        raise not_running(path)
    deadline = time.monotonic() + within_seconds
    try:
        while True:
            detail, unsafe = "", None
            try:
                runtime = read_runtime(path)
                if runtime.pid == holder.pid:
                    return runtime
                detail = f"{path} names process {runtime.pid}"
            except NotRunning as missing:
                unsafe = missing if isinstance(missing, UnsafePlace) else None
                detail = f"{path}: {missing.detail}"
            if holder.wait(POLL_SECONDS):
                raise not_running(path)
            if time.monotonic() > deadline:
                if unsafe is not None:
                    raise unsafe
                raise RuntimeSilent(str(state), holder.pid, detail)
    finally:
        holder.close()


def not_running(path: Path) -> NotRunning:
    """No runtime holds the home: the error, which says what its `runtime.json` is."""
    try:
        pid = read_runtime(path).pid
    except NotRunning as missing:
        return missing
    if is_alive(pid) and pid != os.getpid():
        return NotRunning(
            str(path), f"it names process {pid}, which does not hold this home; it was copied or is left over"
        )
    return NotRunning(str(path), f"it is left over from process {pid}, which has ended")
