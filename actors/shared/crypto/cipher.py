"""Encrypts content with XAES-256-GCM, whose random 24-byte nonces need not be counted.

Plain AES-GCM with random nonces of 96 bits must stop after 2**32 messages of a key (NIST SP 800-38D, 8.3).
XAES-256-GCM (C2SP, https://c2sp.org/XAES-256-GCM) derives a key of its own for each message, which is good
for 2**80 messages.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers import CipherContext
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 24
TAG_BYTES: Final = 16
_BLOCK_BYTES: Final = 16
_REDUCTION: Final = 0x87  # of the field of CMAC (NIST SP 800-38B, 5.3)


@dataclass(frozen=True)
class DataKey:
    """A key that encrypts documents.

    Attributes:
        id: names it in envelopes; says nothing about the secret.
        secret: 32 random bytes; never shown, logged or sent.
    """

    id: str
    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.secret) != KEY_BYTES:
            raise ValueError(f"a key has {KEY_BYTES} bytes, found {len(self.secret)}")


class WrongKey(ValueError):
    """The content was encrypted under another key or with other associated data, or was changed since."""


def encrypt(secret: bytes, plain: bytes, associated: bytes, nonce: bytes = b"") -> bytes:
    """Encrypt content.

    Args:
        secret: of the data key.
        plain: the content.
        associated: must be the same when it is decrypted.
        nonce: for tests only; random otherwise.

    Returns:
        Nonce, ciphertext and tag in one.
    """
    nonce = nonce or os.urandom(NONCE_BYTES)
    return nonce + _cipher(secret, nonce).encrypt(nonce[12:], plain, associated)


def decrypt(secret: bytes, sealed: bytes | memoryview, associated: bytes) -> bytes:
    """Decrypt what `encrypt` returned.

    Raises:
        WrongKey: the tag does not fit.
    """
    from cryptography.exceptions import InvalidTag

    if len(sealed) < NONCE_BYTES + TAG_BYTES:
        raise WrongKey(f"expected at least {NONCE_BYTES + TAG_BYTES} bytes, found {len(sealed)}")
    nonce = bytes(sealed[:NONCE_BYTES])
    try:
        return _cipher(secret, nonce).decrypt(nonce[12:], sealed[NONCE_BYTES:], associated)
    except InvalidTag:
        raise WrongKey("the tag does not fit") from None


def _cipher(secret: bytes, nonce: bytes) -> AESGCM:
    """AES-256-GCM under the key derived from the first half of the nonce.

    The derivation is CMAC in counter mode (NIST SP 800-108).
    """
    encryptor, gcm = _primitives()
    block = encryptor(secret)
    subkey = int.from_bytes(block.update(bytes(_BLOCK_BYTES)))
    subkey = (subkey << 1) ^ (_REDUCTION if subkey >> 127 else 0)
    subkey &= (1 << 128) - 1
    halves = [b"\x00" + bytes([counter]) + b"X\x00" + nonce[:12] for counter in (1, 2)]
    return gcm(
        b"".join(block.update((int.from_bytes(half) ^ subkey).to_bytes(_BLOCK_BYTES)) for half in halves)
    )


@functools.cache
def _primitives() -> tuple[Callable[[bytes], CipherContext], type[AESGCM]]:
    """AES on single blocks, and AES-GCM. Imported late, because most processes encrypt nothing."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    def encryptor(secret: bytes) -> CipherContext:
        return Cipher(algorithms.AES256(secret), modes.ECB()).encryptor()  # noqa: S305  # single blocks, as CMAC is defined

    return encryptor, AESGCM
