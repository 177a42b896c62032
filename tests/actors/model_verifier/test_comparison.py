"""Comparing: the verdict is that of the bytes that lie there, whatever was hashed before."""

from __future__ import annotations

import hashlib
import os
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.model_verifier.comparison import Comparison, Trust, compare
from actors.model_verifier.growing_hash import READ_NOW, GrowingHash, GrowingHashes, ReadOptions
from actors.shared.durable.file_identity import FileIdentity
from schemas.manifest import FilePromise, Pieces
from schemas.models import FileProgress

MIB = 1 << 20


def promise(content: bytes, path: str = "f") -> FilePromise:
    return FilePromise(
        path=path,
        size_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        urls=["https://models.example/f"],
    )


def progress(durable: int, size: int, path: str = "f") -> list[FileProgress]:
    return [FileProgress(path=path, durable_bytes=durable, size_bytes=size)]


def verify(
    growing: GrowingHashes,
    model_id: str,
    directory: Path,
    promises: list[FilePromise],
    options: ReadOptions = READ_NOW,
    trusts: Trust | None = None,
) -> Comparison:
    """As the actor does it."""
    hashes = growing.take(model_id)
    try:
        return compare(hashes, directory, promises, options, trusts)
    finally:
        growing.give_back(model_id, hashes)


@pytest.mark.requirement("S1-30")
def test_only_the_tail_is_left_when_a_verdict_is_asked_for(tmp_path: Path) -> None:
    content, growing = os.urandom(3 * MIB + 5), GrowingHashes()
    (tmp_path / "f").write_bytes(content)
    assert growing.follow("m", 1, tmp_path, progress(MIB, len(content))) == MIB
    assert growing.follow("m", 1, tmp_path, progress(2 * MIB, len(content))) == MIB
    assert growing.follow("m", 1, tmp_path, progress(2 * MIB, len(content))) == 0
    verdict = verify(growing, "m", tmp_path, [promise(content)])
    assert (verdict.findings, verdict.hashed_bytes, verdict.hashed_behind_bytes) == (
        [],
        len(content),
        2 * MIB,
    )
    assert set(verdict.identities) == {"f"}


@pytest.mark.requirement("S1-39", "S0-8")
@settings(deadline=None, max_examples=60)
@given(
    old=st.binary(min_size=1, max_size=64),
    new=st.binary(max_size=64),
    hashed=st.integers(0, 64),
    way=st.sampled_from(["replace", "shrink", "attempt", "leave"]),
)
def test_verdict_is_that_of_the_bytes_on_disk_whatever_was_hashed_before(
    tmp_path_factory: pytest.TempPathFactory, old: bytes, new: bytes, hashed: int, way: str
) -> None:
    directory, growing = tmp_path_factory.mktemp("any"), GrowingHashes()
    path = directory / "f"
    path.write_bytes(old)
    growing.follow("m", 1, directory, progress(hashed, len(old)))
    if way == "replace":  # what a downloader does when it starts over
        path.unlink()
        path.write_bytes(new)
    elif way == "shrink":
        os.truncate(path, min(hashed, len(old)) - 1 if min(hashed, len(old)) else 0)
    elif way == "attempt":
        path.write_bytes(new)
        growing.follow("m", 2, directory, progress(len(new), len(new)))
    on_disk = path.read_bytes()
    assert verify(growing, "m", directory, [promise(on_disk)]).findings == []
    assert verify(growing, "m", directory, [promise(on_disk + b"x")]).findings
    growing.drop("m")


def test_file_that_was_replaced_under_its_name_is_hashed_anew(tmp_path: Path) -> None:
    old, new, growing = b"a" * 100, b"b" * 100, GrowingHashes()
    (tmp_path / "f").write_bytes(old)
    growing.follow("m", 1, tmp_path, progress(100, 100))
    (tmp_path / "g").write_bytes(new)
    os.replace(tmp_path / "g", tmp_path / "f")
    verdict = verify(growing, "m", tmp_path, [promise(new)])
    assert verdict.findings == []
    assert verdict.hashed_behind_bytes == 0


