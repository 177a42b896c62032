"""Over a real bus, a model can be installed the moment its addition was answered. Every time."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from bus.client import connect
from bus.retry import NOT_REACHED, request_until_answered
from schemas.models import ModelInstallRequestEvent, ModelsListRequestEvent
from schemas.sources import ModelAddRequestEvent, ModelWithdrawRequestEvent
from tests.support.lying_server import LyingServer
from tests.support.profiles import bundled, write_profile
from tests.support.runtime_process import RuntimeProcess

pytestmark = [pytest.mark.slow, pytest.mark.anyio]
TIMES = int(os.environ.get("ADDITIONS", "100"))
TIMEOUT_SECONDS = 60.0


async def test_an_install_right_after_an_addition_is_never_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("UNDERCROFT_KEYCHAIN", f"file:{tmp_path / 'keychain.json'}")
    with LyingServer() as server:
        actors = [bundled(name) for name in ("model_verifier", "model_downloader", "model_sources")]
        profile = write_profile(
            tmp_path / "profile", *actors, tables=f'[sources]\nhf = "{server.url}"\nollama = "{server.url}"'
        )
        runtime = RuntimeProcess(tmp_path / "home", profile)
        try:
            await asyncio.to_thread(runtime.wait_settled)
            async with connect(home=tmp_path / "home") as peer:
                await request_until_answered(
                    peer, ModelsListRequestEvent(), retry_on=NOT_REACHED, within_seconds=TIMEOUT_SECONDS
                )
                for number in range(TIMES):
                    name, model_id = server.name("ollama", number), f"m{number}"
                    await peer.request(ModelAddRequestEvent(name=name, model_id=model_id), TIMEOUT_SECONDS)
                    accepted = await peer.request(
                        ModelInstallRequestEvent(model_id=model_id), TIMEOUT_SECONDS
                    )
                    assert accepted.status.state in ("queued", "downloading", "verifying", "installed")
                    listed = await peer.request(ModelsListRequestEvent(), TIMEOUT_SECONDS)
                    assert model_id in {status.model_id for status in listed.models}
                    if number % 2:
                        await peer.request(ModelWithdrawRequestEvent(model_id=model_id), TIMEOUT_SECONDS)
            await asyncio.to_thread(runtime.end)
        finally:
            await asyncio.to_thread(runtime.clean_up)
