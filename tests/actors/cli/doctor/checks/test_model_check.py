"""Models that are not whole, and what lies beside them; sizes only, so that it is quick."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from actors.cli.doctor.checks.model_check import check, look
from actors.cli.doctor.problems import ExaminedHome
from actors.shared.profile.profile import Profile, find_profile, read_profile
from schemas.manifest import FilePromise, Manifest, ModelEntry

RECORD = (
    b'{"model_id":"m","revision":"1","promises":"x","sequence":1,'
    b'"contents":[{"path":"bin/model.bin","size_bytes":5,"sha256":"0"}]}'
)


@pytest.fixture
def profile(tmp_path: Path) -> Profile:
    """A profile whose manifest promises one file of 5 bytes."""
    promise = FilePromise(path="model.bin", size_bytes=5, sha256="0" * 64, urls=["https://example.org/m.bin"])
    entry = ModelEntry(id="declared", name="Declared", category="stt", licence="MIT", files=[promise])
    path = tmp_path / "models.json"
    path.write_bytes(msgspec.json.encode(Manifest(format=1, models=[entry])))
    return replace(read_profile(find_profile("dictation")), manifests=(path,))


def test_models_with_all_their_bytes_are_well(
    home: ExaminedHome, change: Callable[..., ExaminedHome], put: Callable[..., Path], profile: Profile
) -> None:
    put(home.locations.models / "recorded" / ".undercroft.json", RECORD)
    put(home.locations.models / "recorded" / "bin" / "model.bin", "12345")
    put(home.locations.models / "declared" / "model.bin", "12345")
    put(home.locations.models / "verified.json", "{}")
    assert check(look(change(profile=profile))) == []


def test_a_model_with_a_missing_or_shorter_file_is_an_error_with_the_next_step(
    home: ExaminedHome, change: Callable[..., ExaminedHome], put: Callable[..., Path], profile: Profile
) -> None:
    put(home.locations.models / "recorded" / ".undercroft.json", RECORD)
    put(home.locations.models / "declared" / "model.bin", "1234")
    declared, recorded = check(look(change(profile=profile)))
    assert (declared.severity, declared.found) == ("error", "model.bin")
    assert "undercroft models install recorded" in recorded.advice
    assert recorded.found == "bin/model.bin"


def test_a_record_that_leads_out_of_the_model_is_never_followed(
    home: ExaminedHome, put: Callable[..., Path]
) -> None:
    put(
        home.locations.models / "evil" / ".undercroft.json",
        RECORD.replace(b"bin/model.bin", b"../../../etc/passwd"),
    )
    (problem,) = check(look(home))
    assert problem.found == "../../../etc/passwd"


@pytest.mark.parametrize("content", [b"{", b"[" * 100_000, b"\xff", b"{}"])
def test_a_record_that_cannot_be_read_is_told(
    home: ExaminedHome, put: Callable[..., Path], content: bytes
) -> None:
    put(home.locations.models / "m" / ".undercroft.json", content)
    (problem,) = check(look(home))
    assert "the record of m cannot be read" in problem.what


def test_partials_and_damaged_copies_are_told_and_a_model_of_nobody_too(
    home: ExaminedHome, put: Callable[..., Path]
) -> None:
    put(home.locations.models / "half.partial" / "model.bin", "x" * 2048)
    put(home.locations.models / "bad.damaged" / "model.bin", "x")
    put(home.locations.models / "former.former" / "model.bin", "x")
    put(home.locations.models / "orphan" / "model.bin", "x")
    found = {problem.where.rpartition("/")[2]: problem for problem in check(look(home))}
    assert {name: problem.severity for name, problem in found.items()} == {
        "half.partial": "info",
        "bad.damaged": "warning",
        "orphan": "warning",
    }
    assert found["half.partial"].found == "2.0 kB"
    assert not any(problem.is_fixable for problem in found.values())


def test_a_manifest_that_is_refused_is_told(
    home: ExaminedHome, change: Callable[..., ExaminedHome], profile: Profile, tmp_path: Path
) -> None:
    (tmp_path / "models.json").write_text("{")
    (problem,) = check(look(change(profile=profile)))
    assert (problem.severity, "manifest" in problem.what) == ("error", True)
