"""Events of an imaginary app, for tests of the bus."""

from __future__ import annotations

from typing import ClassVar

from schemas.event import Event, Request


class NumberedEvent(Event, frozen=True, kw_only=True, tag="app.numbered"):
    n: int
    source: str = ""
    filler: bytes = b""


class OtherEvent(Event, frozen=True, kw_only=True, tag="app.other"):
    n: int


class StateEvent(Event, frozen=True, kw_only=True, tag="app.state"):
    retained_by: ClassVar[str | None] = "key"

    key: str
    value: int


class AnswerEvent(Event, frozen=True, kw_only=True, tag="app.answer"):
    text: str
    filler: bytes = b""


class AskEvent(Request[AnswerEvent], frozen=True, kw_only=True, tag="app.ask"):
    text: str
    filler: bytes = b""
