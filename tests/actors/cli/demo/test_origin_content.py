"""Contents that an origin serves: any part is the same as that part of the whole."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.cli.demo.origin_content import (
    CHUNK_BYTES,
    FileContent,
    OriginContent,
    SyntheticContent,
    sha256_of,
)
from tests.support.origin_content import BytesContent

SIZE = 2 * CHUNK_BYTES + 100


def part(content: OriginContent, start: int, stop: int) -> bytes:
    return b"".join(bytes(piece) for piece in content.read(start, stop))


@settings(max_examples=30, deadline=None)
@given(start=st.integers(0, SIZE), length=st.integers(0, SIZE))
def test_part_of_a_synthetic_stream_is_that_part_of_the_whole(start: int, length: int) -> None:
    content = SyntheticContent(SIZE, seed=3)
    whole = part(content, 0, SIZE)
    stop = min(SIZE, start + length)
    assert len(whole) == SIZE
    assert part(content, start, stop) == whole[start:stop]


def test_synthetic_stream_is_the_same_for_the_same_seed_and_repeats_no_mebibyte() -> None:
    one, same, other = SyntheticContent(SIZE, 1), SyntheticContent(SIZE, 1), SyntheticContent(SIZE, 2)
    assert sha256_of(one) == sha256_of(same) != sha256_of(other)
    assert one.etag == same.etag != other.etag
    assert part(one, 0, CHUNK_BYTES) != part(one, CHUNK_BYTES, 2 * CHUNK_BYTES)


def test_file_and_bytes_give_the_same_and_a_digest_as_a_manifest_promises_it(tmp_path: Path) -> None:
    body = bytes(range(256)) * 5000
    (tmp_path / "f").write_bytes(body)
    for content in (BytesContent(body), FileContent(tmp_path / "f")):
        assert (content.size_bytes, part(content, 7, 1_200_000)) == (len(body), body[7:1_200_000])
        assert sha256_of(content) == hashlib.sha256(body).hexdigest()


def test_changed_file_has_another_validator(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"one")
    before = FileContent(tmp_path / "f").etag
    (tmp_path / "f").write_bytes(b"other")
    assert FileContent(tmp_path / "f").etag != before


def test_missing_file_is_an_error_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        FileContent(tmp_path / "absent")
