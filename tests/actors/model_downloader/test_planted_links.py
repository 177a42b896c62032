"""Links that were planted in the models directory: the actors write around them, or say so."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import anyio
import pytest

from actors.model_downloader.relocation import directory_watch
from actors.shared.durable.directory_tree import delete
from bus.errors import RequestFailed
from schemas.event import Request
from schemas.leases import ModelRepairRequestEvent, ModelRollbackRequestEvent
from schemas.models import (
    ModelInstallRequestEvent,
    ModelPauseRequestEvent,
    ModelRemoveRequestEvent,
    ModelsListRequestEvent,
    ModelVerifyRequestEvent,
    PartialsCollectRequestEvent,
)
from tests.support.model_lab import ModelLab, ask, model_lab
from tests.support.planted_links import Victim, plant

pytestmark = pytest.mark.anyio
FILES = {"model.bin": b"weights" * 1000, "sub/words.txt": b"words" * 100}
NEWER = {"model.bin": b"newer weights" * 1000, "sub/words.txt": b"newer words" * 100}
NAMES = (
    "model.bin",
    "model.bin.tmp",
    "words.txt",
    "sub/words.txt",
    "journal.json",
    "journal.json.tmp",
    ".undercroft.json",
    "written.marks",
    "m/model.bin",
)
PLACES = (
    "m",
    "m/model.bin",
    "m/sub",
    "m/sub/words.txt",
    "m/.undercroft.json",
    "m.partial",
    "m.partial/model.bin",
    "m.partial/sub",
    "m.partial/journal.json",
    "m.partial/journal.json.tmp",
    "m.partial/written.marks",
    "m.former",
    "m.former/model.bin",
    "m.damaged",
    ".next-m",
    ".back-m",
    ".trash-m-00ff",
    ".moving-m",
    ".undercroft.holder.json",
    ".undercroft.lock",
    "leases.json",
)
REQUESTS: tuple[Request[object], ...] = (
    ModelsListRequestEvent(),
    ModelInstallRequestEvent(model_id="m"),
    ModelPauseRequestEvent(model_id="m"),
    ModelVerifyRequestEvent(model_id="m"),
    ModelRollbackRequestEvent(model_id="m"),
    ModelRepairRequestEvent(model_id="m"),
    PartialsCollectRequestEvent(keep_days=1),
    ModelRemoveRequestEvent(model_id="m"),
    ModelInstallRequestEvent(model_id="m"),
    ModelsListRequestEvent(),
)


async def use(lab: ModelLab) -> list[str]:
    """Ask everything of the downloader once; returns the sentences of what it refused."""
    await lab.start()
    refused: list[str] = []
    for request in REQUESTS:
        try:
            await ask(lab.client, request)
        except RequestFailed as failed:
            assert failed.kind == "refused", failed
            refused.append(failed.message)
    listed = await ask(lab.client, ModelsListRequestEvent())
    with anyio.move_on_after(20):
        while listed.models[0].state in ("queued", "downloading", "verifying"):
            await anyio.sleep(0)
            listed = await ask(lab.client, ModelsListRequestEvent())
    return [*refused, *(status.problem for status in listed.models if status.problem)]


@pytest.fixture(scope="module")
def used_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which models were installed, updated, and left half way."""
    home = tmp_path_factory.mktemp("used")

    async def install() -> None:
        async with model_lab(home) as lab:
            for revision, files in (("1", FILES), ("2", NEWER)):
                lab.offer_revision("m", revision, dict(files))
                await lab.start() if revision == "1" else await lab.restart_downloader()
                await lab.install("m")

    anyio.run(install)
    shutil.copytree(home / "models" / "m", home / "models" / "m.partial")
    (home / "models" / "m.partial" / ".undercroft.json").unlink()
    return home


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", ["directory", "file"])
async def test_no_planted_link_leads_a_write_outside(
    used_home: Path, tmp_path: Path, place: str, kind: str
) -> None:
    home = tmp_path / "home"
    shutil.copytree(used_home, home)
    victim = Victim(tmp_path / "victim", *NAMES)
    target = victim.directory if kind == "directory" else victim.directory / "model.bin"
    plant(home / "models" / place, target)
    async with model_lab(home) as lab:
        lab.offer_revision("m", "3", dict(FILES))
        sentences = await use(lab)
    victim.assert_untouched()
    for sentence in sentences:
        assert "Errno" not in sentence
    left = home / "models"
    assert delete(left)
    assert not os.path.lexists(left)
    victim.assert_untouched()


@pytest.mark.skipif(os.name != "posix", reason="Windows has no modes")
async def test_a_directory_that_others_may_write_to_is_not_used_until_that_is_mended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else may write to the models directory, and has put a link in the place of a partial."""
    monkeypatch.setattr(directory_watch, "TAKE_OVER_SECONDS", 0.01)
    victim = Victim(tmp_path / "victim", *NAMES)
    models = tmp_path / "home" / "models"
    models.mkdir(parents=True)
    models.chmod(0o777)
    plant(models / "m.partial", victim.directory)
    async with model_lab(tmp_path / "home") as lab:
        lab.offer_revision("m", "1", dict(FILES))
        await lab.start()
        with pytest.raises(RequestFailed, match=rf"every user may write to it .* run: chmod go-w {models}"):
            await ask(lab.client, ModelInstallRequestEvent(model_id="m"))
        assert os.listdir(models) == ["m.partial"], "not even a lock was put there"
        models.chmod(0o755)
        with pytest.raises(RequestFailed, match="a link lies there, which is not followed; remove it"):
            await until_open(lab)
        (models / "m.partial").unlink()
        assert (await lab.install("m")).directory == str(models / "m")
    victim.assert_untouched()


async def until_open(lab: ModelLab) -> None:
    """Ask for an install until the directory is looked at again."""
    while True:
        try:
            await ask(lab.client, ModelInstallRequestEvent(model_id="m"))
        except RequestFailed as failed:
            if "every user may write" not in failed.message and "being opened" not in failed.message:
                raise
            await anyio.sleep(0)
