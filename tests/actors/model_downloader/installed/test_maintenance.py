"""Maintenance over the bus: rollback, repairs that fetch only what is bad, regular verification."""

from __future__ import annotations

import asyncio
import hashlib
import io
import zipfile
from pathlib import Path

import pytest

from actors.model_downloader.downloader_settings import DownloaderSettings
from actors.model_downloader.installed.maintenance import DAY_SECONDS, Maintenance, next_due
from actors.model_downloader.staging.models_layout import ModelsLayout
from actors.model_downloader.staging.revisions import InstalledFile, record_of, write_record
from actors.shared.clocks import StampClock
from bus.errors import RequestFailed
from schemas.leases import ModelLeaseRequestEvent, ModelRepairRequestEvent, ModelRollbackRequestEvent
from schemas.manifest import FilePromise, ModelEntry, Pieces, Unpack
from schemas.models import (
    FilesVerifiedEvent,
    FilesVerifyRequestEvent,
    ModelInstalledEvent,
    ModelInstallRequestEvent,
    ModelVerifyRequestEvent,
)
from tests.support.downloader_parts import downloader_parts
from tests.support.model_lab import ModelLab, model_lab
from tests.support.scripted_peer import ScriptedPeer

pytestmark = pytest.mark.anyio
OLD, NEW = b"old content" * 1000, b"new content" * 2000
PIECE = 65_536
NOW = 1000 * DAY_SECONDS


async def updated(lab: ModelLab) -> None:
    """Install one revision, then another."""
    lab.offer_revision("m", "v1", {"a.bin": OLD})
    await lab.start()
    await lab.install("m")
    lab.offer_revision("m", "v2", {"a.bin": NEW})
    await lab.restart_downloader()
    await lab.install("m")


@pytest.mark.requirement("S1-26")
async def test_rollback_is_one_request_and_so_is_the_way_back(tmp_path: Path) -> None:
    async with model_lab(tmp_path) as lab:
        await updated(lab)
        back = await lab.ask(ModelRollbackRequestEvent(model_id="m"))
        assert (back.status.state, back.status.revision, back.status.former_revision) == (
            "installed",
            "v1",
            "v2",
        )
        assert (lab.models / "m" / "a.bin").read_bytes() == OLD
        await lab.restart_downloader()
        status = await lab.status("m")
        assert (status.state, status.revision, status.wanted_revision) == ("installed", "v1", "v2")
        forth = await lab.ask(ModelRollbackRequestEvent(model_id="m"))
        assert forth.status.revision == "v2"
        assert (lab.models / "m" / "a.bin").read_bytes() == NEW


async def test_rollback_to_nothing_to_damage_or_under_a_holder_is_refused(tmp_path: Path) -> None:
    async with model_lab(tmp_path) as lab:
        await updated(lab)
        await lab.ask(ModelLeaseRequestEvent(model_id="m", holder="engine"))
        with pytest.raises(RequestFailed, match="held by engine"):
            await lab.ask(ModelRollbackRequestEvent(model_id="m"))
        (lab.models / "m.former" / "a.bin").write_bytes(bytes(len(OLD)))
        with pytest.raises(RequestFailed, match="former revision is damaged"):
            await lab.ask(ModelRollbackRequestEvent(model_id="m"))
        assert (await lab.status("m")).revision == "v2"
        assert (lab.models / "m" / "a.bin").read_bytes() == NEW


async def test_damaged_model_can_be_rolled_back(tmp_path: Path) -> None:
    async with model_lab(tmp_path) as lab:
        await updated(lab)
        (lab.models / "m" / "a.bin").write_bytes(bytes(len(NEW)))
        assert (await lab.ask(ModelVerifyRequestEvent(model_id="m"))).status.state == "damaged"
        back = await lab.ask(ModelRollbackRequestEvent(model_id="m"))
        assert (back.status.state, back.status.revision, back.status.problem) == ("installed", "v1", "")


