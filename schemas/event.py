"""The base of every event: an immutable struct whose tag is its topic."""

from __future__ import annotations

import re
from typing import Any, ClassVar, Generic, TypeVar, get_args

import msgspec

TOPIC_PATTERN = re.compile(r"[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)+")
"""A topic: `<conversation>.<what_happened>`, in lower case, at most TOPIC_LIMIT_BYTES long."""

TOPIC_LIMIT_BYTES = 128

ONE_PER_TOPIC = ""
"""Value of `retained_by` for a topic of which a single last event is retained."""


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """A fact or a request that processes exchange.

    Attributes:
        retained_by: None: late joiners do not get this event. Otherwise the name of a field: the last event
            for each value of it is retained; or `ONE_PER_TOPIC`.
    """

    retained_by: ClassVar[str | None] = None


ReplyT = TypeVar("ReplyT", bound=Event)


class Request(Event, Generic[ReplyT], frozen=True, kw_only=True):
    """An event that asks for one reply, as in `class AskRequestEvent(Request[AnsweredEvent])`."""


def topic_of(event_type: type[Event]) -> str:
    """The topic of an event type, which is its msgspec tag.

    Raises:
        TypeError: the type declares no tag of its own, or one that is not a topic.
    """
    tag = event_type.__struct_config__.tag
    if not isinstance(tag, str) or not is_topic(tag):
        raise TypeError(
            f"{event_type.__name__}: tag is {tag!r}, expected a topic such as 'config.settings_changed'"
        )
    return tag


def is_topic(text: str) -> bool:
    """Whether the text has the shape of a topic."""
    return len(text) <= TOPIC_LIMIT_BYTES and TOPIC_PATTERN.fullmatch(text) is not None


def reply_type_of(request_type: type[Request[ReplyT]]) -> type[ReplyT]:
    """The reply type that a request type declares.

    Raises:
        TypeError: the class does not name its reply as `Request[ReplyEvent]`.
    """
    for base in getattr(request_type, "__orig_bases__", ()):
        if getattr(base, "__origin__", None) is Request:
            (reply,) = get_args(base)
            if isinstance(reply, type) and issubclass(reply, Event):
                return reply  # type: ignore[return-value]  # the bound of ReplyT is checked, its binding cannot be
    raise TypeError(f"{request_type.__name__} declares no reply; derive it from Request[SomeReplyEvent]")


def retained_key_of(event: Event) -> str | None:
    """The key under which the broker retains this event; None: it does not."""
    field = type(event).retained_by
    if field is None:
        return None
    value: Any = "" if field == ONE_PER_TOPIC else getattr(event, field)
    return str(value)
