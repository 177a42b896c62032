"""Keys encrypted under keys: data keys under the key-encryption key, and that under what a recovery code gives."""

from __future__ import annotations

import base64
import os
from typing import Final

from actors.shared.crypto.cipher import KEY_BYTES, DataKey, WrongKey, decrypt, encrypt

ID_BYTES: Final = 8
SECRET_PREFIX: Final = "undercroft-key-1:"  # noqa: S105  # in front of one
"""Says in the keychain what the entry is, and in which form."""


def new_id() -> str:
    """A name that no other key has, on this machine or another."""
    return os.urandom(ID_BYTES).hex()


def new_key() -> DataKey:
    """A fresh key of 32 random bytes."""
    return DataKey(new_id(), os.urandom(KEY_BYTES))


def wrap(wrapping: DataKey, wrapped: DataKey, purpose: str) -> str:
    """One key under another, as base64; the purpose must be the same when it is unwrapped."""
    return base64.b64encode(
        encrypt(wrapping.secret, wrapped.secret, _associated(wrapping.id, wrapped.id, purpose))
    ).decode()


def unwrap(wrapping: DataKey, text: str, key_id: str, purpose: str) -> DataKey:
    """The key that `wrap` made text of.

    Raises:
        WrongKey: the wrapping key is another one.
    """
    try:
        sealed = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise WrongKey("expected base64") from error
    return DataKey(key_id, decrypt(wrapping.secret, sealed, _associated(wrapping.id, key_id, purpose)))


def to_secret(key: DataKey) -> str:
    """A key as the text that a keychain keeps."""
    return SECRET_PREFIX + base64.b64encode(key.secret).decode()


def from_secret(key_id: str, secret: str) -> DataKey:
    """The key that the text from a keychain stands for.

    Raises:
        WrongKey: somebody else put something else there.
    """
    if not secret.startswith(SECRET_PREFIX):
        raise WrongKey("the entry of the keychain is not a key of Undercroft")
    try:
        return DataKey(key_id, base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True))
    except ValueError as error:
        raise WrongKey(f"the entry of the keychain is not a key of {KEY_BYTES} bytes") from error


def _associated(wrapping_id: str, wrapped_id: str, purpose: str) -> bytes:
    return f"undercroft/{purpose}/{wrapping_id}/{wrapped_id}".encode()
