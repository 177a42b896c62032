"""Tells whether the kernel killed processes because memory ran out. Linux only.

The kernel counts these kills; nothing else distinguishes them from other kills.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal, NamedTuple

OomSource = Literal["cgroup", "machine"]
REFRESH_SECONDS: Final = 1.5
FILE_LIMIT_BYTES: Final = 256 * 1024


class OomCount(NamedTuple):
    """How many processes were killed for lack of memory, and where they were counted."""

    kills: int
    source: OomSource


def read_count(proc: Path = Path("/proc"), cgroups: Path = Path("/sys/fs/cgroup")) -> OomCount | None:
    """The kernel's count for the control group of this process (versions 2 and 1), else for the machine.

    None where the kernel does not tell.
    """
    for line in _lines(proc / "self" / "cgroup"):
        number, _, rest = line.partition(":")
        controllers, _, place = rest.partition(":")
        below = place.strip().lstrip("/")
        if number == "0" and not controllers:
            candidates = [cgroups / below / "memory.events", cgroups / "memory.events"]
        elif "memory" in controllers.split(","):
            candidates = [
                cgroups / "memory" / below / "memory.oom_control",
                cgroups / "memory" / "memory.oom_control",
            ]
        else:
            continue
        # In a container the path may be that of the host, and the container's own group is the root.
        for path in candidates:
            if (kills := _count_in(path)) is not None:
                return OomCount(kills, "cgroup")
    kills = _count_in(proc / "vmstat")
    return OomCount(kills, "machine") if kills is not None else None


class OomWatch:
    """Remembers the recent count, to distinguish a kill now from one of last week.

    It keeps two readings: one may fall between a kill and the end of the killed process.
    """

    def __init__(self, proc: Path = Path("/proc"), cgroups: Path = Path("/sys/fs/cgroup")) -> None:
        self._roots = (proc, cgroups)
        self._at = float("-inf")
        self._last = self._before = read_count(*self._roots)

    def refresh(self, now: float) -> None:
        """Read the count again unless that was just done; `now` is in seconds of a monotonic clock."""
        if now - self._at >= REFRESH_SECONDS:
            self._at = now
            self._before, self._last = self._last, read_count(*self._roots)

    def claim(self) -> OomCount | None:
        """How many kills are new, one of them assigned to the process that just ended; None where unknown."""
        found = read_count(*self._roots)
        if found is None or self._before is None or found.source != self._before.source:
            return None
        fresh = max(0, found.kills - self._before.kills)
        if fresh:
            self._before = OomCount(self._before.kills + 1, found.source)
            self._last = max(self._last or self._before, self._before)
        return OomCount(fresh, found.source)


def _count_in(path: Path) -> int | None:
    for line in _lines(path):
        name, _, value = line.partition(" ")
        if name == "oom_kill" and value.strip().isdecimal():
            return int(value)
    return None


def _lines(path: Path) -> list[str]:
    try:
        with path.open("rb") as file:
            return file.read(FILE_LIMIT_BYTES).decode("utf-8", "replace").splitlines()
    except OSError:
        return []
