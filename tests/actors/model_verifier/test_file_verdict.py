"""What length and digest say about a promise, and which directories are looked into."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.model_verifier.file_verdict import FoundFile, is_below, judge, worth_hashing
from schemas.manifest import FilePromise

PROMISE = FilePromise(path="model.bin", size_bytes=10, sha256="a" * 64, urls=["https://models.example/m"])


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


def test_only_directories_of_models_are_looked_into() -> None:
    root = PurePosixPath("/models")
    assert is_below(root, PurePosixPath("/models/whisper.partial"))
    for elsewhere in ("/models", "/models/a/b", "/etc", "/models/..", "models/a", "/"):
        assert not is_below(root, PurePosixPath(elsewhere))
