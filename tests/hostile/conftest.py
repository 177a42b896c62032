"""One runtime with a real supervisor for all hostile peers, and a fresh one where a test changes it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.hostile.hostile_peer import LIMIT_SECONDS, HostilePeer, hostile
from tests.support.profiles import bundled, write_profile
from tests.support.runtime_process import RuntimeProcess

LOOK_SECONDS = 5.0
"""One look at the actors; a greeting that a killed broker took with it gets no answer."""

FRONTEND = "frontend-" + "f" * 40
GATEWAY = "gateway-" + "g" * 40

ENGINE = """
from bus.actor import Actor
from schemas.event import Event, Request


class EngineAnsweredEvent(Event, frozen=True, kw_only=True, tag="hostile.engine.answered"):
    words: str


class EngineAskRequestEvent(
    Request[EngineAnsweredEvent], frozen=True, kw_only=True, tag="hostile.engine.ask"
):
    words: str = ""


class Engine(Actor[EngineAskRequestEvent]):
    async def handle(self, event):
        return EngineAnsweredEvent(words="it is the engine")


class Listener(Actor[EngineAnsweredEvent]):
    async def handle(self, event):
        return None


def build(context):
    return Engine(context)


def build_listener(context):
    return Listener(context)
"""

TRAY = "echo this is $UNDERCROFT_CREDENTIAL; exec sleep 1000"
"""A sidecar that never joins, and writes to its log what it should not."""

SETTINGS = """
from pydantic import BaseModel, Field


class Cloud(BaseModel):
    api_key: str = Field(default="", json_schema_extra={"x-secret": True})
    region: str = "eu"


class Settings(BaseModel):
    cloud: Cloud = Field(default_factory=Cloud)
    number: int = 0
"""

TABLES = """
[topics]
namespaces = [
  "hostile.*",
  { namespace = "hostile.engine.*", peers = ["engine"] },
  { namespace = "hostile.window.*", peers = ["frontend", "tray"] },
]
[[peers]]
name = "frontend"
[[peers]]
name = "gateway"
reveal_secrets = true
[[peers]]
name = "absent"
[[namespaces]]
name = "diary"
owner = "frontend"
readers = ["gateway"]
"""


Statuses = dict[str, dict[str, Any]]
"""What the supervisor says of each actor, by name."""


class World:
    """A runtime, seen by those who mean ill.

    Attributes:
        process: of `undercroft up`.
        home: of the runtime.
    """

    def __init__(self, directory: Path, *arguments: str, tables: str = TABLES) -> None:
        self.home = directory / "home"
        self.profile = directory / "profile"
        self.write_profile(tables=tables)
        given = {
            "UNDERCROFT_PEER_CREDENTIALS": json.dumps({"frontend": FRONTEND, "gateway": GATEWAY}),
            "UNDERCROFT_KEYCHAIN": f"file:{directory / 'keychain.json'}",
        }
        self.process = RuntimeProcess(self.home, self.profile, *arguments, environment=given)
        overview = self.process.wait_settled()
        assert {actor["state"] for actor in overview["actors"]} == {"ready"}, overview

    def write_profile(self, *children: Any, tables: str = TABLES, without: tuple[str, ...] = ()) -> None:
        """Write the profile, with further children and without others."""
        always = [
            bundled("config_store"),
            bundled("state_store"),
            bundled("diagnostics"),
            bundled("readiness"),
            {"name": "engine", "entry": "hostile_engine:build"},
            {"name": "tray", "command": ["sh", "-c", TRAY], "ready": "started"},
        ]
        write_profile(
            self.profile,
            *(child for child in always if child["name"] not in without),
            *children,
            settings=SETTINGS,
            tables=tables,
            modules={"hostile_engine.py": ENGINE},
        )

    def reload(self) -> None:
        """Have the supervisor read the profile again."""
        self.process.process.send_signal(signal.SIGHUP)

    @property
    def runtime(self) -> dict[str, Any]:
        """What runtime.json says."""
        found: dict[str, Any] = json.loads((self.home / "state" / "runtime.json").read_text())
        return found

    @contextlib.contextmanager
    def peer(
        self,
        name: str = "",
        credential: str | None = None,
        *,
        instance: str | None = None,
        limit_seconds: float = LIMIT_SECONDS,
    ) -> Iterator[HostilePeer]:
        """A peer that is admitted: a guest, unless it has a credential."""
        with hostile(self.runtime, instance=instance) as peer:
            peer.limit_seconds = limit_seconds
            refused = peer.hello(name or f"guest-{os.urandom(6).hex()}", credential)
            assert refused == ""
            yield peer

    @contextlib.contextmanager
    def stranger(self, *, instance: str | None = None) -> Iterator[HostilePeer]:
        """A connection that has not yet said HELLO."""
        with hostile(self.runtime, instance=instance) as peer:
            yield peer

    def actors(self, limit_seconds: float = LIMIT_SECONDS) -> Statuses:
        """The state of every actor, by name."""
        with self.peer(limit_seconds=limit_seconds) as guest:
            verb, overview = guest.ask("supervision.status")
        assert verb == "REPLY", overview
        return {actor["actor"]: actor for actor in overview["actors"]}

    def wait_for_actors(self, holds: Callable[[Statuses], bool]) -> Statuses:
        """Ask for the state of the actors until it is as wanted, also while the broker restarts."""
        ends, found = time.monotonic() + LIMIT_SECONDS, {}
        while time.monotonic() < ends:
            with contextlib.suppress(AssertionError):  # the broker, or the supervisor on it, is away
                found = self.actors(LOOK_SECONDS)
                if holds(found):
                    return found
        raise AssertionError(f"the actors never were as wanted: {found}")

    def kill(self, actor: str) -> None:
        """Kill the process of an actor."""
        os.kill(self.actors()[actor]["pid"], signal.SIGKILL)

    def credential_of_tray(self) -> str:
        """What the sidecar has in its environment, which another process of the same user can read."""
        environment = Path(f"/proc/{self.actors()['tray']['pid']}/environ").read_bytes()
        value = dict(part.split(b"=", 1) for part in environment.split(b"\0") if b"=" in part)
        name, _, secret = value[b"UNDERCROFT_CREDENTIAL"].decode().partition(":")
        assert name == "tray"
        return secret


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The runtime of all tests of a process. A test leaves it as it found it."""
    found = World(tmp_path_factory.mktemp("hostile"))
    yield found
    assert found.process.end() == 0
    found.process.clean_up()


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[World]:
    """A runtime of one test alone."""
    found = World(tmp_path)
    yield found
    found.process.end()
    found.process.clean_up()
