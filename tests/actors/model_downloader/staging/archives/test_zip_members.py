"""Zips: what `zipfile` writes is read, and what is not as the table of contents says is refused."""

from __future__ import annotations

import io
import lzma
import struct
import zipfile
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.model_downloader.staging.archives.member_paths import MemberUnfit
from actors.model_downloader.staging.archives.zip_members import (
    DIRECTORY_LIMIT_BYTES,
    ZipDirectory,
    ZipMember,
    table_of_contents,
)

REFUSED = (
    zipfile.BadZipFile,
    EOFError,
    OSError,
    ValueError,
    NotImplementedError,
    RuntimeError,
    zlib.error,
    lzma.LZMAError,
)
METHODS = [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]


def zipped(contents: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return target.getvalue()


def read_all(packed: bytes, count: int = 1000) -> dict[str, bytes]:
    source, found = io.BytesIO(packed), {}
    for info in table_of_contents(source, len(packed)):
        member, content = ZipMember(source, info), bytearray()
        while piece := member.read(count):
            assert len(piece) <= count
            content += piece
        member.close()
        found[info.filename] = bytes(content)
    return found


@given(
    st.dictionaries(st.sampled_from(["a", "ü/b", "日本.txt", "d/"]), st.binary(max_size=3000), max_size=3),
    st.sampled_from(METHODS),
    st.integers(1, 5000),
)
def test_what_zipfile_writes_is_read(contents: dict[str, bytes], method: int, count: int) -> None:
    assert read_all(zipped(contents, method), count) == contents


@given(st.data(), st.sampled_from(METHODS))
def test_a_changed_zip_is_read_as_it_was_or_refused(data: st.DataObject, method: int) -> None:
    contents = {"a": b"content" * 9, "b": bytes(50)}
    packed = bytearray(zipped(contents, method))
    packed[data.draw(st.integers(0, len(packed) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        found = read_all(bytes(packed))
    except (MemberUnfit, *REFUSED):
        return
    assert set(found.values()) <= set(contents.values())


def test_another_name_in_the_header_of_a_member_is_refused() -> None:
    packed = zipped({"name": b"content"})
    with pytest.raises(zipfile.BadZipFile, match="another name"):
        read_all(packed.replace(b"name", b"nome", 1))


def test_another_size_than_stated_is_refused() -> None:
    packed = bytearray(zipped({"f": b"content"}))
    at = packed.rindex(b"PK\x01\x02") + 24
    packed[at : at + 4] = struct.pack("<L", 8)
    with pytest.raises(zipfile.BadZipFile, match="size or checksum"):
        read_all(bytes(packed))


@pytest.mark.parametrize("flag", [0x1, 0x20, 0x40])
def test_an_encrypted_or_patched_member_is_refused(flag: int) -> None:
    packed = bytearray(zipped({"f": b"content"}))
    packed[packed.rindex(b"PK\x01\x02") + 8] |= flag
    with pytest.raises(MemberUnfit, match="encrypted"):
        read_all(bytes(packed))


@pytest.mark.parametrize("count", [-1, DIRECTORY_LIMIT_BYTES + 1])
def test_more_than_a_table_of_contents_has_is_not_read(count: int) -> None:
    source = ZipDirectory(io.BytesIO(bytes(DIRECTORY_LIMIT_BYTES + 1)))
    assert source.readable()
    assert source.seekable()
    assert source.tell() == 0
    assert len(source.read(DIRECTORY_LIMIT_BYTES)) == DIRECTORY_LIMIT_BYTES
    source.seek(0)
    with pytest.raises(MemberUnfit, match="table of contents"):
        source.read(count)
