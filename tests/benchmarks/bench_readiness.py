"""How soon an app with 20 installed models of 50 GB in all is told that it is ready."""

from __future__ import annotations

import asyncio
import hashlib
import json
import shutil
import time
from pathlib import Path

from actors.model_verifier.policy import Identity
from actors.model_verifier.records import VerificationRecords
from bus.client import connect
from schemas.manifest import FilePromise
from schemas.models import ModelStateChangedEvent
from schemas.readiness import ReadinessChangedEvent, ReadinessSnapshot
from tests.benchmarks.cast import stage
from tests.benchmarks.measure import Benchmark, Contestant, Sample, Target, main
from tests.benchmarks.supervised import PROFILE, undercroft_up

MODELS = 20
TOTAL_BYTES = 50_000_000_000
GUARD_SECONDS = 30.0

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
            path="model.bin", size_bytes=size_bytes, sha256=hashlib.sha256(model_id.encode()).hexdigest(), urls=["https://example.org/model.bin"]
        )
        found = path.stat()
        identity = Identity(device=found.st_dev, inode=found.st_ino, size_bytes=found.st_size, mtime_ns=found.st_mtime_ns)
        records.keep(model_id, [promise], {"model.bin": identity})
        file_table = {"path": promise.path, "size_bytes": size_bytes, "sha256": promise.sha256, "urls": promise.urls}
        models.append({"id": model_id, "name": f"Model {at}", "category": f"kind{at}", "licence": "MIT", "files": [file_table]})
    shutil.copytree(PROFILE, profile)
    (profile / "models.json").write_text(json.dumps({"format": 1, "models": models}))
    categories = ", ".join(f'"kind{at}"' for at in range(MODELS))
    with (profile / "profile.toml").open("a") as file:
        file.write(READINESS.format(categories=categories))


def undercroft() -> Sample:
    """From the moment at which the downloader serves, and from the command, to the snapshot that says `ready`."""
    with stage() as here:
        home, profile = here.directory / "home", here.directory / "profile"
        _install(home, profile)
        began_at = time.time()
        with undercroft_up(home, profile):
            snapshot, first_told_at = _look(home)
    return {"readiness_ms": (snapshot.since - first_told_at) * 1000, "from_command_ms": (snapshot.since - began_at) * 1000}


def _look(home: Path) -> tuple[ReadinessSnapshot, float]:
    """The snapshot that says `ready`, and when the broker took the downloader's first word on a model."""

    async def look() -> tuple[ReadinessSnapshot, float]:
        snapshot: ReadinessSnapshot | None = None
        told_at: dict[str, float] = {}
        async with connect(home=home) as peer, peer.subscribe(ReadinessChangedEvent, ModelStateChangedEvent) as events:
            while snapshot is None or len(told_at) < MODELS:
                received = await asyncio.wait_for(events.received(), GUARD_SECONDS)
                if isinstance(received.event, ReadinessChangedEvent) and received.event.snapshot.state == "ready":
                    snapshot = received.event.snapshot
                elif isinstance(received.event, ModelStateChangedEvent):
                    told_at.setdefault(received.event.model_id, received.time_ns / 1e9)
        return snapshot, min(told_at.values())

    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        return runner.run(look())


def build(is_quick: bool) -> Benchmark:
    """How soon an app with 20 installed models of 50 GB in all is told that it is ready."""
    return Benchmark(
        name="readiness",
        title=f"Ready with {MODELS} installed models of {TOTAL_BYTES // 10**9} GB in all",
        contestants=[Contestant("undercroft", undercroft)],
        targets=[Target("readiness_ms", 50.0, at_least=False)],
        notes=["readiness_ms: from the downloader's first word on a model to the snapshot that says ready; from_command_ms: from 'undercroft up'"],
    )


if __name__ == "__main__":
    main("bench_readiness", build)