@pytest.mark.requirement("S0-8")
def test_all_broken_promises_are_found_at_once(tmp_path: Path) -> None:
    (tmp_path / "short").write_bytes(b"123")
    (tmp_path / "wrong").write_bytes(b"12345")
    (tmp_path / "directory").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "wrong")
    (tmp_path / "good").write_bytes(b"abcde")
    names = ["short", "wrong", "directory", "link", "good", "absent"]
    verdict = verify(GrowingHashes(), "m", tmp_path, [promise(b"abcde", name) for name in names])
    aspects = {finding.path: finding.aspect for finding in verdict.findings}
    assert aspects["short"] == "size"
    assert aspects["wrong"] == "sha256"
    assert aspects["absent"] == "missing"
    assert set(aspects) == {"short", "wrong", "directory", "link", "absent"}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this platform")
def test_named_pipe_does_not_hang_the_verifier(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "f")
    assert verify(GrowingHashes(), "m", tmp_path, [promise(b"")]).findings


def test_file_that_grows_while_it_is_read_is_not_vouched_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content, growing = b"x" * 100, GrowingHashes()
    (tmp_path / "f").write_bytes(content)
    real = GrowingHash.advance

    def grow(self: GrowingHash, until: int, buffer: bytearray, options: ReadOptions = READ_NOW) -> None:
        real(self, until, buffer, options)
        with (tmp_path / "f").open("ab") as file:
            file.write(b"more")

    monkeypatch.setattr(GrowingHash, "advance", grow)
    (finding,) = verify(growing, "m", tmp_path, [promise(content)]).findings
    assert finding.aspect == "unreadable"
    assert "changed while it was read" in finding.found


def test_what_is_trusted_is_not_read(tmp_path: Path) -> None:
    content = b"x" * 100
    (tmp_path / "f").write_bytes(b"y" * 100)
    seen: list[FileIdentity] = []

    def trust(promised: FilePromise, identity: FileIdentity) -> bool:
        seen.append(identity)
        return True

    verdict = verify(GrowingHashes(), "m", tmp_path, [promise(content)], trusts=trust)
    assert verdict.findings == []
    assert verdict.hashed_bytes == 0
    assert seen[0].size_bytes == 100


@pytest.mark.requirement("S1-30")
def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "f"
    with path.open("wb") as file:
        file.truncate(64 * MIB)
    digest = hashlib.sha256()
    for _ in range(64):
        digest.update(bytes(MIB))
    promised = FilePromise(
        path="f", size_bytes=64 * MIB, sha256=digest.hexdigest(), urls=["https://models.example/f"]
    )
    growing = GrowingHashes()
    tracemalloc.start()
    try:
        assert verify(growing, "m", tmp_path, [promised]).findings == []
        assert (
            tracemalloc.get_traced_memory()[1] < 2 * MIB
        )  # one of them is the buffer that every file is read into
    finally:
        tracemalloc.stop()


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="counts open files on Linux")
def test_no_file_stays_open_after_a_verdict(tmp_path: Path) -> None:
    growing = GrowingHashes()
    for name in ("f", "g"):
        (tmp_path / name).write_bytes(b"x")
    before = len(os.listdir("/proc/self/fd"))
    growing.follow("m", 1, tmp_path, [*progress(1, 1, "f"), *progress(1, 1, "g")])
    assert len(os.listdir("/proc/self/fd")) == before + 2
    verify(growing, "m", tmp_path, [promise(b"x", "f"), promise(b"x", "g")])
    growing.follow("m", 2, tmp_path, progress(1, 1, "f"))
    growing.drop_all()
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.requirement("S1-30")
def test_of_a_file_that_is_fetched_in_several_ranges_only_the_prefix_is_hashed_behind(tmp_path: Path) -> None:
    content, growing = os.urandom(3 * MIB), GrowingHashes()
    with (tmp_path / "f").open("wb") as file:
        file.write(content[:MIB])
        file.seek(2 * MIB)
        file.write(content[2 * MIB :])
    ranges = [FileProgress(path="f", durable_bytes=2 * MIB, prefix_bytes=MIB, size_bytes=len(content))]
    assert growing.follow("m", 1, tmp_path, ranges) == MIB
    assert (
        growing.follow(
            "m",
            1,
            tmp_path,
            [FileProgress(path="f", durable_bytes=2 * MIB, prefix_bytes=0, size_bytes=len(content))],
        )
        == 0
    )
    with (tmp_path / "f").open("r+b") as file:
        file.seek(MIB)
        file.write(content[MIB : 2 * MIB])
    verdict = verify(growing, "m", tmp_path, [promise(content)])
    assert (verdict.findings, verdict.hashed_behind_bytes) == ([], MIB)


