"""The verifier over the bus: it follows a download, answers what it is asked, and looks nowhere else."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from actors.model_verifier.actor import ModelVerifier
from bus.actor_loop import ActorLoop
from bus.broker.memory_bus import memory_bus
from bus.client import Peer
from bus.errors import RequestFailed
from schemas.manifest import FilePromise, Pieces
from schemas.models import (
    FileProgress,
    FilesVerifyRequestEvent,
    ModelDownloadProgressedEvent,
    ModelRemovedEvent,
)
from schemas.paths import ModelsRootAdmitRequestEvent

pytestmark = pytest.mark.anyio
MIB = 1 << 20
CONTENT = bytes(range(256)) * (2 * MIB // 256)
PROMISE = FilePromise(
    path="f",
    size_bytes=len(CONTENT),
    sha256=hashlib.sha256(CONTENT).hexdigest(),
    urls=["https://models.example/f"],
)


@asynccontextmanager
async def verifier_at(home: Path) -> AsyncIterator[Peer]:
    """A client of a bus on which a verifier runs."""
    async with memory_bus() as bus, bus.connect("model_verifier") as peer, bus.connect() as client:
        loop: ActorLoop[Any] = ActorLoop(
            lambda context: ModelVerifier(context, home / "models", home / "state"), peer
        )
        task = asyncio.create_task(loop.run())
        yield client
        loop.stop()
        await task


async def ask(
    client: Peer, directory: Path, *promises: FilePromise, trust_records: bool = False, idle: bool = False
) -> Any:
    request = FilesVerifyRequestEvent(
        model_id="m", directory=str(directory), files=list(promises), trust_records=trust_records, idle=idle
    )
    async with asyncio.timeout(20):
        while True:
            try:
                return await client.request(request)
            except RequestFailed as failed:
                if failed.kind != "no_responder":
                    raise
                await asyncio.sleep(0)


def staged(home: Path) -> Path:
    directory = home / "models" / "m.partial"
    directory.mkdir(parents=True)
    (directory / "f").write_bytes(CONTENT)
    return directory


def progressed(directory: Path, durable: int, path: str = "f") -> ModelDownloadProgressedEvent:
    return ModelDownloadProgressedEvent(
        model_id="m",
        name="M",
        attempt=1,
        durable_bytes=durable,
        size_bytes=len(CONTENT),
        rate_bytes_per_second=0.0,
        seconds_left=None,
        staging_directory=str(directory),
        files=[FileProgress(path=path, durable_bytes=durable, size_bytes=len(CONTENT))],
    )


@pytest.mark.requirement("S1-30", "S0-8")
async def test_bytes_are_hashed_while_the_download_runs(tmp_path: Path) -> None:
    directory = staged(tmp_path)
    async with verifier_at(tmp_path) as client:
        assert (await ask(client, directory, PROMISE)).hashed_behind_bytes == 0
        behind = 0
        async with asyncio.timeout(20):
            while not behind:
                await client.publish(progressed(directory, MIB))
                verdict = await ask(client, directory, PROMISE)
                assert verdict.findings == []
                assert verdict.hashed_bytes == len(CONTENT)
                behind = verdict.hashed_behind_bytes
        assert behind == MIB


async def test_directory_elsewhere_and_path_that_leaves_are_refused(tmp_path: Path) -> None:
    directory = staged(tmp_path)
    async with verifier_at(tmp_path) as client:
        with pytest.raises(RequestFailed, match="is no model's directory"):
            await ask(client, tmp_path, PROMISE)
        outside = FilePromise(path="../../secret", size_bytes=1, sha256="0" * 64, urls=PROMISE.urls)
        with pytest.raises(RequestFailed, match="cannot be looked at"):
            await ask(client, directory, outside)
        await client.publish(progressed(Path("/etc"), 1, "passwd"))
        await client.publish(progressed(directory, 1, "../../../etc/passwd"))
        assert (await ask(client, directory, PROMISE)).findings == []


@pytest.mark.requirement("S1-1", "S1-39")
async def test_unchanged_file_is_not_read_again_if_records_are_trusted_and_a_changed_one_is(
    tmp_path: Path,
) -> None:
    directory = staged(tmp_path)
    async with verifier_at(tmp_path) as client:
        assert (await ask(client, directory, PROMISE)).hashed_bytes == len(CONTENT)
    async with verifier_at(tmp_path) as client:
        assert (await ask(client, directory, PROMISE, trust_records=True)).hashed_bytes == 0
        assert (await ask(client, directory, PROMISE)).hashed_bytes == len(CONTENT)
        (directory / "f").write_bytes(bytes(len(CONTENT)))
        verdict = await ask(client, directory, PROMISE, trust_records=True)
        assert [finding.aspect for finding in verdict.findings] == ["sha256"]


async def test_removed_model_is_forgotten(tmp_path: Path) -> None:
    directory = staged(tmp_path)
    async with verifier_at(tmp_path) as client:
        await ask(client, directory, PROMISE)
        await client.publish(ModelRemovedEvent(model_id="m", freed_bytes=0))
        async with asyncio.timeout(20):
            while not (await ask(client, directory, PROMISE, trust_records=True)).hashed_bytes:
                pass


async def test_verdict_tells_when_the_files_were_last_read(tmp_path: Path) -> None:
    directory = staged(tmp_path)
    async with verifier_at(tmp_path) as client:
        first = await ask(client, directory, PROMISE)
        assert first.verified_at is not None
        assert (await ask(client, directory, PROMISE, trust_records=True)).verified_at == first.verified_at
        assert (await ask(client, directory, PROMISE)).verified_at >= first.verified_at
        missing = FilePromise(path="g", size_bytes=1, sha256="0" * 64, urls=PROMISE.urls)
        assert (await ask(client, directory, PROMISE, missing)).verified_at is None


async def test_idle_verdict_is_the_same_and_waits_for_a_download_that_runs_while_others_are_answered(
    tmp_path: Path,
) -> None:
    directory = staged(tmp_path)
    async with verifier_at(tmp_path) as client:
        assert (await ask(client, directory, PROMISE, idle=True)).hashed_bytes == len(CONTENT)
        await client.publish(progressed(directory, 1))
        await ask(client, directory, PROMISE)
        waiting = asyncio.create_task(ask(client, directory, PROMISE, idle=True))
        for _ in range(3):
            assert (await ask(client, directory, PROMISE)).findings == []
        waiting.cancel()


@pytest.mark.requirement("S1-39")
async def test_bad_pieces_are_named_in_the_finding(tmp_path: Path) -> None:
    directory = staged(tmp_path)
    with (directory / "f").open("r+b") as file:
        file.seek(MIB + 5)
        file.write(b"!")
    digests = [
        hashlib.sha256(CONTENT[at : at + MIB // 2]).hexdigest() for at in range(0, len(CONTENT), MIB // 2)
    ]
    promise = FilePromise(
        path="f",
        size_bytes=len(CONTENT),
        sha256=PROMISE.sha256,
        urls=PROMISE.urls,
        pieces=Pieces(size_bytes=MIB // 2, sha256=digests),
    )
    async with verifier_at(tmp_path) as client:
        (finding,) = (await ask(client, directory, promise)).findings
        assert (finding.aspect, finding.pieces) == ("sha256", [2])


async def test_a_directory_of_models_that_is_admitted_is_looked_into(tmp_path: Path) -> None:
    (tmp_path / "other" / "m").mkdir(parents=True)
    (tmp_path / "other" / "m" / "f").write_bytes(CONTENT)
    async with verifier_at(tmp_path) as client:
        with pytest.raises(RequestFailed, match="expected one directly below"):
            await ask(client, tmp_path / "other" / "m", PROMISE)
        await client.request(ModelsRootAdmitRequestEvent(directory=str(tmp_path / "other")))
        assert (await ask(client, tmp_path / "other" / "m", PROMISE)).findings == []
