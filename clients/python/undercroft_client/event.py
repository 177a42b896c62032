"""The base of every event: an immutable struct whose tag is its topic."""

from __future__ import annotations

from typing import Any, ClassVar, Generic, TypeVar, get_args

import msgspec


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """A fact or a request that processes exchange, such as `class TickEvent(Event, ..., tag="app.tick")`.

    Attributes:
        retained_by: None: late joiners do not get this event. Otherwise the name of a field: the last event
            for each value of it is retained; "": one last event of the topic.
    """

    retained_by: ClassVar[str | None] = None


ReplyT = TypeVar("ReplyT", bound=Event)


class Request(Event, Generic[ReplyT], frozen=True, kw_only=True):
    """An event that asks for one reply, as in `class AskRequestEvent(Request[AnsweredEvent], ...)`."""


def topic_of(event: Event | type[Event] | dict[str, Any]) -> str:
    """The topic of an event or of an event type.

    Raises:
        TypeError: it has none.
    """
    topic = event.get("type") if isinstance(event, dict) else event.__struct_config__.tag
    if not isinstance(topic, str):
        raise TypeError(f"an event names its topic, as its tag or under the key 'type'; found {topic!r}")
    return topic


def retained_key_of(event: Event | dict[str, Any]) -> str | None:
    """The key under which the broker retains this event; None: it does not."""
    field = None if isinstance(event, dict) else event.retained_by
    if field is None:
        return None
    return str(getattr(event, field)) if field else ""


def reply_type_of(request_type: type[Request[ReplyT]]) -> type[ReplyT]:
    """The reply type that a request type declares.

    Raises:
        TypeError: the class does not name its reply as `Request[ReplyEvent]`.
    """
    for base in getattr(request_type, "__orig_bases__", ()):
        for reply in get_args(base):
            if isinstance(reply, type) and issubclass(reply, Event):
                return reply  # type: ignore[return-value]  # the bound of ReplyT is checked, its binding cannot be
    raise TypeError(f"{request_type.__name__} declares no reply; derive it from Request[SomeReplyEvent]")
