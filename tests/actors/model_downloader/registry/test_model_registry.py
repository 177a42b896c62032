"""The registry knows models by their last look at the disk, by their installs and by the catalogue."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import anyio
import anyio.lowlevel
import anyio.to_thread
import msgspec
import pytest

from actors.model_downloader.registry import model_registry
from actors.model_downloader.registry.model_on_disk import ModelOnDisk
from actors.model_downloader.registry.model_registry import ModelRegistry
from actors.model_downloader.registry.model_status import InstallReport
from actors.model_downloader.staging.models_layout import ModelsLayout
from bus.errors import Refused
from schemas.manifest import FilePromise, ModelEntry
from schemas.models import ModelStateChangedEvent, ModelStatus
from schemas.operations.alerts import AlertChangedEvent
from tests.support.downloader_parts import downloader_parts
from tests.support.scripted_peer import ScriptedPeer

pytestmark = pytest.mark.anyio
FILE = FilePromise(path="f", size_bytes=10, sha256="0" * 64, urls=["https://models.example/f"])
ENTRY = ModelEntry(id="m", name="M", category="stt", licence="MIT", files=[FILE])
GATED = msgspec.structs.replace(ENTRY, id="gated", accept_licence=True)


def registry_of(root: Path, *entries: ModelEntry, bus: ScriptedPeer | None = None) -> ModelRegistry:
    return downloader_parts(ModelsLayout(root), bus or ScriptedPeer(), *entries).registry


async def test_what_lies_on_disk_is_known_from_the_next_look_on(tmp_path: Path) -> None:
    registry, layout = registry_of(tmp_path, ENTRY), ModelsLayout(tmp_path)

    async def look() -> ModelStatus:
        await registry.look()
        return registry.status("m")

    assert (await look()).state == "absent"
    journal = layout.open_staging(ENTRY)
    assert registry.status("m").state == "absent"
    assert (await look()).state == "partial"
    journal.change(paused=True)
    journal.save()
    assert (await look()).state == "paused"
    layout.drop_staging("m")
    (tmp_path / "m").mkdir()
    damaged = await look()
    assert (damaged.state, damaged.problem_kind) == ("damaged", "damaged")
    (tmp_path / "m" / "f").write_bytes(b"x" * 10)
    assert (await look()).state == "installed"
    assert registry.is_up_to_date(ENTRY)


async def test_directory_that_is_gone_has_no_models_and_says_why(tmp_path: Path) -> None:
    registry = registry_of(tmp_path, ENTRY)
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "f").write_bytes(b"x" * 10)
    await registry.look()
    registry.directory_lost("connect its drive")
    assert (registry.status("m").state, registry.status("m").problem) == ("absent", "connect its drive")
    registry.directory_opened()
    await registry.look()
    assert (registry.status("m").state, registry.status("m").problem) == ("installed", "")


async def test_damage_is_shown_with_an_alert_until_a_revision_is_active(tmp_path: Path) -> None:
    bus = ScriptedPeer()
    registry = registry_of(tmp_path, ENTRY, bus=bus)
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "f").write_bytes(b"x" * 10)
    await registry.look()
    registry.found_damaged(ENTRY, "m/f: sha256 is a, expected b")
    await registry.alert_damage(ENTRY, "m/f: sha256 is a, expected b")
    assert not registry.is_sound(ENTRY)
    assert "models repair m" in registry.status("m").problem
    await registry.activated("m")
    assert registry.is_sound(ENTRY)
    assert [event.alert.is_active for event in bus.published_of(AlertChangedEvent)] == [True, False]
    assert bus.published_of(ModelStateChangedEvent)[-1].status.state == "installed"
    assert registry.verified_at("m") == 0.0


async def test_look_that_is_under_way_is_waited_for_but_not_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry, answered = registry_of(tmp_path, ENTRY), threading.Event()

    def slow(layout: ModelsLayout, entries: Sequence[ModelEntry]) -> dict[str, ModelOnDisk]:
        answered.wait(20)
        return {"m": ModelOnDisk(has_partial=True)}

    monkeypatch.setattr(model_registry, "read_models", slow)
    async with anyio.create_task_group() as group:
        group.start_soon(registry.look)
        await anyio.lowlevel.checkpoint()
        await registry.looked(0.01)
        assert registry.status("m").state == "absent"
        answered.set()
        await registry.looked(20)
        assert registry.status("m").state == "partial"


def test_licence_that_is_due_is_part_of_the_status(tmp_path: Path) -> None:
    registry = registry_of(tmp_path, GATED)
    assert registry.status("gated").licence_due
    assert registry.is_licence_due(GATED)
    with pytest.raises(Refused, match="no model 'other'"):
        registry.status("other")


async def test_install_that_begins_again_outlives_what_was_in_the_way_before(tmp_path: Path) -> None:
    registry = registry_of(tmp_path, ENTRY)
    registry.note_problem(ENTRY, "m: the install cannot go on")
    journal = await anyio.to_thread.run_sync(ModelsLayout(tmp_path).open_staging, ENTRY)
    await registry.report("m", InstallReport("queued", journal))
    assert (registry.status("m").state, registry.status("m").problem) == ("queued", "")
    await registry.install_ended("m")
    assert (registry.status("m").state, registry.status("m").problem) == ("partial", "")
