"""Durable replacement: old or new after a failure at any step and after any kill, and no temp file left."""

from __future__ import annotations

import errno
import os
import pickle
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.shared.durable import durable_write
from actors.shared.durable.durable_write import (
    Disk,
    DurableWriteFailed,
    Replacement,
    make_directory,
    move,
    remove_file,
    replace_file,
    sweep_temporary,
)

POSIX = pytest.mark.skipif(os.name != "posix", reason="modes and signals of POSIX")


class Recorder(Disk):
    """A real disk that keeps a log of its steps and fails at one of them."""

    def __init__(self, failing: str = "", number: int = errno.EIO, piece: int | None = None) -> None:
        self.steps: list[str] = []
        self.failing = failing
        self.number = number
        self.piece = piece

    def _step(self, name: str) -> None:
        self.steps.append(name)
        if name == self.failing:
            raise OSError(self.number, os.strerror(self.number))

    def create(self, path: Path) -> int:
        self._step("create")
        return super().create(path)

    def write(self, descriptor: int, content: memoryview) -> int:
        self._step("write")
        return super().write(descriptor, content[: self.piece])

    def sync(self, descriptor: int) -> None:
        self._step("sync")
        super().sync(descriptor)

    def rename(self, source: Path, target: Path) -> None:
        self._step("rename")
        super().rename(source, target)

    def sync_directory(self, path: Path) -> None:
        self._step("sync_directory")
        super().sync_directory(path)


@pytest.mark.requirement("S0-2", "S2-5")
def test_steps_are_temp_write_sync_rename_sync_of_the_directory(tmp_path: Path) -> None:
    disk = Recorder()
    replace_file(tmp_path / "config.json", b"{}", disk)
    assert disk.steps == ["create", "write", "sync", "rename", "sync_directory"]
    assert (tmp_path / "config.json").read_bytes() == b"{}"


@pytest.mark.requirement("S3-12", "S2-5")
@pytest.mark.parametrize("step", ["create", "write", "sync", "rename"])
def test_failure_before_the_rename_keeps_the_old_content_and_leaves_no_temp_file(
    tmp_path: Path, step: str
) -> None:
    target = tmp_path / "document"
    target.write_bytes(b"old")
    disk = Recorder(step)
    with pytest.raises(DurableWriteFailed) as caught:
        replace_file(target, b"new", disk)
    assert target.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["document"]
    assert (caught.value.step, caught.value.path, caught.value.replaced) == (step, str(target), False)
    assert str(target) in str(caught.value)


def test_failed_sync_is_never_tried_again(tmp_path: Path) -> None:
    disk = Recorder("sync")
    with pytest.raises(DurableWriteFailed):
        replace_file(tmp_path / "document", b"new", disk)
    assert disk.steps.count("sync") == 1
    assert "rename" not in disk.steps


def test_failed_sync_of_the_directory_says_that_the_new_content_may_be_undone(tmp_path: Path) -> None:
    with pytest.raises(DurableWriteFailed, match="power cut may undo") as caught:
        replace_file(tmp_path / "document", b"new", Recorder("sync_directory"))
    assert caught.value.replaced
    assert (tmp_path / "document").read_bytes() == b"new"


def test_short_writes_are_continued(tmp_path: Path) -> None:
    replace_file(tmp_path / "document", b"0123456789", Recorder(piece=3))
    assert (tmp_path / "document").read_bytes() == b"0123456789"


def test_leftover_of_a_killed_writer_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "document.tmp").write_bytes(b"half of an earlier and much longer content")
    replace_file(tmp_path / "document", b"new")
    assert os.listdir(tmp_path) == ["document"]
    assert (tmp_path / "document").read_bytes() == b"new"


@POSIX
def test_temp_name_that_is_a_link_does_not_lead_a_write_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "victim").write_bytes(b"precious")
    (tmp_path / "document.tmp").symlink_to(tmp_path / "victim")
    replace_file(tmp_path / "document", b"new")
    assert (tmp_path / "victim").read_bytes() == b"precious"


@POSIX
def test_file_is_private_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        replace_file(tmp_path / "document", b"new")
        make_directory(tmp_path / "a" / "b")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "document").stat().st_mode) == 0o600
    assert [stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "a", tmp_path / "a" / "b")] == [
        0o700,
        0o700,
    ]


@POSIX
def test_link_is_replaced_and_its_target_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "victim").write_bytes(b"precious")
    (tmp_path / "document").symlink_to("victim")
    replace_file(tmp_path / "document", b"new")
    assert not (tmp_path / "document").is_symlink()
    assert (tmp_path / "document").read_bytes() == b"new"
    assert (tmp_path / "victim").read_bytes() == b"precious"


