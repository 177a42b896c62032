"""Puts into words what a system refuses to a command: descriptors, processes, memory, its own directory."""

from __future__ import annotations

import errno
import os

from bus.errors import OperatorError

WORDS = {
    errno.EMFILE: "this command may open no more files; raise its limit, run: ulimit -n 1024",
    errno.ENFILE: "this machine may open no more files; end what is not needed, or raise fs.file-max: "
    "run: sudo sysctl fs.file-max=1000000",
    errno.EAGAIN: "the system starts no more processes for this user; end what is not needed, or raise the "
    "limit, run: ulimit -u unlimited",
    errno.ENOMEM: "the system has no more memory for this command; end what is not needed, or raise the "
    "limit, run: ulimit -v unlimited",
}


class SystemShortage(OperatorError):
    """The system does not give a command what it needs to run."""

    detail: str
    words = "{detail}"


def shortage_of(error: BaseException) -> SystemShortage | None:
    """What is missing, in words; None: the error, and the one behind it, says something else."""
    found = _shortage(error)
    return _shortage(error.__context__) if found is None else found


def _shortage(error: BaseException | None) -> SystemShortage | None:
    if isinstance(error, MemoryError):
        return SystemShortage(WORDS[errno.ENOMEM])
    if not isinstance(error, OSError):
        return None
    if isinstance(error, FileNotFoundError) and error.filename is None and is_directory_gone():
        return SystemShortage(
            "the directory in which this command was started is gone, and a relative path starts there; go "
            'to another one, run: cd "$HOME"'
        )
    words = WORDS.get(error.errno or 0)
    return None if words is None else SystemShortage(words)


def is_directory_gone() -> bool:
    """Whether the present directory was removed."""
    try:
        os.getcwd()
    except OSError:
        return True
    return False
