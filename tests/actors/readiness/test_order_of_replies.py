"""Whatever order replies and events arrive in, readiness ends with the states that their owner has.

The transport of readiness is the test: it holds what the lane and the feed bring, and lets one message of
either through at a time.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import AsyncExitStack
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors.readiness.actor import Readiness
from bus import wire
from bus.actor import BusContext
from bus.actor_loop import ActorLoop
from bus.broker.memory_bus import TOKEN, MemoryBus, memory_bus
from bus.client import IncomingRequest, Peer, attach
from bus.peer.feed import follower
from bus.transport.memory_transport import MemoryTransport
from schemas.models import ModelsListedEvent, ModelsListRequestEvent, ModelState, ModelStateChangedEvent
from tests.support.readiness_lab import DECLARED, WORDS, status

GUARD_SECONDS = 20.0
QUIET_TURNS = 200
STATES: tuple[ModelState, ...] = ("absent", "downloading", "verifying", "installed")


class HeldTransport(MemoryTransport):
    """Keeps what each socket brings until the test lets it through. Each keeps its own order."""

    def __init__(self, bus: MemoryBus) -> None:
        super().__init__(bus)
        self.lane: deque[list[bytes]] = deque()
        self.feed: deque[list[bytes]] = deque()
        self.is_open = True

    def deliver_lane(self, frames: list[bytes]) -> None:
        if self.is_open:
            super().deliver_lane(frames)
        else:
            self.lane.append(frames)

    def deliver_feed(self, frames: list[bytes]) -> None:
        if self.is_open:
            super().deliver_feed(frames)
        else:
            self.feed.append(frames)

    def reconnect(self) -> None:
        self.lane.clear()  # what was on its way is gone with the connection
        super().reconnect()

    def let_lane(self) -> None:
        if self.lane:
            super().deliver_lane(self.lane.popleft())

    def let_feed(self, *, is_lost: bool = False) -> None:
        if self.feed:
            frames = self.feed.popleft()
            if not is_lost or frames[0] == wire.HEARTBEAT_TOPIC:
                super().deliver_feed(frames)

    def hold(self) -> None:
        self.is_open = False

    def release(self) -> None:
        self.is_open = True
        while self.lane:
            self.let_lane()
        while self.feed:
            self.let_feed()


class Owner:
    """The owner of the models: publishes each change, and answers at once, or when it is told to."""

    def __init__(self, peer: Peer, states: dict[str, ModelState]) -> None:
        self.peer = peer
        self.states = states
        self.waiting: deque[tuple[IncomingRequest, ModelsListedEvent]] = deque()
        self.is_slow = False

    async def serve(self) -> None:
        await self.peer.serve([ModelsListRequestEvent], self._asked)

    def change(self, model_id: str, state: ModelState) -> None:
        self.states[model_id] = state
        self.peer.post(ModelStateChangedEvent(model_id=model_id, status=status(model_id, state)))

    def _asked(self, request: IncomingRequest) -> None:
        listed = ModelsListedEvent(
            models=[status(*known) for known in self.states.items()], models_directory="/models"
        )
        if self.is_slow:
            self.waiting.append((request, listed))
        else:
            request.reply(listed)

    def answer(self) -> None:
        """Send an answer that was made when its request came, whatever happened since."""
        if self.waiting:
            request, listed = self.waiting.popleft()
            request.reply(listed)


class Stage:
    """Readiness behind its transport, and the owner of the models, whose lives follow each other."""

    def __init__(self, bus: MemoryBus, stack: AsyncExitStack) -> None:
        self.bus = bus
        self.stack = stack
        self.transport = HeldTransport(bus)
        self.owner: Owner
        self.actor: Readiness
        self._end_of_owner: Callable[[], object] = lambda: None

    async def begin(self) -> None:
        await self.new_owner({"base": "absent", "chat": "absent"})
        peer = await self.stack.enter_async_context(attach(self.transport, "readiness", TOKEN))

        def build(context: BusContext) -> Readiness:
            self.actor = Readiness(context, DECLARED, WORDS)
            return self.actor

        loop = ActorLoop(build, peer)
        running = asyncio.ensure_future(loop.run())
        await loop.wait_until_ready()

        async def end() -> None:
            loop.stop()
            await running

        self.stack.push_async_callback(end)
        while self.found() != self.owner.states:
            await asyncio.sleep(0)

    async def new_owner(self, states: dict[str, ModelState]) -> None:
        """A new life of the owner, which finds these states and publishes nothing about them."""
        self._end_of_owner()
        peer = await self.stack.enter_async_context(self.bus.connect("model_downloader"))
        self._end_of_owner = peer.close
        self.owner = Owner(peer, states)
        await self.owner.serve()

    def found(self) -> dict[str, ModelState]:
        return {model_id: known.state for model_id, known in self.actor._facts.models.items()}

    async def settle(self) -> None:
        """Let everything through, and wait until nothing changes any more."""
        self.owner.is_slow = False
        while self.owner.waiting:
            self.owner.answer()
        self.transport.release()
        async with asyncio.timeout(GUARD_SECONDS):
            quiet = 0
            while quiet < QUIET_TURNS:
                await asyncio.sleep(0)
                quiet = quiet + 1 if self.found() == self.owner.states else 0


async def play(steps: list[tuple[str, str, ModelState]]) -> None:
    async with asyncio.timeout(GUARD_SECONDS), memory_bus() as bus, AsyncExitStack() as stack:
        stage = Stage(bus, stack)
        await stage.begin()
        stage.transport.hold()
        for step, model_id, state in steps:
            match step:
                case "change":
                    stage.owner.change(model_id, state)
                case "lane":
                    stage.transport.let_lane()
                case "feed":
                    stage.transport.let_feed()
                case "lose":
                    stage.transport.let_feed(is_lost=True)
                case "list":
                    assert stage.actor._models is not None
                    stage.actor._models.ask_again()
                case "slow":
                    stage.owner.is_slow = not stage.owner.is_slow
                case "answer":
                    stage.owner.answer()
                case "restart owner":
                    await stage.new_owner({**stage.owner.states, model_id: state})
                case "restart broker":
                    bus.restart()
                case _:
                    pass
            for _ in range(6):
                await asyncio.sleep(0)
        await stage.settle()


def run(steps: list[tuple[str, str, ModelState]]) -> None:
    with mock.patch.object(follower, "PAUSES_SECONDS", (0.0,)), asyncio.Runner() as runner:
        runner.run(play(steps))


@pytest.mark.requirement("S1-25")
def test_installed_over_the_feed_before_the_list_that_says_verifying_ends_installed() -> None:
    """The fault of a busy start: the app showed `checking` for ever, although everything was installed."""
    run(
        [
            ("change", "base", "verifying"),
            ("slow", "", "absent"),
            ("list", "", "absent"),
            ("change", "base", "installed"),
            *[("feed", "", "absent")] * 20,
            ("answer", "", "absent"),
            *[("lane", "", "absent")] * 20,
        ]  # type: ignore[list-item]  # the states are literals
    )


@pytest.mark.requirement("S1-25")
def test_what_a_broker_sent_that_the_lane_never_met_is_over_although_the_lane_answered_for_the_feed() -> None:
    """Two restarts while the feed is not read; the answer about its numbers is from the last broker."""
    run(
        [
            ("change", "chat", "installed"),
            ("restart broker", "", "absent"),
            ("change", "chat", "installed"),
            ("restart broker", "", "absent"),
            ("change", "chat", "verifying"),
            ("lane", "", "absent"),
        ]
    )


STEPS = st.sampled_from(
    ["change"] * 4
    + ["lane"] * 4
    + ["feed"] * 4
    + ["list"] * 2
    + ["slow", "answer", "answer", "lose", "restart owner", "restart broker"]
)


@pytest.mark.requirement("S1-25")
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(STEPS, st.sampled_from(["base", "chat"]), st.sampled_from(STATES)), max_size=40))
def test_in_any_interleaving_readiness_ends_with_the_states_of_the_owner(
    steps: list[tuple[str, str, ModelState]],
) -> None:
    """Early and late answers, losses, and new lives of the owner and of the broker."""
    run(steps)