async def repaired(lab: ModelLab) -> ModelInstalledEvent:
    """Have a damaged model repaired, and wait until that is done."""
    async with lab.client.subscribe(ModelInstalledEvent) as events:
        await lab.ask(ModelRepairRequestEvent(model_id="m"))
        async with asyncio.timeout(20):
            async for event in events:
                assert isinstance(event, ModelInstalledEvent)
                return event
    raise AssertionError("the stream of events ended")


@pytest.mark.requirement("S1-12", "S1-39")
async def test_repair_fetches_only_the_bad_file(tmp_path: Path) -> None:
    async with model_lab(tmp_path) as lab:
        lab.offer_revision("m", "v1", {"good.bin": OLD, "sub/bad.bin": NEW})
        await lab.start()
        await lab.install("m")
        with pytest.raises(RequestFailed, match="is not damaged"):
            await lab.ask(ModelRepairRequestEvent(model_id="m"))
        (lab.models / "m" / "sub" / "bad.bin").write_bytes(bytes(len(NEW)))
        await lab.ask(ModelVerifyRequestEvent(model_id="m"))
        asked = len(lab.origin.requests)
        installed = await repaired(lab)
        assert installed.fetched_bytes == len(NEW)
        assert {request.path for request in lab.origin.requests[asked:]} == {"/m/v1/sub/bad.bin"}
        assert (lab.models / "m" / "sub" / "bad.bin").read_bytes() == NEW
        assert (lab.models / "m" / "good.bin").read_bytes() == OLD
        assert (await lab.status("m")).state == "installed"


@pytest.mark.requirement("S1-39")
async def test_repair_after_a_restart_still_knows_what_is_sound(tmp_path: Path) -> None:
    async with model_lab(tmp_path) as lab:
        lab.offer_revision("m", "v1", {"good.bin": OLD, "bad.bin": NEW})
        await lab.start()
        await lab.install("m")
        (lab.models / "m" / "bad.bin").write_bytes(b"short")
        await lab.ask(ModelVerifyRequestEvent(model_id="m"))
        await lab.restart_downloader()
        assert (await lab.status("m")).state == "damaged"
        assert (await repaired(lab)).fetched_bytes == len(NEW)


@pytest.mark.requirement("S1-39")
async def test_repair_fetches_only_the_bad_pieces_of_a_file_whose_pieces_are_known(tmp_path: Path) -> None:
    content = b"".join(bytes([number]) * PIECE for number in range(16))
    pieces = Pieces(
        size_bytes=PIECE,
        sha256=[hashlib.sha256(content[at : at + PIECE]).hexdigest() for at in range(0, len(content), PIECE)],
    )
    async with model_lab(tmp_path) as lab:
        lab.offer_revision("m", "v1", {"a.bin": content}, **{"a.bin": {"pieces": pieces}})
        await lab.start()
        await lab.install("m")
        with (lab.models / "m" / "a.bin").open("r+b") as file:
            file.seek(5 * PIECE + 9)
            file.write(b"flipped")
        verdict = await lab.ask(ModelVerifyRequestEvent(model_id="m"))
        assert [finding.pieces for finding in verdict.findings] == [[5]]
        installed = await repaired(lab)
        assert (lab.models / "m" / "a.bin").read_bytes() == content
        assert installed.fetched_bytes == PIECE


