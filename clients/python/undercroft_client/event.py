"""What every event is: an immutable struct whose tag is its topic."""

from __future__ import annotations

from typing import Any, ClassVar, Generic, TypeVar, get_args

import msgspec


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """A fact, or a request, that processes tell each other. An app's own: `class TickEvent(Event, ..., tag="app.tick")`.

    Attributes:
        retained_by: None if late joiners do not get this event; otherwise the name of the field that tells
            apart what is retained (one last event for each value), or "" for one last event of the topic.
    """

    retained_by: ClassVar[str | None] = None


ReplyT = TypeVar("ReplyT", bound=Event)


class Request(Event, Generic[ReplyT], frozen=True, kw_only=True):
    """An event that asks for exactly one answer, of the type that it declares: `class AskEvent(Request[AnswerEvent], ...)`."""


def topic_of(event: Event | type[Event] | dict[str, Any]) -> str:
    """Topic of an event or of an event type.

    Raises:
        TypeError: it has none.
    """
    topic = event.get("type") if isinstance(event, dict) else event.__struct_config__.tag
    if not isinstance(topic, str):
        raise TypeError(f"an event names its topic, as its tag or under the key 'type'; found {topic!r}")
    return topic


def retained_key_of(event: Event | dict[str, Any]) -> str | None:
    """Under which key the broker retains this event; None if it does not."""
    field = None if isinstance(event, dict) else event.retained_by
    if field is None:
        return None
    return str(getattr(event, field)) if field else ""


def reply_type_of(request_type: type[Request[ReplyT]]) -> type[ReplyT]:
    """The reply that a request type declares.

    Raises:
        TypeError: the class does not name its reply as `Request[ReplyEvent]`.
    """
    for base in getattr(request_type, "__orig_bases__", ()):
        for reply in get_args(base):
            if isinstance(reply, type) and issubclass(reply, Event):
                return reply  # type: ignore[return-value]  # the bound of ReplyT is checked, its binding cannot be
    raise TypeError(f"{request_type.__name__} declares no reply; derive it from Request[SomeReplyEvent]")
