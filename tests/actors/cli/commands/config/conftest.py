"""A runtime with nothing but a configuration store and a secret, and what its broker counts."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bus.client import connect
from schemas.operations.bus import BusStatisticsRequestEvent
from tests.actors.cli.conftest import Cli

OPERATOR = "o" * 40
SETTINGS = """
from pydantic import BaseModel, Field


class Cloud(BaseModel):
    api_key: str = Field(default="", max_length=40, json_schema_extra={"x-secret": True})
    region: str = "eu"


class Settings(BaseModel):
    cloud: Cloud = Field(default_factory=Cloud)
    theme: str = "system"
"""


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cli]:
    """Commands against a runtime whose keychain is a file."""
    profile = tmp_path / "profile"
    profile.mkdir()
    given = {"UNDERCROFT_PEER_CREDENTIALS": json.dumps({"operator": OPERATOR})}
    (profile / "settings.py").write_text(SETTINGS)
    child = f'environment = {{ UNDERCROFT_KEYCHAIN = "file:{tmp_path}/keychain.json" }}'
    children = f'[[children]]\nname = "config_store"\nentry = "actors.config_store:build"\n{child}\n'
    children += '[[peers]]\nname = "operator"\nreveal_secrets = true\n'
    (profile / "profile.toml").write_text(f'name = "cloudy"\nsettings = "settings.py:Settings"\n{children}')
    cli = Cli(tmp_path / "home", profile)
    started = subprocess.run(
        cli.command("up", "--detach"),
        env={**os.environ, **given},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert started.returncode == 0, started.stdout + started.stderr
    yield cli
    assert cli("down").code == 0


@dataclass(frozen=True)
class Traffic:
    """What the broker of a runtime has counted."""

    connections: int
    requests: int

    def __sub__(self, other: Traffic) -> Traffic:
        return Traffic(self.connections - other.connections, self.requests - other.requests)


def traffic(cli: Cli) -> Traffic:
    """Ask the broker; that itself takes one connection and one request."""

    async def ask() -> Traffic:
        async with connect(home=cli.home) as peer:
            found = await peer.request(BusStatisticsRequestEvent())
            return Traffic(found.topics["bus.peer_joined"], found.requests)

    return asyncio.run(ask())
