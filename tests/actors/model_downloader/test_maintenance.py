"""Maintenance over the bus: back to the former revision in one request, repairs that fetch only what is bad, rounds at idle priority."""

from __future__ import annotations

import asyncio
import hashlib
import io
import zipfile
from pathlib import Path

import pytest

from actors.model_downloader.downloader_context import World
from actors.model_downloader.installed_models import InstalledModels
from actors.model_downloader.maintenance import Maintenance
from actors.model_downloader.model_leases import ModelLeases
from actors.model_downloader.model_registry import ModelRegistry
from actors.model_downloader.staging.models_layout import ModelsLayout
from actors.model_downloader.staging.revisions import InstalledFile, record_of, write_record
from bus.alert_book import Alerts
from bus.errors import RequestFailed
from schemas.event import Event
from schemas.leases import ModelLeaseRequestEvent, ModelRepairRequestEvent, ModelRollbackRequestEvent
from schemas.manifest import FilePromise, Manifest, ModelEntry, Pieces, Unpack
from schemas.models import (
    FilesVerifiedEvent,
    FilesVerifyRequestEvent,
    ModelInstalledEvent,
    ModelInstallRequestEvent,
    ModelVerifyRequestEvent,
)
from tests.support.downloader_lab import House, house_at

pytestmark = pytest.mark.anyio
OLD, NEW = b"old content" * 1000, b"new content" * 2000
PIECE = 65_536


async def updated(house: House) -> None:
    """Install one revision, then another."""
    house.offer("m", "v1", {"a.bin": OLD})
    await house.start()
    await house.install("m")
    house.offer("m", "v2", {"a.bin": NEW})
    await house.restart()
    await house.install("m")


@pytest.mark.requirement("S1-26")
async def test_rollback_is_one_request_and_so_is_the_way_back(tmp_path: Path) -> None:
    async with house_at(tmp_path) as house:
        await updated(house)
        back = await house.ask(ModelRollbackRequestEvent(model_id="m"))
        assert (back.status.state, back.status.revision, back.status.former_revision) == (
            "installed",
            "v1",
            "v2",
        )
        assert (house.models / "m" / "a.bin").read_bytes() == OLD
        await house.restart()
        status = await house.status("m")
        assert (status.state, status.revision, status.wanted_revision) == ("installed", "v1", "v2")
        forth = await house.ask(ModelRollbackRequestEvent(model_id="m"))
        assert forth.status.revision == "v2"
        assert (house.models / "m" / "a.bin").read_bytes() == NEW


async def test_rollback_to_nothing_to_damage_or_under_a_holder_is_refused(tmp_path: Path) -> None:
    async with house_at(tmp_path) as house:
        await updated(house)
        await house.ask(ModelLeaseRequestEvent(model_id="m", holder="engine"))
        with pytest.raises(RequestFailed, match="held by engine"):
            await house.ask(ModelRollbackRequestEvent(model_id="m"))
        (house.models / "m.former" / "a.bin").write_bytes(bytes(len(OLD)))
        with pytest.raises(RequestFailed, match="former revision is damaged"):
            await house.ask(ModelRollbackRequestEvent(model_id="m"))
        assert (await house.status("m")).revision == "v2"
        assert (house.models / "m" / "a.bin").read_bytes() == NEW


async def test_damaged_model_can_be_rolled_back(tmp_path: Path) -> None:
    async with house_at(tmp_path) as house:
        await updated(house)
        (house.models / "m" / "a.bin").write_bytes(bytes(len(NEW)))
        assert (await house.ask(ModelVerifyRequestEvent(model_id="m"))).status.state == "damaged"
        back = await house.ask(ModelRollbackRequestEvent(model_id="m"))
        assert (back.status.state, back.status.revision, back.status.problem) == ("installed", "v1", "")


async def repaired(house: House) -> ModelInstalledEvent:
    """Have a damaged model repaired, and wait until that is done."""
    async with house.client.subscribe(ModelInstalledEvent) as events:
        await house.ask(ModelRepairRequestEvent(model_id="m"))
        async with asyncio.timeout(20):
            async for event in events:
                assert isinstance(event, ModelInstalledEvent)
                return event
    raise AssertionError("the stream of events ended")


@pytest.mark.requirement("S1-12", "S1-39")
async def test_repair_fetches_only_the_bad_file(tmp_path: Path) -> None:
    async with house_at(tmp_path) as house:
        house.offer("m", "v1", {"good.bin": OLD, "sub/bad.bin": NEW})
        await house.start()
        await house.install("m")
        with pytest.raises(RequestFailed, match="is not damaged"):
            await house.ask(ModelRepairRequestEvent(model_id="m"))
        (house.models / "m" / "sub" / "bad.bin").write_bytes(bytes(len(NEW)))
        await house.ask(ModelVerifyRequestEvent(model_id="m"))
        asked = len(house.origin.requests)
        installed = await repaired(house)
        assert installed.fetched_bytes == len(NEW)
        assert {request.path for request in house.origin.requests[asked:]} == {"/m/v1/sub/bad.bin"}
        assert (house.models / "m" / "sub" / "bad.bin").read_bytes() == NEW
        assert (house.models / "m" / "good.bin").read_bytes() == OLD
        assert (await house.status("m")).state == "installed"


