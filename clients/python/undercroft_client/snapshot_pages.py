"""Puts the pages of an answer to SNAPSHOT together. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, TypeAlias

import msgspec

from undercroft_client.ordering import Run
from undercroft_client.outbox import Frames

FeedMessage: TypeAlias = tuple[str, Run, bytes]

_decode_run: Final = msgspec.msgpack.Decoder(Run).decode


class Page(msgspec.Struct, frozen=True, array_like=True):
    """Header of a page. `next`: where the next one begins; 0: there is none."""

    id: int
    epoch: str
    sequence: int
    heads: dict[str, int]
    next: int = 0


_decode_page: Final = msgspec.msgpack.Decoder(Page).decode


class SnapshotPages:
    """Heads and retained events, as of the first page.

    Attributes:
        after: where the next page begins; 0: it is the first one, or there is no further.
    """

    def __init__(self) -> None:
        self.epoch = ""
        self.heads: dict[str, int] = {}
        self.retained: list[FeedMessage] = []
        self.after = 0
        self._sequence = 0

    def add(self, frames: Frames) -> None:
        """Take a page. If the broker is another one than that of the first page, everything begins anew."""
        page = _decode_page(frames[1])
        if not self.after:
            self.epoch, self.heads, self.retained = page.epoch, page.heads, []
            self._sequence = page.sequence
        elif page.epoch != self.epoch:
            self.after = 0
            self.epoch, self.heads, self.retained = "", {}, []
            return
        self.retained += [
            (topic, run, body)
            for topic, run, body in feed_messages(frames)
            if run.sequence + run.count - 1 <= self._sequence  # the feed brings what is newer
        ]
        self.after = page.next

    @property
    def is_complete(self) -> bool:
        """Whether nothing more is to be asked."""
        return bool(self.epoch) and not self.after


def feed_messages(frames: Frames) -> Iterator[FeedMessage]:
    """The feed messages in the body of an answer, three frames each."""
    for i in range(2, len(frames) - 2, 3):
        yield frames[i].decode(), _decode_run(frames[i + 1]), frames[i + 2]
