"""Those who play a part in the benchmark of settings."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, create_model

from actors.config_store.actor import ConfigStore
from actors.config_store.files.config_file import ConfigFile, write_config
from actors.config_store.schema.pydantic_schema import PydanticSchema
from actors.config_store.setting_secrets import SettingSecrets
from actors.config_store.settings.settings_context import SettingsContext
from bus.actor_loop import ActorLoop
from bus.client import Peer, connect
from bus.discovery import Runtime
from schemas.config import RuntimeConfigRequestEvent

SETTINGS = 64
"""As many settings as there are clients, each in one of eight sections."""


def path_of(number: int) -> str:
    """Dotted path of one setting."""
    return f"section{number % 8}.value{number // 8}"


def model() -> type[BaseModel]:
    """A settings model of eight sections with eight numbers each."""
    section = create_model("Section", **{f"value{number}": (float, 0.0) for number in range(8)})  # type: ignore[call-overload]
    return create_model(
        "Settings", **{f"section{number}": (section, Field(default_factory=section)) for number in range(8)}
    )  # type: ignore[call-overload, no-any-return]


def store(pipe: Connection, runtime: Runtime, directory: Path) -> None:
    """Be the configuration store; asked with anything, tells how many writes it made."""

    writes = 0

    def write(path: Path, overrides: Mapping[str, Any], others: Mapping[str, Any], version: int = 1) -> bytes:
        nonlocal writes
        writes += 1
        return write_config(path, overrides, others, version)

    async def run() -> None:
        file = ConfigFile(directory / "config.json", write=write)
        settings = SettingsContext(PydanticSchema(model()))
        secrets = SettingSecrets.for_app("benchmark")
        async with connect("config_store", runtime=runtime) as peer:
            asyncio.get_running_loop().add_reader(pipe.fileno(), lambda: pipe.send((pipe.recv(), writes)[1]))
            await ActorLoop(lambda context: ConfigStore(context, settings, file, secrets), peer).run()

    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        runner.run(run())


def _update(number: int, value: float) -> RuntimeConfigRequestEvent:
    return RuntimeConfigRequestEvent(operation="update", updates={path_of(number): value})


async def _set(peer: Peer, number: int, value: float) -> None:
    answer = await peer.request(_update(number, value), 60.0)
    assert answer.success, answer.message
    assert answer.durable, answer.message


async def _served(peer: Peer) -> None:
    while True:
        try:
            await peer.request(RuntimeConfigRequestEvent(operation="get_effective"))
        except Exception:
            await asyncio.sleep(0.01)
        else:
            return


def one_after_another(pipe: Connection, runtime: Runtime, count: int) -> None:
    """Change one setting, wait until it is durable, change it again."""

    async def run() -> None:
        async with connect("client", runtime=runtime) as peer:
            await _served(peer)
            took = []
            for value in range(count):
                start = time.perf_counter_ns()
                await _set(peer, 0, value + 1.0)
                took.append(time.perf_counter_ns() - start)
            pipe.send(took)
            await asyncio.Event().wait()

    asyncio.run(run())


def many_at_once(pipe: Connection, runtime: Runtime, clients: int, count: int) -> None:
    """So many clients, each with a setting and a connection of its own; tells the seconds that it took."""

    async def run() -> None:
        async with asyncio.TaskGroup() as group:
            ready, go, peers = asyncio.Barrier(clients + 1), asyncio.Event(), []

            async def client(number: int) -> None:
                async with connect(f"client{number}", runtime=runtime) as peer:
                    peers.append(peer)
                    await _served(peer)
                    await ready.wait()
                    await go.wait()
                    for value in range(count):
                        await _set(peer, number, value + 1.0)
                    await ready.wait()

            for number in range(clients):
                group.create_task(client(number))
            await ready.wait()
            start = time.perf_counter()
            go.set()
            await ready.wait()
            pipe.send(time.perf_counter() - start)
        await asyncio.Event().wait()

    asyncio.run(run())


def slide(pipe: Connection, runtime: Runtime, count: int, rate_per_second: float) -> None:
    """Send values at a rate, as a slider does, without waiting; returns the last answer's delay and value."""

    async def run() -> None:
        async with connect("slider", runtime=runtime) as peer:
            await _served(peer)
            loop = asyncio.get_running_loop()
            begin = loop.time()
            pending = []
            for value in range(count):
                await asyncio.sleep(max(0.0, begin + value / rate_per_second - loop.time()))
                pending.append(asyncio.ensure_future(peer.request(_update(0, value + 1.0), 60.0)))
            sent = loop.time()
            answers = await asyncio.gather(*pending)
            late = loop.time() - sent
            final = (await peer.request(RuntimeConfigRequestEvent(operation="get_effective"))).settings[
                "section0"
            ]["value0"]
            assert all(answer.durable for answer in answers)
            pipe.send((late, final))
            await asyncio.Event().wait()

    asyncio.run(run())


def replace_bare(pipe: Connection, content: bytes, count: int) -> None:
    """Write, fsync, rename, fsync of the directory: nothing else."""
    with tempfile.TemporaryDirectory(prefix="ucb-") as name:
        took = []
        for _ in range(count):
            start = time.perf_counter_ns()
            descriptor = os.open(f"{name}/f.tmp", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            os.write(descriptor, content)
            os.fsync(descriptor)
            os.close(descriptor)
            os.rename(f"{name}/f.tmp", f"{name}/f")
            directory = os.open(name, os.O_RDONLY)
            os.fsync(directory)
            os.close(directory)
            took.append(time.perf_counter_ns() - start)
        pipe.send(took)
