"""What length and digest say about a promise, and what of a digest can still be used."""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.model_verifier.file_verdict import (
    QUIET_SECONDS,
    FoundFile,
    Identity,
    hash_goes_on,
    hash_until,
    is_below,
    judge,
    oldest,
    pause_seconds,
    prefix_of,
    worth_hashing,
)
from schemas.manifest import FilePromise
from schemas.models import FileProgress

PROMISE = FilePromise(path="model.bin", size_bytes=10, sha256="a" * 64, urls=["https://models.example/m"])
HERE = Identity(device=1, inode=2, size_bytes=100, mtime_ns=5)


@pytest.mark.requirement("S0-8")
@pytest.mark.parametrize(
    ("found", "aspect"),
    [
        (FoundFile(None), "missing"),
        (FoundFile(9), "size"),
        (FoundFile(11, "a" * 64), "size"),
        (FoundFile(10, "b" * 64), "sha256"),
        (FoundFile(10, None), "sha256"),
        (FoundFile(10, "a" * 64, "permission denied"), "unreadable"),
    ],
)
def test_each_way_to_break_a_promise_is_one_finding(found: FoundFile, aspect: str) -> None:
    (finding,) = judge(PROMISE, found)
    assert (finding.path, finding.aspect) == ("model.bin", aspect)
    assert finding.found
    assert finding.expected


@pytest.mark.requirement("S0-8")
@given(
    size=st.one_of(st.none(), st.just(10), st.integers(0, 20)),
    digest=st.one_of(st.none(), st.sampled_from(["a" * 64, "b" * 64])),
    problem=st.sampled_from(["", "gone"]),
)
def test_only_the_promised_length_and_digest_are_free_of_findings(
    size: int | None, digest: str | None, problem: str
) -> None:
    kept = size == 10 and digest == "a" * 64 and not problem
    assert (judge(PROMISE, FoundFile(size, digest, problem)) == []) == kept


def test_file_of_another_length_is_not_worth_hashing() -> None:
    assert worth_hashing(PROMISE, 10)
    assert not worth_hashing(PROMISE, 11)


def test_digest_goes_on_only_in_the_same_file_that_did_not_shrink() -> None:
    assert hash_goes_on(100, HERE, HERE)
    assert hash_goes_on(50, HERE, replace(HERE, size_bytes=60, mtime_ns=9))
    assert not hash_goes_on(100, HERE, replace(HERE, size_bytes=99))
    assert not hash_goes_on(0, HERE, replace(HERE, inode=3))
    assert not hash_goes_on(0, HERE, None)


@given(hashed=st.integers(0, 100), durable=st.integers(0, 100), size=st.integers(0, 100))
def test_hashing_stays_behind_what_is_durable_and_never_goes_back(
    hashed: int, durable: int, size: int
) -> None:
    until = hash_until(hashed, durable, size)
    assert until >= hashed
    assert until <= min(durable, size) or until == hashed


def test_only_directories_of_models_are_looked_into() -> None:
    root = PurePosixPath("/models")
    assert is_below(root, PurePosixPath("/models/whisper.partial"))
    for elsewhere in ("/models", "/models/a/b", "/etc", "/models/..", "models/a", "/"):
        assert not is_below(root, PurePosixPath(elsewhere))


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


def test_idle_reading_waits_until_no_download_told_of_progress_for_a_while() -> None:
    assert pause_seconds(None, 5.0) == 0
    assert pause_seconds(5.0, 5.0) == QUIET_SECONDS
    assert pause_seconds(5.0, 5.0 + QUIET_SECONDS) == 0


def test_model_was_read_when_the_file_was_that_was_read_longest_ago() -> None:
    assert oldest([3.0, 1.0, 2.0]) == 1.0
    assert oldest([3.0, None]) is None
    assert oldest([]) is None
