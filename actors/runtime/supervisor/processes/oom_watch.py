"""Tells whether the kernel killed processes because memory ran out: it counts them, and nothing else tells them from other kills. Linux."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal, NamedTuple

Source = Literal["cgroup", "machine"]
REFRESH_SECONDS: Final = 1.5
FILE_LIMIT_BYTES: Final = 256 * 1024


class OomCount(NamedTuple):
    """How many processes were killed for want of memory, and among which ones they were counted."""

    kills: int
    source: Source


def read_count(proc: Path = Path("/proc"), cgroups: Path = Path("/sys/fs/cgroup")) -> OomCount | None:
    """The kernel's count: of the control group that this process and its children are in (versions 2 and 1), else of the machine.

    None where it does not tell.
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
        for (
            path
        ) in candidates:  # within a container the path may be that of the host, and its own group is the root
            if (kills := _count_in(path)) is not None:
                return OomCount(kills, "cgroup")
    kills = _count_in(proc / "vmstat")
    return OomCount(kills, "machine") if kills is not None else None


class OomWatch:
    """Remembers the count of a moment ago, so that a kill now can be told from one of last week.

    Two readings are kept: between a kill and the end of its process some time goes by, and a reading may come
    in between.
    """

    def __init__(self, proc: Path = Path("/proc"), cgroups: Path = Path("/sys/fs/cgroup")) -> None:
        self._places = (proc, cgroups)
        self._at = float("-inf")
        self._last = self._before = read_count(*self._places)

    def refresh(self, now: float) -> None:
        """Look again, unless it was just done; `now` in seconds of a monotonic clock."""
        if now - self._at >= REFRESH_SECONDS:
            self._at = now
            self._before, self._last = self._last, read_count(*self._places)

    def claim(self) -> OomCount | None:
        """How many kills there were since a moment ago; one of them is taken for the process that just ended. None: it is not told."""
        found = read_count(*self._places)
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
