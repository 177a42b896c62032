"""Runs one start of an actor before anything is forked, on a bus without sockets.

When code runs for the first time, Python specialises instructions and fills caches of types, decoders and
patterns. Done here, all forked processes share the result; otherwise each writes a copy of its own.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Final

import msgspec

from actors.runtime.child_main import ActorStart, StartMessage
from bus.actor import Actor, BusContext
from bus.actor_loop import ActorLoop
from bus.broker.memory_bus import memory_bus
from bus.discovery import Runtime
from bus.error_words import in_words
from bus.lifeline import Lifeline, LifelineMessage, StopMessage, encode
from bus.telemetry.log_handler import logging_to, redactor_of_this_machine
from schemas.operations.supervision import SupervisorStoppingEvent

NAME: Final = "warmup"
LIMIT_SECONDS: Final = 1.0
"""It takes about ten milliseconds. Whatever delays it must not delay the runtime."""

MODELS: Final = "pydantic"
START: Final = ActorStart(
    name=NAME,
    entry="",
    path="",
    profile="",
    locations={},
    runtime=Runtime(app="", pid=0, started_at=0.0, lane="", feed="", token=""),
)


class WarmupActor(Actor[SupervisorStoppingEvent]):
    """Publishes one event, hears it, and stops."""

    def __init__(self, context: BusContext, stop: Callable[[], object]) -> None:
        super().__init__(context)
        self.heard: list[SupervisorStoppingEvent] = []
        self._stop = stop

    async def prepare(self) -> None:
        """Publish the event."""
        await self.peer.publish(SupervisorStoppingEvent(reason=NAME))

    async def handle(self, event: SupervisorStoppingEvent) -> None:
        """Hear the event."""
        self.heard.append(event)
        self._stop()


def warm_up(modules: Iterable[str] = (), places: Mapping[str, str] | None = None) -> None:
    """Run through a start. If that fails, actors start all the same.

    Leaves no thread, descriptor or ZeroMQ context behind.

    Args:
        modules: what is preloaded; models are built if pydantic is among it.
        places: directories that the logs of actors name by their category.
    """
    try:
        with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
            runner.run(_run_one_life(places))
        _read_inboxes()
        if any(name.partition(".")[0] == MODELS for name in modules):
            _build_models()
    except Exception as error:  # nobody depends on it; the actors will report what is wrong in full
        sys.stderr.write(f"{NAME}: {in_words(error)}\n")


async def _run_one_life(places: Mapping[str, str] | None) -> WarmupActor:
    """Run an actor from its start message until it is told to stop."""
    built: list[WarmupActor] = []
    ours, theirs = socket.socketpair()

    def stop() -> None:
        ours.sendall(encode(LifelineMessage(ping=1)) + encode(LifelineMessage(stop=StopMessage())))

    def build(context: BusContext) -> WarmupActor:
        built.append(WarmupActor(context, stop))
        return built[-1]

    with ours, theirs:
        lifeline = Lifeline(theirs.fileno(), theirs.fileno())
        ours.sendall(encode(LifelineMessage(start=msgspec.to_builtins(START))))
        start = msgspec.convert(lifeline.wait_start(), StartMessage)
        redactor = redactor_of_this_machine(b"", places=places)
        async with (
            asyncio.timeout(LIMIT_SECONDS),
            memory_bus() as bus,
            bus.connect(start.name) as peer,
            logging_to(peer, redactor),
        ):
            await ActorLoop(build, peer).run(lifeline)
    return built[-1]


def _read_inboxes() -> None:
    """Have msgspec prepare the decoders of all inboxes, which it otherwise does for the first event."""
    for actor in Actor.__subclasses__():
        for event in actor.inbox:
            msgspec.msgpack.Decoder(event)


def _build_models() -> None:
    """Have pydantic import and cache what models need, which it does only when one is built."""
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
