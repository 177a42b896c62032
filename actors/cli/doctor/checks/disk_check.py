"""Whether the disks under the locations take more: space, files, and whether they may be written to at all."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from actors.cli.doctor.problems import Place, Problem, size
from actors.shared.locations.locations import CATEGORIES

CHECK: Final = "disk"
FULL_BYTES: Final = 64 * 1024 * 1024
NEARLY_FULL_BYTES: Final = 1024 * 1024 * 1024
FEW_FILES: Final = 1_000


@dataclass(frozen=True)
class DiskFacts:
    """One disk.

    Attributes:
        categories: which locations lie on it.
        path: of the first of them, or of what is there of it.
        free_files: how many more files it takes; None where that has no limit, or is not told.
        fault: why it could not be looked at.
    """

    categories: tuple[str, ...]
    path: str
    free_bytes: int = 0
    is_read_only: bool = False
    free_files: int | None = None
    fault: str = ""


def look(place: Place) -> list[DiskFacts]:
    """Look at each disk once."""
    disks: dict[object, tuple[Path, list[str]]] = {}
    for category in CATEGORIES:
        path = existing(getattr(place.locations, category))
        try:
            device: object = path.stat().st_dev
        except OSError:
            device = path
        disks.setdefault(device, (path, []))[1].append(category)
    return [_look_at(path, tuple(categories)) for path, categories in disks.values()]


def existing(path: Path) -> Path:
    """The path, or the nearest directory above it that is there."""
    while not path.is_dir() and path != path.parent:
        path = path.parent
    return path


def check(facts: list[DiskFacts]) -> list[Problem]:
    """What is full, or nearly."""
    return [problem for disk in facts for problem in _judge(disk)]


def _judge(disk: DiskFacts) -> list[Problem]:
    for_what = ", ".join(disk.categories)
    if disk.fault:
        what, advice = (
            f"the disk for {for_what} cannot be looked at: {disk.fault}",
            "check the disk, and whether it is mounted",
        )
        return [Problem(check=CHECK, severity="error", what=what, where=disk.path, advice=advice)]
    if disk.is_read_only:
        what, advice = (
            f"the disk for {for_what} is read-only",
            "mount it for writing; if the system did this by itself, check the disk for faults",
        )
        return [Problem(check=CHECK, severity="error", what=what, where=disk.path, advice=advice)]
    problems = []
    if disk.free_bytes < NEARLY_FULL_BYTES:
        is_full = disk.free_bytes < FULL_BYTES
        what = f"the disk for {for_what} is {'full' if is_full else 'nearly full'}"
        advice = "free some space; 'undercroft models list' shows which models could go, 'undercroft paths' moves them to another disk"
        severity, found, expected = (
            ("error" if is_full else "warning"),
            f"{size(disk.free_bytes)} free",
            f"at least {size(NEARLY_FULL_BYTES)}",
        )
        problems.append(
            Problem(
                check=CHECK,
                severity="error" if severity == "error" else "warning",
                what=what,
                where=disk.path,
                found=found,
                expected=expected,
                advice=advice,
            )
        )
    if disk.free_files is not None and disk.free_files < FEW_FILES:
        what, found = (
            f"the disk for {for_what} takes hardly any more files, whatever their size",
            f"{disk.free_files} left",
        )
        advice = "remove files that nobody needs (df -i)"
        problems.append(
            Problem(
                check=CHECK,
                severity="warning",
                what=what,
                where=disk.path,
                found=found,
                expected=f"{FEW_FILES}",
                advice=advice,
            )
        )
    return problems


def _look_at(path: Path, categories: tuple[str, ...]) -> DiskFacts:
    try:
        free_bytes = shutil.disk_usage(path).free
        if not hasattr(os, "statvfs"):
            return DiskFacts(categories, str(path), free_bytes)
        found = os.statvfs(path)
    except OSError as error:
        return DiskFacts(categories, str(path), fault=error.strerror or str(error))
    is_read_only = bool(found.f_flag & getattr(os, "ST_RDONLY", 1))
    return DiskFacts(
        categories, str(path), free_bytes, is_read_only, found.f_favail if found.f_files else None
    )
