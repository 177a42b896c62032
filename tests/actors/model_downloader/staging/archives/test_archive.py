"""Unpacking: what comes out lies below its root, is what went in, and no archive can do more than that."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import os
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.model_downloader.staging.archives.archive import ArchiveRefused, unpack
from actors.model_downloader.staging.archives.archive_reader import ArchiveLimits
from schemas.manifest import Unpack

FORMATS = ["zip", "tar", "tar.gz", "tar.bz2", "tar.xz"]
SQUEEZE: dict[str, Callable[[bytes], bytes]] = {
    "tar": bytes,
    "tar.gz": gzip.compress,
    "tar.bz2": bz2.compress,
    "tar.xz": lzma.compress,
}
FILES = {"model/weights.bin": os.urandom(3_000_000), "model/sub/vocab.txt": b"a b c", "model/empty": b""}


def tar_of(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for info, content in members:
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return target.getvalue()


def packed(format: str, files: dict[str, bytes]) -> bytes:
    if format != "zip":
        return SQUEEZE[format](tar_of(*((tarfile.TarInfo(name), content) for name, content in files.items())))
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return target.getvalue()


def special(name: str, kind: bytes, link: str = "") -> bytes:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return tar_of((info, b""))


def zip_link(name: str, to: bytes) -> bytes:
    target = io.BytesIO()
    info = zipfile.ZipInfo(name)
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr(info, to)
    return target.getvalue()


def unpacked(
    tmp_path: Path,
    content: bytes,
    format: Any = "tar",
    *,
    limits: ArchiveLimits | None = None,
    taken: tuple[str, ...] = (),
    **how: Any,
) -> Any:
    (tmp_path / "outside").mkdir(exist_ok=True)
    root = tmp_path / "outside" / "root"
    root.mkdir(exist_ok=True)
    (tmp_path / "a").write_bytes(content)
    return unpack(tmp_path / "a", Unpack(format=format, **how), root, "a", taken, limits)


def tree(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()
    }


@pytest.mark.parametrize("format", FORMATS)
def test_what_comes_out_is_what_went_in_and_its_digests_are_recorded(tmp_path: Path, format: str) -> None:
    found = unpacked(tmp_path, packed(format, FILES), format, into="data", strip=1)
    expected = {f"data/{name.removeprefix('model/')}": content for name, content in FILES.items()}
    assert tree(tmp_path / "outside" / "root") == expected
    assert {content.path: content.sha256 for content in found} == {
        name: hashlib.sha256(content).hexdigest() for name, content in expected.items()
    }
    assert {content.archive for content in found} == {"a"}
    if os.name == "posix":
        assert {
            stat.S_IMODE(path.stat().st_mode)
            for path in (tmp_path / "outside" / "root").rglob("*")
            if path.is_file()
        } == {0o600}


def test_unpacking_that_was_interrupted_is_done_again_over_what_it_left(tmp_path: Path) -> None:
    (tmp_path / "outside" / "root" / "model").mkdir(parents=True)
    (tmp_path / "outside" / "root" / "model" / "weights.bin").write_bytes(b"half")
    unpacked(tmp_path, packed("tar", FILES))
    assert tree(tmp_path / "outside" / "root") == FILES


@pytest.mark.parametrize(
    "name",
    [
        "/etc/passwd",
        "../up",
        "a/../../up",
        "..",
        "a\\..\\b",
        "C:/x",
        "c:x",
        "con",
        "sub/NUL.txt",
        "dot./x",
        "x ",
        "a\x01b",
        "stream:x",
        ".undercroft.json",
        "journal.json",
    ],
)
@pytest.mark.parametrize("format", ["zip", "tar"])
def test_name_that_leaves_the_root_or_means_something_else_somewhere_is_refused(
    tmp_path: Path, name: str, format: str
) -> None:
    with pytest.raises(ArchiveRefused):
        unpacked(tmp_path, packed(format, {name: b"x"}), format)
    assert os.listdir(tmp_path / "outside") == ["root"]


@pytest.mark.parametrize(
    "content",
    [
        special("link", tarfile.SYMTYPE, "/etc/passwd"),
        special("link", tarfile.SYMTYPE, "../../up"),
        special("link", tarfile.LNKTYPE, "/etc/passwd"),
        special("device", tarfile.CHRTYPE),
        special("device", tarfile.BLKTYPE),
        special("pipe", tarfile.FIFOTYPE),
    ],
)
def test_links_and_devices_are_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(ArchiveRefused, match="a link or a device"):
        unpacked(tmp_path, content)
    assert tree(tmp_path / "outside") == {}


def test_link_in_a_zip_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArchiveRefused, match="a link or a device"):
        unpacked(tmp_path, zip_link("link", b"/etc/passwd"), "zip")


@pytest.mark.parametrize("second", ["model/a", "MODEL/A", "model/a/b", "model", "Model"])
def test_two_members_that_want_one_name_are_refused(tmp_path: Path, second: str) -> None:
    with pytest.raises(ArchiveRefused, match="taken"):
        unpacked(tmp_path, tar_of((tarfile.TarInfo("model/a"), b"1"), (tarfile.TarInfo(second), b"2")))


@pytest.mark.parametrize("taken", ["model/a", "Model/A", "model", "model/a/x"])
def test_member_does_not_take_the_name_of_another_file_of_the_model(tmp_path: Path, taken: str) -> None:
    with pytest.raises(ArchiveRefused, match="taken"):
        unpacked(tmp_path, tar_of((tarfile.TarInfo("model/a"), b"1")), taken=(taken,))


@pytest.mark.parametrize("format", FORMATS)
def test_bomb_is_stopped_by_what_comes_out_and_not_by_what_it_claims(tmp_path: Path, format: str) -> None:
    content = packed(format, {"zeros": bytes(8_000_000)})
    with pytest.raises(ArchiveRefused, match="more than 1000000 bytes"):
        unpacked(tmp_path, content, format, limits=ArchiveLimits(ratio=0, grace_bytes=1_000_000))
    assert sum(len(found) for found in tree(tmp_path / "outside").values()) <= 1_000_000


def test_too_many_members_and_too_many_bytes_are_refused(tmp_path: Path) -> None:
    many = packed("zip", {f"f{number}": b"" for number in range(11)})
    with pytest.raises(ArchiveRefused, match="more than 10 members"):
        unpacked(tmp_path, many, "zip", limits=ArchiveLimits(members=10))
    with pytest.raises(ArchiveRefused, match="more than 100 bytes"):
        unpacked(tmp_path, packed("zip", {"f": bytes(101)}), "zip", limits=ArchiveLimits(unpacked_bytes=100))


def test_header_that_claims_to_be_huge_is_not_read_into_memory(tmp_path: Path) -> None:
    info = tarfile.TarInfo("x")
    info.type, info.size = tarfile.XHDTYPE, 2_000_000_000
    content = gzip.compress(info.tobuf(tarfile.USTAR_FORMAT) + bytes(4_000_000))
    with pytest.raises(ArchiveRefused, match="header of"):
        unpacked(tmp_path, content, "tar.gz")


@pytest.mark.parametrize("format", FORMATS)
def test_archive_that_holds_nothing_is_refused(tmp_path: Path, format: str) -> None:
    with pytest.raises(ArchiveRefused, match="holds no file"):
        unpacked(tmp_path, packed(format, {}), format)


def test_zip_whose_members_lie_before_its_start_is_refused(tmp_path: Path) -> None:
    content = bytearray(packed("zip", {"f": b"content" * 50}))
    end = content.rindex(b"PK\x05\x06")
    directory_at = int.from_bytes(content[end + 16 : end + 20], "little")  # by which all members are found
    content[end + 16 : end + 20] = (directory_at + 1).to_bytes(4, "little")
    with pytest.raises(ArchiveRefused, match="cannot be read as zip"):
        unpacked(tmp_path, bytes(content), "zip")


@pytest.mark.parametrize("format", FORMATS)
@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_broken_archive_is_refused_and_nothing_else_is_raised(
    tmp_path_factory: pytest.TempPathFactory, format: str, data: st.DataObject
) -> None:
    content = bytearray(packed(format, {"f": b"content" * 50, "g/h": b"more"}))
    for _ in range(data.draw(st.integers(0, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    del content[data.draw(st.integers(0, len(content))) :]
    tmp_path = tmp_path_factory.mktemp("any")
    try:
        unpacked(tmp_path, bytes(content), format)
    except ArchiveRefused as refused:
        assert "nothing of it is used" in str(refused)
    assert os.listdir(tmp_path / "outside") == ["root"]
