"""XAES-256-GCM: the published vectors, and nothing that was changed opens."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.shared.crypto.cipher import NONCE_BYTES, TAG_BYTES, DataKey, WrongKey, decrypt, encrypt

NONCE = b"ABCDEFGHIJKLMNOPQRSTUVWX"


@pytest.mark.parametrize(
    ("secret", "associated", "expected"),
    [
        (b"\x01" * 32, b"", "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"),
        (b"\x03" * 32, b"c2sp.org/XAES-256-GCM", "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d"),
    ],
    ids=["subkey without carry", "subkey with carry"],
)
def test_it_is_the_cipher_of_the_published_vectors(secret: bytes, associated: bytes, expected: str) -> None:
    assert encrypt(secret, b"XAES-256-GCM", associated, NONCE) == NONCE + bytes.fromhex(expected)


@given(
    secret=st.binary(min_size=32, max_size=32),
    plain=st.binary(max_size=300),
    associated=st.binary(max_size=50),
)
def test_what_was_encrypted_decrypts(secret: bytes, plain: bytes, associated: bytes) -> None:
    sealed = encrypt(secret, plain, associated)
    assert len(sealed) == NONCE_BYTES + len(plain) + TAG_BYTES
    assert decrypt(secret, sealed, associated) == plain


@given(plain=st.binary(max_size=40), at=st.integers(0, 10_000), flip=st.integers(1, 255))
def test_any_changed_byte_is_noticed(plain: bytes, at: int, flip: int) -> None:
    sealed = bytearray(encrypt(b"k" * 32, plain, b"header"))
    sealed[at % len(sealed)] ^= flip
    with pytest.raises(WrongKey):
        decrypt(b"k" * 32, bytes(sealed), b"header")


def test_another_key_other_associated_data_and_a_torn_end_are_noticed() -> None:
    sealed = encrypt(b"k" * 32, b"plain", b"header")
    for secret, content, associated in [
        (b"l" * 32, sealed, b"header"),
        (b"k" * 32, sealed, b"headers"),
        (b"k" * 32, sealed[:39], b"header"),
    ]:
        with pytest.raises(WrongKey):
            decrypt(secret, content, associated)


def test_nonces_differ_from_message_to_message() -> None:
    assert len({encrypt(b"k" * 32, b"", b"")[:NONCE_BYTES] for _ in range(200)}) == 200


@pytest.mark.requirement("S3-23")
def test_key_does_not_show_itself() -> None:
    key = DataKey("one", hashlib.sha256(b"secret").digest())
    assert repr(key) == "DataKey(id='one')"
    with pytest.raises(ValueError, match="32 bytes"):
        DataKey("one", b"short")
