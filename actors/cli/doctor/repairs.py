"""Carries out the safe repairs, one by one; each looks again before it touches anything."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import assert_never

import msgspec

from actors.cli.doctor.problems import MakeDirectory, Problem, RemoveFile, Repair, SetMode
from actors.shared.durable.durable_write import make_directory


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a repair.

    Attributes:
        what: in words.
        is_done: whether it was carried out; in a preview, never.
        why_not: empty if it was.
    """

    repair: Repair
    what: str
    is_done: bool
    why_not: str = ""


def plan(problems: Iterable[Problem]) -> list[Repair]:
    """The repairs of all problems, each once; directories first, removals last."""
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
            return f"make the directory {path}"
        case _:
            assert_never(repair)


def preview(repairs: Iterable[Repair]) -> list[Outcome]:
    """What would be done."""
    return [Outcome(repair=repair, what=in_words(repair), is_done=False) for repair in repairs]


def carry_out(repairs: Iterable[Repair], *, is_up: bool) -> list[Outcome]:
    """Do them. While a runtime is up nothing is removed: it may be in use."""
    return [_do(repair, is_up) for repair in repairs]


def _do(repair: Repair, is_up: bool) -> Outcome:
    if is_up and isinstance(repair, RemoveFile):
        return Outcome(
            repair=repair,
            what=in_words(repair),
            is_done=False,
            why_not="a runtime is up; end it with 'undercroft down' first",
        )
    try:
        match repair:
            case SetMode(path=path, mode=mode):
                _set_mode(path, mode)
            case RemoveFile(path=path):
                _remove(Path(path))
            case MakeDirectory(path=path):
                make_directory(Path(path))
            case _:
                assert_never(repair)
    except OSError as error:
        return Outcome(
            repair=repair, what=in_words(repair), is_done=False, why_not=error.strerror or str(error)
        )
    return Outcome(repair=repair, what=in_words(repair), is_done=True)


def _set_mode(path: str, mode: int) -> None:
    """Change the mode of what the path names itself: a link that was put in its place meanwhile is not followed."""
    found = os.lstat(path)
    if not stat.S_ISREG(found.st_mode) and not stat.S_ISDIR(found.st_mode):
        raise OSError(0, "it is neither file nor directory")
    if os.chmod in os.supports_follow_symlinks:
        os.chmod(path, mode, follow_symlinks=False)
        return
    if not hasattr(os, "fchmod"):
        os.chmod(path, mode)
        return
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except PermissionError:
        os.chmod(
            path, mode
        )  # not even its owner may open it: so there is no other way, and nobody else could have put a link there
        return
    try:
        os.fchmod(descriptor, mode)
    finally:
        os.close(descriptor)


def _remove(path: Path) -> None:
    found = path.lstat()
    if not stat.S_ISREG(found.st_mode) and not stat.S_ISSOCK(found.st_mode):
        raise OSError(0, "it is neither file nor socket")
    path.unlink()
