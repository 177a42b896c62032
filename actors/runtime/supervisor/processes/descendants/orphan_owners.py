"""Decides which adopted processes have outlived the child that they belong to. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping


class OrphanOwners:
    """Remembers, for each process that was adopted, to which children it may belong.

    Its mark says so. One without a mark (its environment was cleared) belongs to a child that just ended,
    since that is how it came to be adopted; else (it forked twice) to one of those that were alive then.
    """

    def __init__(self, prefix: str = "") -> None:
        """Take no marks for ours but those that begin with `prefix`."""
        self._prefix = prefix
        self._owners: dict[int, frozenset[str]] = {}

    def outlived(self, orphans: Mapping[int, str], live: Iterable[str], ended: Iterable[str]) -> set[int]:
        """Take a look, and return the processes all of whose possible owners are gone.

        Args:
            orphans: every adopted process that was not reaped, and its mark.
            live: marks of the children that run.
            ended: marks of the children that ended since the last look.
        """
        alive, gone = frozenset(live), frozenset(ended)
        for pid in self._owners.keys() - orphans.keys():
            del self._owners[pid]
        for pid, mark in orphans.items():
            if mark and mark.startswith(self._prefix):  # it may have run its program only since the last look
                self._owners[pid] = frozenset({mark})
            elif pid not in self._owners:
                self._owners[pid] = gone or alive
        return {pid for pid, owners in self._owners.items() if not owners & alive}
