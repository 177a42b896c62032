"""Prints the test folders of what changed since the last commit on main, for `make fast`.

A changed module names the folder of its mirrored test, a changed test names itself. Nothing changed: the bus.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).parents[2]
PARTS = ("schemas", "bus", "actors")
IF_NOTHING_CHANGED = ("tests/bus",)


def folders_of(changed: Iterable[str], exists: frozenset[str]) -> list[str]:
    """Test folders and files to run, without those that lie in another of them. Pure."""
    found: set[str] = set()
    for path in map(PurePosixPath, changed):
        if path.parts[0] in PARTS:
            folder = PurePosixPath("tests", *path.parts[:-1])
            while folder.as_posix() not in exists:
                folder = folder.parent
            found.add(folder.as_posix())
        elif path.parts[0] == "tests" and path.name.startswith("test_"):
            found.add(path.as_posix())
        elif path.parts[0] == "docs":
            found.add("tests/docs")
    kept = [path for path in found if not any(path.startswith(f"{other}/") for other in found)]
    return sorted(kept) or list(IF_NOTHING_CHANGED)


def main() -> None:
    """Ask git what changed, and print the folders."""
    listing = subprocess.run(
        ["git", "diff", "--name-only", "--diff-filter=d", "HEAD"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    untracked = subprocess.run(
        ["git", "ls-files", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    folders = (path for path in (ROOT / "tests").rglob("*") if path.is_dir())
    exists = frozenset(("tests", *(path.relative_to(ROOT).as_posix() for path in folders)))
    sys.stdout.write(" ".join(folders_of([*listing, *untracked], exists)) + "\n")


if __name__ == "__main__":
    main()
