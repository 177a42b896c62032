"""A record comes back as it was written; whatever else lies in its place is named, and never lost."""

from __future__ import annotations

import json
import os
import tempfile
import typing
from pathlib import Path
from typing import Annotated, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.model_downloader.staging.staging_journal import StagingState
from actors.shared.durable.directory_lock import LockHolder
from actors.shared.durable.durable_write import DurableWriteFailed
from actors.shared.durable.record_file import (
    RecordFile,
    RecordFound,
    RecordNotRead,
    RecordTooLarge,
    RecordUnfit,
)
from actors.shared.locations.location_choices import LocationChoices
from actors.shared.manifest import AddedModel
from schemas.leases import Lease
from schemas.operations.crashes import CrashRecord
from schemas.sources import LicenceAcceptance
from tests.support.unsynced import unsynced

LIMIT_BYTES = 1000


class Note(msgspec.Struct, frozen=True, kw_only=True):
    format: int = 2
    words: str = ""


def note_file(path: Path, **options: bool | int) -> RecordFile[Note]:
    return RecordFile(path, Note, limit_bytes=LIMIT_BYTES, format=2, **options)  # type: ignore[arg-type]  # by name


def test_a_record_comes_back_as_it_was_written(tmp_path: Path) -> None:
    file = note_file(tmp_path / "note.json")
    file.write(Note(words="ä"))
    assert file.load() == Note(words="ä")
    assert file.read() == RecordFound(Note(words="ä"))
    assert os.listdir(tmp_path) == ["note.json"]


def test_records_need_no_format_and_may_be_any_type(tmp_path: Path) -> None:
    file = RecordFile(tmp_path / "n.json", list[Note], limit_bytes=LIMIT_BYTES)
    file.write([Note(), Note(words="b")])
    assert file.load() == [Note(), Note(words="b")]


def test_files_for_people_are_indented(tmp_path: Path) -> None:
    file = note_file(tmp_path / "note.json", indent=2)
    file.write(Note(words="a"))
    assert file.path.read_text() == '{\n  "format": 2,\n  "words": "a"\n}'
    assert file.load() == Note(words="a")


def test_no_file_is_no_record_and_no_fault(tmp_path: Path) -> None:
    file = note_file(tmp_path / "note.json")
    assert file.load() is None
    assert file.read() == RecordFound()
    assert file.read_or_quarantine() == RecordFound()


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b'{"words": 7}', b'{"words": "\xff"}', b"[" * 900, b'{"format": 2, "words": 7}', b" " * 1001],
)
def test_a_damaged_file_is_put_aside_with_all_its_bytes(tmp_path: Path, content: bytes) -> None:
    file = note_file(tmp_path / "note.json")
    file.path.write_bytes(content)
    assert file.load() is None
    assert file.read().fault == "damaged"
    assert file.path.read_bytes() == content, "reading alone changes nothing"
    found = file.read_or_quarantine()
    assert (found.value, found.fault, found.put_aside) == (None, "damaged", tmp_path / "note.json.corrupt")
    assert found.detail
    assert (tmp_path / "note.json.corrupt").read_bytes() == content
    assert not file.path.exists()


@pytest.mark.parametrize("content", [b'{"format": 3, "words": "a"}', b'{"format": 3, "words": {"now": 1}}'])
def test_what_another_version_wrote_is_named_and_left_alone(tmp_path: Path, content: bytes) -> None:
    file = note_file(tmp_path / "note.json")
    file.path.write_bytes(content)
    assert file.read_or_quarantine() == RecordFound(fault="other_format", detail="format 3, expected 2")
    assert file.load() is None
    assert file.path.read_bytes() == content


def test_what_cannot_be_read_is_not_taken_for_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = note_file(tmp_path / "note.json")
    file.write(Note(words="kept"))
    monkeypatch.setattr(os, "read", refuse)
    assert file.load() is None
    assert file.read().fault == "unreadable"
    with pytest.raises(RecordNotRead, match=r"note\.json: cannot be read \(input/output error\)"):
        file.read_or_quarantine()
    monkeypatch.undo()
    assert file.load() == Note(words="kept")


def refuse(descriptor: int, count: int) -> bytes:
    raise OSError(5, "input/output error")


def test_what_is_no_file_is_put_aside_before_a_read_or_a_write(tmp_path: Path) -> None:
    file = note_file(tmp_path / "note.json")
    file.path.mkdir()
    assert file.read_or_quarantine().put_aside == tmp_path / "note.json.corrupt"
    file.path.symlink_to(file.path.name)
    file.write(Note(words="new"))
    assert file.load() == Note(words="new")
    assert (tmp_path / "note.json.corrupt.2").is_symlink()


