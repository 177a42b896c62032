"""A mount whose server never answers, like a network share that is gone: each call hangs until unmount."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from actors.state_store.watchdog import Watchdog

MNT_DETACH = 2


@contextlib.contextmanager
def dead_mount(directory: Path) -> Iterator[None]:
    """Mount a FUSE file system that nobody serves over a directory; skips where that may not be done."""
    if sys.platform != "linux" or not os.access("/dev/fuse", os.R_OK | os.W_OK):
        pytest.skip("needs /dev/fuse")
    library = ctypes.CDLL(None, use_errno=True)
    device = os.open("/dev/fuse", os.O_RDWR)
    options = f"fd={device},rootmode=40000,user_id={os.getuid()},group_id={os.getgid()}".encode()
    if library.mount(b"dead", os.fsencode(directory), b"fuse", 0, options):
        os.close(device)
        pytest.skip(f"may not mount: {os.strerror(ctypes.get_errno())}")
    try:
        yield
    finally:
        os.close(device)  # everybody who hangs is let go, with an error
        library.umount2(os.fsencode(directory), MNT_DETACH)


@contextlib.contextmanager
def impatient_watchdogs(seconds: float = 0.3) -> Iterator[None]:
    """Let watchdogs that begin meanwhile give up soon, since the disk they watch is known to be dead."""
    begin = Watchdog.__init__

    def begin_impatient(watchdog: Watchdog, path: Path, limit_seconds: float = seconds, *rest: Any) -> None:
        begin(watchdog, path, min(limit_seconds, seconds), *rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Watchdog, "__init__", begin_impatient)
        yield
