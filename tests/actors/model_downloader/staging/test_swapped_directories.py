"""A directory that turns into a link and back all the time: nothing is written, cut or deleted behind it."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import tarfile
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from actors.model_downloader.installed.repair import reuse_sound_files
from actors.model_downloader.relocation.tree_copy import TreeCopy
from actors.model_downloader.staging.activation import activate, finish, roll_back
from actors.model_downloader.staging.archives.archive import unpack
from actors.model_downloader.staging.models_layout import ModelsLayout
from actors.model_downloader.staging.staged_file import StagedFile
from actors.model_downloader.staging.watermarks import Watermarks
from bus.errors import UndercroftError
from schemas.manifest import FilePromise, ModelEntry, Unpack
from tests.support.planted_links import Victim, can_swap, swapping

A = FilePromise(path="a.bin", size_bytes=10, sha256="0" * 64, urls=["https://models.example/a"])
B = FilePromise(path="sub/b.bin", size_bytes=4, sha256="1" * 64, urls=["https://models.example/b"])
ENTRY = ModelEntry(id="m", name="M", category="stt", licence="MIT", files=[A, B])
NAMES = (
    "a.bin",
    "a.bin.tmp",
    "a.bin.mismatch",
    "sub/b.bin",
    "b.bin",
    "journal.json",
    "journal.json.tmp",
    ".undercroft.json",
    "written.marks",
)
ROUNDS = 5
Work = Callable[[ModelsLayout], object]


def write_staged(layout: ModelsLayout) -> None:
    journal = layout.open_staging(ENTRY)
    Watermarks(layout.staging("m")).close()
    for promise in ENTRY.files:
        staged = StagedFile(layout.staged_file("m", promise))
        staged.write(0, b"x" * promise.size_bytes)
        staged.sync()
        staged.close()
    journal.save()


def install(layout: ModelsLayout) -> None:
    write_staged(layout)
    activate(layout, ENTRY)


def repair(layout: ModelsLayout) -> None:
    layout.put_out_of_use("m")
    reuse_sound_files(layout, ENTRY, [])


def extract(layout: ModelsLayout) -> None:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        for name in ("sub/b.bin", "a.bin", "journal.json"):
            member = tarfile.TarInfo(name)
            member.size = 4
            archive.addfile(member, io.BytesIO(b"evil"))
    (layout.path / "archive.tar").write_bytes(content.getvalue())
    unpack(layout.path / "archive.tar", Unpack(format="tar"), layout.staging("m"), "archive.tar", [])


def relocate(layout: ModelsLayout) -> None:
    target = layout.path.parent / "target"
    copy = TreeCopy(layout.path, target, lambda count: None, threading.Event())
    copy.copy("m.partial")
    copy.place("m.partial", "m.partial")
    copy.discard_copy("m.partial")


WORKS: list[tuple[Work, str]] = [
    (write_staged, "m.partial"),
    (write_staged, "m.partial/sub"),
    (install, "m.partial"),
    (install, "m.partial/sub"),
    (install, "m"),
    (lambda layout: layout.set_aside("m", A), "m.partial"),
    (lambda layout: layout.set_aside("m", B), "m.partial/sub"),
    (lambda layout: layout.drop_staging("m"), "m.partial/sub"),
    (lambda layout: layout.purge("m"), "m.partial"),
    (lambda layout: layout.purge("m"), "m/sub"),
    (lambda layout: roll_back(layout, "m"), "m"),
    (repair, "m"),
    (extract, "m.partial"),
    (extract, "m.partial/sub"),
    (relocate, "m.partial"),
    (relocate, "m.partial/sub"),
    (finish, "m"),
]


@pytest.mark.timeout(60)
@pytest.mark.parametrize(("work", "place"), WORKS, ids=range(len(WORKS)))
def test_nothing_outside_is_touched_while_a_directory_is_swapped_for_a_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, work: Work, place: str
) -> None:
    if not can_swap(tmp_path):
        pytest.skip("this platform cannot let two names trade places")
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)  # no power cut here, and many rounds
    monkeypatch.setattr(os, "fdatasync", lambda descriptor: None)
    victim = Victim(tmp_path / "victim", *NAMES)
    for _ in range(ROUNDS):
        shutil.rmtree(tmp_path / "models", ignore_errors=True)
        layout = ModelsLayout(tmp_path / "models")
        layout.prepare()
        install(layout)
        install(layout)
        write_staged(layout)
        with swapping(layout.path / place, victim.directory):
            for _ in range(4):
                with contextlib.suppress(OSError, UndercroftError):
                    work(layout)
    victim.assert_untouched()
