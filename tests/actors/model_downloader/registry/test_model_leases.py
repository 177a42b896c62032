"""A model in use is not changed, changes wait and know for whom, and leases outlive the downloader."""

from __future__ import annotations

import asyncio
import errno
import pickle
from pathlib import Path
from typing import Any

import anyio.lowlevel
import msgspec
import pytest

from actors.model_downloader.registry.lease_book import ABSENCE_SECONDS, LEASES_NAME, LeaseBook, LeaseFile
from actors.model_downloader.registry.model_leases import ModelHeld, ModelLeases
from actors.model_downloader.staging.models_layout import ModelsLayout
from bus.errors import Refused
from schemas.leases import ModelLeaseRequestEvent
from schemas.operations.bus import BusStatisticsEvent, BusStatisticsRequestEvent, PeerStatistics
from tests.support.scripted_peer import ScriptedPeer

pytestmark = pytest.mark.anyio


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def ask(instance: str = "", holder: str = "engine", ttl: float = 60.0) -> ModelLeaseRequestEvent:
    return ModelLeaseRequestEvent(model_id="m", holder=holder, instance=instance, ttl_seconds=ttl)


async def v1() -> str:
    return "v1"


def bus_statistics(*instances: str) -> BusStatisticsEvent:
    """What the broker says when these peers are on the bus."""
    peers = [PeerStatistics(peer="p", instance=one, in_hand=0, serves=[]) for one in instances]
    numbers = dict.fromkeys(("sequence", "messages", "duplicates", "requests", "undeliverable"), 0)
    sizes = dict.fromkeys(("ring_events", "ring_bytes", "retained_keys", "retained_bytes"), 0)
    return BusStatisticsEvent(
        epoch="e",
        uptime_seconds=0.0,
        refused={},
        pending_requests=0,
        peers=peers,
        topics={},
        **numbers,
        **sizes,
    )


def leases_in(directory: Path, **more: Any) -> ModelLeases:
    """The leases of a directory; nobody says who is on the bus."""
    return ModelLeases(ModelsLayout(directory), more.pop("bus", ScriptedPeer()).as_peer, **more)


async def test_lease_is_durable_when_it_is_given_and_survives_the_downloader(tmp_path: Path) -> None:
    lease = await leases_in(tmp_path).lease(ask("i"), v1)
    assert lease.revision == "v1"
    again = leases_in(tmp_path)
    await again.load()
    assert again.holders("m") == ["engine"]
    assert await again.release("m", lease.lease_id)
    assert not (tmp_path / LEASES_NAME).exists()


async def test_model_that_is_not_installed_is_not_leased(tmp_path: Path) -> None:
    async def absent() -> str:
        raise Refused("m: is not installed")

    leases = leases_in(tmp_path)
    with pytest.raises(Refused, match="not installed"):
        await leases.lease(ask(), absent)
    assert leases.holders("m") == []


async def test_lease_that_cannot_be_made_durable_is_not_given(tmp_path: Path) -> None:
    leases = leases_in(tmp_path / "missing")
    with pytest.raises(Refused, match="could not be made durable"):
        await leases.lease(ask(), v1)
    assert leases.holders("m") == []


async def test_a_lease_that_could_not_be_renewed_stands_until_its_own_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leases = leases_in(tmp_path)
    lease = await leases.lease(ask(ttl=100.0), v1)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    renewal = msgspec.structs.replace(ask(ttl=900.0), lease_id=lease.lease_id)
    with monkeypatch.context() as patched:
        patched.setattr(LeaseFile, "write", full)
        with pytest.raises(Refused, match="could not be made durable"):
            await leases.lease(renewal, v1)
    assert leases.holders("m") == ["engine"]
    monkeypatch.setattr(LeaseBook, "is_full", True)
    assert (await leases.lease(renewal, v1)).lease_id == lease.lease_id, "it takes no place of another"