def pieces_of(content: bytes, size: int) -> Pieces:
    return Pieces(
        size_bytes=size,
        sha256=[hashlib.sha256(content[at : at + size]).hexdigest() for at in range(0, len(content), size)],
    )


@settings(deadline=None, max_examples=40)
@given(length=st.integers(1, 400_000), hits=st.lists(st.integers(0, 399_999), max_size=4))
def test_exactly_the_pieces_that_hold_a_changed_byte_are_named(
    tmp_path_factory: pytest.TempPathFactory, length: int, hits: list[int]
) -> None:
    directory, content = tmp_path_factory.mktemp("any"), bytes(length)
    found = bytearray(content)
    for hit in hits:
        found[hit % length] = 1
    (directory / "f").write_bytes(found)
    promised = FilePromise(
        path="f",
        size_bytes=length,
        sha256=promise(content).sha256,
        urls=["https://models.example/f"],
        pieces=pieces_of(content, 65_536),
    )
    findings = verify(GrowingHashes(), "m", directory, [promised]).findings
    assert [finding.pieces for finding in findings] == (
        [sorted({hit % length // 65_536 for hit in hits})] if hits else []
    )


def test_whole_file_is_bad_if_its_pieces_contradict_its_digest(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"abc")
    promised = FilePromise(
        path="f",
        size_bytes=3,
        sha256="0" * 64,
        urls=["https://models.example/f"],
        pieces=pieces_of(b"abc", 65_536),
    )
    (finding,) = verify(GrowingHashes(), "m", tmp_path, [promised]).findings
    assert (finding.aspect, finding.pieces) == ("sha256", [])


def test_reader_that_waits_for_others_asks_before_every_buffer_and_may_give_up(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(bytes(3 * MIB))
    asked: list[int] = []
    verify(
        GrowingHashes(),
        "m",
        tmp_path,
        [promise(bytes(3 * MIB))],
        ReadOptions(pause=lambda: asked.append(1), leaves_no_trace=True),
    )
    assert len(asked) >= 3

    def give_up() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        verify(GrowingHashes(), "m", tmp_path, [promise(bytes(3 * MIB))], ReadOptions(pause=give_up))


def test_piece_that_was_written_over_after_it_was_hashed_does_not_condemn_the_file(tmp_path: Path) -> None:
    """Progress may be reported after the verdict that had a piece fetched again, and hashed too early."""
    content, growing = os.urandom(3 * MIB), GrowingHashes()
    bad = bytearray(content)
    bad[MIB + 3] ^= 1
    (tmp_path / "f").write_bytes(bad)
    promised = FilePromise(
        path="f",
        size_bytes=len(content),
        sha256=promise(content).sha256,
        urls=["https://models.example/f"],
        pieces=pieces_of(content, MIB),
    )
    assert [finding.pieces for finding in verify(growing, "m", tmp_path, [promised]).findings] == [[1]]
    growing.follow("m", 1, tmp_path, progress(len(content), len(content)))
    with (tmp_path / "f").open("r+b") as file:
        file.write(content)
    assert verify(growing, "m", tmp_path, [promised]).findings == []
