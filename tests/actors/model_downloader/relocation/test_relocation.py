"""A move: every model is whole at the old place until the choice is settled, at the new one from then on."""

from __future__ import annotations

import hashlib
import itertools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from actors.model_downloader.registry.model_leases import ModelLeases
from actors.model_downloader.relocation import tree_copy, verified_copy
from actors.model_downloader.relocation.relocation import Relocation
from actors.model_downloader.relocation.relocation_journal import RelocationJournal, relocation_record
from actors.model_downloader.relocation.relocation_plan import RelocationFailed, first_journal
from actors.model_downloader.relocation.tree_copy import MOVING_PREFIX, CopyStopped, model_directories
from actors.model_downloader.staging.models_layout import ModelsLayout
from actors.model_downloader.verifier_client import VerifierClient
from actors.shared.durable import directory_tree, record_file
from bus.errors import RequestFailed
from schemas.event import Event
from schemas.manifest import FilePromise, ModelEntry
from schemas.models import FilesVerifiedEvent, FilesVerifyRequestEvent, VerificationFinding
from schemas.paths import (
    ModelsRelocateRequestEvent,
    ModelsRootAdmitRequestEvent,
    PathAction,
    PathMoveChangedEvent,
    PathSettleRequestEvent,
    PathsSettledEvent,
)
from tests.support.scripted_peer import ScriptedPeer

pytestmark = pytest.mark.anyio


class Killed(BaseException):
    """The process is gone."""


class Places:
    """Two places, three models, and a verifier that hashes for real."""

    def __init__(self, directory: Path, *, linked: bool = True) -> None:
        self.old, self.new = directory / "old", directory / "new"
        self.new.mkdir(parents=True)
        self.record = relocation_record(directory / "state")
        self.entries: dict[str, ModelEntry] = {}
        self.serving = self.old
        self.refusals: list[RequestFailed] = []
        self.admitted: set[str] = set()
        self.bus = ScriptedPeer()
        self.bus.answer(FilesVerifyRequestEvent, self.verify)
        self.bus.answer(ModelsRootAdmitRequestEvent, self.admit)
        self.bus.answer(PathSettleRequestEvent, self.settle)
        for model_id in ("base", "small", "tiny"):
            self.put(self.old, model_id, model_id.encode() * 1000)
        (self.old / "base.partial").mkdir()
        (self.old / "base.partial" / "model.bin").write_bytes(b"half")
        self.linked = linked

    def put(self, root: Path, model_id: str, content: bytes) -> None:
        (root / model_id).mkdir(parents=True)
        (root / model_id / "model.bin").write_bytes(content)
        if model_id not in self.entries:
            digest = hashlib.sha256(content).hexdigest()
            promise = FilePromise(
                path="model.bin",
                size_bytes=len(content),
                sha256=digest,
                urls=["https://example.org/model.bin"],
            )
            self.entries[model_id] = ModelEntry(
                id=model_id, name=model_id, category="stt", licence="MIT", files=[promise]
            )

    @property
    def published(self) -> list[PathMoveChangedEvent]:
        return self.bus.published_of(PathMoveChangedEvent)

    async def sleep(self, seconds: float) -> None:
        assert seconds > 0

    async def verify(self, question: FilesVerifyRequestEvent) -> FilesVerifiedEvent:
        assert str(Path(question.directory).parent) in self.admitted
        findings = []
        for promise in question.files:
            found = Path(question.directory) / promise.path
            digest = hashlib.sha256(found.read_bytes()).hexdigest() if found.is_file() else "none"
            if digest != promise.sha256:
                findings.append(
                    VerificationFinding(
                        path=promise.path, aspect="sha256", found=digest, expected=promise.sha256
                    )
                )
        return FilesVerifiedEvent(
            model_id=question.model_id, findings=findings, hashed_bytes=0, hashed_behind_bytes=0, seconds=0.0
        )

    async def admit(self, request: ModelsRootAdmitRequestEvent) -> Event:
        self.admitted.add(request.directory)
        return PathsSettledEvent(paths=[])

    async def settle(self, request: PathSettleRequestEvent) -> Event:
        if self.refusals:
            raise self.refusals.pop(0)
        self.serving = Path(request.path)
        return PathsSettledEvent(paths=[])

    def begin(self, action: PathAction = "move") -> Relocation:
        request = ModelsRelocateRequestEvent(
            target=str(self.new), action=action, category="models", path=str(self.new)
        )
        self.record.write(first_journal(self.old, ["base"], request))
        return self.relocation()

    def relocation(self) -> Relocation:
        journal = self.record.load()
        assert journal is not None
        leases = ModelLeases(ModelsLayout(self.old), self.bus.as_peer)
        verifier = VerifierClient(self.bus.as_peer, self.sleep)
        return Relocation(self.record, journal, self.entries, leases, verifier, self.bus.as_peer, self.sleep)

    async def run(self) -> None:
        """What one life of the downloader does with the journal it finds."""
        if self.record.load() is None:
            return
        moving = self.relocation()
        if self.serving == self.old:
            await moving.bring_all()
            await moving.settle()
        await moving.clear_source()

    def is_whole(self, root: Path) -> bool:
        return (
            all((root / name / "model.bin").read_bytes() == name.encode() * 1000 for name in self.entries)
            and (root / "base.partial" / "model.bin").read_bytes() == b"half"
        )


