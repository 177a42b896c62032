"""A control group for each child, where this user may make one (cgroup v2; Linux only).

Nothing leaves its control group by forking twice, in a session of its own or by clearing its environment, and
the kernel ends all of a group at once. Without one, descendants are known by their marks (`process_tree.py`).
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

PREFIX: Final = "undercroft-"
FSTYPE: Final = "cgroup2"
PROC: Final = Path("/proc")


def own_group(proc: Path = PROC) -> Path | None:
    """The directory of the control group of this process; None where there is none."""
    try:
        places = (proc / "self" / "cgroup").read_text().splitlines()
        mounts = (proc / "self" / "mountinfo").read_text().splitlines()
    except OSError:
        return None
    place = next((line.removeprefix("0::") for line in places if line.startswith("0::")), None)
    if place is None:
        return None
    for mount in mounts:
        before, _, after = mount.partition(" - ")
        fields = before.split(" ")
        if after.startswith(f"{FSTYPE} ") and len(fields) > 4:
            root, point = fields[3].rstrip("/"), Path(fields[4])
            if f"{place}/".startswith(f"{root}/"):
                return point / place.removeprefix(root).lstrip("/")
    return None


class ChildGroups:
    """The groups below our own. Where none can be made, everything here does nothing."""

    def __init__(self, base: Path | None) -> None:
        self._base = base if base is not None and (base / "cgroup.procs").exists() else None
        self._emptying: set[Path] = set()

    def make(self, mark: str) -> str:
        """Make a group; what `join` takes, or empty if there is none."""
        if self._base is None or not mark:
            return ""
        path = self._base / f"{PREFIX}{mark}"
        try:
            path.mkdir(exist_ok=True)
        except OSError:
            self._base = None  # neither will be the next one
            return ""
        if not (path / "cgroup.kill").exists():  # a kernel before 5.14
            self._emptying.add(path)
            self._base = None
            return ""
        return str(path)

    def end(self, marks: Iterable[str]) -> None:
        """Kill all that is in these groups, and remove those that are empty, earlier ones as well."""
        if self._base is not None:
            self._emptying.update(self._base / f"{PREFIX}{mark}" for mark in marks if mark)
        for path in list(self._emptying):
            self._end(path)

    def end_all(self, prefix: str, but: str = "") -> None:
        """The same for all groups of a runtime or a home, by what their marks begin with, but for some."""
        if self._base is None or not prefix:
            return
        with contextlib.suppress(OSError):
            for path in self._base.iterdir():
                mark = path.name.removeprefix(PREFIX)
                if path.name.startswith(PREFIX + prefix) and not (but and mark.startswith(but)):
                    self._emptying.add(path)
        self.end(())

    @property
    def is_emptying(self) -> bool:
        """Whether something of a group that is to end is still there."""
        return bool(self._emptying)

    def _end(self, path: Path) -> None:
        try:
            (path / "cgroup.kill").write_text("1")
            path.rmdir()
        except FileNotFoundError:
            self._emptying.discard(path)
        except OSError:
            return  # not empty yet: the dead are not reaped
        self._emptying.discard(path)


def join(group: str) -> None:
    """Move this process into a group; it stays where it is if that fails."""
    if group:
        with contextlib.suppress(OSError):
            fd = os.open(os.path.join(group, "cgroup.procs"), os.O_WRONLY | os.O_CLOEXEC)
            try:
                os.write(fd, b"0")
            finally:
                os.close(fd)
