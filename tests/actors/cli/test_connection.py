"""A command waits while an actor restarts, and for nothing else."""

from __future__ import annotations

import asyncio

import pytest

from actors.cli.connection import ask, own_credential
from bus.broker.memory_bus import memory_bus
from bus.errors import RequestFailed
from schemas.config import RuntimeConfigRequestEvent, RuntimeConfigResponseEvent

pytestmark = pytest.mark.anyio
GET = RuntimeConfigRequestEvent(operation="get_effective")


@pytest.mark.parametrize(
    ("environ", "own"),
    [
        ({}, (None, None)),
        ({"UNDERCROFT_CREDENTIAL": "operator:secret:with:colons"}, ("operator", "secret:with:colons")),
        ({"UNDERCROFT_CREDENTIAL": "operator"}, (None, None)),
        ({"UNDERCROFT_CREDENTIAL": ":secret"}, (None, None)),
        ({"UNDERCROFT_CREDENTIAL": "tray:secret", "UNDERCROFT_RUNTIME": "/a/runtime.json"}, (None, None)),
    ],
)
async def test_a_command_has_a_name_only_if_a_person_gave_it_one(
    environ: dict[str, str], own: tuple[str | None, str | None]
) -> None:
    assert own_credential(environ) == own


async def test_nobody_there_is_told_at_once() -> None:
    async with memory_bus() as bus, bus.connect() as command:
        with pytest.raises(RequestFailed) as caught:
            await ask(command, GET, 30.0)
        assert caught.value.kind == "no_responder"


async def test_an_actor_that_is_due_back_is_waited_for() -> None:
    async with memory_bus() as bus, bus.connect() as command:
        async with bus.connect("config_store") as first:
            await first.serve([RuntimeConfigRequestEvent], lambda request: None)
            first.close(returning=True)
        asking = asyncio.create_task(ask(command, GET, 30.0))
        async with bus.connect("config_store") as second:
            answer = RuntimeConfigResponseEvent(success=True, message="back", settings={})
            await second.serve([RuntimeConfigRequestEvent], lambda request: request.reply(answer))
            assert await asking == answer


async def test_an_actor_that_does_not_come_back_in_time_is_told() -> None:
    async with memory_bus() as bus, bus.connect() as command:
        async with bus.connect("config_store") as first:
            await first.serve([RuntimeConfigRequestEvent], lambda request: None)
            first.close(returning=True)
        with pytest.raises(RequestFailed) as caught:
            await ask(command, GET, 0.01)
        assert caught.value.kind == "restarting"
