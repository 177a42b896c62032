"""A list on disk: nothing of it is lost, not even what this version cannot read."""

from __future__ import annotations

import json
import stat
import tempfile
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.model_sources import list_store
from actors.model_sources.list_store import ListFormatNewer, ListFull, ListStore
from actors.shared.durable.record_file import RecordUnfit
from schemas.sources import LicenceAcceptance
from tests.support.unsynced import unsynced


class Thing(msgspec.Struct, forbid_unknown_fields=True):
    name: str


def opened(path: Path) -> ListStore[Thing]:
    found = ListStore(path, Thing)
    found.read()
    return found


def test_what_was_written_is_there_again(tmp_path: Path) -> None:
    path = tmp_path / "new" / "list.json"
    assert opened(path).items == []
    opened(path).write([Thing("a"), Thing("b")])
    assert opened(path).items == [Thing("a"), Thing("b")]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_an_item_of_a_later_version_stays_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "list.json"
    path.write_text('{"format": 1, "items": [{"name": "a", "new": 1}, {"name": "b"}]}')
    found = opened(path)
    assert found.items == [Thing("b")]
    assert "stays in the file" in found.problems[0]
    found.write([Thing("c")])
    assert json.loads(path.read_text())["items"] == [{"name": "a", "new": 1}, {"name": "c"}]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b"[" * 100_000])
def test_what_is_no_list_is_put_aside_and_never_overwritten(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "list.json"
    path.write_bytes(content)
    found = opened(path)
    assert "renamed to list.json.corrupt" in found.problems[0]
    found.write([Thing("a")])
    assert (tmp_path / "list.json.corrupt").read_bytes() == content


def test_a_list_of_a_later_format_is_only_read(tmp_path: Path) -> None:
    path = tmp_path / "list.json"
    path.write_text('{"format": 2, "items": [{"name": "a"}]}')
    found = opened(path)
    assert found.items == [Thing("a")]
    with pytest.raises(ListFormatNewer, match="format 2"):
        found.write([])


def test_a_list_has_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(list_store, "ITEMS_LIMIT", 1)
    found = opened(tmp_path / "list.json")
    found.write([Thing("a")])
    with pytest.raises(ListFull):
        found.write([Thing("a"), Thing("b")])
    assert opened(tmp_path / "list.json").items == [Thing("a")] == found.items


@pytest.mark.requirement("S0-4", "S1-38")
@given(
    st.lists(
        st.builds(
            LicenceAcceptance,
            model_id=st.text(st.characters(exclude_categories=()), max_size=300),
            licence=st.text(max_size=5),
            revision=st.sampled_from(["", "1", "x" * 257]),
            digest=st.just("0" * 64),
            accepted_at=st.floats() | st.integers(0, 2**70),
            accepted_by=st.text(st.characters(exclude_categories=()), max_size=5),
        ),
        max_size=3,
    )
)
def test_what_is_written_is_what_the_next_life_reads_or_it_is_refused(
    items: list[LicenceAcceptance],
) -> None:
    with tempfile.TemporaryDirectory() as directory, unsynced():
        store = ListStore(Path(directory, "list.json"), LicenceAcceptance)
        store.read()
        try:
            store.write(items)
        except RecordUnfit:
            assert store.items == []
            return
        again = ListStore(Path(directory, "list.json"), LicenceAcceptance)
        again.read()
        assert (again.items, again.problems) == (items, [])
