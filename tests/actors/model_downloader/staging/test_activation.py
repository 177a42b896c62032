"""Activation, update and rollback on a real disk: a whole revision is active, whatever step a crash hits."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from actors.model_downloader.staging.activation import activate, finish, roll_back, unpack_archives
from actors.model_downloader.staging.models_layout import ModelsLayout
from actors.model_downloader.staging.revisions import RECORD_NAME
from actors.shared.durable import atomic_exchange as exchange_module
from actors.shared.durable.durable_write import DurableWriteFailed
from actors.shared.places.rooted_place import RootedPlace
from schemas.manifest import FilePromise, ModelEntry, Unpack

WAYS = ["exchange", "two renames"]


class Died(BaseException):
    """The process is gone, as far as this test is concerned."""


def entry_of(revision: str) -> ModelEntry:
    content = f"content of {revision}".encode()
    promise = FilePromise(
        path="sub/a.bin",
        size_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        urls=["https://models.example/a"],
    )
    return ModelEntry(id="m", name="M", category="stt", licence="MIT", revision=revision, files=[promise])


def stage(root: ModelsLayout, revision: str) -> ModelEntry:
    entry = entry_of(revision)
    root.open_staging(entry)
    path = root.staged_file("m", entry.files[0]).path
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(f"content of {revision}".encode())
    (root.staging("m").path / "sub" / "a.bin.mismatch").write_bytes(b"old")
    return entry


def install(root: ModelsLayout, revision: str) -> None:
    activate(root, stage(root, revision))


def shown(place: RootedPlace) -> str | None:
    """Which revision a reader sees, whole; None for nothing."""
    directory = place.path
    if not os.path.lexists(directory):
        return None
    files = sorted(path.relative_to(directory).as_posix() for path in directory.rglob("*") if path.is_file())
    assert files == [RECORD_NAME, "sub/a.bin"], f"half a model is visible: {files}"
    content = (directory / "sub" / "a.bin").read_text()
    assert content.startswith("content of ")
    return content.removeprefix("content of ")


@pytest.fixture(params=WAYS)
def root(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelsLayout:
    """A root on a platform that can exchange names, and on one that cannot."""
    if request.param == "two renames":
        monkeypatch.setattr(exchange_module, "_exchange", lambda first, second: 38)
    found = ModelsLayout(tmp_path / "models")
    found.prepare()
    return found


@pytest.mark.requirement("S0-9", "S1-26")
def test_activation_shows_exactly_the_promised_files_and_their_record(root: ModelsLayout) -> None:
    install(root, "1")
    assert shown(root.installed("m")) == "1"
    assert os.listdir(root.path) == ["m"]
    record = root.record("m")
    assert record is not None
    assert (record.revision, record.sequence) == ("1", 1)


@pytest.mark.requirement("S1-26")
def test_update_keeps_one_former_revision_and_rollback_trades_both(root: ModelsLayout) -> None:
    for revision in ("1", "2", "3"):
        install(root, revision)
    assert (shown(root.installed("m")), shown(root.former("m"))) == ("3", "2")
    roll_back(root, "m")
    assert (shown(root.installed("m")), shown(root.former("m"))) == ("2", "3")
    roll_back(root, "m")
    assert (shown(root.installed("m")), shown(root.former("m"))) == ("3", "2")
    roll_back(root, "m")
    install(root, "4")
    assert (shown(root.installed("m")), shown(root.former("m"))) == ("4", "2")
    assert sorted(os.listdir(root.path)) == ["m", "m.former"]


def test_repair_is_no_update_so_the_former_revision_stays(root: ModelsLayout) -> None:
    install(root, "1")
    install(root, "2")
    install(root, "2")
    assert (shown(root.installed("m")), shown(root.former("m"))) == ("2", "1")
    root.put_out_of_use("m")
    install(root, "2")
    assert (shown(root.installed("m")), shown(root.former("m"))) == ("2", "1")
    assert not root.damaged("m").is_there()


def test_rollback_of_a_damaged_model_brings_the_former_one(root: ModelsLayout) -> None:
    install(root, "1")
    install(root, "2")
    root.put_out_of_use("m")
    roll_back(root, "m")
    assert shown(root.installed("m")) == "1"
    assert not root.former("m").is_there()
    with pytest.raises(DurableWriteFailed):
        roll_back(root, "m")
    assert shown(root.installed("m")) == "1"


def test_model_without_a_record_is_updated_and_can_be_gone_back_to(root: ModelsLayout) -> None:
    install(root, "1")
    (root.installed("m").path / RECORD_NAME).unlink()
    install(root, "2")
    assert shown(root.installed("m")) == "2"
    roll_back(root, "m")
    assert (root.installed("m").path / "sub" / "a.bin").read_text() == "content of 1"


def dying_at(step: int, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Let the process die just before its so-manyth change to the disk; returns a list that counts them."""
    counted = [0]

    def mortal(real: Any) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            counted[0] += 1
            if counted[0] > step:
                raise Died
            return real(*args, **kwargs)

        return call

    for module, name in (
        (os, "replace"),
        (os, "rename"),
        (os, "unlink"),
        (os, "rmdir"),
        (os, "open"),
        (shutil, "rmtree"),
        (exchange_module, "_exchange"),
    ):
        monkeypatch.setattr(module, name, mortal(getattr(module, name)))
    monkeypatch.setattr(Path, "unlink", lambda path, missing_ok=False: os.unlink(path))
    return counted


