"""Carries out the safe repairs one by one. Each looks again before it changes anything."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import assert_never

import msgspec

from actors.cli.doctor.problems import MakeDirectory, Problem, RemoveFile, Repair, SetMode
from actors.shared.durable.durable_write import make_directory


class RepairOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a repair.

    Attributes:
        what: the repair in words.
        is_done: whether it was carried out; never in a preview.
        why_not: empty if it was carried out.
    """

    repair: Repair
    what: str
    is_done: bool
    why_not: str = ""


def plan(problems: Iterable[Problem]) -> list[Repair]:
    """The repairs of all problems, each once: directories first, removals last."""
    found = list(dict.fromkeys(repair for problem in problems for repair in problem.repairs))
    return sorted(found, key=lambda repair: (isinstance(repair, RemoveFile), isinstance(repair, SetMode)))


def in_words(repair: Repair) -> str:
    """What a repair does."""
    match repair:
        case SetMode(path=path, mode=mode):
            return f"set the mode of {path} to {mode:04o}"
        case RemoveFile(path=path):
            return f"remove {path}"
        case MakeDirectory(path=path):
            return f"create the directory {path}"
        case _:
            assert_never(repair)


def preview(repairs: Iterable[Repair]) -> list[RepairOutcome]:
    """What would be done."""
    return [RepairOutcome(repair=repair, what=in_words(repair), is_done=False) for repair in repairs]


def carry_out(repairs: Iterable[Repair], *, is_up: bool) -> list[RepairOutcome]:
    """Carry out repairs. While a runtime is up nothing is removed: it may be in use."""
    return [_carry_out(repair, is_up) for repair in repairs]


def _carry_out(repair: Repair, is_up: bool) -> RepairOutcome:
    what, why_not = in_words(repair), ""
    if is_up and isinstance(repair, RemoveFile):
        why_not = "a runtime is up; stop it with 'undercroft down' first"
    else:
        try:
            _repair(repair)
        except OSError as error:
            why_not = error.strerror or str(error)
    return RepairOutcome(repair=repair, what=what, is_done=not why_not, why_not=why_not)


def _repair(repair: Repair) -> None:
    match repair:
        case SetMode(path=path, mode=mode):
            _set_mode(path, mode)
        case RemoveFile(path=path):
            _remove(Path(path))
        case MakeDirectory(path=path):
            make_directory(Path(path))
        case _:
            assert_never(repair)


def _set_mode(path: str, mode: int) -> None:
    """Set the mode of the file itself. A link that has taken its place is not followed."""
    found = os.lstat(path)
    if not stat.S_ISREG(found.st_mode) and not stat.S_ISDIR(found.st_mode):
        raise OSError(0, "it is neither a file nor a directory")
    if os.chmod in os.supports_follow_symlinks:
        os.chmod(path, mode, follow_symlinks=False)
        return
    if not hasattr(os, "fchmod"):
        os.chmod(path, mode)
        return
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except PermissionError:
        # Not even its owner may open it, so this is the only way, and nobody else can have put a link there.
        os.chmod(path, mode)
        return
    try:
        os.fchmod(descriptor, mode)
    finally:
        os.close(descriptor)


def _remove(path: Path) -> None:
    found = path.lstat()
    if not stat.S_ISREG(found.st_mode) and not stat.S_ISSOCK(found.st_mode):
        raise OSError(0, "it is neither a file nor a socket")
    path.unlink()
