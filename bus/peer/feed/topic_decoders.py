"""Reads the events of a topic: typed where the contract or the app knows them, as plain data otherwise."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec

from bus.errors import ProtocolError
from bus.wire import UNREADABLE, check_plain_event, is_open
from schemas.contract.registry import EVENTS
from schemas.event import Event, topic_of

Decoder = msgspec.msgpack.Decoder[list[Event]]
NOT_READ: Final = (*UNREADABLE, ProtocolError)
"""What reading an event may raise. All of it means that the event cannot be read."""

_plain: Final = msgspec.msgpack.Decoder(list)
_raw: Final = msgspec.msgpack.Decoder(list[msgspec.Raw])


class TopicDecoders:
    """How the events of each topic are read. Whatever a body holds, reading it raises nothing."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Decoder, bool]] = {}

    def learn(self, event_type: type[Event]) -> None:
        """Read the topic of this type as this type."""
        decoder: Decoder = msgspec.msgpack.Decoder(list[event_type])  # type: ignore[valid-type]  # a runtime value by design
        self._known[topic_of(event_type)] = (decoder, is_open(event_type))

    def read(self, topic: str, body: bytes, count: int, skip: int) -> tuple[list[Any], bool]:
        """The events of a run from index `skip` on, and whether all of them can be read.

        None stands for one that cannot.
        """
        decoder, is_checked = self._known.get(topic) or self._of(topic)
        try:
            events: list[Any] = decoder.decode(body)
            if is_checked:
                for plain in events if decoder is _plain else _plain.decode(body):
                    check_plain_event(plain)
        except NOT_READ:
            return _read_singly(decoder, is_checked, body, count, skip), False
        return (events[skip:] if skip else events), True

    def _of(self, topic: str) -> tuple[Decoder, bool]:
        if topic not in EVENTS:
            return _plain, True
        self.learn(EVENTS[topic])
        return self._known[topic]


def _read_singly(decoder: Decoder, is_checked: bool, body: bytes, count: int, skip: int) -> list[Any]:
    try:
        raws = _raw.decode(body)
    except NOT_READ:
        return [None] * (count - skip)
    return [_read_one(decoder, is_checked, b"\x91" + bytes(raw)) for raw in raws[skip:]]


def _read_one(decoder: Decoder, is_checked: bool, body: bytes) -> Any:
    try:
        (event,) = decoder.decode(body)
        if is_checked:
            check_plain_event(_plain.decode(body)[0])
    except NOT_READ:
        return None
    return event


def patterns_of(what: Iterable[type[Event] | str], learn: Callable[[type[Event]], None]) -> list[str]:
    """The patterns of event types and of patterns. `learn` is called with each type."""
    patterns = []
    for item in what:
        if isinstance(item, str):
            patterns.append(item)
        else:
            learn(item)
            patterns.append(topic_of(item))
    return patterns
