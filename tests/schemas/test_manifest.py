"""A manifest that breaks a rule is not read."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from schemas.manifest import Manifest, ModelEntry

GOOD: dict[str, Any] = {
    "path": "a.bin",
    "size_bytes": 3,
    "sha256": "0" * 64,
    "urls": ["https://example.org/a.bin"],
}


def entry(**changes: Any) -> dict[str, Any]:
    return {"id": "tiny", "name": "Tiny", "category": "stt", "licence": "MIT", "files": [GOOD], **changes}


@pytest.mark.requirement("S1-34")
def test_size_of_a_model_is_that_of_its_files() -> None:
    assert (
        msgspec.convert(
            entry(files=[GOOD, {**GOOD, "path": "b.bin", "size_bytes": 4}]), ModelEntry
        ).size_bytes
        == 7
    )


@pytest.mark.parametrize(
    "model_id", ["", ".hidden", "Upper", "a/b", "a\\b", "..", "a.", "-a", "x" * 101, "a b"]
)
def test_ids_that_could_leave_their_directory_are_refused(model_id: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(entry(id=model_id), ModelEntry)


@pytest.mark.parametrize(
    "change",
    [
        {"sha256": "0" * 63},
        {"sha256": "G" * 64},
        {"size_bytes": -1},
        {"urls": []},
        {"path": ""},
        {"surprise": 1},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_file_promise_has_a_digest_a_size_and_a_source(change: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"format": 1, "models": [entry(files=[{**GOOD, **change}])]}, Manifest)


def test_a_model_has_files() -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(entry(files=[]), ModelEntry)