@POSIX
def test_link_keeps_and_its_target_is_replaced_where_a_person_may_have_made_it(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "document").write_bytes(b"old")
    (tmp_path / "document").symlink_to(tmp_path / "real" / "document")
    replace_file(tmp_path / "document", b"new", follows_link=True)
    assert (tmp_path / "document").is_symlink()
    assert (tmp_path / "real" / "document").read_bytes() == b"new"


class Shared(Recorder):
    """A disk whose target another process holds open for the first renames, as scanners do on Windows."""

    def __init__(self, violations: int) -> None:
        super().__init__()
        self.violations = violations
        self.waited: list[float] = []

    def rename(self, source: Path, target: Path) -> None:
        self.steps.append("rename")
        if self.violations:
            self.violations -= 1
            error = PermissionError(errno.EACCES, "sharing violation")
            error.winerror = 32  # type: ignore[attr-defined,unused-ignore]
            raise error
        os.replace(source, target)

    def wait(self, seconds: float) -> None:
        self.waited.append(seconds)


def test_sharing_violation_is_waited_out(tmp_path: Path) -> None:
    disk = Shared(3)
    replace_file(tmp_path / "document", b"new", disk)
    assert (tmp_path / "document").read_bytes() == b"new"
    assert len(disk.waited) == 3


def test_sharing_violation_that_stays_fails_after_a_bounded_number_of_attempts(tmp_path: Path) -> None:
    disk = Shared(1000)
    with pytest.raises(DurableWriteFailed):
        replace_file(tmp_path / "document", b"new", disk)
    assert disk.steps.count("rename") == durable_write.SHARING_ATTEMPTS
    assert os.listdir(tmp_path) == []


def test_refusal_that_is_no_sharing_violation_is_not_retried(tmp_path: Path) -> None:
    disk = Recorder("rename", errno.EACCES)
    with pytest.raises(DurableWriteFailed, match="who may write"):
        replace_file(tmp_path / "document", b"new", disk)
    assert disk.steps.count("rename") == 1


class Intruder(Recorder):
    """A disk on which a second owner writes the same temp name just before the rename."""

    def sync(self, descriptor: int) -> None:
        super().sync(descriptor)
        temporary = self.directory / "document.tmp"
        temporary.unlink()
        temporary.write_bytes(b"half of somebody else's")

    directory: Path


def test_second_writer_of_the_same_file_is_noticed_before_the_rename(tmp_path: Path) -> None:
    disk = Intruder()
    disk.directory = tmp_path
    (tmp_path / "document").write_bytes(b"old")
    with pytest.raises(DurableWriteFailed, match="another process"):
        replace_file(tmp_path / "document", b"new", disk)
    assert (tmp_path / "document").read_bytes() == b"old"


@settings(max_examples=60, deadline=None)
@given(
    old=st.binary(max_size=200),
    new=st.binary(max_size=200),
    step=st.sampled_from(["", "create", "write", "sync", "rename"]),
)
def test_any_failure_leaves_old_or_new(
    tmp_path_factory: pytest.TempPathFactory, old: bytes, new: bytes, step: str
) -> None:
    directory = tmp_path_factory.mktemp("any")
    target = directory / "document"
    replace_file(target, old)
    try:
        replace_file(target, new, Recorder(step, piece=7))
        assert target.read_bytes() == new
    except DurableWriteFailed:
        assert target.read_bytes() == old
    assert os.listdir(directory) == ["document"]


def test_missing_directory_is_named_in_the_error(tmp_path: Path) -> None:
    with pytest.raises(DurableWriteFailed, match="directory exists") as caught:
        replace_file(tmp_path / "absent" / "document", b"new")
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a full disk without privileges, on Linux only")
@pytest.mark.requirement("S3-27")
def test_full_disk_leaves_the_original_unchanged(tmp_path: Path) -> None:
    class Full(Disk):
        def write(self, descriptor: int, content: memoryview) -> int:
            full = os.open("/dev/full", os.O_WRONLY)
            try:
                return os.write(full, content)
            finally:
                os.close(full)

    (tmp_path / "document").write_bytes(b"old")
    with pytest.raises(DurableWriteFailed, match="free some space") as caught:
        replace_file(tmp_path / "document", b"new", Full())
    assert caught.value.errno == errno.ENOSPC
    assert (tmp_path / "document").read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["document"]


WRITER = """
import sys
from pathlib import Path
from actors.shared.durable.durable_write import replace_file
target = Path(sys.argv[1])
number = 0
while True:
    number += 1
    replace_file(target, (b"%08d" % number) * 4096)
    sys.stdout.write("%d\\n" % number)
    sys.stdout.flush()
"""