def test_a_damaged_file_that_stays_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = note_file(tmp_path / "note.json")
    file.path.write_bytes(b"{")

    def refuse(source: str, target: str, **directories: int) -> None:
        raise PermissionError(13, "read-only")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(RecordNotRead, match="cannot be put aside: read-only"):
        file.read_or_quarantine()
    assert file.path.read_bytes() == b"{"


def test_nothing_is_written_that_would_not_be_read_back(tmp_path: Path) -> None:
    file = note_file(tmp_path / "note.json")
    file.write(Note(words="short"))
    with pytest.raises(RecordTooLarge, match="expected at most 1000.*earlier content is untouched") as caught:
        file.write(Note(words="x" * LIMIT_BYTES))
    assert isinstance(caught.value, DurableWriteFailed), "callers that handle a full disk handle this, too"
    assert not caught.value.replaced
    assert file.load() == Note(words="short")


def test_a_missing_directory_is_made_only_if_that_is_wanted(tmp_path: Path) -> None:
    with pytest.raises(DurableWriteFailed):
        note_file(tmp_path / "away" / "note.json").write(Note())
    assert not (tmp_path / "away").exists()
    file = note_file(tmp_path / "away" / "note.json", creates_directory=True)
    file.write(Note())
    assert file.load() == Note()


def test_a_removed_record_is_gone_and_may_be_removed_again(tmp_path: Path) -> None:
    file = note_file(tmp_path / "note.json")
    file.write(Note())
    file.remove()
    file.remove()
    assert file.load() is None


def test_of_a_file_with_one_bad_entry_the_others_are_read_and_a_copy_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "numbers.json"
    path.write_bytes(b'{"a": 1, "b": "two", "c": 3}')
    file = RecordFile(path, dict[str, int], limit_bytes=100)
    found = file.read_or_quarantine()
    assert found.value == {"a": 1, "c": 3}
    assert found.fault == ""
    assert found.left_out[0].startswith("['b']: ")
    assert found.put_aside is not None
    assert found.put_aside.read_bytes() == path.read_bytes()
    file.write({"a": 1, "c": 3})
    assert file.read() == RecordFound({"a": 1, "c": 3})
    assert found.put_aside.exists()


def test_a_file_of_which_no_entry_fits_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "numbers.json"
    path.write_bytes(b'{"b": "two"}')
    found = RecordFile(path, dict[str, int], limit_bytes=100).read_or_quarantine()
    assert (found.value, found.fault) == (None, "damaged")
    assert found.put_aside is not None
    assert not path.exists()


def test_nothing_is_written_that_its_own_type_would_refuse(tmp_path: Path) -> None:
    class Bounded(msgspec.Struct):
        count: Annotated[int, msgspec.Meta(le=5)]

    file = RecordFile(tmp_path / "bounded.json", Bounded, limit_bytes=LIMIT_BYTES)
    file.write(Bounded(5))
    with pytest.raises(RecordUnfit, match="<= 5"):
        file.write(Bounded(6))
    assert file.load() == Bounded(5)


ODD_TEXT = st.text(st.characters(exclude_categories=()), max_size=8) | st.sampled_from(["x" * 9000, "\ud800"])
ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.integers(2**53 - 1, 2**64 + 1) | st.floats() | ODD_TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(ODD_TEXT, inner, max_size=2),
    max_leaves=4,
)
STORED: tuple[type[msgspec.Struct], ...] = (
    Lease,
    LocationChoices,
    AddedModel,
    LicenceAcceptance,
    StagingState,
    CrashRecord,
    LockHolder,
)


@pytest.mark.requirement("S0-4")
@pytest.mark.parametrize("kind", STORED, ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_a_record_that_is_written_is_read_by_the_next_life_whatever_it_holds(
    kind: type[msgspec.Struct], data: st.DataObject
) -> None:
    """A constructor checks nothing, so anything may come here; what would not be read is refused."""
    fitting: dict[str, st.SearchStrategy[Any]] = {
        str: st.sampled_from(["", "a", "m/b"]),
        float: st.floats(0, 1e9),
        int: st.integers(0, 9),
    }
    hints = typing.get_type_hints(kind)
    values = {name: data.draw(fitting.get(hints[name], ODD) | ODD) for name in kind.__struct_fields__}
    record = kind(**values)
    with tempfile.TemporaryDirectory() as directory, unsynced():
        path = Path(directory, "record.json")
        try:
            RecordFile(path, kind, limit_bytes=64 * 1024, indent=2).write(record)
        except DurableWriteFailed as refused:
            assert "Error" not in str(refused)
            assert not path.exists()
            return
        found = RecordFile(path, kind, limit_bytes=64 * 1024).read()
        assert (found.fault, found.left_out) == ("", ())
        assert json.loads(msgspec.json.encode(found.value)) == json.loads(msgspec.json.encode(record))
