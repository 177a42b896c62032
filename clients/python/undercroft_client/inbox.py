"""The events that wait for one subscriber."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import msgspec

from undercroft_client.events import GapEvent
from undercroft_client.ordering import Heard, Lost, Ordering, Run
from undercroft_client.reply_merge import Came
from undercroft_client.values import Unreadable, split_run

Decode: TypeAlias = Callable[[str, msgspec.Raw], Any]
HandedOn: TypeAlias = "Callable[[Inbox, str, str, int], None]"


@dataclass(frozen=True, slots=True)
class Waiting:
    """One event of a run."""

    heard: Heard
    index: int
    raw: msgspec.Raw


class Inbox:
    """Events that wait for one subscriber.

    Attributes:
        latest: header of the run of the last event that was handed out; None: it was a gap, or none was.
        is_retained: whether that event was there before this subscriber came.
    """

    def __init__(self, patterns: list[str], decode: Decode, handed_on: HandedOn) -> None:
        self.patterns = patterns
        self.ordering: Ordering | None = None
        self.queue: deque[Waiting | Lost] = deque()
        self.latest: Run | None = None
        self.is_retained = False
        self._decode = decode
        self._handed_on = handed_on

    def put(self, step: Heard | Lost) -> None:
        """Take what the ordering hands on."""
        if isinstance(step, Lost):
            self.queue.append(step)
            return
        events = split_run(step.body, step.run.count)
        if events is None:
            self.queue.append(Lost(step.topic, step.run.count - step.skip, "unreadable"))
            return
        self.queue.extend(Waiting(step, index, events[index]) for index in range(step.skip, len(events)))

    def take(self) -> Came | GapEvent | None:
        """The next event with its place; None: none waits. What is lost or cannot be read is a `GapEvent`."""
        if not self.queue:
            return None
        found = self.queue.popleft()
        if isinstance(found, Lost):
            self.latest, self.is_retained = None, False
            return GapEvent(lost_topic=found.topic, count=found.count, reason=found.reason)
        heard, run = found.heard, found.heard.run
        if not heard.retained:
            self._handed_on(self, heard.topic, run.epoch, run.number + found.index)
        try:
            event = self._decode(heard.topic, found.raw)
        except Unreadable:
            self.latest, self.is_retained = None, False
            return GapEvent(lost_topic=heard.topic, count=1, reason="unreadable")
        self.latest, self.is_retained = run, heard.retained
        return Came(heard.topic, run, run.sequence + found.index, event)

    def next(self) -> Any:
        """The next event; None: none waits."""
        found = self.take()
        return found.event if isinstance(found, Came) else found
