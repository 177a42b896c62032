"""Each segment has a key of its own, which only the key ring of this home unwraps."""

from __future__ import annotations

import os

import pytest

from actors.history.segments.segment_keys import SegmentKeys
from actors.history.segments.segment_lines import EncryptedLines, LineRefused, PlainLines
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
    (first, cipher), (second, _) = (SegmentKeys(ring, encrypts=True).new_segment(number) for number in (1, 2))
    tag, data = cipher.seal(b"a", 1, b"text")
    assert SegmentKeys(ring, encrypts=True).cipher(first).open(b"a", 1, tag, data) == b"text"
    with pytest.raises(LineRefused):
        SegmentKeys(ring, encrypts=True).cipher(second).open(b"a", 1, tag, data)


def test_keys_that_were_rotated_still_open_and_other_homes_do_not() -> None:
    ring = Ring()
    keys = SegmentKeys(ring, encrypts=True)
    header, _ = keys.new_segment(1)
    ring.keys["k2"] = DataKey("k2", os.urandom(32))
    assert isinstance(keys.cipher(header), EncryptedLines)
    assert keys.new_segment(2)[0].key == keys.anchor_key() == "k2"
    with pytest.raises(KeyUnavailable):
        keys.anchor_secret("k3")
    assert keys.anchor_secret("k1") != keys.anchor_secret("k2")
    with pytest.raises(LineRefused):
        SegmentKeys(Ring(), encrypts=True).cipher(header)


def test_without_keys_only_plain_ones_are_begun_and_opened() -> None:
    keys = SegmentKeys(None, encrypts=False)
    header, cipher = keys.new_segment(1)
    assert (header.key, keys.anchor_key(), keys.anchor_secret("")) == ("", "", b"")
    assert isinstance(cipher, PlainLines)
    assert isinstance(keys.cipher(header), PlainLines)
    encrypted, _ = SegmentKeys(Ring(), encrypts=True).new_segment(2)
    with pytest.raises(KeyUnavailable):
        keys.cipher(encrypted)