@pytest.mark.requirement("S1-39")
async def test_repair_after_a_restart_still_knows_what_is_sound(tmp_path: Path) -> None:
    async with house_at(tmp_path) as house:
        house.offer("m", "v1", {"good.bin": OLD, "bad.bin": NEW})
        await house.start()
        await house.install("m")
        (house.models / "m" / "bad.bin").write_bytes(b"short")
        await house.ask(ModelVerifyRequestEvent(model_id="m"))
        await house.restart()
        assert (await house.status("m")).state == "damaged"
        assert (await repaired(house)).fetched_bytes == len(NEW)


@pytest.mark.requirement("S1-39")
async def test_repair_fetches_only_the_bad_pieces_of_a_file_whose_pieces_are_known(tmp_path: Path) -> None:
    content = b"".join(bytes([number]) * PIECE for number in range(16))
    pieces = Pieces(
        size_bytes=PIECE,
        sha256=[hashlib.sha256(content[at : at + PIECE]).hexdigest() for at in range(0, len(content), PIECE)],
    )
    async with house_at(tmp_path) as house:
        house.offer("m", "v1", {"a.bin": content}, **{"a.bin": {"pieces": pieces}})
        await house.start()
        await house.install("m")
        with (house.models / "m" / "a.bin").open("r+b") as file:
            file.seek(5 * PIECE + 9)
            file.write(b"flipped")
        verdict = await house.ask(ModelVerifyRequestEvent(model_id="m"))
        assert [finding.pieces for finding in verdict.findings] == [[5]]
        installed = await repaired(house)
        assert (house.models / "m" / "a.bin").read_bytes() == content
        assert installed.fetched_bytes == PIECE


@pytest.mark.requirement("S1-39")
async def test_archive_is_installed_as_its_members_which_are_what_is_checked(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("top/weights.bin", NEW)
        archive.writestr("top/vocab.txt", b"a b c")
    async with house_at(tmp_path) as house:
        unpack = {"unpack": Unpack(format="zip", strip=1)}
        house.offer("m", "v1", {"readme": OLD, "all.zip": packed.getvalue()}, **{"all.zip": unpack})
        await house.start()
        await house.install("m")
        shown = sorted(path.name for path in (house.models / "m").iterdir() if not path.name.startswith("."))
        assert shown == ["readme", "vocab.txt", "weights.bin"]
        assert (await house.ask(ModelVerifyRequestEvent(model_id="m"))).findings == []
        await house.restart()
        assert (await house.status("m")).state == "installed"
        (house.models / "m" / "weights.bin").write_bytes(bytes(len(NEW)))
        verdict = await house.ask(ModelVerifyRequestEvent(model_id="m"))
        assert [(finding.path, finding.aspect) for finding in verdict.findings] == [("weights.bin", "sha256")]
        assert (await repaired(house)).fetched_bytes == len(packed.getvalue())
        assert (house.models / "m" / "weights.bin").read_bytes() == NEW


async def test_archive_that_would_leave_its_root_is_never_active(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("../up", b"?")
    async with house_at(tmp_path) as house:
        house.offer(
            "m", "v1", {"all.zip": packed.getvalue()}, **{"all.zip": {"unpack": Unpack(format="zip")}}
        )
        await house.start()
        await house.ask(ModelInstallRequestEvent(model_id="m"))
        async with asyncio.timeout(20):
            while (status := await house.status("m")).state != "failed":
                await asyncio.sleep(0)
        assert "leaves the directory" in status.problem
        assert not (house.models / "m").exists()
        assert not (house.models / "up").exists()


async def test_rounds_read_the_model_that_was_read_longest_ago_and_only_when_it_is_due(
    tmp_path: Path,
) -> None:
    entries, asked = [], list[FilesVerifyRequestEvent]()
    root = ModelsLayout(tmp_path / "models")
    root.prepare()
    for model_id in ("a", "b"):
        promise = FilePromise(path="f", size_bytes=1, sha256="0" * 64, urls=["https://models.example/f"])
        entry = ModelEntry(id=model_id, name=model_id, category="stt", licence="MIT", files=[promise])
        root.installed(model_id).mkdir()
        write_record(
            root.installed(model_id),
            record_of(entry, {"": [InstalledFile(path="f", size_bytes=1, sha256="0" * 64)]}, 1),
        )
        entries.append(entry)
    now = 1e9

    async def publish(event: Event) -> None:
        """Nobody hears."""

    async def verify(question: FilesVerifyRequestEvent) -> FilesVerifiedEvent:
        asked.append(question)
        return FilesVerifiedEvent(
            model_id=question.model_id,
            findings=[],
            hashed_bytes=1,
            hashed_behind_bytes=0,
            seconds=0.0,
            verified_at=now,
        )

    world = World(publish=publish, verify=verify, now=lambda: now)
    standings, holding = ModelRegistry(Manifest(format=1, models=entries), root, world), ModelLeases(root)
    shelf = InstalledModels(standings, root, world, holding, Alerts("model_downloader", publish))
    upkeep = Maintenance(shelf, standings, root, world, holding)
    shelf.verified_at = {"a": now - 86_400 * 31, "b": now - 86_400 * 40}
    assert [await upkeep.look_after_one() for _ in range(3)] == ["b", "a", None]
    assert all(question.idle and not question.trust_records for question in asked)
    now += 86_400 * 31
    upkeep.every_days = 0
    assert await upkeep.look_after_one() is None
