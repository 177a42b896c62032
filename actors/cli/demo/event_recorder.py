"""Records what the runtime publishes during the tour, so that a step can wait for it."""

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


class EventRecorder:
    """The latest of every actor and model.

    Attributes:
        actors: status by name.
        models: status by id.
        durable_bytes: by id of the model.
        verified: ids of models whose files keep their promise.
        installed: the event of each finished install, by id.
        readiness: the states of the app, each change once.
    """

    def __init__(self, on_progress: Callable[[ModelDownloadProgressedEvent], None]) -> None:
        self.actors: dict[str, ActorStatus] = {}
        self.models: dict[str, ModelStatus] = {}
        self.durable_bytes: dict[str, int] = {}
        self.verified: set[str] = set()
        self.installed: dict[str, ModelInstalledEvent] = {}
        self.readiness: list[ReadinessState] = []
        self._on_progress = on_progress
        self._changed = asyncio.Condition()

    async def follow(self, peer: Peer, began: asyncio.Event) -> None:
        """Record until cancelled; sets `began` once nothing can be missed."""
        async with peer.subscribe(*HEARD) as events:
            began.set()
            async for event in events:
                self._record(event)
                async with self._changed:
                    self._changed.notify_all()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until the condition holds; it is checked after each event."""
        async with self._changed:
            await self._changed.wait_for(condition)

    def is_ready(self, actor: str, *, not_pid: int | None = None) -> bool:
        """Whether an actor is ready, in another process than `not_pid`."""
        status = self.actors.get(actor)
        return status is not None and status.state == "ready" and status.pid != not_pid

    def _record(self, event: object) -> None:
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
                pass  # the retained states of actors and models come again
            case _:
                raise AssertionError(f"not subscribed to: {event!r}")
