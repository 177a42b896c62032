"""What the pages of the clients show works as it stands there."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bus.client import IncomingRequest, Peer, attach
from bus.errors import RequestFailed
from bus.transport.sockets.socket_transport import SocketTransport
from schemas.config import RuntimeConfigRequestEvent, RuntimeConfigResponseEvent, SettingsChangedEvent
from schemas.event import Event
from schemas.models import ModelInstalledEvent, ModelInstallRequestEvent
from tests.clients.conftest import ROOT, find_node, why_no_node
from tests.support.broker_processes import GUARD_SECONDS, broker_options, broker_process

pytestmark = pytest.mark.anyio

SETTINGS = {"vad": {"sensitivity": 0.5}}
CHANGED = SettingsChangedEvent(changed=SETTINGS, settings=SETTINGS, revision=1, reason="start")
INSTALLED = ModelInstalledEvent(
    model_id="whisper-base", name="Whisper", directory="/m", size_bytes=1, fetched_bytes=1, attempts=1
)


def examples(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL)


@contextlib.asynccontextmanager
async def runtime(directory: Path) -> AsyncIterator[tuple[Peer, dict[str, str]]]:
    """A runtime that knows settings and refuses installs; yields a peer and the environment of clients."""
    with broker_process(broker_options("ipc", directory)) as broker:
        file = directory / "runtime.json"
        file.touch(mode=0o600)
        file.write_bytes(msgspec.json.encode(broker.runtime()))
        async with (
            asyncio.timeout(GUARD_SECONDS),
            attach(SocketTransport(broker.runtime()), "runtime", "token") as peer,
        ):

            def answer(request: IncomingRequest) -> None:
                if request.topic == "models.install":
                    request.fail("refused", "there is no such model")
                else:
                    request.reply(RuntimeConfigResponseEvent(success=True, message="done", settings=SETTINGS))

            await peer.serve([RuntimeConfigRequestEvent, ModelInstallRequestEvent], answer)
            await peer.publish(CHANGED)
            await peer.settled()
            yield peer, {**os.environ, "UNDERCROFT_RUNTIME": str(file)}


async def spoken(
    command: list[str], environ: dict[str, str], until: str, peer: Peer, event: Event = INSTALLED
) -> str:
    """The output of a program until these words came, while a peer publishes; then it gets an interrupt."""
    process = await asyncio.create_subprocess_exec(
        *command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert process.stdout is not None
    said = ""
    try:
        while until not in said:
            try:
                line = await asyncio.wait_for(process.stdout.readline(), 0.1)
            except TimeoutError:
                await peer.publish(event)  # until the program hears it
                continue
            assert line, said
            said += line.decode()
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGINT)
        await process.wait()
    return said


@pytest.mark.requirement("C-5", "C-6")
async def test_the_synchronous_example_asks_and_hears(tmp_path_factory: pytest.TempPathFactory) -> None:
    program = [sys.executable, "-u", "-c", examples("clients/python/README.md", "python")[0]]
    async with runtime(tmp_path_factory.mktemp("r")) as (peer, environ):
        said = await spoken(program, environ, "such model\n{'vad': {'sensitivity': 0.5}}\n", peer)
        assert "refused there is no such model" in said


async def test_the_asyncio_example_asks_and_hears(tmp_path_factory: pytest.TempPathFactory) -> None:
    source = examples("clients/python/README.md", "python")[1] + "\n\nimport asyncio\n\nasyncio.run(main())\n"
    async with runtime(tmp_path_factory.mktemp("r")) as (peer, environ):
        assert "whisper-base" in await spoken(
            [sys.executable, "-u", "-c", source], environ, "ModelInstalledEvent", peer
        )


async def test_the_example_with_events_of_its_own_publishes_and_answers(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    source = examples("clients/python/README.md", "python")[2]
    async with runtime(tmp_path_factory.mktemp("r")) as (peer, environ):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", source, env=environ, stderr=subprocess.DEVNULL
        )
        try:
            reply: Any = None
            while reply is None:
                with contextlib.suppress(RequestFailed):  # it is not there yet
                    reply = await peer.request_raw("app.focus", {"type": "app.focus", "window": "mail"})
            assert reply == {"type": "app.focused", "screen": "left", "window": "mail"}
            with pytest.raises(RequestFailed, match="which window"):
                await peer.request_raw("app.focus", {"type": "app.focus", "window": ""})
            async with peer.subscribe("app.focused") as events:
                assert (await anext(events))["window"] == "editor"
        finally:
            process.send_signal(signal.SIGINT)
            await process.wait()


@pytest.mark.node
@pytest.mark.requirement("C-5", "C-6")
@pytest.mark.skipif(why_no_node() is not None, reason=str(why_no_node()))
async def test_the_examples_for_node_ask_hear_and_end(tmp_path_factory: pytest.TempPathFactory) -> None:
    directory = tmp_path_factory.mktemp("r")
    asking, following, continuing, listening = examples("clients/js/README.md", "js")
    install = 'await client.request({ type: "models.install", model_id: "whisper-base" });\n'
    assert install in asking
    asking = asking.replace(install, install.replace(";\n", ".catch((error) => console.log(error.kind));\n"))
    script = (
        ROOT / "clients" / "js" / f".example-{os.getpid()}.mjs"
    )  # below the package, so that its own name resolves
    async with runtime(directory) as (peer, environ):
        try:
            script.write_text(asking + '\nconsole.log("closed");\n')
            said = await spoken([find_node() or "", str(script)], environ, "closed", peer)
            assert said.startswith("refused")
            script.write_text(following)
            said = await spoken([find_node() or "", str(script)], environ, "event {", peer, CHANGED)
            assert said.startswith("reply { vad: { sensitivity: 0.5 } }\n")
            script.write_text(continuing)
            said = await spoken([find_node() or "", str(script)], environ, "behind by 0", peer)
            assert said.startswith("17 note-17\n")
            script.write_text(listening)
            assert "config.settings_changed" in await spoken(
                [find_node() or "", str(script)], environ, "revision: 1", peer, CHANGED
            )
        finally:
            script.unlink()