def deaths(monkeypatch: pytest.MonkeyPatch, prepare: Any, act: Any) -> Iterator[int]:
    """Do something once for each step it has, dying there; ends with the run that dies nowhere."""
    for step in range(200):
        prepare()
        with monkeypatch.context() as patch:
            counted = dying_at(step, patch)
            with contextlib.suppress(Died):
                act()
        yield step
        if counted[0] <= step:
            assert step > 5, "the steps are not seen"
            return
    raise AssertionError("it never ends")


@pytest.mark.requirement("S1-26", "S0-9")
def test_death_at_any_step_of_an_update_leaves_the_old_or_the_new_revision_whole(
    root: ModelsLayout, monkeypatch: pytest.MonkeyPatch
) -> None:
    exchanges = exchange_module._exchange((str(root.path), None), (str(root.path), None)) != 38

    def prepare() -> None:
        shutil.rmtree(root.path)
        root.prepare()
        for revision in ("0", "1"):
            install(root, revision)
        stage(root, "2")

    outcomes = set()
    for _ in deaths(monkeypatch, prepare, lambda: activate(root, entry_of("2"))):
        before = shown(root.installed("m"))
        assert before in ("1", "2") or (before is None and not exchanges)
        again = ModelsLayout(root.path)
        finish(again)
        again.prepare()
        after = shown(again.installed("m"))
        assert after in ("1", "2")
        outcomes.add(after)
        if after == "1":
            assert again.staging("m").is_dir()
            assert again.open_staging(entry_of("2")).state.durable_bytes == entry_of("2").size_bytes
            activate(again, entry_of("2"))
        assert (shown(again.installed("m")), shown(again.former("m"))) == ("2", "1")
        assert sorted(os.listdir(again.path)) == ["m", "m.former"]
    assert outcomes == {"1", "2"}


@pytest.mark.requirement("S1-26")
def test_death_at_any_step_of_a_rollback_leaves_one_of_both_revisions_whole(
    root: ModelsLayout, monkeypatch: pytest.MonkeyPatch
) -> None:
    def prepare() -> None:
        shutil.rmtree(root.path)
        root.prepare()
        for revision in ("1", "2"):
            install(root, revision)

    def act() -> None:
        roll_back(root, "m")
        for _ in range(6):
            os.close(os.open(root.path, os.O_RDONLY))  # so that each way has enough steps to be counted

    for _ in deaths(monkeypatch, prepare, act):
        again = ModelsLayout(root.path)
        finish(again)
        again.prepare()
        assert {shown(again.installed("m")), shown(again.former("m"))} == {"1", "2"}
        assert sorted(os.listdir(again.path)) == ["m", "m.former"]


@pytest.mark.requirement("S1-26")
def test_death_at_any_step_of_finishing_is_finished_by_the_next_start(
    root: ModelsLayout, monkeypatch: pytest.MonkeyPatch
) -> None:
    def prepare() -> None:
        shutil.rmtree(root.path)
        root.prepare()
        for revision in ("0", "1"):
            install(root, revision)
        stage(root, "2")
        with monkeypatch.context() as patch:
            patch.setattr("actors.model_downloader.staging.activation._swap", lambda root, model_id: None)
            activate(root, entry_of("2"))

    for _ in deaths(monkeypatch, prepare, lambda: finish(root)):
        finish(ModelsLayout(root.path))
        root.prepare()
        assert (shown(root.installed("m")), shown(root.former("m"))) == ("2", "1")


