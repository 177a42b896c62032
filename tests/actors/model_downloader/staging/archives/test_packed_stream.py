"""Packed streams: whatever is in them, never more comes out than is asked for, nor more memory is taken."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.model_downloader.staging.archives.packed_stream import OF_TAR, OF_ZIP, PackedStream
from tests.support.archive_bombs import BOMBS, lzma_of_zip
from tests.support.memory_lab import MemoryLab, memory_lab

PEAK_LIMIT_BYTES = 160 * 1024 * 1024
"""What docs/limits.md allows for an archive."""

CPU_LIMIT_SECONDS = 20.0
"""Forty seconds were the harm; a bomb takes one."""

PACK: dict[str, Callable[[bytes], bytes]] = {
    "tar.gz": gzip.compress,
    "tar.bz2": bz2.compress,
    "tar.xz": lzma.compress,
}


@pytest.fixture(scope="module")
def lab() -> Iterator[MemoryLab]:
    """A process that measures."""
    with memory_lab() as found:
        yield found


@pytest.mark.parametrize("name", BOMBS)
def test_an_archive_that_would_take_much_is_refused_at_a_bounded_cost(
    lab: MemoryLab, tmp_path: Path, name: str
) -> None:
    (tmp_path / "bomb").write_bytes(BOMBS[name][1]())
    taken = lab.call("tests.support.archive_bombs:try_to_unpack", name, str(tmp_path))
    assert taken.error == "ArchiveRefused", taken
    assert re.search(BOMBS[name][2], taken.text), taken
    assert taken.peak_bytes < PEAK_LIMIT_BYTES, taken
    assert taken.cpu_seconds < CPU_LIMIT_SECONDS, taken


@given(st.lists(st.binary(max_size=2000), max_size=4), st.sampled_from(sorted(PACK)), st.integers(1, 999))
def test_several_streams_and_the_zeros_behind_them_are_one_content(
    contents: list[bytes], format: str, count: int
) -> None:
    packed = b"".join(map(PACK[format], contents or [b""])) + bytes(8)
    stream = PackedStream(io.BytesIO(packed), OF_TAR[format])
    found = bytearray()
    while piece := stream.read(count):
        assert len(piece) <= count
        found += piece
    assert found == b"".join(contents)


@pytest.mark.parametrize("format", sorted(PACK))
def test_a_stream_that_ends_in_the_middle_is_broken(format: str) -> None:
    packed = PACK[format](bytes(5000))
    stream = PackedStream(io.BytesIO(packed[: len(packed) // 2]), OF_TAR[format])
    with pytest.raises(EOFError):
        stream.read(10_000)


@pytest.mark.parametrize("format", sorted(PACK))
def test_what_follows_a_stream_has_to_be_another_one(format: str) -> None:
    stream = PackedStream(io.BytesIO(PACK[format](b"content") + b"something else"), OF_TAR[format])
    with pytest.raises((zlib.error, lzma.LZMAError, OSError)):
        stream.read(100)


def test_a_stream_of_a_zip_ends_where_it_says() -> None:
    packer = zlib.compressobj(wbits=-15)
    packed = packer.compress(b"content") + packer.flush()
    assert (
        PackedStream(io.BytesIO(packed + b"other"), OF_ZIP[8], len(packed), is_one=True).read(99)
        == b"content"
    )
    assert PackedStream(io.BytesIO(b"content and other"), None, 7, is_one=True).read(99) == b"content"
    with pytest.raises(EOFError):
        PackedStream(io.BytesIO(b"conte"), None, 7, is_one=True).read(99)


@pytest.mark.parametrize("size", [0, 3, 4, 8, 9, 100])
def test_lzma_of_a_zip_may_come_in_pieces_of_any_size(size: int) -> None:
    packed = lzma_of_zip(size_bytes=1 << 20)
    inner = OF_ZIP[14]()
    found = inner.decompress(packed[:size], 1 << 21) + inner.decompress(packed[size:], 1 << 21)
    assert found == bytes(1 << 20)


@pytest.mark.parametrize("head", [b"\x09\x04\x06\0" + bytes(6), b"\x09\x04\x05\0\xff\0\0\1\0"])
def test_lzma_of_a_zip_with_wrong_properties_is_broken(head: bytes) -> None:
    with pytest.raises(lzma.LZMAError):
        PackedStream(io.BytesIO(head), OF_ZIP[14], len(head), is_one=True).read(1)
