"""A record comes back as it was written; whatever else lies in its place is named, and never lost."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import msgspec
import pytest

from actors.shared.durable.durable_write import DurableWriteFailed
from actors.shared.durable.record_file import (
    RecordFile,
    RecordFound,
    RecordNotRead,
    RecordTooLarge,
    RecordUnfit,
)

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
