"""What the store acknowledges, another life of it opens; what it could not open is refused before."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.shared.crypto.envelope import seal
from actors.shared.durable.directory_lock import LOCK_NAME
from actors.state_store.engine.journal import state_journal, transaction
from actors.state_store.engine.journal.state_journal import JournalRecord, name_of, pack
from actors.state_store.engine.key_paths import parse_key, path_of
from actors.state_store.engine.operations import Delete, Save, StepDone, WriteStep
from actors.state_store.engine.revision_counter import REVISION_LIMIT
from actors.state_store.engine.store import StateStore
from actors.state_store.errors import KeyRefused, SaveFailed, StateError
from tests.support.state_lab import opened, save

ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(2**53 - 1, 2**64 + 1)
    | st.floats()
    | st.text(st.characters(exclude_categories=()), max_size=12)
    | st.binary(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4) | st.integers(), inner, max_size=3)
    ),
    max_leaves=8,
)
"""Values that JSON can hold, and values that it cannot."""


def is_key(text: str) -> bool:
    """Whether the actor hands this on to the store."""
    try:
        return parse_key(text) == text
    except KeyRefused:
        return False


KEYS = st.sampled_from(["notes.a", "notes.B", "vault.a", "config.x"]) | st.text(max_size=20).map(
    lambda rest: f"notes.{rest}"
).filter(is_key)
STEPS = st.one_of(
    st.builds(
        Save,
        key=KEYS,
        value=ANYTHING,
        compress=st.booleans(),
        backup=st.booleans(),
        expected_revision=st.none() | st.integers(-1, 3),
        schema=st.sampled_from(["", "", "", "nothing"]),
    ),
    st.builds(Delete, key=KEYS, backup=st.booleans()),
)


@pytest.fixture(autouse=True)
def no_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    for call in ("fsync", "fdatasync"):
        monkeypatch.setattr(os, call, lambda _: None)  # no power fails here, and a disk takes its time


def killed(store: StateStore) -> None:
    """End a store as a kill does: its journal and its files stay as they are."""
    store._journal.close()
    store._lock.release()


def carried_out(store: StateStore, steps: list[WriteStep]) -> list[StepDone] | StateError:
    try:
        (outcome,) = store.commit([steps])
    except StateError as error:
        return error
    return outcome


@settings(max_examples=40)
@given(st.lists(st.lists(STEPS, min_size=1, max_size=3), max_size=6), st.booleans())
def test_what_is_acknowledged_is_read_by_the_next_life(
    transactions: list[list[WriteStep]], is_killed: bool
) -> None:
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        store, expected = opened(root), dict[str, Any]()
        for steps in transactions:
            outcome = carried_out(store, steps)
            if isinstance(outcome, StateError):
                continue
            for step, done in zip(steps, outcome, strict=True):
                expected.pop(done.key, None)
                if isinstance(step, Save):
                    expected[done.key] = (step.value, done.revision)
        killed(store) if is_killed else store.close()
        store = opened(root)
        try:
            for key, (value, revision) in expected.items():
                found = store.load(key)
                assert (found.value, found.revision) == (value, revision), key
                msgspec.msgpack.encode(found)
            assert set(store.index.snapshot()) == set(expected)
        finally:
            store.close()


def test_a_transaction_that_no_start_would_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transaction, "TRANSACTION_LIMIT_BYTES", 5000)
    store = opened(tmp_path)
    save(store, notes__a="x" * 3000)
    (outcome,) = store.commit([[Save("notes.a", "y" * 3000, backup=True)]])
    assert isinstance(outcome, SaveFailed)
    assert "expected at most 5000" in str(outcome)
    assert store.load("notes.a").value == "x" * 3000
    save(store, notes__a="z")
    killed(store)
    store = opened(tmp_path)
    assert store.load("notes.a").value == "z"
    store.close()


def test_a_record_that_is_longer_than_what_is_read_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened(tmp_path)
    monkeypatch.setattr(state_journal, "RECORD_LIMIT_BYTES", 1000)
    (outcome,) = store.commit([[Save("notes.a", "x" * 2000)]])
    assert isinstance(outcome, SaveFailed)
    save(store, notes__a="short")
    killed(store)
    store = opened(tmp_path)
    assert store.load("notes.a").value == "short"
    store.close()


@pytest.mark.parametrize("serial", [10**15, 10**15 - 1, 9_999_999_999_999_999])
@pytest.mark.parametrize("number", [REVISION_LIMIT, REVISION_LIMIT + 1, 2**53])
def test_numbers_that_nobody_gave_do_not_lead_to_what_cannot_be_read(
    tmp_path: Path, serial: int, number: int
) -> None:
    """A segment and a document with digests that fit, and with the largest numbers that are read."""
    save(opened(tmp_path), notes__a="kept")
    (tmp_path / LOCK_NAME).unlink()
    salt = b"s" * state_journal.SALT_BYTES
    segment = tmp_path / ".journal" / name_of(serial, salt)
    segment.write_bytes(pack(JournalRecord(number, number), salt=salt))
    (tmp_path / path_of("notes.b")).write_bytes(
        seal("theirs", schema="", schema_version=1, revision=number, now=1.0, name="notes.b")
    )
    for life in range(3):
        store = opened(tmp_path)
        assert store.load("notes.a").value in ("kept", life - 1)
        save(store, notes__a=life, notes__b=life)
        assert store.load("notes.b").value == life
        killed(store)
    store = opened(tmp_path)
    assert [store.load(key).value for key in ("notes.a", "notes.b")] == [2, 2]
    store.close()


@pytest.mark.parametrize(
    "path", ["../../outside.json", ".journal/x.json", "backups/manual/x.json", "a/b/c.json", "notes/a\0.json"]
)
def test_a_record_of_a_place_that_no_value_has_is_kept_aside_and_not_carried_out(
    tmp_path: Path, path: str
) -> None:
    save(opened(tmp_path / "store"), notes__a="kept")
    (tmp_path / "store" / LOCK_NAME).unlink()
    salt = b"s" * state_journal.SALT_BYTES
    segment = tmp_path / "store" / ".journal" / name_of(7, salt)
    change = state_journal.FileChange(path, b"theirs")
    segment.write_bytes(pack(JournalRecord(1, 1, [change]), salt=salt))
    store = opened(tmp_path / "store")
    assert [(one.kind, one.subject) for one in store.incidents] == [("corruption", "journal")]
    assert segment.with_name(f"{segment.name}.corrupt").exists()
    assert not list(tmp_path.glob("*.json"))
    assert store.load("notes.a").value == "kept"
    store.close()
