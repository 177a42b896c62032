"""What the runtime tells while the tour goes on, kept so that a step can wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from bus.client import GapEvent, Peer
from schemas.models import (
    ModelDownloadProgressedEvent,
    ModelInstalledEvent,
    ModelStateChangedEvent,
    ModelStatus,
    ModelVerifiedEvent,
)
from schemas.operations.supervision import ActorStateChangedEvent, ActorStatus
from schemas.readiness import ReadinessChangedEvent, ReadinessState

HEARD = (
    ActorStateChangedEvent,
    ModelDownloadProgressedEvent,
    ModelStateChangedEvent,
    ModelVerifiedEvent,
    ModelInstalledEvent,
    ReadinessChangedEvent,
)


class Chronicle:
    """The newest word on every actor and model.

    Attributes:
        actors, models: status by name and id.
        verified: ids of models whose files were found to keep their promise.
        installed: the last word of each install, by id.
        readiness: the states that the app was said to be in, each change once.
    """

    def __init__(self, on_progress: Callable[[ModelDownloadProgressedEvent], None]) -> None:
        self.actors: dict[str, ActorStatus] = {}
        self.models: dict[str, ModelStatus] = {}
        self.durable_bytes: dict[str, int] = {}
        self.verified: set[str] = set()
        self.installed: dict[str, ModelInstalledEvent] = {}
        self.readiness: list[ReadinessState] = []
        self._on_progress = on_progress
        self._news = asyncio.Condition()

    async def follow(self, peer: Peer, began: asyncio.Event) -> None:
        """Take in what is told, until cancelled; `began` is set once nothing can be missed any more."""
        async with peer.subscribe(*HEARD) as events:
            began.set()
            async for event in events:
                self._note(event)
                async with self._news:
                    self._news.notify_all()

    async def until(self, what: Callable[[], bool]) -> None:
        """Wait until something is so; it is looked at whenever there is news."""
        async with self._news:
            await self._news.wait_for(what)

    def is_ready(self, actor: str, *, not_pid: int | None = None) -> bool:
        """Whether an actor serves, in another process than the one named."""
        status = self.actors.get(actor)
        return status is not None and status.state == "ready" and status.pid != not_pid

    def _note(self, event: object) -> None:
        match event:
            case ActorStateChangedEvent():
                self.actors[event.actor] = event.status
            case ModelStateChangedEvent():
                self.models[event.model_id] = event.status
            case ModelDownloadProgressedEvent():
                self.durable_bytes[event.model_id] = event.durable_bytes
                self._on_progress(event)
            case ModelVerifiedEvent():
                self.verified.add(event.model_id)
            case ModelInstalledEvent():
                self.installed[event.model_id] = event
            case ReadinessChangedEvent():
                if self.readiness[-1:] != [event.snapshot.state]:
                    self.readiness.append(event.snapshot.state)
            case GapEvent():
                pass  # the retained state of actors and models is told again
            case _:
                raise AssertionError(f"not subscribed to: {event!r}")
