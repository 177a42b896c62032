"""Encrypts keys under keys, and turns them into text for a keychain."""

from __future__ import annotations

import base64
import os
from typing import Final

from actors.shared.crypto.cipher import KEY_BYTES, DataKey, WrongKey, decrypt, encrypt

ID_BYTES: Final = 8
SECRET_PREFIX: Final = "undercroft-key-1:"  # noqa: S105  # in front of one
"""Marks an entry of the keychain as ours, and its form."""


def new_id() -> str:
    """A random name that no other key has, on this machine or another."""
    return os.urandom(ID_BYTES).hex()


def new_key() -> DataKey:
    """A fresh key of 32 random bytes."""
    return DataKey(new_id(), os.urandom(KEY_BYTES))


def wrap(wrapping: DataKey, wrapped: DataKey, purpose: str) -> str:
    """One key under another, as base64. Unwrapping takes the same purpose."""
    return base64.b64encode(
        encrypt(wrapping.secret, wrapped.secret, _associated(wrapping.id, wrapped.id, purpose))
    ).decode()


def unwrap(wrapping: DataKey, text: str, key_id: str, purpose: str) -> DataKey:
    """The key that `wrap` turned into text.

    Raises:
        WrongKey: it was wrapped under another key or for another purpose.
    """
    try:
        sealed = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise WrongKey("expected base64") from error
    return DataKey(key_id, decrypt(wrapping.secret, sealed, _associated(wrapping.id, key_id, purpose)))


def to_secret(key: DataKey) -> str:
    """A key as text, for a keychain."""
    return SECRET_PREFIX + base64.b64encode(key.secret).decode()


def from_secret(key_id: str, secret: str) -> DataKey:
    """The key that a text from a keychain stands for.

    Raises:
        WrongKey: the text is none of ours.
    """
    if not secret.startswith(SECRET_PREFIX):
        raise WrongKey("the entry of the keychain is not a key of Undercroft")
    try:
        return DataKey(key_id, base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True))
    except ValueError as error:
        raise WrongKey(f"the entry of the keychain is not a key of {KEY_BYTES} bytes") from error


def _associated(wrapping_id: str, wrapped_id: str, purpose: str) -> bytes:
    return f"undercroft/{purpose}/{wrapping_id}/{wrapped_id}".encode()
