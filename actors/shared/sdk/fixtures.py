"""Fixtures for the tests of an app's own actors: `pytest_plugins = ["actors.shared.sdk.fixtures"]`.

Nothing at run time imports this module, so pytest need not be installed with an app.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from actors.shared.context import ActorContext
from actors.shared.profile.profile import Profile
from actors.shared.sdk import running_actor
from actors.shared.sdk.running_actor import ActorT, RunActor, RunningActor
from bus.broker.memory_bus import MemoryBus


@pytest.fixture
def run_actor(tmp_path: Path) -> RunActor:
    """Runs an actor as its process would, with all its files below `tmp_path`.

    The arguments are those of `actors.shared.sdk.run_actor`, without `home`. Two runs in one test share their
    files, so the second one is the next life of the first.
    """

    def run(
        build: Callable[[ActorContext], ActorT],
        *,
        profile: Path | Profile | None = None,
        namespaces: Iterable[str] = (),
        name: str = "actor",
        bus: MemoryBus | None = None,
    ) -> AbstractAsyncContextManager[RunningActor[ActorT]]:
        return running_actor.run_actor(
            build, tmp_path / "home", profile=profile, namespaces=namespaces, name=name, bus=bus
        )

    return run


@pytest.fixture
def anyio_backend() -> str:
    """Tests marked `anyio` run on asyncio, as every actor does."""
    return "asyncio"
