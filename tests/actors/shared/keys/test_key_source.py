"""The key ring of a home is what the users of keys ask for."""

from __future__ import annotations

from pathlib import Path

import pytest

from actors.shared.crypto.envelope import KeyUnavailable
from actors.shared.keys.key_ring import open_ring
from actors.shared.keys.key_source import KeySource, LockableKeySource


def test_a_key_ring_gives_keys_once_it_is_unlocked(tmp_path: Path) -> None:
    environ = {"UNDERCROFT_KEYCHAIN": f"file:{tmp_path / 'chain'}"}
    lockable: LockableKeySource = open_ring(tmp_path / "state", environ=environ)
    source: KeySource = lockable
    with pytest.raises(KeyUnavailable):
        source.current()
    with pytest.raises(KeyUnavailable):
        source.data_key("any")
    lockable.unlock(make=True)
    assert source.data_key(source.current().id) == source.current()
