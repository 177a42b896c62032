"""`ask_then_follow` without a way of waiting: asks, and brings the reply and the events together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from undercroft_client.errors import RequestFailed
from undercroft_client.event import topic_of
from undercroft_client.events import GapEvent
from undercroft_client.inbox import Inbox
from undercroft_client.ordering import Ordering
from undercroft_client.outbox import Frames
from undercroft_client.reply_merge import RETRY_SECONDS, Followed, ReplyMerge

if TYPE_CHECKING:
    from undercroft_client.base_client import AnyEvent, BaseClient


class ReplyFollower:
    """One `ask_then_follow`: `step` says what to hand on next."""

    def __init__(
        self,
        client: BaseClient,
        inbox: Inbox,
        request: AnyEvent,
        patterns: list[str],
        correlation: str | None,
        timeout_seconds: float,
    ) -> None:
        self._client = client
        self._inbox = inbox
        self._request = request
        self._body = client._asked(request)
        self._correlation = correlation
        self._timeout_seconds = timeout_seconds
        self._merge = ReplyMerge(Ordering(patterns).wants)
        self._question = 0
        self._end = 0.0
        self._answer: tuple[Frames, Exception | None] | None = None

    @property
    def inbox(self) -> Inbox:
        """Where its events wait."""
        return self._inbox

    def step(self, now: float) -> Followed | None:
        """What to hand on next; None: wait until something changed, or until `wait_seconds` are over.

        Raises:
            RequestFailed: there is no reply, and asking again would not help.
        """
        if self._merge.is_asking:
            followed = self._replied(now)
            if followed is not None or self._merge.is_asking:
                return followed
        while True:
            if self._merge.is_due(now):
                self._ask(now)
                return None
            found = self._inbox.take()
            if found is None:
                return None
            if isinstance(found, GapEvent):
                self._merge.lost()
            elif (followed := self._merge.heard(found)) is not None:
                return followed

    def wait_seconds(self, now: float) -> float:
        """For how long to wait at most."""
        return max(0.0, self._end - now) if self._merge.is_asking else RETRY_SECONDS

    def is_ready(self) -> bool:
        """Whether the next step has something to do."""
        return self._answer is not None if self._merge.is_asking else bool(self._inbox.queue)

    def close(self) -> None:
        """Ask and follow no more."""
        self._client._protocol.give_up(self._question)
        self._client._close_inbox(self._inbox)

    def _ask(self, now: float) -> None:
        self._merge.asked()
        self._answer = None
        self._end = now + self._timeout_seconds
        self._question = self._client._protocol.request(
            topic_of(self._request), self._body, self._timeout_seconds, self._correlation, self._take
        )

    def _take(self, frames: Frames, error: Exception | None) -> None:
        self._answer = frames, error

    def _replied(self, now: float) -> Followed | None:
        if self._answer is None:
            if now < self._end:
                return None
            self._client._protocol.give_up(self._question)
            self._answer = (), RequestFailed("deadline", "no outcome in time", topic_of(self._request))
        (frames, error), self._answer = self._answer, None
        try:
            if error is not None:
                raise error
            place, reply = self._client._reply(self._request, frames)
        except RequestFailed as failed:
            if not self._merge.failed(failed.kind, now):
                raise
            return None
        epochs = list(self._client._protocol.epochs)
        over: list[Any] = epochs[: epochs.index(place.epoch)] if place.epoch in epochs else []
        return self._merge.replied(place, reply, over)
