"""Whatever lies in the place of a file of models or of their records, both actors serve all other models."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from actors import model_downloader, model_verifier
from actors.model_downloader.registry.lease_book import LEASES_NAME
from actors.shared.sdk.running_actor import RunningActor, run_actor
from bus.broker.memory_bus import memory_bus
from schemas.leases import ModelLeaseRequestEvent
from schemas.models import (
    ModelInstallRequestEvent,
    ModelPauseRequestEvent,
    ModelsListRequestEvent,
    ModelVerifyRequestEvent,
    PartialsListRequestEvent,
)
from tests.support.model_lab import model_lab
from tests.support.origin_content import BytesContent
from tests.support.profiles import bundled, write_profile
from tests.support.strange_files import (
    DIRECTORY_MUTATIONS,
    FILE_MUTATIONS,
    bounded_memory,
    copy_of,
    directories_below,
    files_below,
    strange_documents,
    write,
)
from tests.support.unsynced import unsynced

pytestmark = pytest.mark.anyio
GUARD_SECONDS = 60.0
FEW = ("of a later version", "a directory", "a link to itself", "a file")
RECORDS = (".undercroft.leases.json", ".undercroft.json", "journal.json", "verified.json")


@pytest.fixture(autouse=True)
def no_syncs() -> Iterator[None]:
    with unsynced():
        yield


@contextlib.asynccontextmanager
async def both(home: Path, profile: Path) -> AsyncIterator[RunningActor[Any]]:
    """Verifier and downloader as their `build` makes them; yields the downloader."""
    async with (
        asyncio.timeout(GUARD_SECONDS),
        memory_bus() as bus,
        run_actor(model_verifier.build, home, name="model_verifier", bus=bus, profile=profile),
        run_actor(model_downloader.build, home, name="model_downloader", bus=bus, profile=profile) as running,
    ):
        yield running


async def home_with_models(root: Path) -> tuple[Path, Path]:
    """Two installed models, one of them leased, and a paused install; the home, and the profile."""
    async with model_lab(root / "home") as lab:
        for model_id in ("m0", "m1", "m2"):
            lab.offer(model_id, BytesContent(model_id.encode() * 1000))
        await lab.start()
        await lab.install("m0")
        await lab.install("m1")
        await lab.ask(ModelLeaseRequestEvent(model_id="m0", holder="app", ttl_seconds=3600))
        await lab.ask(ModelInstallRequestEvent(model_id="m2"))
        await lab.ask(ModelPauseRequestEvent(model_id="m2"))
        children = (bundled("model_verifier"), bundled("model_downloader"))
        profile = write_profile(root / "profile", *children, models=lab.entries.values())
    return root / "home", profile


async def expect_the_rest(home: Path, profile: Path, place: Path) -> None:
    """Two lives know, lease and verify each model whose own directory this is not."""
    others = [one for one in ("m0", "m1") if one not in place.parts and place.name != "models"]
    for _ in range(2):
        async with both(home, profile) as running:
            found = await running.request(ModelsListRequestEvent(), GUARD_SECONDS)
            listed = {one.model_id: one.state for one in found.models}
            assert [one for one in others if listed[one] not in ("installed", "verifying")] == []
            if place.name != "models":
                await running.request(PartialsListRequestEvent(), GUARD_SECONDS)
            for one in others:
                verdict = await running.request(ModelVerifyRequestEvent(model_id=one), GUARD_SECONDS)
                assert verdict.findings == []
                await running.request(
                    ModelLeaseRequestEvent(model_id=one, holder="t", ttl_seconds=5), GUARD_SECONDS
                )


async def spoil(tmp_path: Path, names: tuple[str, ...] = ()) -> None:
    whole, profile = await home_with_models(tmp_path)
    cases = [
        *((path, one) for path in files_below(whole) for one in FILE_MUTATIONS),
        *((path, one) for path in directories_below(whole) for one in DIRECTORY_MUTATIONS),
    ]
    for number, (path, mutation) in enumerate(cases):
        if (names and mutation.name not in names) or (mutation.name == "unreadable" and os.geteuid() == 0):
            continue
        home = copy_of(whole, tmp_path / str(number))
        place = home / path.relative_to(whole)
        trace = mutation.leave(place)
        try:
            with bounded_memory():
                await expect_the_rest(home, profile, place)
            is_empty = trace.content == (b"[]\n" if path.name == LEASES_NAME else b"{}\n")
            is_record = path.name in RECORDS and not is_empty
            is_done = path.name == "journal.json" and not (home / "models" / "m2.partial").is_dir()
            assert trace.is_kept(home) or not is_record or is_done, "an install that was done leaves nothing"
        except BaseException as error:
            error.add_note(f"{mutation.name} in the place of {place.relative_to(home)}")
            raise


@pytest.mark.requirement("S0-4")
async def test_few_things_in_the_place_of_files_and_directories(tmp_path: Path) -> None:
    await spoil(tmp_path, FEW)


@pytest.mark.slow
@pytest.mark.requirement("S0-4")
async def test_anything_in_the_place_of_a_file_or_directory(tmp_path: Path) -> None:
    await spoil(tmp_path)


@pytest.mark.slow
@pytest.mark.requirement("S0-4")
@pytest.mark.parametrize("record", RECORDS)
async def test_any_value_in_any_field_of_a_record(tmp_path: Path, record: str) -> None:
    whole, profile = await home_with_models(tmp_path)
    path = next(one for one in files_below(whole) if one.name == record)
    for number, (name, content) in enumerate(strange_documents(path.read_bytes())):
        if number % 3:  # a third of them takes long enough; names of fields and values alternate
            continue
        home = copy_of(whole, tmp_path / str(number))
        place = home / path.relative_to(whole)
        write(place, content)
        try:
            with bounded_memory():
                await expect_the_rest(home, profile, place)
        except BaseException as error:
            error.add_note(f"{name} in {record}")
            raise
