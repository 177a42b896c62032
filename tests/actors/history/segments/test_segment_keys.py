"""Each segment has a key of its own, which only the key ring of this home unwraps."""

from __future__ import annotations

import os

import pytest

from actors.history.segments.segment_keys import Vault
from actors.history.segments.segment_records import Encrypted, Plain, RecordRefused
from actors.shared.crypto.cipher import DataKey
from actors.shared.crypto.envelope_errors import KeyUnavailable


class Ring:
    """A key ring in memory."""

    def __init__(self) -> None:
        self.keys = {"k1": DataKey("k1", os.urandom(32))}

    def current(self) -> DataKey:
        return list(self.keys.values())[-1]

    def data_key(self, key_id: str) -> DataKey:
        if key_id not in self.keys:
            raise KeyUnavailable(key_id, "unknown")
        return self.keys[key_id]


@pytest.mark.requirement("S0-12", "S3-23")
def test_a_segment_opens_with_the_ring_alone_and_each_has_another_key() -> None:
    ring = Ring()
    (first, sealing), (second, _) = (Vault(ring, encrypts=True).begin(number) for number in (1, 2))
    tag, data = sealing.seal(b"a", 1, b"text")
    assert Vault(ring, encrypts=True).sealing(first).open(b"a", 1, tag, data) == b"text"
    with pytest.raises(RecordRefused):
        Vault(ring, encrypts=True).sealing(second).open(b"a", 1, tag, data)


def test_keys_that_were_rotated_still_open_and_other_homes_do_not() -> None:
    ring = Ring()
    vault = Vault(ring, encrypts=True)
    header, _ = vault.begin(1)
    ring.keys["k2"] = DataKey("k2", os.urandom(32))
    assert isinstance(vault.sealing(header), Encrypted)
    assert vault.begin(2)[0].key == vault.anchor_key() == "k2"
    with pytest.raises(KeyUnavailable):
        vault.anchor_secret("k3")
    assert vault.anchor_secret("k1") != vault.anchor_secret("k2")
    with pytest.raises(RecordRefused):
        Vault(Ring(), encrypts=True).sealing(header)


def test_without_keys_only_plain_ones_are_begun_and_opened() -> None:
    vault = Vault(None, encrypts=False)
    header, sealing = vault.begin(1)
    assert (header.key, vault.anchor_key(), vault.anchor_secret("")) == ("", "", b"")
    assert isinstance(sealing, Plain)
    assert isinstance(vault.sealing(header), Plain)
    encrypted, _ = Vault(Ring(), encrypts=True).begin(2)
    with pytest.raises(KeyUnavailable):
        vault.sealing(encrypted)
