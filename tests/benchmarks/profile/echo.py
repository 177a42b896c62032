"""An app's own actor: says which process it is, to requests of the topic `app.<its name>`."""

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

    def __init__(self, context: ActorContext) -> None:
        super().__init__(context)
        self._name = context.name

    async def prepare(self) -> None:
        await self.peer.serve([f"app.{self._name}"], self._asked)

    async def handle(self, event: WhoEvent) -> None:
        """Ignore the replies of others of its kind."""

    def _asked(self, request: IncomingRequest) -> None:
        request.reply(WhoEvent(pid=os.getpid()))


def build(context: ActorContext) -> Actor[WhoEvent]:
    """The actor that the supervisor starts under this name."""
    return Echo(context)
