"""A true power cut: a file system that forgets everything that was not flushed."""

from __future__ import annotations

import fcntl
import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from actors.model_downloader.staging.activation import activate
from actors.model_downloader.staging.models_layout import ModelsLayout
from actors.model_downloader.staging.staged_file import StagedFile
from actors.model_downloader.staging.staging_journal import read_journal, reconcile
from actors.model_downloader.transfer.part_scheduler import PartScheduler
from actors.model_downloader.transfer.part_writer import PartWriter
from actors.shared.durable.durable_write import make_directory, replace_file
from actors.shared.durable.quarantine import quarantine
from schemas.manifest import FilePromise, ModelEntry

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        sys.platform != "linux" or os.geteuid() != 0 or shutil.which("mkfs.ext4") is None,
        reason="mounts an ext4 image: Linux, root",
    ),
]
EXT4_IOC_SHUTDOWN = 0x8004587D
NO_LOG_FLUSH = 2
MIB = 1 << 20


class Disk:
    """An ext4 file system in a file, whose power can be cut."""

    def __init__(self, image: Path, mount_point: Path) -> None:
        self.image = image
        self.path = mount_point
        with image.open("wb") as file:
            file.truncate(64 * MIB)
        subprocess.run(["mkfs.ext4", "-q", "-F", str(image)], check=True)
        mount_point.mkdir()
        self.mount()

    def mount(self) -> None:
        command = ["mount", "-o", "loop,noauto_da_alloc,commit=300", str(self.image), str(self.path)]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("an image cannot be mounted here")

    def cut_power(self) -> None:
        """Lose what is not durable, and mount again."""
        descriptor = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.ioctl(descriptor, EXT4_IOC_SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
        finally:
            os.close(descriptor)
        subprocess.run(["umount", str(self.path)], check=True)
        self.mount()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    found = Disk(tmp_path / "image", tmp_path / "disk")
    yield found
    subprocess.run(["umount", "-l", str(found.path)], check=True)


def test_the_cut_is_real(disk: Disk) -> None:
    """Without a flush, writes and renames are lost; otherwise the other tests would prove nothing."""
    (disk.path / "f.tmp").write_bytes(b"x" * 5000)
    os.replace(disk.path / "f.tmp", disk.path / "f")
    disk.cut_power()
    assert not (disk.path / "f").exists() or (disk.path / "f").read_bytes() == b""


@pytest.mark.requirement("S2-5", "S0-2", "S2-15", "S3-25")
def test_acknowledged_replacement_survives_whole_and_an_unfinished_one_leaves_the_old(disk: Disk) -> None:
    target = disk.path / "new" / "directory" / "document"
    make_directory(target.parent)
    for number in range(20):
        replace_file(target, b"%04d" % number * 2000)
        if number % 5 == 4:
            (target.with_name("document.tmp")).write_bytes(b"half of the next")
            disk.cut_power()
            assert target.read_bytes() == b"%04d" % number * 2000


@pytest.mark.requirement("S0-3", "S0-4")
def test_quarantined_file_survives_under_its_new_name(disk: Disk) -> None:
    replace_file(disk.path / "config.json", b"{broken")
    quarantine(disk.path / "config.json")
    disk.cut_power()
    assert [path.read_bytes() for path in disk.path.glob("config.json*")] == [b"{broken"]
    assert (disk.path / "config.json.corrupt").exists()


@pytest.mark.requirement("C-4", "S1-26", "S1-27")
@pytest.mark.parametrize("strict", [False, True])
def test_every_byte_that_the_journal_counts_is_there_after_the_cut(disk: Disk, strict: bool) -> None:
    content = os.urandom(24 * MIB)
    promise = FilePromise(
        path="model.bin", size_bytes=len(content), sha256="0" * 64, urls=["https://models.example/m"]
    )
    entry = ModelEntry(id="m", name="M", category="stt", licence="MIT", files=[promise])
    root = ModelsLayout(disk.path / "models")
    root.prepare()
    journal = root.open_staging(entry)
    journal.change_file("model.bin", url=promise.urls[0], etag='"v1"', validator='"v1"')

    if strict:
        journal.change(boot=None)
    scheduler = PartScheduler([file.size_bytes for file in entry.files], [()] * len(entry.files))
    writer = PartWriter(root.staging("m"), entry.files, journal, scheduler)
    part = scheduler.take(0.0, 1)
    assert part is not None
    writer.begin(part)
    for position in range(0, 19 * MIB, MIB):
        writer.write(part, content[position : position + MIB])
    scheduler.release(part)
    writer.close()
    with root.staged_file("m", promise).path.open("ab") as file:
        file.write(content[19 * MIB : 20 * MIB])  # written, but not yet durable
    journal.change(boot="the run of the machine that ended with the cut")
    journal.save()
    disk.cut_power()
    journal = read_journal(root.staging("m"))
    assert journal is not None
    assert reconcile(entry, journal) == journal
    assert root.open_staging(entry).state.durable_bytes == journal.durable_bytes == 19 * MIB
    assert root.staged_file("m", promise).path.read_bytes() == content[: 19 * MIB]


@pytest.mark.requirement("S0-9", "S1-26")
def test_activated_model_survives_whole_under_its_name(disk: Disk) -> None:
    content = os.urandom(3 * MIB)
    promise = FilePromise(
        path="sub/model.bin", size_bytes=len(content), sha256="0" * 64, urls=["https://models.example/m"]
    )
    entry = ModelEntry(id="m", name="M", category="stt", licence="MIT", files=[promise])
    root = ModelsLayout(disk.path / "models")
    root.prepare()
    root.open_staging(entry)
    staged = StagedFile(root.staged_file("m", promise))
    staged.write(0, content)
    staged.sync()
    staged.close()
    activate(root, entry)
    disk.cut_power()
    assert (root.installed("m").path / "sub" / "model.bin").read_bytes() == content
    assert not root.staging("m").is_there()
    assert root.keeps_sizes(entry)
