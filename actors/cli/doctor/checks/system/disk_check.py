"""Checks that the disks under the locations have space, can hold more files, and can be written to."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from actors.cli.doctor.problems import ExaminedHome, Problem, error, warning
from actors.shared.disk_space import disk_space
from actors.shared.locations.locations import CATEGORIES
from actors.shared.text import size_text

CHECK: Final = "disk"
FULL_BYTES: Final = 64 * 1024 * 1024
NEARLY_FULL_BYTES: Final = 1024 * 1024 * 1024
FEW_FILES: Final = 1_000


@dataclass(frozen=True)
class DiskFacts:
    """One disk.

    Attributes:
        categories: which locations lie on it.
        path: of the first of them, or its nearest existing parent.
        free_files: how many more files it can hold; None if that has no limit, or is unknown.
        fault: why the disk does not answer.
    """

    categories: tuple[str, ...]
    path: str
    free_bytes: int = 0
    is_read_only: bool = False
    free_files: int | None = None
    fault: str = ""


def look(home: ExaminedHome) -> list[DiskFacts]:
    """Look at each disk once."""
    disks: dict[object, tuple[Path, list[str]]] = {}
    for category in CATEGORIES:
        path = nearest_directory(getattr(home.locations, category))
        try:
            device: object = path.stat().st_dev
        except OSError:
            device = path
        disks.setdefault(device, (path, []))[1].append(category)
    return [_look_at(path, tuple(categories)) for path, categories in disks.values()]


def nearest_directory(path: Path) -> Path:
    """The path, or its nearest existing parent directory."""
    while not path.is_dir() and path != path.parent:
        path = path.parent
    return path


def check(facts: list[DiskFacts]) -> list[Problem]:
    """Report what is full, or nearly full."""
    return [problem for disk in facts for problem in _judge(disk)]


def _judge(disk: DiskFacts) -> Iterator[Problem]:
    name, where = f"the disk for {', '.join(disk.categories)}", disk.path
    if disk.fault:
        what, advice = f"{name} does not answer: {disk.fault}", "check the disk, and whether it is mounted"
        yield error(check=CHECK, what=what, where=where, advice=advice)
        return
    if disk.is_read_only:
        advice = "mount it for writing; if the system made it read-only by itself, check the disk for faults"
        yield error(check=CHECK, what=f"{name} is read-only", where=where, advice=advice)
        return
    if disk.free_bytes < NEARLY_FULL_BYTES:
        is_full = disk.free_bytes < FULL_BYTES
        yield Problem(
            check=CHECK,
            severity="error" if is_full else "warning",
            what=f"{name} is {'full' if is_full else 'nearly full'}",
            where=where,
            found=f"{size_text(disk.free_bytes)} free",
            expected=f"at least {size_text(NEARLY_FULL_BYTES)}",
            advice="free some space: 'undercroft models list' shows models to remove, "
            "'undercroft paths' moves them to another disk",
        )
    if disk.free_files is not None and disk.free_files < FEW_FILES:
        yield warning(
            check=CHECK,
            what=f"{name} can hold hardly any more files, whatever their size",
            where=where,
            found=f"{disk.free_files} more",
            expected=f"{FEW_FILES}",
            advice="remove files that nobody needs (df -i)",
        )


def _look_at(path: Path, categories: tuple[str, ...]) -> DiskFacts:
    try:
        free_bytes = disk_space(path).free_bytes
        if not hasattr(os, "statvfs"):
            return DiskFacts(categories, str(path), free_bytes)
        found = os.statvfs(path)
    except OSError as failure:
        return DiskFacts(categories, str(path), fault=failure.strerror or str(failure))
    is_read_only = bool(found.f_flag & getattr(os, "ST_RDONLY", 1))
    free_files = found.f_favail if found.f_files else None
    return DiskFacts(categories, str(path), free_bytes, is_read_only, free_files)