@pytest.mark.requirement("S1-39")
async def test_archive_is_installed_as_its_members_which_are_what_is_checked(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("top/weights.bin", NEW)
        archive.writestr("top/vocab.txt", b"a b c")
    async with model_lab(tmp_path) as lab:
        unpack = {"unpack": Unpack(format="zip", strip=1)}
        lab.offer_revision("m", "v1", {"readme": OLD, "all.zip": packed.getvalue()}, **{"all.zip": unpack})
        await lab.start()
        await lab.install("m")
        shown = sorted(path.name for path in (lab.models / "m").iterdir() if not path.name.startswith("."))
        assert shown == ["readme", "vocab.txt", "weights.bin"]
        assert (await lab.ask(ModelVerifyRequestEvent(model_id="m"))).findings == []
        await lab.restart_downloader()
        assert (await lab.status("m")).state == "installed"
        (lab.models / "m" / "weights.bin").write_bytes(bytes(len(NEW)))
        verdict = await lab.ask(ModelVerifyRequestEvent(model_id="m"))
        assert [(finding.path, finding.aspect) for finding in verdict.findings] == [("weights.bin", "sha256")]
        assert (await repaired(lab)).fetched_bytes == len(packed.getvalue())
        assert (lab.models / "m" / "weights.bin").read_bytes() == NEW


async def test_archive_that_would_leave_its_root_is_never_active(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("../up", b"?")
    async with model_lab(tmp_path) as lab:
        lab.offer_revision(
            "m", "v1", {"all.zip": packed.getvalue()}, **{"all.zip": {"unpack": Unpack(format="zip")}}
        )
        await lab.start()
        await lab.ask(ModelInstallRequestEvent(model_id="m"))
        async with asyncio.timeout(20):
            while (status := await lab.status("m")).state != "failed":
                await asyncio.sleep(0)
        assert "leaves the directory" in status.problem
        assert not (lab.models / "m").exists()
        assert not (lab.models / "up").exists()


async def test_next_verification_is_of_the_model_that_was_read_longest_ago_and_only_when_it_is_due(
    tmp_path: Path,
) -> None:
    entries, layout, now = [], ModelsLayout(tmp_path / "models"), 1e9
    layout.prepare()
    for model_id in ("a", "b"):
        promise = FilePromise(path="f", size_bytes=1, sha256="0" * 64, urls=["https://models.example/f"])
        entry = ModelEntry(id=model_id, name=model_id, category="stt", licence="MIT", files=[promise])
        layout.installed(model_id).mkdir()
        write_record(
            layout.installed(model_id),
            record_of(entry, {"": [InstalledFile(path="f", size_bytes=1, sha256="0" * 64)]}, 1),
        )
        entries.append(entry)
    bus, settings = ScriptedPeer(), DownloaderSettings()

    async def verify(question: FilesVerifyRequestEvent) -> FilesVerifiedEvent:
        return FilesVerifiedEvent(
            model_id=question.model_id,
            findings=[],
            hashed_bytes=1,
            hashed_behind_bytes=0,
            seconds=0.0,
            verified_at=now,
        )

    bus.answer(FilesVerifyRequestEvent, verify)
    parts = downloader_parts(layout, bus, *entries, settings=settings)
    maintenance = Maintenance(
        layout,
        parts.registry,
        parts.leases,
        parts.queue,
        parts.installed,
        parts.verifier,
        settings,
        StampClock(lambda: now, lambda: now),
    )
    await parts.registry.look()
    await parts.registry.found_sound("a", now - 86_400 * 31)
    await parts.registry.found_sound("b", now - 86_400 * 40)
    assert [await maintenance.verify_next() for _ in range(3)] == ["b", "a", None]
    assert all(question.idle and not question.trust_records for question in bus.asked)
    assert len(bus.asked) == 2
    now += 86_400 * 31
    settings.verify_every_days = 0
    assert await maintenance.verify_next() is None


def test_model_that_was_read_longest_ago_is_next() -> None:
    ago = {"a": NOW - 31 * DAY_SECONDS, "b": NOW - 40 * DAY_SECONDS, "c": NOW - DAY_SECONDS}
    assert next_due(ago, 30, NOW) == "b"
    assert next_due({**ago, "d": None}, 30, NOW) == "d"
    assert next_due({"c": ago["c"]}, 30, NOW) is None
    assert next_due({"c": ago["c"]}, 1, NOW) == "c"
    assert next_due({}, 30, NOW) is None


def test_never_means_never() -> None:
    assert next_due({"a": None, "b": 0.0}, 0, NOW) is None


def test_time_in_the_future_is_not_believed() -> None:
    assert next_due({"a": NOW + 5000 * DAY_SECONDS}, 30, NOW) == "a"
