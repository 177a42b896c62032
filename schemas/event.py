"""What every event is: an immutable struct whose tag is its topic."""

from __future__ import annotations

import re
from typing import Any, ClassVar, Generic, TypeVar, get_args

import msgspec

TOPIC_PATTERN = re.compile(r"[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)+")
"""A topic is `<conversation>.<what_happened>`, in lower case, at most TOPIC_LIMIT_BYTES long."""

TOPIC_LIMIT_BYTES = 128

ONE_PER_TOPIC = ""
"""Value of `retained_by` for a topic that keeps a single last event, whatever it says."""


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """A fact, or a request, that processes tell each other.

    Attributes:
        retained_by: None if late joiners do not get this event; otherwise the name of the field that tells
            apart what is retained (one last event for each value), or `ONE_PER_TOPIC`.
    """

    retained_by: ClassVar[str | None] = None


ReplyT = TypeVar("ReplyT", bound=Event)


class Request(Event, Generic[ReplyT], frozen=True, kw_only=True):
    """An event that asks for exactly one answer, of the type that it declares: `class AskEvent(Request[AnswerEvent])`."""


def topic_of(event_type: type[Event]) -> str:
    """Topic of an event type, which is its msgspec tag.

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
    """The reply that a request type declares.

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
    """Under which key the broker retains this event; None if it does not."""
    field = type(event).retained_by
    if field is None:
        return None
    value: Any = "" if field == ONE_PER_TOPIC else getattr(event, field)
    return str(value)
