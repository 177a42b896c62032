"""Hashing behind a writer: as far as bytes are durable, and from the same file only."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.model_verifier.growing_hash import (
    GrowingHash,
    GrowingHashes,
    ReadOptions,
    current_hash,
    hash_goes_on,
    hash_until,
    identity_at,
    prefix_of,
)
from actors.shared.durable.file_identity import FileIdentity
from schemas.models import FileProgress

MIB = 1 << 20
HERE = FileIdentity(device=1, inode=2, mtime_ns=5, size_bytes=100)


def progress(durable: int, size: int, path: str = "f") -> list[FileProgress]:
    return [FileProgress(path=path, durable_bytes=durable, size_bytes=size)]


def test_model_that_is_being_judged_is_not_followed_meanwhile(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"abc")
    growing = GrowingHashes()
    hashes = growing.take("m")
    assert growing.follow("m", 1, tmp_path, progress(3, 3)) == 0
    growing.give_back("m", hashes)
    assert growing.follow("m", 1, tmp_path, progress(3, 3)) == 3
    growing.drop_all()


def test_digest_goes_on_only_in_the_same_file_that_did_not_shrink() -> None:
    assert hash_goes_on(100, HERE, HERE)
    assert hash_goes_on(50, HERE, HERE._replace(size_bytes=60, mtime_ns=9))
    assert not hash_goes_on(100, HERE, HERE._replace(size_bytes=99))
    assert not hash_goes_on(0, HERE, HERE._replace(inode=3))
    assert not hash_goes_on(0, HERE, None)


@given(hashed=st.integers(0, 100), durable=st.integers(0, 100), size=st.integers(0, 100))
def test_hashing_stays_behind_what_is_durable_and_never_goes_back(
    hashed: int, durable: int, size: int
) -> None:
    until = hash_until(hashed, durable, size)
    assert until >= hashed
    assert until <= min(durable, size) or until == hashed


@pytest.mark.parametrize(
    ("durable", "prefix", "expected"), [(10, None, 10), (10, 0, 0), (10, 4, 4), (4, 10, 4), (0, None, 0)]
)
def test_only_what_follows_from_the_start_can_be_hashed_behind(
    durable: int, prefix: int | None, expected: int
) -> None:
    assert (
        prefix_of(FileProgress(path="f", durable_bytes=durable, prefix_bytes=prefix, size_bytes=10))
        == expected
    )


def test_digest_is_that_of_the_beginning_and_goes_on_from_there(tmp_path: Path) -> None:
    content = os.urandom(MIB + 7)
    (tmp_path / "f").write_bytes(content)
    growing, paused = GrowingHash(tmp_path / "f"), []
    growing.advance(MIB, bytearray(4096), ReadOptions(pause=lambda: paused.append(1), leaves_no_trace=True))
    assert growing.hexdigest() == hashlib.sha256(content[:MIB]).hexdigest()
    assert len(paused) == MIB // 4096
    growing.advance(10 * MIB, bytearray(4096))
    assert growing.hashed_bytes == len(content)
    assert growing.hexdigest() == hashlib.sha256(content).hexdigest()
    growing.close()


def test_hash_of_a_file_that_was_replaced_is_begun_anew(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"old")
    hashes: dict[str, GrowingHash] = {}
    first = current_hash(hashes, "f", tmp_path / "f")
    assert current_hash(hashes, "f", tmp_path / "f") is first
    (tmp_path / "g").write_bytes(b"new")
    os.replace(tmp_path / "g", tmp_path / "f")
    second = current_hash(hashes, "f", tmp_path / "f")
    assert second is not first
    assert second.identity == identity_at(tmp_path / "f")
    second.close()


def test_identity_of_a_link_is_its_own_and_of_nothing_none(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"x")
    (tmp_path / "link").symlink_to(tmp_path / "f")
    assert identity_at(tmp_path / "link") != identity_at(tmp_path / "f")
    assert identity_at(tmp_path / "absent") is None
