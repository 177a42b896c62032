"""Values become envelopes and back; locked, newer and damaged ones are told apart."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.shared.crypto.cipher import DataKey
from actors.shared.crypto.envelope import KeyUnavailable
from actors.shared.profile.profile_tables import NamespaceTable
from actors.state_store.engine.namespaces import Namespaces
from actors.state_store.engine.operations import Save
from actors.state_store.engine.values.value_codec import DocumentDamaged, ValueCodec, check_size
from actors.state_store.engine.values.value_schemas import ValueSchemas
from actors.state_store.engine.write_rules import Treatment
from actors.state_store.errors import LoadFailed, SaveFailed, ValidationFailed
from schemas.state import VALUE_LIMIT_BYTES

PLAIN = Treatment(encrypt=False, compress=False, backup=False)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


class HeldKeys:
    def __init__(self, key: bytes = bytes(32), is_locked: bool = False) -> None:
        self._key = key
        self._is_locked = is_locked

    def current(self) -> DataKey:
        return self.data_key("k")

    def data_key(self, key_id: str) -> DataKey:
        if self._is_locked:
            raise KeyUnavailable(key_id, "it sleeps")
        return DataKey(key_id, self._key)


def codec(keys: HeldKeys | None = None, **chains: Any) -> ValueCodec:
    return ValueCodec(
        Namespaces([NamespaceTable(name="n")]), ValueSchemas((), chains), keys or HeldKeys(), lambda: 5.0
    )


@pytest.mark.requirement("S3-9", "S3-11")
@given(JSON, st.booleans(), st.booleans(), st.integers(1, 2**50))
def test_what_is_sealed_is_opened_again(value: Any, encrypt: bool, compress: bool, revision: int) -> None:
    content = codec().seal(Save("n.a", value), Treatment(encrypt, compress, False), revision)
    found = codec().open("n.a", content)
    assert (found.value, found.revision, found.saved_at, found.encrypted, found.compressed) == (
        value,
        revision,
        5.0,
        encrypt,
        compress,
    )
    entry = codec(HeldKeys(is_locked=True)).look("n.a", content)
    assert (entry.revision, entry.is_encrypted, entry.newer, entry.size_bytes) == (
        revision,
        encrypt,
        "",
        len(content),
    ), "without any key"


@given(st.binary(max_size=200))
def test_anything_that_is_no_envelope_is_damaged(content: bytes) -> None:
    with pytest.raises(DocumentDamaged):
        codec().open("n.a", content)
    with pytest.raises(DocumentDamaged):
        codec().look("n.a", content)


@pytest.mark.parametrize("keys", [HeldKeys(is_locked=True), HeldKeys(b"w" * 32)])
def test_a_missing_or_wrong_key_is_locked_and_no_damage(keys: HeldKeys) -> None:
    content = codec().seal(Save("n.a", 1), Treatment(True, False, False), 1)
    with pytest.raises(LoadFailed) as caught:
        codec(keys).open("n.a", content)
    assert caught.value.is_locked


def test_without_a_key_nothing_is_sealed_in_plain_instead() -> None:
    with pytest.raises(SaveFailed, match="locked") as caught:
        codec(HeldKeys(is_locked=True)).seal(Save("n.a", 1), Treatment(True, False, False), 1)
    assert caught.value.is_locked


@pytest.mark.requirement("S3-29")
def test_versions_are_told_apart() -> None:
    def same(value: Any) -> Any:
        return value

    layout = {
        "version": "1",
        "timestamp": 0,
        "layout": {},
        "instances": {},
        "metadata": {"name": "n", "tags": []},
    }
    content = codec(GridLayoutState=[same]).seal(Save("layout.a", layout), PLAIN, 1)
    newer = codec().look("layout.a", content)
    assert "GridLayoutState version 2, this one knows 1" in newer.newer
    assert codec().open("layout.a", content).read_only
    older = codec(GridLayoutState=[same, same]).look("layout.a", content)
    assert (older.newer, older.is_older) == ("", True)


def test_a_schema_that_is_asked_for_counts_besides_that_of_the_namespace() -> None:
    with pytest.raises(ValidationFailed, match="UserPreferencesState"):
        codec().seal(Save("n.a", {}, schema="UserPreferencesState"), PLAIN, 1)
    content = codec().seal(Save("n.a", {}), PLAIN, 1)
    with pytest.raises(ValidationFailed, match="UserPreferencesState"):
        codec().open("n.a", content, "UserPreferencesState")


def test_a_value_has_to_fit_into_a_message() -> None:
    check_size("n.a", "v" * (VALUE_LIMIT_BYTES - 5))
    for value in ("v" * VALUE_LIMIT_BYTES, [0.5] * (VALUE_LIMIT_BYTES // 9 + 1), 2**70, object()):
        with pytest.raises(ValidationFailed):
            check_size("n.a", value)
