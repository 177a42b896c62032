"""An actor's start is rehearsed once before anything is forked, on a bus without sockets.

What Python notes while code runs for the first time (specialised instructions, caches of types, decoders,
patterns) is then shared by all that are forked, instead of being written by each of them into a copy of its
own.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Final

import msgspec

from actors.runtime.child_main import ActorStart, StartMessage
from bus.actor import Actor
from bus.actor_loop import ActorLoop
from bus.discovery import Runtime
from bus.lifeline import Lifeline, Message, Stop, encode
from bus.log_handler import logging_to, redactor_of_this_machine
from bus.transport.memory_bus import memory_bus
from schemas.operations.supervision import SupervisorStoppingEvent

NAME: Final = "rehearsal"
LIMIT_SECONDS: Final = 1.0
"""A rehearsal takes some ten milliseconds; whatever could hold it up must not hold up the runtime."""

MODELS: Final = "pydantic"
START: Final = ActorStart(
    name=NAME,
    entry="",
    path="",
    profile="",
    locations={},
    runtime=Runtime(app="", pid=0, started_at=0.0, lane="", feed="", token=""),
)


class Understudy(Actor[SupervisorStoppingEvent]):
    """Publishes one event, hears it, and has itself stopped."""

    def __init__(self, stop: Callable[[], object]) -> None:
        self.heard: list[SupervisorStoppingEvent] = []
        self._stop = stop

    async def prepare(self) -> None:
        """Say something."""
        await self.peer.publish(SupervisorStoppingEvent(reason=NAME))

    async def handle(self, event: SupervisorStoppingEvent) -> None:
        """Hear it."""
        self.heard.append(event)
        self._stop()


def rehearse(modules: Iterable[str] = (), places: Mapping[str, str] | None = None) -> None:
    """Go through a start. Leaves no thread, no descriptor and no ZeroMQ context; if it fails, actors start all the same.

    Args:
        modules: what is preloaded; models are built if pydantic is among it.
        places: directories that the logs of the actors will name by their category.
    """
    try:
        with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
            runner.run(_perform(places))
        _read_inboxes()
        if any(name.partition(".")[0] == MODELS for name in modules):
            _build_models()
    except (
        Exception
    ) as error:  # nobody depends on it; what is wrong will show in the actors, and be told in full
        sys.stderr.write(f"rehearsal: {error!r}\n")


async def _perform(places: Mapping[str, str] | None) -> Understudy:
    """One life of an actor, from its start message until it is told to stop."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        lifeline = Lifeline(theirs.fileno(), theirs.fileno())
        ours.sendall(encode(Message(start=msgspec.to_builtins(START))))
        start = msgspec.convert(lifeline.wait_start(), StartMessage)
        redactor = redactor_of_this_machine(b"", places=places)
        async with (
            asyncio.timeout(LIMIT_SECONDS),
            memory_bus() as bus,
            bus.connect(start.name) as peer,
            logging_to(peer, redactor),
        ):
            actor = Understudy(lambda: ours.sendall(encode(Message(ping=1)) + encode(Message(stop=Stop()))))
            await ActorLoop(actor, peer).run(lifeline)
    return actor


def _read_inboxes() -> None:
    """Have msgspec note what the events look like that the actors hear; it does so when somebody first wants to read one."""
    for actor in Actor.__subclasses__():
        for event in actor.inbox:
            msgspec.msgpack.Decoder(event)


def _build_models() -> None:
    """Have pydantic import and remember what it needs for a model; it does so only when one is built, and two actors build some."""
    from typing import Any, Literal

    from pydantic import BaseModel, ConfigDict, Field, create_model

    strict, choice = ConfigDict(extra="forbid"), Literal["one", "two"]
    fields: dict[str, Any] = {"choice": (choice, "one")}
    part = create_model(
        "Part",
        __config__=strict,
        number=(int, Field(1, ge=0, le=3, description=NAME)),
        share=(float, 0.5),
        switch=(bool, True),
        names=(list[str], Field(default_factory=list)),
        **fields,
    )
    whole: type[BaseModel] = create_model(
        "Whole", __config__=strict, part=(part, Field(default_factory=part))
    )
    whole.model_validate({"part": {"number": 2}}).model_dump()
