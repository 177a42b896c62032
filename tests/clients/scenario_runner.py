"""Plays a scenario with a client under test, which a driver stands for."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from pathlib import Path
from typing import Any

from bus.errors import RequestFailed
from tests.clients.scripted_world import ScriptedWorld
from tests.clients.world import World

SCENARIO_FILES = ("scenarios.json", "scripted_scenarios.json")

PATIENCE_SECONDS = 25.0
"""Limit of a connection or a request to which a scenario gives none: a busy machine needs more time."""

CONNECTED: list[dict[str, Any]] = [
    {"client": "connect", "with": {"name": "me"}, "later": True},
    {"world": "admit"},
    {"client": "outcome"},
]
SUBSCRIBED: list[dict[str, Any]] = [
    *CONNECTED,
    {"client": "subscribe", "of": ["app.*"], "later": True},
    {"world": "hear", "of": ["SNAPSHOT"]},
    {"world": "snapshot"},
    {"client": "outcome"},
]
BEGINNINGS = {"connected": CONNECTED, "subscribed": SUBSCRIBED}
"""With what a scripted scenario may begin."""


def scenarios() -> list[dict[str, Any]]:
    """All of them."""
    directory = Path(__file__).parent
    return [
        scenario
        for file in SCENARIO_FILES
        for scenario in json.loads((directory / file).read_text(encoding="utf-8"))
    ]


class Driver:
    """A process that drives one client."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, command: list[str], environ: dict[str, str], *, is_quiet: bool = False) -> Driver:
        """Start it, without the variables that lead clients elsewhere."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("UNDERCROFT_", "XDG_STATE"))
        }
        process = await asyncio.create_subprocess_exec(
            *command,
            env={**kept, **environ},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL if is_quiet else None,
            limit=32 * 1024 * 1024,
        )
        return cls(process)

    def begin(self, do: str, of: list[Any], options: dict[str, Any]) -> None:
        """Give a command."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": do, "of": of, "with": options}).encode() + b"\n")

    async def outcome(self) -> dict[str, Any]:
        """What came of the command that was given last."""
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        assert line, "the driver ended; what it wrote to stderr says why"
        outcome: dict[str, Any] = json.loads(line)
        return outcome

    async def end(self) -> None:
        """Close its input, and wait until it has left by itself."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        assert await self._process.wait() == 0, "the driver did not end well; its stderr says why"

    async def kill(self) -> None:
        """End it if it has not left."""
        if self._process.returncode is None:
            self._process.kill()
            await self._process.communicate()


def is_like(found: Any, expected: Any) -> bool:
    """Whether it is what was expected; maps may have more keys."""
    if isinstance(expected, dict):
        return isinstance(found, dict) and all(
            key in found and is_like(found[key], value) for key, value in expected.items()
        )
    if isinstance(expected, list):
        return isinstance(found, list) and len(found) == len(expected) and all(map(is_like, found, expected))
    return bool(found == expected) and isinstance(found, bool) == isinstance(expected, bool)


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


async def play(
    scenario: dict[str, Any],
    command: list[str],
    directory: Path,
    guard_seconds: float,
    *,
    is_quiet: bool = False,
) -> None:
    """Play a scenario.

    Args:
        scenario: what happens.
        command: the driver.
        directory: an empty one, for sockets and files.
        guard_seconds: how long it may take.
        is_quiet: what the driver writes to stderr is of no interest.

    Raises:
        AssertionError: the client did something else than the scenario says, or not within the time.
    """
    progress = [0, {}]
    try:
        async with asyncio.timeout(guard_seconds):
            await _play(scenario, command, directory, progress, is_quiet)
    except TimeoutError as error:
        raise AssertionError("step {}, {}: nothing came of it in time".format(*progress)) from error


async def _play(
    scenario: dict[str, Any], command: list[str], directory: Path, progress: list[Any], is_quiet: bool
) -> None:
    names = {
        "home": str(directory / "home"),
        "file": str(directory / "home" / "state" / "runtime.json"),
        "xdg": str(directory / "xdg"),
        "sockets": str(directory / "first"),
    }
    async with contextlib.AsyncExitStack() as stack:
        world = _world(stack, scenario, directory)
        environ = filled(scenario.get("environ", {"UNDERCROFT_HOME": "$home"}), names)
        driver = await Driver.start(command, environ, is_quiet=is_quiet)
        stack.push_async_callback(driver.kill)
        steps = (
            [*BEGINNINGS[scenario["begin"]], *scenario["steps"]] if "begin" in scenario else scenario["steps"]
        )
        has_ended = False
        for number, step in enumerate(filled(steps, names), 1):
            progress[:] = number, step
            if step.get("client") == "end":
                await driver.end()
                has_ended = True
                continue
            outcome = await (
                _step_of_world(world, step) if "world" in step else _step_of_client(world, driver, step)
            )
            if outcome is not None:
                _compare(number, step, outcome)
        if not has_ended:
            await driver.end()


def _world(
    stack: contextlib.AsyncExitStack, scenario: dict[str, Any], directory: Path
) -> World | ScriptedWorld:
    if "scripted" in scenario:
        return ScriptedWorld(stack, directory, **scenario["scripted"])
    return World(
        stack,
        directory,
        scenario.get("transport", "ipc"),
        scenario.get("broker", {}),
        is_lossy=scenario.get("lossy", False),
    )


def _compare(number: int, step: dict[str, Any], outcome: dict[str, Any]) -> None:
    expected = (
        {"fails": step["fails"]} if "fails" in step else {"gives": step["gives"]} if "gives" in step else {}
    )
    told = f"step {number}, {json.dumps(step)[:1000]}: found {json.dumps(outcome)[:1000]}"
    assert is_like(outcome, expected), told
    assert "fails" in expected or "fails" not in outcome, told


async def _step_of_world(world: World | ScriptedWorld, step: dict[str, Any]) -> dict[str, Any]:
    try:
        return {"gives": await getattr(world, step["world"])(*step.get("of", []), **step.get("with", {}))}
    except RequestFailed as failed:
        return {"fails": {"kind": failed.kind, "message": failed.message}}


async def _step_of_client(
    world: World | ScriptedWorld, driver: Driver, step: dict[str, Any]
) -> dict[str, Any] | None:
    options = dict(step.get("with", {}))
    if "runtime" in options:
        options["runtime"] = world.runtime(options["runtime"])
    if step["client"] in ("connect", "request"):
        options.setdefault("timeout_seconds", PATIENCE_SECONDS)
    if step["client"] != "outcome":
        driver.begin(step["client"], step.get("of", []), options)
    return None if step.get("later") else await driver.outcome()