def no_links(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree_copy, "_link", lambda source, target: False)


async def test_a_move_brings_everything_and_leaves_nothing(tmp_path: Path) -> None:
    places = Places(tmp_path)
    places.begin()
    await places.run()
    assert places.serving == places.new
    assert places.is_whole(places.new)
    assert model_directories(places.old, places.entries) == []
    assert places.record.load() is None
    assert [event.state for event in places.published][-2:] == ["leaving", "moved"]
    assert places.published[-1].moved_bytes == places.published[-1].total_bytes > 0


@pytest.mark.parametrize("copied", [False, True], ids=["linked", "copied"])
async def test_killed_at_any_step_every_model_is_whole_where_it_is_served_and_the_move_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, copied: bool
) -> None:
    if copied:
        no_links(monkeypatch)
    steps = itertools.count()
    kill_at = -1

    def dying(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            if next(steps) == kill_at:
                raise Killed
            done = function(*arguments, **options)
            if next(steps) == kill_at:
                raise Killed
            return done

        return call

    for module, name in [
        (tree_copy, "move"),
        (tree_copy, "sync_directory"),
        (directory_tree, "move"),
        (directory_tree, "delete"),
        (record_file, "replace_file"),
        (record_file, "remove_file"),
        (verified_copy, "put_aside"),
    ]:
        monkeypatch.setattr(module, name, dying(getattr(module, name)))
    for attempt in itertools.count():
        places, kill_at = Places(tmp_path / str(attempt)), -1
        places.put(places.new, "small", b"small" * 1000)
        places.put(places.new, "tiny", b"something else")
        places.begin()
        steps, kill_at = itertools.count(), attempt
        was_killed = False
        try:
            await places.run()
        except* Killed:
            was_killed = True
        kill_at = -1
        assert places.is_whole(places.serving), attempt
        await places.run()
        assert places.is_whole(places.new), attempt
        assert model_directories(places.old, places.entries) == [], attempt
        assert (places.new / "tiny.aside" / "model.bin").read_bytes() == b"something else", attempt
        assert not [entry for entry in places.new.iterdir() if entry.name.startswith(MOVING_PREFIX)], attempt
        if not was_killed:
            assert attempt > 20
            return


async def test_what_lies_there_and_matches_is_kept_and_survives_giving_up(tmp_path: Path) -> None:
    places = Places(tmp_path)
    places.put(places.new, "small", b"small" * 1000)
    inode = (places.new / "small" / "model.bin").stat().st_ino
    moving = places.begin()
    await moving.bring_all()
    assert moving.journal.adopted == ["small"]
    moving.give_up()
    assert places.is_whole(places.old)
    assert model_directories(places.new, places.entries) == ["small"]
    assert (places.new / "small" / "model.bin").stat().st_ino == inode
    assert places.record.load() is None


async def test_a_stop_ends_between_models_and_giving_up_leaves_nothing(tmp_path: Path) -> None:
    places = Places(tmp_path)
    moving = places.begin()
    moving.stop.set()
    with pytest.raises(CopyStopped):
        await moving.bring_all()
    moving.give_up()
    assert list(places.new.iterdir()) == []


async def test_a_model_that_was_damaged_already_goes_along_out_of_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_links(monkeypatch)
    places = Places(tmp_path)
    (places.old / "tiny" / "model.bin").write_bytes(b"bad")
    places.begin()
    await places.run()
    assert (places.new / "tiny.damaged" / "model.bin").read_bytes() == b"bad"
    assert (places.new / "base").is_dir()
    assert model_directories(places.old, places.entries) == []


async def test_a_copy_that_is_not_what_was_read_fails_the_move(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_links(monkeypatch)
    places = Places(tmp_path)
    monkeypatch.setattr(
        tree_copy, "_write", lambda descriptor, content: os.write(descriptor, b"?" * len(content))
    )
    moving = places.begin()
    with pytest.raises(RelocationFailed, match="its copy is not what was read"):
        await moving.bring_all()
    moving.give_up()
    assert places.is_whole(places.old)
    assert list(places.new.iterdir()) == []


async def test_a_disk_that_takes_no_more_fails_the_move_with_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_links(monkeypatch)
    places = Places(tmp_path)

    def full(descriptor: int, content: memoryview) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tree_copy, "_write", full)
    with pytest.raises(RelocationFailed, match="No space left"):
        await places.begin().bring_all()


async def test_a_settlement_without_an_answer_is_asked_for_again_and_one_that_is_refused_fails(
    tmp_path: Path,
) -> None:
    places = Places(tmp_path)
    moving = places.begin()
    places.refusals = [
        RequestFailed("died", ""),
        RequestFailed("deadline", ""),
        RequestFailed("no_responder", ""),
    ]
    await moving.settle()
    assert places.serving == places.new
    places.refusals = [RequestFailed("refused", "the disk is full")]
    with pytest.raises(RelocationFailed, match="the disk is full"):
        await moving.settle()


async def test_adopting_finds_out_what_matches_and_removes_nothing(tmp_path: Path) -> None:
    places = Places(tmp_path)
    places.put(places.new, "small", b"small" * 1000)
    places.put(places.new, "tiny", b"something else")
    moving = places.begin("adopt")
    await moving.bring_all()
    assert moving.journal.adopted == ["small"]
    await moving.settle()
    await moving.clear_source()
    assert places.is_whole(places.old)
    assert model_directories(places.new, places.entries) == ["small", "tiny"]


async def test_a_drive_that_goes_while_the_old_place_is_cleared_costs_nothing(tmp_path: Path) -> None:
    places = Places(tmp_path)
    moving = places.begin()
    await moving.bring_all()
    await moving.settle()
    places.new.rename(tmp_path / "unplugged")
    await moving.clear_source()
    assert places.is_whole(places.old)


async def test_a_target_that_is_gone_fails_the_move(tmp_path: Path) -> None:
    places = Places(tmp_path)
    moving = places.begin()
    places.new.rmdir()
    with pytest.raises(RelocationFailed, match="not there"):
        await moving.bring_all()


def test_the_failure_says_where_everything_is_and_how_to_go_on() -> None:
    assert "all of them are where they were" in str(RelocationFailed("/new", "full"))


def test_a_journal_knows_which_choice_it_settles() -> None:
    journal = RelocationJournal(
        source="/a", target="/big/models", action="move", category="root", path="/big"
    )
    assert (journal.category, journal.path, journal.phase) == ("root", "/big", "moving")
