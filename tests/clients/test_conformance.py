"""Every client does what PROTOCOL.md says: the scenarios of scenarios.json, against a real broker."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from bus.errors import RequestFailed
from tests.clients.conftest import Driver
from tests.clients.world import World
from tests.support.broker_processes import GUARD_SECONDS

pytestmark = pytest.mark.anyio

SCENARIOS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent / "scenarios.json").read_text(encoding="utf-8")
)


def marked(scenario: dict[str, Any]) -> Any:
    marks = [pytest.mark.requirement(*scenario.get("requirements", []))] if "requirements" in scenario else []
    platform = scenario.get("platform", sys.platform)
    marks.append(pytest.mark.skipif(platform != sys.platform, reason=f"only on {platform}"))
    return pytest.param(scenario, id=scenario["name"].replace(" ", "-"), marks=marks)


def is_like(found: Any, expected: Any) -> bool:
    """Whether it is what was expected; maps may have more keys."""
    if isinstance(expected, dict):
        return isinstance(found, dict) and all(
            key in found and is_like(found[key], value) for key, value in expected.items()
        )
    if isinstance(expected, list):
        return isinstance(found, list) and len(found) == len(expected) and all(map(is_like, found, expected))
    return bool(found == expected)


def filled(value: Any, names: dict[str, str]) -> Any:
    """The value with `$home` and its like in its texts replaced."""
    match value:
        case str():
            for name, text in names.items():
                value = value.replace(f"${name}", text)
            return value
        case dict():
            return {key: filled(item, names) for key, item in value.items()}
        case list():
            return [filled(item, names) for item in value]
        case _:
            return value


async def step_of_world(world: World, step: dict[str, Any]) -> dict[str, Any]:
    try:
        return {"gives": await getattr(world, step["world"])(*step.get("of", []), **step.get("with", {}))}
    except RequestFailed as failed:
        return {"fails": {"kind": failed.kind, "message": failed.message}}


async def step_of_client(world: World, driver: Driver, step: dict[str, Any]) -> dict[str, Any] | None:
    options = dict(step.get("with", {}))
    if "runtime" in options:
        options["runtime"] = world.runtime(options["runtime"])
    if step["client"] != "outcome":
        driver.begin(step["client"], step.get("of", []), options)
    return None if step.get("later") else await driver.outcome()


@pytest.mark.parametrize("scenario", [marked(scenario) for scenario in SCENARIOS])
async def test_client_conforms(
    client: str, scenario: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    directory = tmp_path_factory.mktemp("c")
    names = {
        "home": str(directory / "home"),
        "file": str(directory / "home" / "state" / "runtime.json"),
        "xdg": str(directory / "xdg"),
    }
    async with asyncio.timeout(GUARD_SECONDS), contextlib.AsyncExitStack() as stack:
        world = World(
            stack,
            directory,
            scenario.get("transport", "ipc"),
            scenario.get("broker", {}),
            is_lossy=scenario.get("lossy", False),
        )
        driver = await Driver.start(
            client, filled(scenario.get("environ", {"UNDERCROFT_HOME": "$home"}), names)
        )
        stack.callback(driver.kill)
        for number, step in enumerate(filled(scenario["steps"], names), 1):
            outcome = await (
                step_of_world(world, step) if "world" in step else step_of_client(world, driver, step)
            )
            if outcome is None:
                continue
            expected = (
                {"fails": step["fails"]}
                if "fails" in step
                else {"gives": step["gives"]}
                if "gives" in step
                else {}
            )
            assert is_like(outcome, expected), f"step {number}, {step}: found {outcome}"
            assert "fails" in expected or "fails" not in outcome, f"step {number}, {step}: found {outcome}"
        await driver.end()
