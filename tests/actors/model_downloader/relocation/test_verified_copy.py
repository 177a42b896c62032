"""A directory is at the new place only if it is what its promise says, or no worse than where it was."""

from __future__ import annotations

import hashlib
import os
import threading
from pathlib import Path

import pytest

from actors.model_downloader.relocation import tree_copy
from actors.model_downloader.relocation.relocation_plan import RelocationFailed
from actors.model_downloader.relocation.verified_copy import VerifiedCopy
from actors.model_downloader.verifier_client import VerifierClient
from bus.errors import FailureKind, RequestFailed
from schemas.event import Event
from schemas.manifest import FilePromise, ModelEntry
from schemas.models import FilesVerifiedEvent, FilesVerifyRequestEvent, VerificationFinding
from schemas.paths import ModelsRootAdmitRequestEvent, PathsSettledEvent
from tests.support.scripted_peer import ScriptedPeer

pytestmark = pytest.mark.anyio
CONTENT = b"a model" * 1000
FILE = FilePromise(
    path="model.bin",
    size_bytes=len(CONTENT),
    sha256=hashlib.sha256(CONTENT).hexdigest(),
    urls=["https://models.example/f"],
)
ENTRY = ModelEntry(id="m", name="M", category="stt", licence="MIT", files=[FILE])


class Copying:
    """One model at the old place, and a verifier that hashes for real, after these failures."""

    def __init__(self, directory: Path, content: bytes = CONTENT, *failures: FailureKind) -> None:
        self.old, self.new = directory / "old", directory / "new"
        self.new.mkdir(parents=True)
        (self.old / "m").mkdir(parents=True)
        (self.old / "m" / "model.bin").write_bytes(content)
        self.failures, self.slept = list(failures), list[float]()
        self.bus = ScriptedPeer()
        self.bus.answer(FilesVerifyRequestEvent, self.verify)
        self.bus.answer(ModelsRootAdmitRequestEvent, self.admit)
        self.copy = VerifiedCopy(
            self.old,
            self.new,
            {"m": ENTRY},
            VerifierClient(self.bus.as_peer),
            self.bus.as_peer,
            threading.Event(),
            self.sleep,
        )

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    async def admit(self, request: ModelsRootAdmitRequestEvent) -> Event:
        return PathsSettledEvent(paths=[])

    async def verify(self, request: FilesVerifyRequestEvent) -> FilesVerifiedEvent:
        if self.failures:
            raise RequestFailed(self.failures.pop(0), "in a test")
        digest = hashlib.sha256((Path(request.directory) / "model.bin").read_bytes()).hexdigest()
        finding = VerificationFinding(path="model.bin", aspect="sha256", found=digest, expected=FILE.sha256)
        return FilesVerifiedEvent(
            model_id="m",
            findings=[finding] if digest != FILE.sha256 else [],
            hashed_bytes=0,
            hashed_behind_bytes=0,
            seconds=0.0,
        )


@pytest.fixture
def no_links(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree_copy, "_link", lambda source, target: False)


async def test_what_is_linked_is_not_read_again(tmp_path: Path) -> None:
    copying = Copying(tmp_path)
    assert await copying.copy.copy("m") == "m"
    assert copying.bus.asked == []
    assert copying.copy.bytes_now == len(CONTENT)
    await copying.copy.place("m", "m")
    assert (copying.new / "m" / "model.bin").read_bytes() == CONTENT


@pytest.mark.usefixtures("no_links")
async def test_copy_is_verified_and_a_verifier_that_refuses_is_asked_again(tmp_path: Path) -> None:
    copying = Copying(tmp_path, CONTENT, "refused", "no_responder")
    assert await copying.copy.copy("m") == "m"
    assert len(copying.slept) == 2
    with pytest.raises(RelocationFailed, match="m: cannot be verified"):
        await Copying(tmp_path / "again", CONTENT, "invalid").copy.copy("m")


@pytest.mark.usefixtures("no_links")
async def test_model_that_is_damaged_where_it_was_goes_along_out_of_use(tmp_path: Path) -> None:
    copying = Copying(tmp_path, b"bad")
    assert await copying.copy.copy("m") == "m.damaged"


@pytest.mark.usefixtures("no_links")
async def test_copy_that_goes_bad_twice_fails_the_move(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tree_copy, "_write", lambda target, piece: os.write(target, b"?" * len(piece)))
    with pytest.raises(RelocationFailed, match="its copy is not what was read"):
        await Copying(tmp_path).copy.copy("m")


async def test_what_is_there_already_is_kept_if_it_is_whole_and_put_aside_if_not(tmp_path: Path) -> None:
    copying = Copying(tmp_path)
    assert not await copying.copy.is_at_target("m")
    (copying.new / "m").mkdir()
    (copying.new / "m" / "model.bin").write_bytes(CONTENT)
    assert await copying.copy.is_at_target("m")
    (copying.new / "m" / "model.bin").write_bytes(b"something else")
    assert not await copying.copy.is_at_target("m")
    assert (copying.new / "m.aside" / "model.bin").read_bytes() == b"something else"


async def test_partials_and_strangers_promise_nothing(tmp_path: Path) -> None:
    copying = Copying(tmp_path)
    assert await copying.copy.promises("m", copying.old) == [FILE]
    assert await copying.copy.promises("m.partial", copying.old) is None
    assert await copying.copy.promises("m.former", copying.old) is None
    assert await copying.copy.promises("stranger", copying.old) is None
