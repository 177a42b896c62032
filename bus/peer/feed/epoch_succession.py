"""In which order the lives of the broker followed each other, as one peer saw it. Pure."""

from __future__ import annotations


class EpochSuccession:
    """The epochs that a peer has seen, on its lane or on its feed, each at its first sight.

    Lane and feed connect one after the other, so one of them may still bring an epoch that the other knows to
    be over. Both note what they see here; the broker of an epoch ended before the next one began.

    Attributes:
        newest: the epoch that began last; empty before the first one.
    """

    def __init__(self) -> None:
        self.newest = ""
        self._ranks: dict[str, int] = {}
        self._heard = ""

    def __contains__(self, epoch: str) -> bool:
        return epoch in self._ranks

    def note(self, epoch: str) -> None:
        """Remember an epoch. At its first sight it is the newest."""
        if epoch and epoch not in self._ranks:
            self._ranks[epoch] = len(self._ranks)
            self.newest = epoch

    def hear(self, epoch: str) -> bool:
        """The feed brought something of this epoch; returns whether that counts.

        An unknown one counts only once the feed has come as far as the lane. Before that it may be older: the
        feed kept what an earlier broker sent, which the lane never met. The lane will name it if it is newer.
        """
        if epoch == self._heard:
            return True
        if epoch not in self._ranks:
            if self._heard != self.newest:
                return False
            self.note(epoch)
        elif self.is_before(epoch, self._heard):
            return False
        self._heard = epoch
        return True

    def is_before(self, epoch: str, other: str) -> bool:
        """Whether an epoch ended before another one began. One that was never seen did not."""
        ranks = self._ranks
        return epoch in ranks and other in ranks and ranks[epoch] < ranks[other]
