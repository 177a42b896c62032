"""Typed documents: whole, validated, cached for a time, and kept as evidence when they are damaged."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from actors.shared.crypto.envelope import seal
from actors.state_store.documents.document_store import DocumentStore, document_key
from actors.state_store.documents.document_types import document_kinds
from actors.state_store.engine.operations import RepairedCopy
from actors.state_store.engine.store import StateStore
from actors.state_store.engine.values.value_schemas import ValueSchemas
from actors.state_store.errors import RevisionConflict, SaveFailed, UnknownType, ValidationFailed

PINS = {
    "type": "object",
    "properties": {"pins": {"type": "array", "items": {"type": "string"}}},
    "required": ["pins"],
    "default": {"pins": []},
}


class Mark(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    label: str
    x: int


class Marks(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    marks: tuple[Mark, ...] = ()


class Clicks(BaseModel):
    counts: dict[str, int] = Field(default_factory=dict)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Lab:
    def __init__(self, root: Path, **options: Any) -> None:
        self.root = root
        self.clock = Clock()
        self.store = StateStore(root, **options).start()
        kinds = {**document_kinds([Marks, Clicks]), **document_kinds({"Pins": PINS})}
        self.documents = DocumentStore(self.store, kinds, 300.0, self.clock)

    def file(self, name: str) -> Path:
        return self.root / "documents" / f"{name}.json"


@pytest.fixture
def lab(tmp_path: Path) -> Any:
    made = Lab(tmp_path)
    yield made
    made.store.close()


@pytest.mark.requirement("S2-1", "S2-2", "S2-3", "S2-4")
def test_each_type_has_a_file_of_its_own_and_defaults_until_then(lab: Lab) -> None:
    assert lab.documents.read(Marks) == Marks()
    assert not lab.file("Marks").exists()
    lab.documents.write(Marks(marks=(Mark(label="a", x=1),)))
    lab.documents.write(Clicks(counts={"a": 1}))
    assert sorted(path.name for path in (lab.root / "documents").iterdir()) == ["Clicks.json", "Marks.json"]
    lab.documents.clear()
    assert lab.documents.read(Marks) == Marks(marks=(Mark(label="a", x=1),))
    assert lab.documents.read(Clicks) == Clicks(counts={"a": 1})


@pytest.mark.requirement("S2-6", "S2-7")
def test_a_hit_is_the_very_instance_and_nobody_can_change_it(lab: Lab) -> None:
    lab.documents.write(Marks(marks=(Mark(label="a", x=1),)))
    found = lab.documents.read(Marks)
    assert lab.documents.read(Marks) is found
    with pytest.raises(ValidationError):
        found.marks = ()
    with pytest.raises(ValidationError):
        found.marks[0].x = 2


@pytest.mark.requirement("S2-7")
def test_of_a_model_that_can_be_changed_everybody_gets_a_copy(lab: Lab) -> None:
    mine = Clicks(counts={"a": 1})
    lab.documents.write(mine)
    mine.counts["a"] = 99
    lab.documents.read(Clicks).counts["a"] = 77
    assert lab.documents.read(Clicks).counts == {"a": 1}


def test_a_type_declared_as_json_schema_is_handed_out_read_only(lab: Lab) -> None:
    assert lab.documents.read("Pins") == {"pins": ()}
    lab.documents.write({"pins": ["a"]}, type_name="Pins")
    found = lab.documents.read("Pins")
    with pytest.raises(TypeError):
        found["pins"] = ()
    assert found["pins"] == ("a",)
    with pytest.raises(ValidationFailed, match="pins"):
        lab.documents.write({"pins": [1]}, type_name="Pins")


@pytest.mark.requirement("S2-6", "S2-7")
def test_after_its_time_a_document_is_read_from_disk_again(lab: Lab) -> None:
    lab.documents.write(Marks())
    lab.clock.now = 299.0
    lab.documents.read(Marks)
    lab.clock.now = 301.0
    lab.documents.read(Marks)
    found = lab.documents.statistics()["Marks"]
    assert (found.hits, found.misses) == (1, 1)
    assert lab.documents.statistics()["Clicks"].misses == 0


@pytest.mark.requirement("S2-8", "S2-9")
def test_a_write_is_what_is_read_at_once(lab: Lab) -> None:
    for n in range(5):
        lab.documents.write(Marks(marks=(Mark(label="a", x=n),)))
        assert lab.documents.read(Marks).marks[0].x == n
    assert lab.documents.statistics()["Marks"].misses == 0


def test_a_stale_merge_is_refused_with_both_revisions(lab: Lab) -> None:
    first = lab.documents.write(Marks(), expected_revision=0)
    mine, theirs = lab.documents.read_document("Marks"), lab.documents.read_document("Marks")
    second = lab.documents.write(Marks(marks=(Mark(label="theirs", x=1),)), expected_revision=theirs.revision)
    with pytest.raises(RevisionConflict) as caught:
        lab.documents.write(Marks(marks=(Mark(label="mine", x=1),)), expected_revision=mine.revision)
    assert (caught.value.expected, caught.value.found) == (first, second)
    assert lab.documents.read(Marks).marks[0].label == "theirs"


@pytest.mark.requirement("S2-18")
def test_an_unknown_type_is_an_error_that_names_the_known_ones(lab: Lab) -> None:
    for use in (
        lambda: lab.documents.read("Nope"),
        lambda: lab.documents.write(Mark(label="a", x=1)),
        lambda: lab.documents.clear("Nope"),
        lambda: lab.documents.read("../../etc/passwd"),
    ):
        with pytest.raises(UnknownType, match="Clicks, Marks, Pins"):
            use()


def spoiled(content: bytes) -> bytes:
    return content.replace(b'"label": "a"', b'"label": "b"')


def wrong(content: bytes) -> bytes:
    value = {"marks": [{"label": "a", "x": "not a number"}]}
    return seal(value, schema="Marks", schema_version=1, revision=9, now=0.0, name="document.Marks")


@pytest.mark.parametrize("spoil", [spoiled, wrong, lambda _: b"", lambda _: b"{not json"])
def test_what_is_damaged_or_does_not_fit_counts_as_the_defaults_with_the_evidence_kept(
    lab: Lab, spoil: Any
) -> None:
    lab.documents.write(Marks(marks=(Mark(label="a", x=1),)))
    lab.documents.clear()
    evidence = spoil(lab.file("Marks").read_bytes())
    lab.file("Marks").write_bytes(evidence)
    found = lab.documents.read_document("Marks")
    assert (found.instance, found.revision) == (Marks(), 0)
    assert Path(found.evidence).read_bytes() == evidence
    assert [(one.kind, one.subject) for one in lab.store.incidents] == [("corruption", "document.Marks")]
    assert lab.documents.read_document("Marks").evidence == "", "it is reported once"
    lab.documents.write(Marks(marks=(Mark(label="new", x=1),)))
    lab.documents.clear()
    assert lab.documents.read(Marks).marks[0].label == "new"


def test_the_newest_good_copy_takes_the_place_of_a_damaged_document(tmp_path: Path) -> None:
    copies: dict[str, bytes] = {}
    lab = Lab(
        tmp_path,
        repair=lambda damaged: (
            RepairedCopy(copies[damaged.key], "the copy") if damaged.key in copies else None
        ),
    )
    lab.documents.write(Marks(marks=(Mark(label="a", x=1),)))
    copies["document.Marks"] = lab.file("Marks").read_bytes()
    lab.documents.clear()
    lab.file("Marks").write_bytes(wrong(b""))
    found = lab.documents.read_document("Marks")
    assert (found.instance, found.repaired_from) == (Marks(marks=(Mark(label="a", x=1),)), "the copy")
    assert found.evidence
    lab.documents.clear()
    assert lab.documents.read(Marks) == found.instance
    lab.store.close()


@pytest.mark.requirement("S3-29")
def test_a_document_of_an_older_version_is_converted_and_one_of_a_newer_version_is_read_only(
    tmp_path: Path,
) -> None:
    lab = Lab(tmp_path)
    (tmp_path / "documents" / "Marks.json").write_bytes(
        seal(
            [{"name": "a", "x": 1}],
            schema="Marks",
            schema_version=1,
            revision=1,
            now=0.0,
            name="document.Marks",
        )
    )
    lab.store.close()
    migrations = {
        "Marks": [lambda value: {"marks": [{"label": mark["name"], "x": mark["x"]} for mark in value]}]
    }
    lab = Lab(tmp_path, schemas=ValueSchemas((), migrations))
    assert lab.documents.read(Marks) == Marks(marks=(Mark(label="a", x=1),))
    lab.documents.write(Marks(marks=(Mark(label="b", x=2),)))
    lab.store.close()
    lab = Lab(tmp_path)
    found = lab.documents.read_document("Marks")
    assert (found.read_only, found.instance.marks[0].label) == (True, "b")
    with pytest.raises(SaveFailed, match="read-only"):
        lab.documents.write(Marks())
    lab.store.close()


def test_readers_and_writers_at_once_see_whole_documents_that_only_grow(lab: Lab) -> None:
    seen: list[list[int]] = []

    def read() -> None:
        mine: list[int] = []
        while not mine or mine[-1] < 60:
            found = lab.documents.read_document("Marks")
            assert len({mark.x for mark in found.instance.marks}) <= 1
            mine.append(found.instance.marks[0].x if found.instance.marks else 0)
            if len(mine) % 5 == 0:
                lab.documents.clear(Marks)
        seen.append(mine)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for n in range(1, 61):
        lab.documents.write(Marks(marks=tuple(Mark(label=str(at), x=n) for at in range(20))))
    for reader in readers:
        reader.join()
    assert len(seen) == 3
    assert all(mine == sorted(mine) for mine in seen)


def test_the_key_of_a_type_is_its_name() -> None:
    assert document_key("Marks") == "document.Marks"
