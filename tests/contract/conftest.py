"""The three buses that are held to one contract."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Final

import pytest

from bus import wire
from bus.broker.memory_bus import TOKEN, MemoryBus
from bus.broker.roster import Roster
from bus.client import Peer, attach, unique_name
from bus.transport.memory_transport import MemoryTransport
from bus.transport.sockets.socket_transport import SocketTransport
from bus.transport.transport import Transport, TransportHandlers
from schemas.operations.bus import BusStatisticsEvent, BusStatisticsRequestEvent
from tests.support.broker_processes import GUARD_SECONDS, BrokerProcess, LossyTransport, broker_options
from tests.support.rosters import credential_of, trusting_roster


class RawPeer:
    """Speaks frames, and may break every rule."""

    def __init__(self, transport: Transport, token: str) -> None:
        self.transport = transport
        self.token = token
        self.connected = asyncio.Event()
        self.lane: asyncio.Queue[list[bytes]] = asyncio.Queue()
        self.feed: asyncio.Queue[list[bytes]] = asyncio.Queue()
        transport.start(
            TransportHandlers(
                self.connected.set, lambda: None, self._lane, self._feed, lambda: None, lambda _: None
            )
        )

    def _lane(self, frames: list[bytes]) -> None:
        self.lane.put_nowait(frames)

    def _feed(self, frames: list[bytes]) -> bool:
        self.feed.put_nowait(frames)
        return True

    def send(self, header: wire.LaneHeader, *body: bytes) -> None:
        self.transport.send(wire.lane_frames(header, *body))

    async def next(self, header_type: type[Any]) -> tuple[Any, list[bytes]]:
        """The next message of this kind; others are passed over."""
        async with asyncio.timeout(GUARD_SECONDS):
            while True:
                frames = await self.lane.get()
                header = wire.read_from_broker(frames)
                if isinstance(header, header_type):
                    return header, frames[2:]

    async def hello(
        self, name: str, instance: str = "instance-of-raw", credential: str | None = None
    ) -> wire.WelcomeHeader:
        await self.connected.wait()
        self.send(wire.HelloHeader(wire.PROTOCOL_VERSION, name, instance, credential or self.token))
        welcome, _ = await self.next(wire.WelcomeHeader)
        assert isinstance(welcome, wire.WelcomeHeader)
        return welcome


NAMED: Final = ("recorder",)
"""Peers that join with a credential of their own, where a test chooses no other roster."""


class ContractBus:
    """A bus of one of three kinds. Peers that its roster names join with their credential."""

    def __init__(
        self,
        token: str,
        make_transport: Callable[[], Transport],
        broker: BrokerProcess | None,
        roster: Roster,
    ) -> None:
        self.token = token
        self.roster = roster
        self.broker = broker
        self.make_transport = make_transport

    def connect(
        self, name: str | None = None, transport: Transport | None = None
    ) -> contextlib.AbstractAsyncContextManager[Peer]:
        name = name or unique_name("peer")
        credential = credential_of(name) if name in self.roster.peers else self.token
        return attach(transport or self.make_transport(), name, credential)

    def lossy(self, drops: Callable[[list[bytes]], bool]) -> LossyTransport:
        return LossyTransport(self.make_transport(), drops)

    @contextlib.asynccontextmanager
    async def raw(self) -> AsyncIterator[RawPeer]:
        raw = RawPeer(self.make_transport(), self.token)
        async with asyncio.timeout(GUARD_SECONDS):
            await raw.connected.wait()
        try:
            yield raw
        finally:
            raw.transport.close()

    async def statistics(self, peer: Peer) -> BusStatisticsEvent:
        return await peer.request(BusStatisticsRequestEvent(), GUARD_SECONDS)


OpenBus = Callable[..., contextlib.AbstractAsyncContextManager[ContractBus]]


@pytest.fixture(params=["memory", "ipc", "tcp"])
def open_bus(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> OpenBus:
    """Opens the bus of this kind; options such as `ring_limit_events` may be given."""
    kind = request.param

    @contextlib.asynccontextmanager
    async def open_it(roster: Roster | None = None, **options: Any) -> AsyncIterator[ContractBus]:
        roster = trusting_roster(*NAMED) if roster is None else roster
        options["roster"] = roster
        async with asyncio.timeout(GUARD_SECONDS):
            if kind == "memory":
                memory = MemoryBus(**options)
                try:
                    yield ContractBus(TOKEN, lambda: MemoryTransport(memory), None, roster)
                finally:
                    memory.close()
                return
            directory: Path = tmp_path_factory.mktemp("b")
            broker = BrokerProcess(broker_options(kind, directory, **options))
            broker.start()
            try:
                yield ContractBus("token", lambda: SocketTransport(broker.runtime()), broker, roster)
            finally:
                assert broker.is_alive(), "the broker did not survive the test"
                assert broker.stop() == 0

    return open_it


@pytest.fixture
async def bus(open_bus: OpenBus) -> AsyncIterator[ContractBus]:
    """A bus as it is by default."""
    async with open_bus() as opened:
        yield opened