@POSIX
@pytest.mark.requirement("S2-5")
def test_killed_writer_leaves_a_whole_document_no_older_than_what_it_acknowledged(tmp_path: Path) -> None:
    target = tmp_path / "document"
    root = Path(durable_write.__file__).parents[3]
    for round_number in range(8):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(target)], stdout=subprocess.PIPE, text=True, cwd=root
        )
        assert writer.stdout is not None
        acknowledged = 0
        for _ in range(5 + 7 * round_number):
            acknowledged = int(writer.stdout.readline())
        writer.send_signal(signal.SIGKILL)
        acknowledged = max([acknowledged, *(int(line) for line in writer.stdout.read().split("\n")[:-1])])
        writer.stdout.close()
        writer.wait()
        content = target.read_bytes()
        assert content == content[:8] * 4096
        assert int(content[:8]) in (acknowledged, acknowledged + 1)
        assert set(os.listdir(tmp_path)) <= {"document", "document.tmp"}


def test_move_renames_a_directory_and_reports_a_missing_one(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    move(tmp_path / "a", tmp_path / "b")
    assert os.listdir(tmp_path) == ["b"]
    with pytest.raises(DurableWriteFailed):
        move(tmp_path / "a", tmp_path / "c")


def test_removing_is_harmless_when_nothing_is_there(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"")
    remove_file(tmp_path / "a")
    remove_file(tmp_path / "a")
    assert os.listdir(tmp_path) == []


def test_directory_whose_name_is_taken_by_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"")
    with pytest.raises(NotADirectoryError):
        make_directory(tmp_path / "a")


@pytest.mark.requirement("S3-12")
def test_steps_that_are_not_taken_to_their_end_leave_no_temp_file(tmp_path: Path) -> None:
    with Replacement(tmp_path / "document", b"new") as replacement:
        replacement.stage()
        assert os.listdir(tmp_path) == ["document.tmp"]
    assert os.listdir(tmp_path) == []


def test_two_threads_replace_different_files_side_by_side_and_the_same_one_after_the_other(
    tmp_path: Path,
) -> None:
    with Replacement(tmp_path / "a", b"1") as held:
        held.stage()
        replace_file(tmp_path / "b", b"meanwhile")
        second = threading.Thread(target=replace_file, args=(tmp_path / "a", b"2"))
        second.start()
        assert (tmp_path / "a.tmp").read_bytes() == b"1"
        held.rename()
    second.join()
    assert (tmp_path / "a").read_bytes() == b"2"
    assert sorted(os.listdir(tmp_path)) == ["a", "b"]


@pytest.mark.skipif(os.name != "posix", reason="links of POSIX")
def test_link_keeps_and_its_target_is_replaced_also_where_that_did_not_exist(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to("elsewhere/real")
    for content in (b"first", b"second"):
        replace_file(tmp_path / "link", content, follows_link=True)
        assert (tmp_path / "link").is_symlink()
        assert (tmp_path / "elsewhere" / "real").read_bytes() == content


STRANGER = """
import os, sys
from pathlib import Path
from actors.shared.durable.durable_write import DurableWriteFailed, replace_file
if os.geteuid() == 0:
    os.setuid(65534)  # root may write everywhere
try:
    replace_file(Path(sys.argv[1]), b"new")
except DurableWriteFailed as error:
    print(error.step, error)
"""


@POSIX
def test_read_only_directory_is_named(tmp_path: Path) -> None:
    directory = tmp_path / "read-only"
    directory.mkdir()
    (directory / "document").write_bytes(b"old")
    for parent in (directory, *list(directory.parents)[:3]):
        parent.chmod(0o555 if parent == directory else 0o755)
    command = [sys.executable, "-c", STRANGER, str(directory / "document")]
    said = subprocess.run(
        command, capture_output=True, text=True, check=True, cwd=Path(durable_write.__file__).parents[3]
    ).stdout
    directory.chmod(0o755)
    assert said.startswith("create ")
    assert "who may write" in said
    assert (directory / "document").read_bytes() == b"old"
    assert os.listdir(directory) == ["document"]


def test_what_a_killed_owner_left_beside_its_file_is_swept_also_behind_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "document").symlink_to(tmp_path / "real" / "document")
    (tmp_path / "real" / "document").write_bytes(b"whole")
    for name in ("document.tmp", "other.tmp"):
        (tmp_path / "real" / name).write_bytes(b"half")
    sweep_temporary(tmp_path / "document", follows_link=True)
    sweep_temporary(tmp_path / "missing" / "document", follows_link=True)
    assert sorted(path.name for path in (tmp_path / "real").iterdir()) == ["document", "other.tmp"]


@pytest.mark.skipif(os.name != "posix", reason="pipes and devices of POSIX")
def test_a_link_that_is_followed_never_replaces_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    with pytest.raises(DurableWriteFailed, match="no regular file has its name") as caught:
        replace_file(tmp_path / "link", b"x", follows_link=True)
    assert caught.value.step == "create"
    assert stat.S_ISFIFO((tmp_path / "pipe").lstat().st_mode)
    assert sorted(os.listdir(tmp_path)) == ["link", "pipe"]
