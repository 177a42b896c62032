"""ModelLeases: a model in use is not changed, whoever changes it waits and is told for whom, and leases outlive the downloader."""

from __future__ import annotations

import asyncio
import pickle
from pathlib import Path

import anyio.lowlevel
import pytest

from actors.model_downloader.lease_book import ABSENCE_SECONDS, LEASES_NAME
from actors.model_downloader.model_leases import Held, ModelLeases
from actors.model_downloader.staging.models_layout import ModelsLayout
from bus.errors import Refused
from schemas.leases import Lease, ModelLeaseRequestEvent

pytestmark = pytest.mark.anyio


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def ask(instance: str = "", holder: str = "engine", ttl: float = 60.0) -> ModelLeaseRequestEvent:
    return ModelLeaseRequestEvent(model_id="m", holder=holder, instance=instance, ttl_seconds=ttl)


def v1() -> str:
    return "v1"


async def test_lease_is_durable_when_it_is_given_and_survives_the_downloader(tmp_path: Path) -> None:
    lease = await ModelLeases(ModelsLayout(tmp_path)).lease(ask("i"), v1)
    assert lease.revision == "v1"
    again = ModelLeases(ModelsLayout(tmp_path))
    assert again.load() is None
    assert again.holders("m") == ["engine"]
    assert await again.release("m", lease.lease_id)
    assert not (tmp_path / LEASES_NAME).exists()


async def test_model_that_is_not_installed_is_not_leased(tmp_path: Path) -> None:
    def absent() -> str:
        raise Refused("m: is not installed")

    holding = ModelLeases(ModelsLayout(tmp_path))
    with pytest.raises(Refused, match="not installed"):
        await holding.lease(ask(), absent)
    assert holding.holders("m") == []


async def test_lease_that_cannot_be_made_durable_is_not_given(tmp_path: Path) -> None:
    holding = ModelLeases(ModelsLayout(tmp_path / "missing"))
    with pytest.raises(Refused, match="could not be made durable"):
        await holding.lease(ask(), v1)
    assert holding.holders("m") == []


async def test_whoever_does_not_wait_is_told_who_holds_it(tmp_path: Path) -> None:
    holding = ModelLeases(ModelsLayout(tmp_path))
    async with holding.alone("m", wait_seconds=0):
        pass
    await holding.lease(ask(), v1)
    with pytest.raises(Held, match="m: held by engine") as caught:
        async with holding.alone("m", wait_seconds=0):
            raise AssertionError("it is held")
    assert caught.value.holders == ["engine"]
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


async def test_whoever_waits_goes_on_when_the_last_lease_ends_and_is_told_for_whom_it_waits(
    tmp_path: Path,
) -> None:
    holding, entered = ModelLeases(ModelsLayout(tmp_path)), asyncio.Event()
    told: list[list[str]] = []
    first = await holding.lease(ask(), v1)
    second = await holding.lease(ask(holder="viewer"), v1)

    async def tell(holders: list[str]) -> None:
        told.append(holders)

    async def change() -> None:
        async with holding.alone("m", tell):
            entered.set()

    task = asyncio.create_task(change())
    while told != [["engine", "viewer"]]:
        await asyncio.sleep(0)
    await holding.release("m", first.lease_id)
    while told[1:] != [["viewer"]]:
        await asyncio.sleep(0)
    assert not entered.is_set()
    await holding.release("m", second.lease_id)
    async with asyncio.timeout(10):
        await task


async def test_nobody_is_given_a_lease_while_a_model_is_changed(tmp_path: Path) -> None:
    holding, revision = ModelLeases(ModelsLayout(tmp_path)), "v1"
    async with holding.alone("m"):
        waiting = asyncio.create_task(holding.lease(ask(), lambda: revision))
        for _ in range(5):
            await anyio.lowlevel.checkpoint()
        assert not waiting.done()
        revision = "v2"
    assert (await waiting).revision == "v2"


async def test_waiting_ends_with_its_deadline(tmp_path: Path) -> None:
    holding = ModelLeases(ModelsLayout(tmp_path))
    await holding.lease(ask(), v1)
    with pytest.raises(Held):
        async with holding.alone("m", wait_seconds=0.02):
            raise AssertionError("it is held")


async def test_leases_of_those_who_are_gone_end_and_whoever_waits_goes_on(tmp_path: Path) -> None:
    clock, there = Clock(), {"i"}
    ended: list[str] = []

    async def instances() -> frozenset[str]:
        return frozenset(there)

    async def told(leases: list[Lease]) -> None:
        ended.extend(lease.holder for lease in leases)

    holding = ModelLeases(ModelsLayout(tmp_path), instances, clock)
    await holding.lease(ask("i", holder="bound"), v1)
    await holding.lease(ask(holder="timed", ttl=5), v1)
    assert await holding.look() == []
    clock.now += 5
    assert [lease.holder for lease in await holding.look()] == ["timed"]
    there.clear()
    assert await holding.look() == []
    clock.now += ABSENCE_SECONDS
    looking = asyncio.create_task(holding.keep_looking(told))
    async with asyncio.timeout(10):
        async with holding.alone("m"):
            pass
    looking.cancel()
    assert ended == ["bound"]


async def test_farewell_of_a_peer_ends_its_leases_at_once(tmp_path: Path) -> None:
    holding = ModelLeases(ModelsLayout(tmp_path))
    await holding.lease(ask("i"), v1)
    assert await holding.peer_left("i", said_bye=False) == []
    assert len(await holding.peer_left("i", said_bye=True)) == 1
    assert holding.holders("m") == []


async def test_without_news_of_who_is_there_no_lease_ends(tmp_path: Path) -> None:
    clock = Clock()
    holding = ModelLeases(ModelsLayout(tmp_path), now=clock)
    await holding.lease(ask("i"), v1)
    clock.now += 10 * ABSENCE_SECONDS
    assert await holding.look() == []
