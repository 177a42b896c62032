"""The hub's answer is read strictly, a name chooses files, and no choice is a guess."""

from __future__ import annotations

import contextlib
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.model_sources.errors import ResolveFailed
from actors.model_sources.sources import hub_repository
from actors.model_sources.sources.model_names import HubName
from tests.support.http_servers import COMMIT, git_blob_id

NAME = HubName("org/repo")


def repository(*paths: str, large: bool = True, size: int = 5, **more: Any) -> hub_repository.Repository:
    siblings = [
        {
            "rfilename": path,
            "size": size,
            "blobId": "0" * 40,
            **({"lfs": {"sha256": "1" * 64, "size": size}} if large else {}),
        }
        for path in paths
    ]
    return hub_repository.read_repository(
        msgspec.json.encode({"sha": COMMIT, "siblings": siblings, **more}), "hf:org/repo"
    )


def chosen(found: hub_repository.HubRepository, pattern: str = "") -> list[str]:
    return [
        sibling.path
        for sibling in hub_repository.choose(found, HubName("org/repo", "main", pattern), "hf:org/repo")[0]
    ]


def test_the_revision_goes_into_the_question_as_one_part() -> None:
    assert (
        hub_repository.api_url("https://h", HubName("org/repo", "refs/pr/1"))
        == "https://h/api/models/org/repo/revision/refs%2Fpr%2F1?blobs=true"
    )
    assert (
        hub_repository.file_url("https://h", NAME, COMMIT, "a b/c#d.bin")
        == f"https://h/org/repo/resolve/{COMMIT}/a%20b/c%23d.bin"
    )


def test_a_pattern_is_a_path_a_directory_or_a_glob() -> None:
    found = repository("a.bin", "sub/b.bin", "sub/c.txt", "README.md")
    assert chosen(found, "sub/b.bin") == ["sub/b.bin"]
    assert chosen(found, "sub/") == ["sub/b.bin", "sub/c.txt"]
    assert chosen(found, "*.bin") == ["a.bin", "sub/b.bin"]
    assert chosen(found, "README.md") == ["README.md"]


def test_a_whole_repository_is_its_model_without_what_is_only_to_be_read() -> None:
    found, skipped = hub_repository.choose(
        repository("model.onnx", "config.json", "README.md", ".gitattributes", "img/a.png", "LICENSE"),
        NAME,
        "hf:org/repo",
    )
    assert [file.path for file in found] == ["model.onnx", "config.json"]
    assert len(skipped) == 4


def test_of_several_quantizations_one_has_to_be_named() -> None:
    with pytest.raises(ResolveFailed, match=r"found 2; name one, such as hf:org/repo:a-q4\.gguf, a-q8\.gguf"):
        chosen(repository("a-q4.gguf", "a-q8.gguf"))
    assert len(chosen(repository("a-00001-of-00002.gguf", "a-00002-of-00002.gguf"))) == 2, (
        "the parts of one model belong together"
    )


def test_a_pattern_that_matches_nothing_is_told_with_what_there_is() -> None:
    with pytest.raises(ResolveFailed, match=r"no file of the repository matches 'x'; it has a\.bin"):
        chosen(repository("a.bin"), "x")


@pytest.mark.parametrize("path", ["../a", "/a", "a\\b", "con", "a:b", ""])
def test_a_path_of_the_hub_that_leaves_is_refused(path: str) -> None:
    with pytest.raises(ResolveFailed, match="is not valid"):
        chosen(repository(path), "*")


def test_too_many_files_are_refused() -> None:
    with pytest.raises(ResolveFailed, match="at most 2000 files"):
        chosen(repository(*(f"{at}.bin" for at in range(2001))))


def test_large_files_without_a_digest_are_not_fetched_to_hash_them() -> None:
    with pytest.raises(ResolveFailed, match="has no SHA-256 of it"):
        chosen(repository("a.bin", large=False, size=hub_repository.SMALL_FILE_LIMIT_BYTES + 1))
    with pytest.raises(ResolveFailed, match="would be fetched to hash them"):
        chosen(repository(*"abcde", large=False, size=hub_repository.SMALL_FILE_LIMIT_BYTES))
    assert chosen(repository("a", large=False)) == ["a"]


@pytest.mark.parametrize(
    ("more", "licence"),
    [
        ({"cardData": {"license": "mit"}}, hub_repository.HubLicence("mit", "", False)),
        ({"tags": ["x", "license:apache-2.0"]}, hub_repository.HubLicence("apache-2.0", "", False)),
        (
            {
                "cardData": {"license": "other", "license_name": "llama3.2", "license_link": "https://l"},
                "gated": "manual",
            },
            hub_repository.HubLicence("llama3.2", "https://l", True),
        ),
        (
            {"cardData": {"license": ["mit", "cc0-1.0"]}, "gated": True},
            hub_repository.HubLicence("mit, cc0-1.0", "", True),
        ),
        (
            {"cardData": {"license": "other", "license_link": "LICENSE"}},
            hub_repository.HubLicence("other", "", False),
        ),
        (
            {"cardData": {"license": 7, "license_link": 7}, "gated": False},
            hub_repository.HubLicence("", "", False),
        ),
        ({}, hub_repository.HubLicence("", "", False)),
    ],
)
def test_the_licence_is_what_the_repository_says(
    more: dict[str, Any], licence: hub_repository.HubLicence
) -> None:
    assert hub_repository.licence_of(repository("a", **more)) == licence


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"<html>",
        b'{"sha": "main"}',
        b'{"sha": 1}',
        b"[" * 100_000,
        b'{"sha": "' + b"g" * 40 + b'"}',
    ],
)
def test_what_is_no_answer_of_the_hub_is_refused(content: bytes) -> None:
    with pytest.raises(ResolveFailed, match="cannot be read"):
        hub_repository.read_repository(content, "hf:org/repo")


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    with contextlib.suppress(ResolveFailed):
        hub_repository.read_repository(content, "hf:org/repo")


def test_git_names_a_file_as_git_does() -> None:
    assert hub_repository.git_blob_id(b"") == git_blob_id(b"") == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
