"""Keys of the history: one for each segment, wrapped under the key ring's, and one for the anchors, derived from it."""

from __future__ import annotations

import os
from typing import Final

from actors.history.segments.segment import ENCRYPTED, PLAIN, Header
from actors.history.segments.segment_records import Encrypted, Plain, RecordRefused, Sealing
from actors.shared.crypto.cipher import DataKey, WrongKey
from actors.shared.keys import key_wrap
from actors.shared.keys.key_source import KeySource

FILE_ID_BYTES: Final = 8
ANCHOR_PURPOSE: Final = b"undercroft/history/anchors"


class Vault:
    """Begins segments, opens them, and authenticates the anchors; encrypted, or in plain by explicit choice."""

    def __init__(self, ring: KeySource | None, *, encrypts: bool) -> None:
        """Args: ring: None where no keys are to be had, which does for plain ones only."""
        assert ring is not None or not encrypts, "nothing can be encrypted without keys"
        self._ring = ring
        self._anchor_secrets: dict[str, bytes] = {}
        self.encrypts = encrypts

    def begin(self, number: int) -> tuple[Header, Sealing]:
        """The header of a new segment, with a key of its own.

        Raises:
            KeyUnavailable: the keys were locked meanwhile.
        """
        file_id = os.urandom(FILE_ID_BYTES).hex()
        if not self.encrypts or self._ring is None:
            return Header(cipher=PLAIN, file=file_id, number=number), Plain()
        wrapping_key, own = self._ring.current(), DataKey(file_id, os.urandom(32))
        wrapped = key_wrap.wrap(wrapping_key, own, _purpose(file_id))
        return Header(
            cipher=ENCRYPTED, file=file_id, number=number, key=wrapping_key.id, wrapped=wrapped
        ), Encrypted(own.secret)

    def sealing(self, header: Header) -> Sealing:
        """What opens the lines of a segment.

        Raises:
            KeyUnavailable: its key is not at hand.
            RecordRefused: the header is not what was written.
        """
        if header.cipher == PLAIN:
            return Plain()
        try:
            key = self._key(header.key)
            return Encrypted(key_wrap.unwrap(key, header.wrapped, header.file, _purpose(header.file)).secret)
        except WrongKey as error:
            raise RecordRefused("the key in its header cannot be unwrapped") from error

    def anchor_key(self) -> str:
        """Id of the key that authenticates anchors now; empty in plain.

        Raises:
            KeyUnavailable: the keys were locked meanwhile.
        """
        return self._ring.current().id if self.encrypts and self._ring is not None else ""

    def anchor_secret(self, key_id: str) -> bytes:
        """What authenticates an anchor under that key (HKDF, RFC 5869); empty in plain.

        Raises:
            KeyUnavailable: the key is not at hand.
        """
        if not key_id:
            return b""
        if key_id not in self._anchor_secrets:
            from cryptography.hazmat.primitives.hashes import SHA256
            from cryptography.hazmat.primitives.kdf.hkdf import HKDF

            self._anchor_secrets[key_id] = HKDF(SHA256(), 32, None, ANCHOR_PURPOSE).derive(
                self._key(key_id).secret
            )
        return self._anchor_secrets[key_id]

    def _key(self, key_id: str) -> DataKey:
        if self._ring is None:
            from actors.shared.crypto.envelope import KeyUnavailable

            raise KeyUnavailable(key_id, "the keys are locked")
        return self._ring.data_key(key_id)


def _purpose(file_id: str) -> str:
    return f"history segment {file_id}"
