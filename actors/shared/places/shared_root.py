"""Refuses a directory that others may write to, before anything is made, moved or removed in it.

Descriptors keep what we write inside of it; this keeps what others write outside: a verified file that
anybody can replace afterwards is not verified.
"""

from __future__ import annotations

from pathlib import Path

from bus.errors import OperatorError
from bus.path_trust import foreign_writer


class SharedRoot(OperatorError):
    """A directory that others may write to, or put another in the place of.

    Attributes:
        path: of what is wrong; it may be a directory above.
        detail: who may, and what was expected.
        command: that mends it, for a shell.
    """

    path: str
    detail: str
    command: str
    words = "{path}: {detail}, so what lies there cannot be trusted; run: {command}"


def check_root(path: Path) -> None:
    """Refuse a directory that others may write to or put another in the place of. It need not exist. Blocks.

    Raises:
        SharedRoot: they may; it has the command that mends it.
        OSError: it cannot be looked at.
    """
    found = foreign_writer(path, "root")
    if found is not None:
        raise SharedRoot(found.path, found.detail, found.mend)


def shared_root_words(path: Path) -> str:
    """Who else may write there and what mends it, as half a sentence; empty if nobody, or unknown."""
    try:
        found = foreign_writer(path, "root")
    except OSError:
        return ""
    if found is None:
        return ""
    where = "" if found.path == str(path) else f"{found.path}: "
    return f"{where}{found.detail}; run: {found.mend}"
