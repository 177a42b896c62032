"""Reading a file: its content, nothing, or the name of what lies in its place."""

from __future__ import annotations

import os
import pickle
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from actors.shared.durable.bounded_read import FileUnreadable, read_beginning, read_file

POSIX = pytest.mark.skipif(os.name != "posix", reason="links, pipes and modes of POSIX")


def found(path: Path, limit_bytes: int = 1000, root: Path | None = None) -> str:
    """The name that reading gives to what lies there."""
    with pytest.raises(FileUnreadable) as caught:
        read_file(path, limit_bytes, root)
    assert str(path) in str(caught.value)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
    return caught.value.found


def test_content_is_read_and_a_missing_file_is_none(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"\x00content")
    assert read_file(tmp_path / "a") == b"\x00content"
    assert read_file(tmp_path / "b") is None
    assert read_file(tmp_path / "absent" / "b") is None


def test_size_is_bounded_and_the_bound_itself_is_allowed(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 1000)
    assert read_file(tmp_path / "a", 1000) == b"x" * 1000
    (tmp_path / "a").write_bytes(b"x" * 1001)
    assert found(tmp_path / "a") == "too_large"


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="a file without a size, on Linux only")
def test_file_that_hides_its_size_is_bounded_too() -> None:
    content = read_file(Path("/proc/self/status"))
    assert content is not None
    assert content.startswith(b"Name:")
    assert found(Path("/proc/self/status"), 100) == "too_large"


@POSIX
def test_directories_pipes_and_sockets_have_their_names_and_do_not_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert found(tmp_path) == "directory"
    os.mkfifo(tmp_path / "pipe")
    assert found(tmp_path / "pipe") == "not_a_file"
    with socket.socket(socket.AF_UNIX) as listener:
        monkeypatch.chdir(tmp_path)  # the address of a socket may not be long
        listener.bind("socket")
        assert found(tmp_path / "socket") == "not_a_file"


@POSIX
def test_link_is_followed_within_the_root_and_not_out_of_it(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    root.mkdir()
    outside.write_bytes(b"secret")
    (root / "real").write_bytes(b"content")
    (root / "link").symlink_to("real")
    (root / "leading out").symlink_to(outside)
    assert read_file(root / "link", root=root) == b"content"
    assert found(root / "leading out", root=root) == "outside"
    assert found(root / ".." / "outside", root=root) == "outside"
    assert read_file(root / "leading out", follows_link=True) == b"secret"


@POSIX
def test_a_link_is_not_followed_unless_that_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"content")
    (tmp_path / "link").symlink_to("real")
    assert found(tmp_path / "link") == "link"
    assert read_file(tmp_path / "link", follows_link=True) == b"content"


@POSIX
def test_link_that_leads_nowhere_or_in_a_circle_is_not_taken_for_a_missing_file(tmp_path: Path) -> None:
    (tmp_path / "broken").symlink_to("nothing")
    (tmp_path / "circle").symlink_to("circle")
    for name in ("broken", "circle"):
        assert found(tmp_path / name) == "link"
        assert found(tmp_path / name, root=tmp_path) == "broken_link"


READER = """
import os, sys
from pathlib import Path
from actors.shared.durable.bounded_read import FileUnreadable, read_file
os.setuid(65534)
try:
    read_file(Path(sys.argv[1]))
except FileUnreadable as error:
    print(error.found)
"""


@POSIX
@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="becomes another user, which takes root")
def test_file_of_another_user_is_unreadable_and_not_missing(tmp_path: Path) -> None:
    (tmp_path / "mine").write_bytes(b"secret")
    (tmp_path / "mine").chmod(0o600)
    for directory in (tmp_path, *list(tmp_path.parents)[:2]):
        directory.chmod(0o755)
    reader = subprocess.run(
        [sys.executable, "-c", READER, str(tmp_path / "mine")], capture_output=True, text=True, check=True
    )
    assert reader.stdout == "unreadable\n"


def test_only_the_beginning_of_a_file_is_read_however_long_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a"
    with path.open("wb") as file:
        file.write(b"beginning")
        file.truncate(1 << 40)
    assert read_beginning(path, 9) == b"beginning"
    assert read_beginning(tmp_path / "b", 9) is None
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(FileUnreadable, match="no regular file"):
        read_beginning(path, 9)
