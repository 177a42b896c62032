"""The example of docs/model-lifecycle.md borrows a model over a broker; its lease ends with the process."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import anyio.to_thread
import msgspec
import pytest

import undercroft_client
from actors.model_downloader.actor import ModelDownloader
from actors.model_downloader.downloader_context import DownloaderContext
from actors.model_downloader.staging.activation import activate
from actors.model_downloader.staging.models_layout import ModelsLayout
from actors.model_verifier.actor import ModelVerifier
from bus.actor_loop import ActorLoop
from bus.client import Peer, connect
from bus.errors import RequestFailed
from schemas.manifest import FilePromise, Manifest, ModelEntry
from schemas.models import ModelRemoveRequestEvent, ModelsListRequestEvent
from tests.support.broker_processes import broker_options, broker_process

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.slow,
    pytest.mark.skipif(os.name != "posix", reason="the broker listens on ipc here"),
]
PAGE = Path(__file__).parents[2] / "docs" / "model-lifecycle.md"
CONTENT = b"0123456789"
SHA256 = "84d89877f0d4041efb6bf91a16f0248f2fd573e6af05c19f96bedb9f882f7882"
ENTRY = ModelEntry(
    id="silero-vad",
    name="Silero",
    category="vad",
    licence="MIT",
    files=[FilePromise(path="f", size_bytes=len(CONTENT), sha256=SHA256, urls=["https://models.example/f"])],
)


def example(directory: Path) -> ModuleType:
    found = re.search(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    (directory / "engine.py").write_text(found[1], encoding="utf-8")
    spec = importlib.util.spec_from_file_location("engine", directory / "engine.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


async def holders(peer: Peer) -> list[str]:
    listed = await peer.request(ModelsListRequestEvent())
    return listed.models[0].held_by


async def is_served(peer: Peer) -> bool:
    try:
        await peer.request(ModelsListRequestEvent())
    except RequestFailed as failed:
        assert failed.kind == "no_responder"
        return False
    return True


async def test_model_is_borrowed_as_on_the_page_and_what_is_not_given_back_ends_with_its_holder(
    tmp_path: Path,
) -> None:
    engine, root = example(tmp_path), ModelsLayout(tmp_path / "models")
    root.prepare()
    root.staging("silero-vad").mkdir()
    (root.staging("silero-vad") / "f").path.write_bytes(CONTENT)
    activate(root, ENTRY)
    with broker_process(broker_options("ipc", tmp_path)) as broker:
        runtime = broker.runtime()
        theirs = msgspec.convert(msgspec.to_builtins(runtime), undercroft_client.Runtime)
        async with (
            connect("model_verifier", runtime=runtime) as first,
            connect("model_downloader", runtime=runtime) as second,
            connect("app", runtime=runtime) as app,
            asyncio.timeout(30),
        ):
            manifest = Manifest(format=1, models=[ENTRY])
            loops: list[ActorLoop[Any]] = [
                ActorLoop(lambda bus: ModelVerifier(bus, root.path, tmp_path / "state"), first),
                ActorLoop(
                    lambda context: ModelDownloader(
                        DownloaderContext.on(context, manifest=manifest, models=root.path)
                    ),
                    second,
                ),
            ]
            tasks = [asyncio.create_task(loop.run()) for loop in loops]
            while not await is_served(app):
                pass

            def borrow_and_leave() -> None:
                with undercroft_client.connect("engine", runtime=theirs) as client:
                    leased = engine.borrow(client, "silero-vad")
                    assert Path(leased.directory) == root.installed("silero-vad").path
                    engine.give_back(client, leased)
                    engine.borrow(client, "silero-vad")

            await anyio.to_thread.run_sync(borrow_and_leave)
            removed = await app.request(
                ModelRemoveRequestEvent(model_id="silero-vad", wait_seconds=20), timeout_seconds=25
            )
            assert removed.status.state == "absent"
            assert await holders(app) == []
            for loop in loops:
                loop.stop()
            await asyncio.gather(*tasks)
