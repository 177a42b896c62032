"""What an actor is built from: all that it has of the bus, and what the app declares."""

from __future__ import annotations

from pathlib import Path

import pytest

from actors.shared.context import ActorContext
from actors.shared.locations.locations import locate
from actors.shared.profile.profile import DEFAULT_PROFILE, find_profile, read_profile
from bus.broker.memory_bus import memory_bus
from tests.support.actor_contexts import bus_context


@pytest.mark.anyio
async def test_the_context_of_an_actor_has_all_that_its_bus_context_has(tmp_path: Path) -> None:
    locations, defaults = locate("myapp", tmp_path / "home"), locate("myapp", tmp_path / "default")
    profile = read_profile(find_profile(DEFAULT_PROFILE))
    async with memory_bus() as bus, bus_context(bus, "greeter") as found:
        context = ActorContext.on(found, "greeter", locations, profile, defaults)
        assert (context.peer, context.tasks, context.alerts, context.metrics) == (
            found.peer,
            found.tasks,
            found.alerts,
            found.metrics,
        )
        assert (context.name, context.locations, context.profile, context.defaults) == (
            "greeter",
            locations,
            profile,
            defaults,
        )
        assert ActorContext.on(found, "greeter", locations, profile).defaults is None
