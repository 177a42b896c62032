"""Directory locks: one owner, who is named, and whose death frees the directory."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from actors.shared.durable import directory_lock
from actors.shared.durable.directory_lock import LOCK_NAME, DirectoryLock, DirectoryLocked, holder_of

HOLDER = """
import sys
from pathlib import Path
from actors.shared.durable.directory_lock import DirectoryLock
lock = DirectoryLock(Path(sys.argv[1]), "supervisor")
lock.acquire()
print("held", flush=True)
sys.stdin.read()
"""


def start_holder(directory: Path) -> subprocess.Popen[str]:
    root = Path(directory_lock.__file__).parents[3]
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(directory)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=root,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    return holder


def end(holder: subprocess.Popen[str]) -> None:
    holder.kill()
    holder.communicate()


def test_second_owner_is_told_who_holds_the_directory(tmp_path: Path) -> None:
    holder = start_holder(tmp_path)
    try:
        with pytest.raises(DirectoryLocked) as caught:
            DirectoryLock(tmp_path, "other").acquire()
        assert caught.value.holder is not None
        assert caught.value.holder.pid == holder.pid
        assert f"supervisor (process {holder.pid}, since " in str(caught.value)
        assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
    finally:
        end(holder)


def test_killed_owner_frees_the_directory_and_its_note_is_overwritten(tmp_path: Path) -> None:
    end(start_holder(tmp_path))
    note = holder_of(tmp_path)
    assert note is not None
    assert note.name == "supervisor"
    with DirectoryLock(tmp_path, "next"):
        note = holder_of(tmp_path)
        assert note is not None
        assert (note.pid, note.name) == (os.getpid(), "next")
    assert holder_of(tmp_path) is None


def test_two_locks_in_one_process_exclude_each_other(tmp_path: Path) -> None:
    with DirectoryLock(tmp_path / "new", "one"), pytest.raises(DirectoryLocked):
        DirectoryLock(tmp_path / "new", "two").acquire()
    with DirectoryLock(tmp_path / "new", "two"):
        pass


def test_unreadable_note_still_gives_a_sentence(tmp_path: Path) -> None:
    with DirectoryLock(tmp_path, "one"):
        (tmp_path / directory_lock.HOLDER_NAME).write_bytes(b"\x00not json")
        with pytest.raises(DirectoryLocked, match="another process"):
            DirectoryLock(tmp_path, "two").acquire()


def test_what_lies_in_the_place_of_the_note_does_not_keep_a_lock_from_being_released(tmp_path: Path) -> None:
    lock = DirectoryLock(tmp_path, "one")
    lock.acquire()
    (tmp_path / directory_lock.HOLDER_NAME).unlink()
    (tmp_path / directory_lock.HOLDER_NAME).mkdir()
    lock.release()
    with DirectoryLock(tmp_path, "two"):
        assert holder_of(tmp_path).name == "two"


def test_release_without_acquire_is_harmless(tmp_path: Path) -> None:
    DirectoryLock(tmp_path, "one").release()


def test_a_lock_that_is_collected_is_released(tmp_path: Path) -> None:
    forgotten = DirectoryLock(tmp_path, "forgotten")
    forgotten.acquire()
    del forgotten
    with DirectoryLock(tmp_path, "next"):
        pass


def test_the_one_who_has_a_directory_may_take_it_again(tmp_path: Path) -> None:
    with DirectoryLock(tmp_path, "one") as held:
        held.acquire()
        with pytest.raises(DirectoryLocked):
            DirectoryLock(tmp_path, "two").acquire()


@pytest.mark.skipif(os.name != "posix", reason="links and modes of POSIX")
def test_the_lock_is_private_and_no_link_is_followed_to_it(tmp_path: Path) -> None:
    with DirectoryLock(tmp_path, "one"):
        assert (tmp_path / directory_lock.LOCK_NAME).stat().st_mode & 0o777 == 0o600
    (tmp_path / directory_lock.LOCK_NAME).unlink()
    (tmp_path / directory_lock.LOCK_NAME).symlink_to(tmp_path / "elsewhere")
    with DirectoryLock(tmp_path, "two"):
        assert not (tmp_path / "elsewhere").exists()
        assert (tmp_path / f"{LOCK_NAME}.corrupt").is_symlink()


@pytest.mark.skipif(os.name != "posix", reason="Windows removes no file that is open")
def test_a_lock_file_that_was_removed_is_locked_anew(tmp_path: Path) -> None:
    lock = DirectoryLock(tmp_path, "first")
    lock.acquire()
    assert not lock.restore()
    (tmp_path / LOCK_NAME).unlink()
    assert lock.restore()
    with pytest.raises(DirectoryLocked):
        DirectoryLock(tmp_path, "second").acquire()
    lock.release()
    DirectoryLock(tmp_path, "second").acquire()


@pytest.mark.skipif(os.name != "posix", reason="Windows removes no file that is open")
def test_a_directory_that_another_took_meanwhile_is_left_to_it_with_its_note(tmp_path: Path) -> None:
    lock = DirectoryLock(tmp_path, "first")
    lock.acquire()
    (tmp_path / LOCK_NAME).unlink()
    with DirectoryLock(tmp_path, "second"):
        with pytest.raises(DirectoryLocked, match="in use by second"):
            lock.restore()
        lock.release()
        found = holder_of(tmp_path)
        assert found is not None
        assert found.name == "second"
