"""How soon an app with 20 installed models of 50 GB in all is told that it is ready."""

from __future__ import annotations

import asyncio
import hashlib
import json
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from actors.model_verifier.verification_records import VerificationRecords
from actors.shared.durable.file_identity import FileIdentity
from bus.client import Peer, connect
from bus.errors import NotRunning
from schemas.manifest import FilePromise
from schemas.models import ModelStateChangedEvent
from schemas.operations.supervision import ActorStateChangedEvent
from schemas.readiness import ReadinessChangedEvent
from tests.benchmarks.cast import stage
from tests.benchmarks.measure import Benchmark, Contestant, Sample, Target, main
from tests.benchmarks.supervised import PROFILE, undercroft_up

MODELS = 20
TOTAL_BYTES = 50_000_000_000
GUARD_SECONDS = 30.0
HEARD = (ReadinessChangedEvent, ModelStateChangedEvent, ActorStateChangedEvent)

READINESS = """
[readiness]
banner_after_ms = 3000
toast_fade_ms = 600000

[[modes]]
name = "everything"
requires = [{categories}]

[[children]]
name = "readiness"
entry = "actors.readiness:build"
"""


def _install(home: Path, profile: Path) -> None:
    """Sparse files as they would be after 20 installs, and what the verifier remembers of them."""
    models, records = [], VerificationRecords(home / "state" / "model_verifier")
    size_bytes = TOTAL_BYTES // MODELS
    for at in range(MODELS):
        model_id = f"model-{at}"
        path = home / "models" / model_id / "model.bin"
        path.parent.mkdir(parents=True, mode=0o700)
        with path.open("wb") as file:
            file.truncate(size_bytes)
        promise = FilePromise(
            path="model.bin",
            size_bytes=size_bytes,
            sha256=hashlib.sha256(model_id.encode()).hexdigest(),
            urls=["https://example.org/model.bin"],
        )
        identity = FileIdentity.of(path)
        records.keep(model_id, [promise], {"model.bin": identity})
        file_table = {
            "path": promise.path,
            "size_bytes": size_bytes,
            "sha256": promise.sha256,
            "urls": promise.urls,
        }
        models.append(
            {
                "id": model_id,
                "name": f"Model {at}",
                "category": f"kind{at}",
                "licence": "MIT",
                "files": [file_table],
            }
        )
    shutil.copytree(PROFILE, profile)
    (profile / "models.json").write_text(json.dumps({"format": 1, "models": models}))
    categories = ", ".join(f'"kind{at}"' for at in range(MODELS))
    with (profile / "profile.toml").open("a") as file:
        file.write(READINESS.format(categories=categories))


def undercroft() -> Sample:
    """A runtime that is started on them, heard from its first moment on."""
    with stage() as here:
        home, profile = here.directory / "home", here.directory / "profile"
        _install(home, profile)
        with ThreadPoolExecutor(1) as beside:
            listening = beside.submit(_listen, home)
            began_at = time.time()
            with undercroft_up(home, profile):
                heard = listening.result(GUARD_SECONDS)
    return {
        "readiness_ms": (heard.ready_at - heard.serves_at) * 1000,
        "verified_ms": (heard.verified_at - heard.serves_at) * 1000,
        "from_first_word_ms": (heard.ready_at - heard.first_word_at) * 1000,
        "from_command_ms": (heard.ready_at - began_at) * 1000,
    }


@dataclass(frozen=True)
class Heard:
    """When the broker took what matters here, seconds since the Unix epoch.

    Attributes:
        serves_at: the downloader's process was ready to be asked.
        first_word_at: it told of the first model.
        ready_at: the snapshot said `ready`.
        verified_at: the last of the models counted as installed, since its files were found to be as they
            were when they were verified.
    """

    serves_at: float
    first_word_at: float
    ready_at: float
    verified_at: float


def _listen(home: Path) -> Heard:
    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        return runner.run(asyncio.wait_for(_hear(home), GUARD_SECONDS))


async def _hear(home: Path) -> Heard:
    """Hear the start of a runtime; there is none yet."""
    told: dict[str, float] = {}
    verified: dict[str, float] = {}
    ready_at = serves_at = None
    async with AsyncExitStack() as stack:
        peer = await _reach(stack, home)
        events = await stack.enter_async_context(peer.subscribe(*HEARD))
        while ready_at is None or serves_at is None or len(verified) < MODELS:
            received = await events.received()
            at = received.time_ns / 1e9
            match received.event:
                case ActorStateChangedEvent(actor="model_downloader", status=status) if (
                    status.state == "ready" and serves_at is None
                ):
                    serves_at = at
                case ModelStateChangedEvent(model_id=model_id, status=status):
                    told.setdefault(model_id, at)
                    if status.state == "installed":
                        verified.setdefault(model_id, at)
                case ReadinessChangedEvent(snapshot=snapshot) if (
                    snapshot.state == "ready" and ready_at is None
                ):
                    ready_at = at
    return Heard(serves_at, min(told.values()), ready_at, max(verified.values()))


async def _reach(stack: AsyncExitStack, home: Path) -> Peer:
    while True:
        try:
            return await stack.enter_async_context(connect(home=home))
        except NotRunning:
            await asyncio.sleep(0.002)


def build(is_quick: bool) -> Benchmark:
    """How soon an app with 20 installed models of 50 GB in all is told that it is ready."""
    return Benchmark(
        name="readiness",
        title=f"Ready with {MODELS} installed models of {TOTAL_BYTES // 10**9} GB in all",
        contestants=[Contestant("undercroft", undercroft)],
        targets=[Target("readiness_ms", 50.0, at_least=False), Target("verified_ms", 50.0, at_least=False)],
        notes=[
            "readiness_ms: from the downloader's process being ready to the snapshot that says ready; "
            "from_first_word_ms: from its first word",
            "verified_ms: from its being ready to the verifier's last answer; "
            "files that look as they did when they were verified are not read",
            "from_command_ms: from 'undercroft up'; no model counts as installed, and no mode as available, "
            "before its files were looked at",
        ],
    )


if __name__ == "__main__":
    main("bench_readiness", build)
