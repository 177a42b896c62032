"""Keys of the history: one for each segment, wrapped by the key ring, and one derived for the anchors."""

from __future__ import annotations

import os
from typing import Final

from actors.history.segments.segment import ENCRYPTED, PLAIN, SegmentHeader
from actors.history.segments.segment_lines import EncryptedLines, LineCipher, LineRefused, PlainLines
from actors.shared.crypto.cipher import DataKey, WrongKey
from actors.shared.keys import key_wrap
from actors.shared.keys.key_source import KeySource

FILE_ID_BYTES: Final = 8
ANCHOR_PURPOSE: Final = b"undercroft/history/anchors"


class SegmentKeys:
    """Makes and unwraps the keys of segments, and derives the secret that authenticates the anchors.

    Attributes:
        encrypts: whether new segments are encrypted; plain ones are an explicit choice of the user.
    """

    def __init__(self, ring: KeySource | None, *, encrypts: bool) -> None:
        """Use a key ring.

        Args:
            ring: None where no keys are available; then only plain segments can be read and written.
            encrypts: see the attribute.
        """
        assert ring is not None or not encrypts, "nothing can be encrypted without keys"
        self._ring = ring
        self._anchor_secrets: dict[str, bytes] = {}
        self.encrypts = encrypts

    def new_segment(self, number: int) -> tuple[SegmentHeader, LineCipher]:
        """Return the header of a new segment with a key of its own, and its cipher.

        Raises:
            KeyUnavailable: the keys were locked meanwhile.
        """
        file_id = os.urandom(FILE_ID_BYTES).hex()
        if not self.encrypts or self._ring is None:
            return SegmentHeader(cipher=PLAIN, file=file_id, number=number), PlainLines()
        wrapping_key, own = self._ring.current(), DataKey(file_id, os.urandom(32))
        wrapped = key_wrap.wrap(wrapping_key, own, _purpose(file_id))
        header = SegmentHeader(
            cipher=ENCRYPTED, file=file_id, number=number, key=wrapping_key.id, wrapped=wrapped
        )
        return header, EncryptedLines(own.secret)

    def cipher(self, header: SegmentHeader) -> LineCipher:
        """Return the cipher that opens the lines of a segment.

        Raises:
            KeyUnavailable: its key is not available.
            LineRefused: the header is not what was written.
        """
        if header.cipher == PLAIN:
            return PlainLines()
        try:
            key = self._key(header.key)
            own = key_wrap.unwrap(key, header.wrapped, header.file, _purpose(header.file))
            return EncryptedLines(own.secret)
        except WrongKey as error:
            raise LineRefused("the key in its header cannot be unwrapped") from error

    def anchor_key(self) -> str:
        """Return the id of the key that authenticates new anchors; empty in a plain history.

        Raises:
            KeyUnavailable: the keys were locked meanwhile.
        """
        return self._ring.current().id if self.encrypts and self._ring is not None else ""

    def anchor_secret(self, key_id: str) -> bytes:
        """Return the secret that authenticates anchors (HKDF, RFC 5869); empty in a plain history.

        Raises:
            KeyUnavailable: the key is not available.
        """
        if not key_id:
            return b""
        if key_id not in self._anchor_secrets:
            from cryptography.hazmat.primitives.hashes import SHA256
            from cryptography.hazmat.primitives.kdf.hkdf import HKDF

            derivation = HKDF(SHA256(), 32, None, ANCHOR_PURPOSE)
            self._anchor_secrets[key_id] = derivation.derive(self._key(key_id).secret)
        return self._anchor_secrets[key_id]

    def _key(self, key_id: str) -> DataKey:
        if self._ring is None:
            from actors.shared.crypto.envelope import KeyUnavailable

            raise KeyUnavailable(key_id, "the keys are locked")
        return self._ring.data_key(key_id)


def _purpose(file_id: str) -> str:
    return f"history segment {file_id}"
