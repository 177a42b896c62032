"""Stands in for a connection to the bus where a test needs no other actor: answers requests by functions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, cast

from bus.client import Peer
from bus.errors import RequestFailed
from schemas.event import Event, Request

EventT = TypeVar("EventT", bound=Event)


class ScriptedPeer:
    """Keeps what is published.

    Attributes:
        published: every event, in order.
        asked: every request, in order.
    """

    def __init__(self) -> None:
        self.published: list[Any] = []
        self.asked: list[Any] = []
        self._answers: dict[type[Event], Callable[[Any], Awaitable[Event]]] = {}

    @property
    def as_peer(self) -> Peer:
        """For those that take the real one."""
        return cast(Peer, self)

    def answer(self, kind: type[Request[Any]], work: Callable[[Any], Awaitable[Event]]) -> None:
        """Answer requests of a kind by a function, which may raise RequestFailed."""
        self._answers[kind] = work

    def published_of(self, kind: type[EventT]) -> list[EventT]:
        """The published events of a type."""
        return [event for event in self.published if isinstance(event, kind)]

    async def publish(self, event: Event) -> None:
        self.published.append(event)

    async def request(self, request: Request[Any], *, timeout_seconds: float = 5.0) -> Event:
        self.asked.append(request)
        work = self._answers.get(type(request))
        if work is None:
            raise RequestFailed("no_responder", "nobody serves it in this test", type(request).__name__)
        return await work(request)
