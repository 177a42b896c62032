"""Manifests: what is shipped is sound, and what is not safe is refused in a sentence."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import actors
from actors.shared.manifest import (
    MANIFEST_LIMIT_BYTES,
    ManifestRefused,
    check_entry,
    check_manifest,
    digest_of,
    load_manifest,
    parse_manifest,
)
from schemas.bounds import INTEGER_LIMIT
from schemas.manifest import FilePromise, Manifest, ModelEntry, Pieces
from tests.support.signed_manifests import ENTRY

SHIPPED = sorted(Path(actors.__file__).parent.glob("runtime/profiles/*/models.json"))


def document(**changes: Any) -> dict[str, Any]:
    file = {"path": "a.bin", "size_bytes": 1, "sha256": "0" * 64, "urls": ["https://models.example/a.bin"]}
    file |= {key: value for key, value in changes.items() if key in file}
    entry = {"id": "a", "name": "A", "category": "stt", "licence": "MIT", "files": [file]}
    entry |= {key: value for key, value in changes.items() if key in entry}
    return {"format": changes.get("format", 1), "models": [entry]}


def parse(value: object) -> Manifest:
    return parse_manifest(msgspec.json.encode(value), "test")


@pytest.mark.requirement("S1-34", "S0-17")
@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.parent.name)
def test_shipped_manifest_is_sound_and_pins_every_revision(path: Path) -> None:
    manifest = load_manifest(path)
    assert manifest.models
    for entry in manifest.models:
        assert entry.licence
        assert "UNVERIFIED" not in entry.licence
        assert entry.licence_url.startswith("https://")
        assert entry.revision
        for file in entry.files:
            assert file.size_bytes > 0
            assert all(
                url.startswith("https://") and "/main/" not in url and "/master/" not in url
                for url in file.urls
            )


@pytest.mark.requirement("S0-17")
def test_dictation_ships_what_dictation_and_an_assistant_need() -> None:
    manifest = load_manifest(next(path for path in SHIPPED if path.parent.name == "dictation"))
    assert {"silero-vad", "whisper-tiny-en", "whisper-base-en"} <= {entry.id for entry in manifest.models}
    by_category = {
        category: [entry for entry in manifest.models if entry.category == category]
        for category in ("vad", "stt", "tts", "llm")
    }
    assert len(by_category["stt"]) >= 3
    assert all(by_category.values())
    assert sum(map(len, by_category.values())) == len(manifest.models)


@pytest.mark.parametrize("path", ["../a", "/etc/passwd", "journal.json"])
def test_path_that_leaves_is_refused(path: str) -> None:
    with pytest.raises(ManifestRefused, match="path"):
        parse(document(path=path))


@pytest.mark.parametrize(
    "name", ["../a", "a/b", ".hidden", "A", "", "a.partial", "a.damaged", "con", "a" * 101, "a."]
)
def test_id_that_is_no_plain_directory_name_is_refused(name: str) -> None:
    with pytest.raises(ManifestRefused):
        parse(document(id=name))


def test_names_that_differ_only_in_case_are_the_same() -> None:
    value = document()
    value["models"][0]["files"].append(value["models"][0]["files"][0] | {"path": "A.BIN"})
    with pytest.raises(ManifestRefused, match="twice"):
        parse(value)


def test_model_declared_twice_is_refused() -> None:
    value = document()
    value["models"] *= 2
    with pytest.raises(ManifestRefused, match="'a' is declared twice"):
        parse(value)


def test_file_below_another_file_is_refused() -> None:
    value = document()
    value["models"][0]["files"].append(value["models"][0]["files"][0] | {"path": "a.bin/b"})
    with pytest.raises(ManifestRefused, match="below another"):
        parse(value)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"format": 1, "models": [], "surplus": 1}',
        b'{"format": 2, "models": []}',
    ],
)
def test_what_is_no_manifest_is_refused_and_named(content: bytes) -> None:
    with pytest.raises(ManifestRefused, match="test: the manifest cannot be used"):
        parse_manifest(content, "test")


@given(st.binary(max_size=200))
def test_any_bytes_give_a_manifest_or_a_refusal(content: bytes) -> None:
    with contextlib.suppress(ManifestRefused):
        assert check_manifest(parse_manifest(content, "test")) == []


def test_manifest_beyond_its_limit_is_not_read_further(tmp_path: Path) -> None:
    (tmp_path / "models.json").write_bytes(b" " * (MANIFEST_LIMIT_BYTES + 10))
    with pytest.raises(ManifestRefused, match="longer than"):
        load_manifest(tmp_path / "models.json")


def test_missing_manifest_is_named(tmp_path: Path) -> None:
    with pytest.raises(ManifestRefused, match=r"models\.json.*cannot be read"):
        load_manifest(tmp_path / "models.json")


def test_every_problem_is_told_at_once() -> None:
    with pytest.raises(ManifestRefused) as caught:
        parse(document(path="../a", urls=["ftp://a/b"], id="nul"))
    assert len(caught.value.problems) == 3


def test_digest_does_not_depend_on_layout() -> None:
    one = parse_manifest(msgspec.json.format(msgspec.json.encode(document()), indent=4), "test")
    assert digest_of(one) == digest_of(parse(document())) != digest_of(parse(document(name="B")))


@pytest.mark.requirement("S1-35")
def test_manifest_that_needs_a_newer_runtime_is_refused() -> None:
    manifest = msgspec.convert(document() | {"minimum_runtime": "1.2.0"}, Manifest)
    assert check_manifest(manifest, "1.2.0") == check_manifest(manifest, "1.10.0") == []
    assert check_manifest(manifest, "1.2.0-rc.1") == [
        "it needs Undercroft 1.2.0 or newer, this is 1.2.0-rc.1"
    ]
    assert (
        "not a version"
        in check_manifest(msgspec.structs.replace(manifest, minimum_runtime="1.2"), "1.2.0")[0]
    )


def test_an_entry_may_need_a_newer_runtime_by_itself() -> None:
    entry = msgspec.convert(document()["models"][0] | {"minimum_runtime": "1.2"}, ModelEntry)
    assert check_entry(entry) == ["its minimum_runtime '1.2' is not a version such as '1.2.0'"]
    assert check_entry(msgspec.structs.replace(entry, minimum_runtime="99.0.0")) == [], (
        "left out where it is used, not refused with all others"
    )


def test_files_of_this_machine_are_for_what_a_person_added() -> None:
    entry = msgspec.convert(document(urls=["file:///media/stick/a.bin"])["models"][0], ModelEntry)
    assert check_entry(entry, from_person=True) == []
    assert "expected 'https'" in check_entry(entry)[0]


@pytest.mark.parametrize(("count", "problems"), [(2, 0), (1, 1), (3, 1)])
def test_pieces_have_as_many_digests_as_the_length_needs(count: int, problems: int) -> None:
    pieces = Pieces(size_bytes=65_536, sha256=["0" * 64] * count)
    file = FilePromise(
        path="f", size_bytes=65_537, sha256="0" * 64, urls=["https://models.example/f"], pieces=pieces
    )
    found = check_entry(ModelEntry(id="m", name="M", category="stt", licence="MIT", files=[file]))
    assert len(found) == problems
    assert all("its length needs 2" in problem for problem in found)


def test_what_a_signed_url_holds_is_not_shown() -> None:
    entry = msgspec.convert(document(urls=["https://user:secret@a/b?sig=secret"])["models"][0], ModelEntry)
    assert check_entry(entry)
    assert "secret" not in str(check_entry(entry))


def test_sizes_that_no_disk_holds_together_are_refused() -> None:
    files = [
        msgspec.structs.replace(ENTRY.files[0], path=f"{number}.bin", size_bytes=INTEGER_LIMIT)
        for number in range(2)
    ]
    assert check_entry(msgspec.structs.replace(ENTRY, files=files)) == [
        f"its files have {2 * INTEGER_LIMIT} bytes, expected at most {INTEGER_LIMIT}"
    ]


@pytest.mark.parametrize("field", ["name", "category", "licence", "licence_url", "revision"])
def test_a_text_that_steers_a_terminal_is_refused_and_shown_clean(field: str) -> None:
    (problem,) = check_entry(msgspec.structs.replace(ENTRY, **{field: "a\x1b[31m\u202eb"}))
    assert problem == f"its {field} 'a [31m b' holds characters that steer a terminal"


def test_of_many_problems_a_few_are_told() -> None:
    told = str(ManifestRefused("here", [f"problem {number}" for number in range(1000)]))
    assert "problem 7; ..." in told
    assert len(told) < 3000
