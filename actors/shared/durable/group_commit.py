"""Replaces several files at once: their syncs overlap, and each directory is synced once for all of them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from pathlib import Path

from actors.shared.durable.durable_write import REAL_DISK, Disk, DurableWriteFailed, Replacement

Content = bytes | bytearray | memoryview


def replace_files(
    files: Sequence[tuple[Path, Content]], executor: Executor | None = None, disk: Disk = REAL_DISK
) -> dict[Path, DurableWriteFailed]:
    """Replace each of the files, durably, each whole or not at all; returns what failed, by the path as it was given.

    It is no transaction: some may be replaced where others failed, and a crash may fall between two of them.
    A file that is not among the failures is durable. With an executor the files are written and synced side
    by side; a
    file system with a journal then commits them together.

    Raises:
        ValueError: a file is named twice.
    """
    failures: dict[Path, DurableWriteFailed] = {}
    with contextlib.ExitStack() as stack:
        replacements = sorted(
            (Replacement(path, content, disk) for path, content in files), key=lambda one: one.target
        )
        if len({one.target for one in replacements}) != len(replacements):
            raise ValueError("a file is named twice")
        for (
            replacement
        ) in replacements:  # in one order everywhere, so that two groups never wait for each other
            stack.enter_context(replacement)
        staged = _each(replacements, Replacement.stage, failures, executor)
        renamed = _each(staged, Replacement.rename, failures, None)
        for directory in {one.target.parent for one in renamed}:
            of_directory = [one for one in renamed if one.target.parent == directory]
            try:
                of_directory[0].sync_directory()
            except DurableWriteFailed as error:
                failures.update(
                    (one.path, DurableWriteFailed(str(one.path), error.step, error.errno, error.reason))
                    for one in of_directory
                )
    return failures


def _each(
    replacements: Iterable[Replacement],
    step: Callable[[Replacement], None],
    failures: dict[Path, DurableWriteFailed],
    executor: Executor | None,
) -> list[Replacement]:
    """Take a step for each of them; returns those that took it."""

    def take(replacement: Replacement) -> DurableWriteFailed | None:
        try:
            step(replacement)
        except DurableWriteFailed as error:
            return error
        return None

    done = []
    replacements = list(replacements)
    outcomes = (
        executor.map(take, replacements) if executor and len(replacements) > 1 else map(take, replacements)
    )
    for replacement, error in zip(replacements, outcomes, strict=True):
        if error is None:
            done.append(replacement)
        else:
            failures[replacement.path] = error
    return done
