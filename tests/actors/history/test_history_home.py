"""A history opens with the keys of its home, or says why not; without keys it changes nothing."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from actors.history.engine import HistoryEngine
from actors.history.history_home import HistoryHome, HistoryLocked
from actors.shared.audit.audit_check import verify
from actors.shared.crypto.envelope import is_encrypted
from actors.shared.keys.key_ring import KeyRing, open_ring
from actors.shared.keys.key_rules import Absent, Locked
from actors.shared.keys.key_store import holds_ciphertext
from tests.support.history_lab import add, bytes_below, texts


def ring_of(root: Path) -> KeyRing:
    return open_ring(root / "state", environ={"UNDERCROFT_KEYCHAIN": f"file:{root / 'chain'}"})


def engine(root: Path, *, encrypts: bool = True) -> HistoryEngine:
    found = HistoryHome(root / "state", ring_of(root)).open(encrypts=encrypts)
    for step in found.loading():
        step()
    return found


@pytest.mark.requirement("S0-12", "S3-23")
def test_it_comes_back_with_the_keys_of_the_home_also_after_they_were_rotated(tmp_path: Path) -> None:
    first = engine(tmp_path)
    add(first, [1])
    first.close()
    ring = ring_of(tmp_path)
    ring.unlock()
    ring.rotate_data_key()
    ring.rotate_key_encryption_key()
    again = engine(tmp_path)
    add(again, [2])
    again.close()
    assert (texts(engine(tmp_path)), engine(tmp_path).findings) == (["text 1", "text 2"], [])


@pytest.mark.requirement("S0-12", "S0-20")
@pytest.mark.parametrize("encrypts", [True, False])
def test_while_its_key_is_away_it_does_not_open_and_nothing_is_changed(
    tmp_path: Path, encrypts: bool
) -> None:
    first = engine(tmp_path)
    add(first, [1])
    first.close()
    shutil.move(tmp_path / "chain", tmp_path / "away")
    before = bytes_below(tmp_path / "state" / "history")
    with pytest.raises(HistoryLocked, match="entry_missing"):
        engine(tmp_path, encrypts=encrypts)
    assert bytes_below(tmp_path / "state" / "history") == before


def test_plain_needs_no_keys(tmp_path: Path) -> None:
    first = engine(tmp_path, encrypts=False)
    add(first, [1])
    first.close()
    assert not (tmp_path / "state" / "keys").exists()
    assert isinstance(ring_of(tmp_path).unlock(), Absent)


def test_no_key_is_made_while_an_encrypted_segment_lies_there(tmp_path: Path) -> None:
    first = engine(tmp_path)
    add(first, [1])
    first.close()
    shutil.rmtree(tmp_path / "state" / "keys")
    (segment,) = (tmp_path / "state" / "history").iterdir()
    assert is_encrypted(segment.read_bytes())
    assert holds_ciphertext(tmp_path / "state")
    assert isinstance(ring_of(tmp_path).unlock(make=True), Locked)
    with pytest.raises(HistoryLocked):
        engine(tmp_path)


def test_a_choice_of_keychain_that_is_none_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNDERCROFT_KEYCHAIN", "paper")
    with pytest.raises(HistoryLocked, match="there is no such keychain"):
        HistoryHome(tmp_path / "state").open(encrypts=True)


def test_what_was_taken_from_disk_is_noted_without_what_it_said(tmp_path: Path) -> None:
    home = HistoryHome(tmp_path)
    home.audit("app", "delete", "1 entries x")
    home.audit("app", "purge", "2 entries 3 files")
    assert verify(tmp_path / "history-audit", tmp_path / "keys" / "history-audit.head.json") == []
    assert (tmp_path / "history-audit" / "audit-000001.jsonl").read_bytes().count(b"\n") == 2


def test_files_that_stay_are_noted_and_a_purge_takes_all(tmp_path: Path) -> None:
    first = engine(tmp_path)
    add(first, [1])
    first.close()
    home = HistoryHome(tmp_path / "state")
    assert home.left_bytes() > 500
    home.keep()
    assert home.is_kept
    assert home.purge() == 3
    assert (home.left_bytes(), home.is_kept) == (0, False)
