"""Another user of this machine: runs a function in a child that has become one. Takes root."""

from __future__ import annotations

import os
import pickle
import shutil
import signal
import tempfile
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, TypeVar

import pytest

STRANGER: Final = 54_321
"""A number that no user of a machine has, for user and group alike."""

LIMIT_SECONDS: Final = 60

needs_other_user = pytest.mark.skipif(
    os.name != "posix" or os.geteuid() != 0, reason="becomes another user, which takes root"
)

ResultT = TypeVar("ResultT")


def as_user(work: Callable[[], ResultT], uid: int = STRANGER) -> ResultT:
    """What a function returns in a forked process of another user; what it raises fails the test.

    Keep the function small: in the child, no other thread of this process goes on.
    """
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:  # pragma: no cover - in the child
        try:
            signal.alarm(LIMIT_SECONDS)
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
            content = pickle.dumps((True, work()))
        except BaseException:
            content = pickle.dumps((False, traceback.format_exc()))
        with os.fdopen(write_end, "wb") as file:
            file.write(content)
        os._exit(0)
    os.close(write_end)
    with os.fdopen(read_end, "rb") as file:
        content = file.read()
    os.waitpid(pid, 0)
    assert content, "the child was ended before it had an answer"
    is_done, found = pickle.loads(content)  # noqa: S301 - our own child wrote it
    assert is_done, found
    return found  # type: ignore[no-any-return]


def refused(work: Callable[[], object]) -> str:
    """The name of the error with which the system refuses something; empty: it does not."""
    try:
        work()
    except OSError as error:
        return type(error).__name__
    return ""


def common_ground() -> Iterator[Path]:
    """A directory of ours that other users can enter, as most homes; that of a test cannot be entered."""
    directory = Path(tempfile.mkdtemp(prefix="uc-"))
    directory.chmod(0o755)
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)
