"""Revisions: numbers over the whole store that only grow, so a value never gets one that it had before."""

from __future__ import annotations

from typing import Final

REVISION_LIMIT: Final = 10**15
"""A higher revision on disk was not given here, and is not gone on behind. From here on, revisions could grow
for ever before they reach what decoders take (`schemas.bounds`)."""


class RevisionCounter:
    """Gives revisions. Only for the thread that writes.

    Attributes:
        newest: the newest revision that was given or seen.
    """

    def __init__(self, newest: int = 0) -> None:
        self.newest = newest

    def next(self) -> int:
        """Give one revision."""
        self.newest += 1
        return self.newest

    def reserve(self, count: int) -> int:
        """Give several revisions at once; returns the one before them."""
        self.newest += count
        return self.newest - count

    def see(self, revision: int) -> None:
        """Go on behind a revision that was found on disk, unless nobody gave it."""
        if revision <= REVISION_LIMIT:
            self.newest = max(self.newest, revision)
