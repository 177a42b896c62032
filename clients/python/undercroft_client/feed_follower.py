"""Follows the feed for all subscriptions: what to ask, and what to hand on. Pure: frames in, steps out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, TypeAlias

import msgspec

from undercroft_client.errors import RequestFailed
from undercroft_client.ordering import Answer, Fetch, Heard, Lost, Ordering, Run
from undercroft_client.outbox import Frames, Settle
from undercroft_client.snapshot_pages import SnapshotPages, feed_messages
from undercroft_client.values import UNREADABLE

LANE_LOST: Final = "the connection to the broker was lost; the request may have been carried out"
FEED_TOPICS: Final = (b"!welcome", b"!heartbeat")

Ask: TypeAlias = Callable[[bytes, str, list[Any], Settle], int]
"""Asks a question: verb, topic, header without the id, and who takes the answer."""

TakePages: TypeAlias = Callable[[SnapshotPages, RequestFailed | None], None]

_decode: Final = msgspec.msgpack.decode
_decode_run: Final = msgspec.msgpack.Decoder(Run).decode
_decode_answer: Final = msgspec.msgpack.Decoder(Answer).decode
_decode_heads: Final = msgspec.msgpack.Decoder(dict[str, int]).decode


class FeedFollower:
    """The subscriptions of one client.

    Attributes:
        lane_epoch: the broker that admits this client now; empty: none does.
        orderings: each subscription, and what takes its steps.
    """

    def __init__(self, ask: Ask) -> None:
        self.lane_epoch = ""
        self.orderings: dict[Ordering, Callable[[Heard | Lost], None]] = {}
        self._ask = ask

    def subscribe(
        self, patterns: Iterable[str], hear: Callable[[Heard | Lost], None], settle: Settle
    ) -> Ordering:
        """Hear events of these patterns. The feed is subscribed already; `settle` learns when it began."""
        ordering = Ordering(patterns)
        self.orderings[ordering] = hear
        self._join(ordering, settle)
        return ordering

    def admitted(self, epoch: str) -> None:
        """The broker of this epoch admits this client, on a new connection."""
        self.lane_epoch = epoch
        self._ask_heads()

    def feed(self, frames: Frames) -> None:
        """A feed message came in."""
        if frames[0] == b"!welcome":
            self._ask_heads()
        elif frames[0] == b"!heartbeat":
            self._compare(_decode(frames[1])[0], _decode_heads(frames[2]))
        else:
            topic, run, body = frames[0].decode(), _decode_run(frames[1]), frames[2]
            for ordering in list(self.orderings):
                self._apply(ordering, ordering.receive(topic, run, body))

    def _join(self, ordering: Ordering, settle: Settle) -> None:
        def take(pages: SnapshotPages, error: RequestFailed | None) -> None:
            if error is not None and error.message == LANE_LOST:
                self._join(ordering, settle)
                return
            if error is None and ordering in self.orderings:
                self._apply(ordering, ordering.join(pages.epoch, pages.heads, pages.retained))
            settle([], error)

        self._ask_pages(ordering.patterns, SnapshotPages(), take)

    def _ask_pages(
        self, patterns: list[str], pages: SnapshotPages, take_all: TakePages, *, heads_only: bool = False
    ) -> None:
        """Ask for the next page, and then for those behind it."""

        def take(frames: Frames, error: Exception | None) -> None:
            failed = error if isinstance(error, RequestFailed) else None
            if failed is None:
                try:
                    pages.add(frames)
                except UNREADABLE as flaw:
                    failed = RequestFailed("invalid", f"the snapshot cannot be read: {flaw}")
            if failed is None and not pages.is_complete:
                self._ask_pages(patterns, pages, take_all, heads_only=heads_only)
            else:
                take_all(pages, failed)

        self._ask(b"SNAPSHOT", ", ".join(patterns)[:128], [patterns, heads_only, pages.after], take)

    def _apply(self, ordering: Ordering, steps: Iterable[Heard | Lost | Fetch]) -> None:
        for step in steps:
            hear = self.orderings.get(ordering)
            if hear is None:
                return  # its subscriber has left
            if isinstance(step, Fetch):
                self._fetch(ordering, step)
                continue
            hear(step)
            if isinstance(step, Lost) and step.reason == "ring_exceeded":
                self._recall(ordering, step.topic)

    def _fetch(self, ordering: Ordering, step: Fetch) -> None:
        epoch = ordering.epoch

        def take(frames: Frames, error: Exception | None) -> None:
            if error is None:
                answer = _decode_answer(frames[1])
                self._apply(ordering, ordering.replayed(answer, step.first, feed_messages(frames)))
            elif epoch == ordering.epoch:
                ordering.forget(step.topic)

        if self.lane_epoch == epoch:
            self._ask(b"REPLAY", step.topic, [step.topic, step.first, step.last], take)
        else:
            ordering.forget(step.topic)  # lane and feed have different brokers for a moment

    def _recall(self, ordering: Ordering, topic: str) -> None:
        def take(pages: SnapshotPages, error: RequestFailed | None) -> None:
            if error is not None and error.message == LANE_LOST:
                self._recall(ordering, topic)
            else:
                self._apply(ordering, ordering.recalled(topic, pages.retained if error is None else []))

        self._ask_pages([topic], SnapshotPages(), take)

    def _ask_heads(self) -> None:
        """Compare the newest number of each topic at once. Lane and feed connect in either order."""

        def take(pages: SnapshotPages, error: RequestFailed | None) -> None:
            if error is None:
                self._compare(pages.epoch, pages.heads)

        if self.lane_epoch and self.orderings:
            patterns = sorted({pattern for ordering in self.orderings for pattern in ordering.patterns})
            self._ask_pages(patterns, SnapshotPages(), take, heads_only=True)

    def _compare(self, epoch: str, heads: dict[str, int]) -> None:
        for ordering in list(self.orderings):
            self._apply(ordering, ordering.heartbeat(epoch, heads))
