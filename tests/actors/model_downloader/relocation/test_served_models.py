"""Models are announced as their directory comes and goes, and wishes go on where it serves next."""

from __future__ import annotations

from pathlib import Path

import anyio
import msgspec
import pytest

from actors.model_downloader.relocation.served_models import ServedModels
from actors.model_downloader.staging.models_layout import ModelsLayout
from schemas.manifest import FilePromise, ModelEntry
from schemas.models import ModelStateChangedEvent
from tests.support.downloader_parts import downloader_parts
from tests.support.scripted_peer import ScriptedPeer

pytestmark = pytest.mark.anyio
FILE = FilePromise(path="f", size_bytes=10, sha256="0" * 64, urls=["https://models.example/f"])
ENTRY = ModelEntry(id="m", name="M", category="stt", licence="MIT", files=[FILE])
GATED = msgspec.structs.replace(ENTRY, id="gated", accept_licence=True)


class Served:
    """Two models in a directory, and what was published of them."""

    def __init__(self, models: Path, tasks: anyio.abc.TaskGroup) -> None:
        self.bus, self.layout = ScriptedPeer(), ModelsLayout(models)
        self.parts = downloader_parts(self.layout, self.bus, ENTRY, GATED, tasks=tasks)
        self.models = ServedModels(self.parts.registry, self.parts.queue, self.parts.installed, tasks)

    def states(self) -> list[tuple[str, str, str]]:
        published = [event.status for event in self.bus.published_of(ModelStateChangedEvent)]
        self.bus.published.clear()
        return [(status.model_id, status.state, status.problem) for status in published]


async def test_models_of_another_process_are_announced_as_they_change(tmp_path: Path) -> None:
    async with anyio.create_task_group() as tasks:
        served = Served(tmp_path, tasks)
        await served.models.announce_changes()
        assert [one[:2] for one in served.states()] == [("m", "absent"), ("gated", "absent")]
        await served.models.announce_changes()
        assert served.states() == []
        served.layout.open_staging(ENTRY)
        await served.models.announce_changes()
        assert [one[:2] for one in served.states()] == [("m", "partial")]


async def test_directory_that_is_lost_is_said_of_every_model(tmp_path: Path) -> None:
    async with anyio.create_task_group() as tasks:
        served = Served(tmp_path, tasks)
        await served.models.lost("connect its drive")
        assert served.states() == [
            ("m", "absent", "connect its drive"),
            ("gated", "absent", "connect its drive"),
        ]


async def test_paused_and_running_installs_are_wishes_and_withdrawn_ones_are_not(tmp_path: Path) -> None:
    async with anyio.create_task_group() as tasks:
        served = Served(tmp_path, tasks)
        journal = served.layout.open_staging(ENTRY)
        journal.change(paused=True)
        journal.save()
        await served.models.look()
        assert served.models.wishes() == ["m"]
        journal.change(wanted=False)
        journal.save()
        await served.models.look()
        assert served.models.wishes() == []


async def test_wish_that_is_refused_at_the_new_place_is_shown_with_its_model(tmp_path: Path) -> None:
    async with anyio.create_task_group() as tasks:
        served = Served(tmp_path, tasks)
        await served.models.resume_wishes(["gated", "not in the manifest any more"])
        [(model_id, state, problem)] = served.states()
        assert (model_id, state) == ("gated", "absent")
        assert "has to be accepted first" in problem
