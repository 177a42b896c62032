"""An actor that serves has imported nothing heavy that it does not use from the start."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = (
    "cryptography",
    "httpx",
    "jsonschema",
    "keyring",
    "pydantic",
    "rich",
    "sqlite3",
    "watchfiles",
    "zstandard",
    "importlib.metadata",
    "urllib.request",
)
"""Libraries that take memory and time; `ssl` is not among them, since asyncio itself imports it."""

USED = {"config_store": {"pydantic", "importlib.metadata"}, "state_store": {"pydantic", "importlib.metadata"}}
"""What an actor of the bundled profile cannot serve without; pydantic imports the other."""

PREPARED = """
import asyncio, json, os, sys, tempfile
from pathlib import Path

async def prepare(child, profile, locations):
    from actors.shared.context import ActorContext
    from bus.actor_loop import ActorLoop
    from bus.broker.memory_bus import memory_bus
    import importlib

    module, _, function = child.entry.partition(":")
    function = getattr(importlib.import_module(module), function)

    def build(bus):
        return function(ActorContext.on(bus, child.name, locations, profile))

    async with memory_bus(profile.namespaces) as bus, bus.connect(child.name) as peer:
        loop = ActorLoop(build, peer)
        serving = peer.serve

        async def serve(*arguments):
            await serving(*arguments)
            loop.stop()

        peer.serve = serve
        await loop.run()

from actors.shared.profile.profile import DEFAULT_PROFILE, find_profile, read_profile
from actors.shared.locations.locations import locate

import actors.runtime.child_main, bus.actor_loop, bus.broker.memory_bus
import asyncio.selector_events, anyio._backends._asyncio
profile = read_profile(find_profile(DEFAULT_PROFILE))
with tempfile.TemporaryDirectory() as home:
    os.environ["UNDERCROFT_HOME"] = home
    for child in profile.children:
        reading, writing = os.pipe()
        if os.fork() == 0:
            error = ""
            try:
                places = locate("undercroft", Path(home) / child.name)
                asyncio.run(asyncio.wait_for(prepare(child, profile, places), 10))
            except BaseException as failed:
                error = repr(failed)
            found = {"actor": child.name, "error": error, "modules": sorted(sys.modules)}
            os.write(writing, json.dumps(found).encode())
            os._exit(0)
        os.close(writing)
        with open(reading, "rb") as pipe:
            print(pipe.read().decode())
        os.wait()
"""


@pytest.fixture(scope="module")
def imported() -> dict[str, set[str]]:
    """Modules that each actor of the bundled profile has imported once it serves, in its own process."""
    if sys.platform != "linux":
        pytest.skip("forks")
    done = subprocess.run([sys.executable, "-c", PREPARED], capture_output=True, text=True, check=True)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [actor for actor in found if actor["error"]] == [], done.stderr
    return {actor["actor"]: set(actor["modules"]) for actor in found}


def test_no_actor_has_imported_a_heavy_library_that_it_does_not_use_from_the_start(
    imported: dict[str, set[str]],
) -> None:
    assert len(imported) >= 7
    needless = {
        actor: modules.intersection(HEAVY) - USED.get(actor, set()) for actor, modules in imported.items()
    }
    assert {actor: modules for actor, modules in needless.items() if modules} == {}


def test_what_is_said_to_be_used_is_used(imported: dict[str, set[str]]) -> None:
    assert {actor: used - imported[actor] for actor, used in USED.items() if used - imported[actor]} == {}