async def test_whoever_does_not_wait_is_told_who_holds_it(tmp_path: Path) -> None:
    leases = leases_in(tmp_path)
    async with leases.exclusive("m", wait_seconds=0):
        pass
    await leases.lease(ask(), v1)
    with pytest.raises(ModelHeld, match="m: held by engine") as caught:
        async with leases.exclusive("m", wait_seconds=0):
            raise AssertionError("it is held")
    assert caught.value.holders == ("engine",)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


async def test_whoever_waits_goes_on_when_the_last_lease_ends_and_is_told_for_whom_it_waits(
    tmp_path: Path,
) -> None:
    leases, entered = leases_in(tmp_path), asyncio.Event()
    told: list[list[str]] = []
    first = await leases.lease(ask(), v1)
    second = await leases.lease(ask(holder="viewer"), v1)

    async def tell(holders: list[str]) -> None:
        told.append(holders)

    async def change() -> None:
        async with leases.exclusive("m", tell):
            entered.set()

    task = asyncio.create_task(change())
    while told != [["engine", "viewer"]]:
        await asyncio.sleep(0)
    await leases.release("m", first.lease_id)
    while told[1:] != [["viewer"]]:
        await asyncio.sleep(0)
    assert not entered.is_set()
    await leases.release("m", second.lease_id)
    async with asyncio.timeout(10):
        await task


async def test_nobody_is_given_a_lease_while_a_model_is_changed(tmp_path: Path) -> None:
    leases, revision = leases_in(tmp_path), "v1"

    async def active() -> str:
        return revision

    async with leases.exclusive("m"):
        waiting = asyncio.create_task(leases.lease(ask(), active))
        for _ in range(5):
            await anyio.lowlevel.checkpoint()
        assert not waiting.done()
        revision = "v2"
    assert (await waiting).revision == "v2"


async def test_waiting_ends_with_its_deadline(tmp_path: Path) -> None:
    leases = leases_in(tmp_path)
    await leases.lease(ask(), v1)
    with pytest.raises(ModelHeld):
        async with leases.exclusive("m", wait_seconds=0.02):
            raise AssertionError("it is held")


async def test_leases_of_those_who_are_gone_end_and_whoever_waits_goes_on(tmp_path: Path) -> None:
    clock, there, bus = Clock(), {"i"}, ScriptedPeer()
    ended: list[str] = []

    async def statistics(request: BusStatisticsRequestEvent) -> BusStatisticsEvent:
        return bus_statistics(*there)

    async def watch() -> None:
        while True:
            ended.extend(lease.holder for lease in await leases.next_ended())

    bus.answer(BusStatisticsRequestEvent, statistics)
    leases = leases_in(tmp_path, bus=bus, now=clock)
    await leases.lease(ask("i", holder="bound"), v1)
    await leases.lease(ask(holder="timed", ttl=5), v1)
    assert await leases.look() == []
    clock.now += 5
    assert [lease.holder for lease in await leases.look()] == ["timed"]
    there.clear()
    assert await leases.look() == []
    clock.now += ABSENCE_SECONDS
    looking = asyncio.create_task(watch())
    async with asyncio.timeout(10):
        async with leases.exclusive("m"):
            pass
        while not ended:
            await asyncio.sleep(0)
    looking.cancel()
    assert ended == ["bound"]


async def test_farewell_of_a_peer_ends_its_leases_at_once(tmp_path: Path) -> None:
    leases = leases_in(tmp_path)
    await leases.lease(ask("i"), v1)
    assert await leases.peer_left("i", said_bye=False) == []
    assert len(await leases.peer_left("i", said_bye=True)) == 1
    assert leases.holders("m") == []


async def test_without_news_of_who_is_there_no_lease_ends(tmp_path: Path) -> None:
    clock = Clock()
    leases = leases_in(tmp_path, now=clock)
    await leases.lease(ask("i"), v1)
    clock.now += 10 * ABSENCE_SECONDS
    assert await leases.look() == []
