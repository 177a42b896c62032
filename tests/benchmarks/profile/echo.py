"""An app's own actor: says who it is, to whoever asks under `app.<its name>`."""

from __future__ import annotations

import os

from actors.shared.context import ActorContext
from bus.actor import Actor
from bus.client import IncomingRequest
from schemas.event import Event


class WhoEvent(Event, frozen=True, kw_only=True, tag="app.who"):
    """Which process answers."""

    pid: int


class Echo(Actor[WhoEvent]):
    """Answers at once."""

    def __init__(self, name: str) -> None:
        self._name = name

    async def prepare(self) -> None:
        await self.peer.serve([f"app.{self._name}"], self._asked)

    async def handle(self, event: WhoEvent) -> None:
        """Others of its kind are of no interest."""

    def _asked(self, request: IncomingRequest) -> None:
        request.reply(WhoEvent(pid=os.getpid()))


def build(surroundings: ActorContext) -> Actor[WhoEvent]:
    """The actor that the supervisor starts under this name."""
    return Echo(surroundings.name)