def test_swap_that_the_platform_refuses_leaves_the_old_revision_and_the_staged_files(
    root: ModelsLayout, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(root, "1")
    stage(root, "2")

    def refuse(*names: object) -> bool:
        raise DurableWriteFailed("m", "rename", 13, "in use by another program")

    with monkeypatch.context() as patch:
        patch.setattr("actors.model_downloader.staging.activation.exchange", refuse)
        with pytest.raises(DurableWriteFailed):
            activate(root, entry_of("2"))
    assert shown(root.installed("m")) == "1"
    assert root.open_staging(entry_of("2")).state.durable_bytes == entry_of("2").size_bytes
    activate(root, entry_of("2"))
    assert shown(root.installed("m")) == "2"


def zipped(**files: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return target.getvalue()


@pytest.mark.requirement("S1-26")
def test_archive_is_unpacked_in_staging_recorded_by_member_and_not_kept(root: ModelsLayout) -> None:
    entry = stage(root, "1")
    content = zipped(x=b"from the archive", y=b"too")
    promise = FilePromise(
        path="all.zip",
        size_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        urls=["https://models.example/z"],
        unpack=Unpack(format="zip", into="data"),
    )
    entry = msgspec.structs.replace(entry, files=[*entry.files, promise])
    root.open_staging(entry)
    root.staged_file("m", promise).path.write_bytes(content)
    (root.staging("m").path / "data").mkdir()
    (root.staging("m").path / "data" / "left-by-a-crash").write_bytes(b"?")
    activate(root, entry, unpack_archives(root, entry))
    files = {
        path.relative_to(root.installed("m").path).as_posix()
        for path in root.installed("m").path.rglob("*")
        if path.is_file()
    }
    assert files == {RECORD_NAME, "sub/a.bin", "data/x", "data/y"}
    record = root.record("m")
    assert record is not None
    assert {found.path: found.archive for found in record.contents} == {
        "sub/a.bin": "",
        "data/x": "all.zip",
        "data/y": "all.zip",
    }
    assert root.keeps_sizes(entry)


MORTAL = """
import sys
from pathlib import Path
from actors.model_downloader.staging.activation import activate, finish, roll_back
from actors.model_downloader.staging.models_layout import ModelsLayout
import msgspec
from actors.shared.places.rooted_place import RootedPlace
from schemas.manifest import ModelEntry

root = ModelsLayout(Path(sys.argv[1]))
if sys.argv[2] == "activate":
    activate(root, msgspec.json.decode(sys.argv[3], type=ModelEntry))
else:
    roll_back(root, "m")
"""


@pytest.mark.slow
@pytest.mark.requirement("S1-26")
@pytest.mark.skipif(
    shutil.which("strace") is None or not hasattr(os, "geteuid") or os.geteuid() != 0,
    reason="needs strace, as root",
)
@pytest.mark.parametrize("what", ["activate", "rollback"])
def test_process_that_is_killed_in_a_system_call_of_a_swap_leaves_a_whole_model(
    tmp_path: Path, what: str
) -> None:
    root = ModelsLayout(tmp_path / "models")
    killed = 0
    for call, limit in (("rename,renameat,renameat2", 8), ("unlink,unlinkat", 6), ("fsync,fdatasync", 10)):
        for number in range(1, limit):
            shutil.rmtree(root.path, ignore_errors=True)
            root.prepare()
            for revision in ("0", "1"):
                install(root, revision)
            entry = stage(root, "2")
            inject = f"inject={call}:signal=KILL:when={number}"
            command = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", inject]
            code = [sys.executable, "-c", MORTAL, str(root.path), what, msgspec.json.encode(entry).decode()]
            done = subprocess.run([*command, *code], cwd=Path(__file__).parents[4], timeout=60, check=False)
            assert shown(root.installed("m")) is not None
            again = ModelsLayout(root.path)
            finish(again)
            again.prepare()
            assert shown(again.installed("m")) in (("1", "2") if what == "activate" else ("0", "1"))
            assert shown(again.former("m")) in (None, "0", "1")
            if done.returncode == 0:
                break
            killed += 1
    assert killed >= (8 if what == "activate" else 1)
