"""Changes of a configuration in short, a keychain in memory, and a store that runs on a bus in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field

from actors.config_store.actor import ConfigStore
from actors.config_store.files.config_file import ConfigFile, Write
from actors.config_store.schema.pydantic_schema import PydanticSchema
from actors.config_store.secret_readers import SecretReaders
from actors.config_store.setting_secrets import SettingSecrets
from actors.config_store.settings.configuration import Configuration, load
from actors.config_store.settings.setting_changes import NOTHING, SettingsChange, SettingsVerdict, change
from actors.config_store.settings.settings_context import SettingsContext
from actors.shared.keychain.keychain import KeychainFailed
from bus.actor_loop import ActorLoop
from bus.broker.memory_bus import MemoryBus, memory_bus
from bus.client import Peer
from schemas.config import Scope

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
"""Anything that JSON can hold, except NaN."""

SETTING_PATHS = st.sampled_from(
    [
        "vad",
        "vad.sensitivity",
        "vad.multiplier",
        "labels.names",
        "labels",
        "language",
        "vad.sensitivity.x",
        "gone",
        "",
        ".",
        "a..b",
    ]
)
"""Paths that exist, that are sections, that do not exist, and that are none."""


class ExampleVad(BaseModel):
    model_config = ConfigDict(extra="forbid")
    sensitivity: float = Field(default=0.5, ge=0, le=1)
    multiplier: float = Field(default=2.0, ge=1, le=20)


class ExampleLabels(BaseModel):
    names: dict[str, int] = {}


class ExampleSettings(BaseModel):
    """Settings of some app."""

    model_config = ConfigDict(extra="forbid")
    vad: ExampleVad = ExampleVad()
    labels: ExampleLabels = ExampleLabels()
    language: str = "en"


def settings_context(
    model: type[BaseModel] = ExampleSettings,
    allowlist: tuple[str, ...] | None = ("vad.*", "language", "labels"),
    **more: Any,
) -> SettingsContext:
    """What requests do not change, for the settings of some app."""
    return SettingsContext(PydanticSchema(model), allowlist, **more)


def configuration(**stored: Any) -> Configuration:
    """The settings of some app with these overrides; `vad__sensitivity` is `vad.sensitivity`."""
    return load(settings_context(), {path.replace("__", "."): value for path, value in stored.items()})[0]


def update(
    before: Configuration,
    updates: Mapping[str, Any],
    *,
    references: Mapping[str, Any] = NOTHING,
    **more: Any,
) -> SettingsVerdict:
    """Set several settings."""
    return change(before, SettingsChange(updates=updates, **more), references)


def reset(before: Configuration, section: str, scope: Scope = "user") -> SettingsVerdict:
    """Reset a section or a setting."""
    return change(before, SettingsChange(resets=(section,), scope=scope))


def reset_all(before: Configuration, scope: Scope = "user") -> SettingsVerdict:
    """Reset every setting."""
    return change(before, SettingsChange(resets_all=True, scope=scope))


class MemoryKeychain:
    """A keychain in memory; `fault` is what it raises instead of keeping anything."""

    name = "memory"

    def __init__(self) -> None:
        self.entries: dict[str, str] = {}
        self.fault: KeychainFailed | None = None

    def get(self, account: str) -> str | None:
        return self.entries.get(account)

    def put(self, account: str, secret: str) -> None:
        if self.fault is not None:
            raise self.fault
        self.entries[account] = secret

    def remove(self, account: str) -> None:
        self.entries.pop(account, None)


class StoreLab:
    """A store that runs on a bus in memory.

    Attributes:
        bus: the bus in memory.
        app: talks to it, and may ask for secrets.
        loop: runs it.
        living: ends with it.
    """

    def __init__(self, bus: MemoryBus, app: Peer, loop: ActorLoop[Any], living: asyncio.Task[None]) -> None:
        self.bus = bus
        self.app = app
        self.loop = loop
        self.living = living

    async def stop(self) -> None:
        self.loop.stop()
        await self.living


@asynccontextmanager
async def running_store(
    path: Path,
    settings: SettingsContext,
    *,
    write: Write | None = None,
    keychain: MemoryKeychain | None = None,
    policy_path: Path | None = None,
    look_seconds: float = 0.01,
) -> AsyncIterator[StoreLab]:
    """Start a store of this file; it is stopped at the end of the block, if it was not before."""
    secrets = keychain or MemoryKeychain()
    async with memory_bus() as bus, bus.connect("config_store") as own, bus.connect("app") as app:
        loop = ActorLoop(
            lambda context: ConfigStore(
                context,
                settings,
                ConfigFile(path, write=write),
                SettingSecrets(lambda: secrets, SecretReaders(lambda: frozenset({"app"}))),
                policy_path,
                look_seconds,
            ),
            own,
        )
        lab = StoreLab(bus, app, loop, asyncio.create_task(loop.run()))
        ready = asyncio.create_task(loop.wait_until_ready())
        await asyncio.wait([ready, lab.living], return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        yield lab
        await lab.stop()
