"""What a keychain does for us, and how it fails. It holds the key-encryption key, and secrets of settings."""

from __future__ import annotations

from typing import Protocol

from bus.errors import UndercroftError
from schemas.keys import LockReason


class KeychainFailed(UndercroftError):
    """The keychain gave no usable answer. That says nothing about what it holds.

    Attributes:
        reason: one of the reasons for which keys are locked.
        detail: what the keychain said; holds no secret.
    """

    reason: LockReason
    detail: str
    words = "keychain: {reason}: {detail}"


class Keychain(Protocol):
    """Keeps secrets by account. A call may wait for a person to type a password, or hang for ever."""

    @property
    def name(self) -> str:
        """Shown to people, and noted beside each key that was put into it. Never blocks."""

    def get(self, account: str) -> str | None:
        """The secret of an account; None if there is no such entry.

        Raises:
            KeychainFailed: it cannot be asked, or does not answer.
        """

    def put(self, account: str, secret: str) -> None:
        """Keep a secret. Replaces an earlier one of that account.

        Raises:
            KeychainFailed: it is not kept.
        """

    def remove(self, account: str) -> None:
        """Remove a secret; harmless if there is none.

        Raises:
            KeychainFailed: it may still be there.
        """
