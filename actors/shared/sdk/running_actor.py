"""Runs one actor as its process would, on a bus in memory: for the tests of an app's own actors."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final, Generic, Protocol, TypeVar, overload

import anyio

from actors.shared.context import ActorContext
from actors.shared.locations.locations import locate
from actors.shared.profile.profile import Profile, read_profile
from bus.actor import Actor, BusContext
from bus.actor_loop import ActorLoop
from bus.broker.memory_bus import MemoryBus, memory_bus
from bus.client import REQUEST_TIMEOUT_SECONDS, GapEvent, Peer, correlation, unique_name
from bus.peer.feed.subscription import Subscription
from schemas.event import Event, Request

PROFILE_FILE: Final = "profile.toml"
APP: Final = "app"

ActorT = TypeVar("ActorT", bound=Actor[Any])
ReplyT = TypeVar("ReplyT", bound=Event)
FirstT = TypeVar("FirstT", bound=Event)
SecondT = TypeVar("SecondT", bound=Event)


class ObservedLoop(ActorLoop[Any]):
    """An actor loop that tells when the actor has handled an event."""

    def __init__(self, build: Callable[[BusContext], Actor[Any]], peer: Peer) -> None:
        super().__init__(build, peer)
        self._awaited: dict[str, asyncio.Event] = {}

    @contextlib.contextmanager
    def awaiting(self, matter: str) -> Iterator[asyncio.Event]:
        """Set the event of this block once something with this correlation id was handled."""
        self._awaited[matter] = asyncio.Event()
        try:
            yield self._awaited[matter]
        finally:
            del self._awaited[matter]

    async def _react(self, event: Any) -> None:
        await super()._react(event)
        handled = self._awaited.get(correlation.get() or "")
        if handled is not None:
            handled.set()


class RunningActor(Generic[ActorT]):
    """An actor that has prepared itself and serves. Made by `run_actor`.

    Attributes:
        actor: the actor itself.
        context: what it was built from; `context.locations` leads to its files.
        bus: the bus in memory; `bus.connect(name)` makes further peers, such as stand-ins for other actors.
        peer: the connection of the test itself, as an app or a frontend would have it.
    """

    def __init__(
        self,
        actor: ActorT,
        context: ActorContext,
        bus: MemoryBus,
        peer: Peer,
        loop: ObservedLoop,
        has_ended: asyncio.Event,
    ) -> None:
        self.actor = actor
        self.context = context
        self.bus = bus
        self.peer = peer
        self._loop = loop
        self._has_ended = has_ended

    async def request(
        self, event: Request[ReplyT], timeout_seconds: float = REQUEST_TIMEOUT_SECONDS
    ) -> ReplyT:
        """Ask the actor, and return its reply.

        Raises:
            RequestFailed: there is no reply; its `kind` says why.
        """
        return await self.peer.request(event, timeout_seconds)

    async def publish(self, event: Event, timeout_seconds: float = REQUEST_TIMEOUT_SECONDS) -> None:
        """Publish an event, and return once the actor has handled it; at once if its inbox does not name it.

        Raises:
            PublishRefused: the profile does not open this topic.
            TimeoutError: the actor did not handle it in time.
        """
        matter = uuid.uuid4().hex
        former = correlation.set(matter)
        try:
            with self._loop.awaiting(matter) as handled:
                await self.peer.publish(event)
                await self.peer.settled()
                if type(event) in self.actor.inbox:
                    async with asyncio.timeout(timeout_seconds):
                        await handled.wait()
        finally:
            correlation.reset(former)

    @overload
    def subscribe(self, first: type[FirstT], /) -> Subscription[FirstT | GapEvent]: ...
    @overload
    def subscribe(
        self, first: type[FirstT], second: type[SecondT], /
    ) -> Subscription[FirstT | SecondT | GapEvent]: ...
    @overload
    def subscribe(self, *what: type[Event] | str) -> Subscription[Any]: ...
    def subscribe(self, *what: type[Event] | str) -> Subscription[Any]:
        """Watch events: `async with running.subscribe(GreetedEvent) as events: await anext(events)`."""
        return self.peer.subscribe(*what)

    async def stop(self, *, returning: bool = False) -> None:
        """Stop the actor as its supervisor would, and wait until it is closed. So does the end of the block.

        Args:
            returning: the actor will be started again; requests until then fail as `restarting`.
        """
        self._loop.stop(returning=returning)
        await self._has_ended.wait()


@contextlib.asynccontextmanager
async def run_actor(
    build: Callable[[ActorContext], ActorT],
    home: Path,
    *,
    profile: Path | Profile | None = None,
    namespaces: Iterable[str] = (),
    name: str = "actor",
    bus: MemoryBus | None = None,
) -> AsyncIterator[RunningActor[ActorT]]:
    """Run an actor until the end of the block, as its process would. Two runs in one home share their files.

    An exception of the actor ends the block, which raises it.

    Args:
        build: the entry of the actor in `profile.toml`.
        home: a directory for the test; all locations of the actor lie below it.
        profile: the profile of the app, or its directory; None: one that declares only a name.
        namespaces: patterns of topics that the bus lets through besides those of the profile.
        name: of the actor, as in its child spec.
        bus: the bus to join, where stand-ins for other actors may serve already; None: a new one.

    Raises:
        ProfileError: the profile cannot be read.
    """
    declared = profile if isinstance(profile, Profile) else read_profile(profile or _minimal_profile(home))
    locations = locate(declared.name, home)
    built: list[tuple[ActorT, ActorContext]] = []

    def build_from(bus_context: BusContext) -> ActorT:
        context = ActorContext.on(bus_context, name, locations, declared)
        built.append((build(context), context))
        return built[-1][0]

    async with contextlib.AsyncExitStack() as stack:
        stack.enter_context(_single_exceptions())
        if bus is None:
            bus = await stack.enter_async_context(memory_bus([*declared.namespaces, *namespaces]))
        app = await stack.enter_async_context(bus.connect(unique_name(APP)))
        loop = ObservedLoop(build_from, await stack.enter_async_context(bus.connect(name)))
        has_ended = asyncio.Event()

        async def run() -> None:
            await loop.run()
            has_ended.set()

        tasks = await stack.enter_async_context(anyio.create_task_group())
        tasks.start_soon(run)
        await loop.wait_until_ready()
        actor, context = built[-1]
        yield RunningActor(actor, context, bus, app, loop, has_ended)
        loop.stop()


class RunActor(Protocol):
    """The type of the fixture `run_actor`, for annotations."""

    def __call__(
        self,
        build: Callable[[ActorContext], ActorT],
        *,
        profile: Path | Profile | None = None,
        namespaces: Iterable[str] = (),
        name: str = "actor",
        bus: MemoryBus | None = None,
    ) -> contextlib.AbstractAsyncContextManager[RunningActor[ActorT]]:
        """Run an actor in a home below the temporary directory of the test."""
        ...


def _minimal_profile(home: Path) -> Path:
    """Write the smallest profile there is; returns its directory."""
    directory = home / "profile"
    directory.mkdir(parents=True, exist_ok=True)
    (directory / PROFILE_FILE).write_text(f'name = "{APP}"\n', encoding="utf-8")
    return directory


@contextlib.contextmanager
def _single_exceptions() -> Iterator[None]:
    """Raise the exception itself where task groups have wrapped a single one."""
    try:
        yield
    except BaseExceptionGroup as group:
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
            error = error.exceptions[0]
        if error is group:
            raise
        raise error from None
