"""What the users of keys need of a key ring, so that they can be tested without one."""

from __future__ import annotations

from typing import Protocol

from actors.shared.crypto.cipher import DataKey


class KeySource(Protocol):
    """Gives data keys at once, from memory. `KeyRing` is one."""

    def current(self) -> DataKey:
        """The data key to encrypt with.

        Raises:
            KeyUnavailable: the keys are locked, or were never made.
        """

    def data_key(self, key_id: str) -> DataKey:
        """The data key of an id, to decrypt with.

        Raises:
            KeyUnavailable: the keys are locked, or there is no key of this id.
        """


class LockableKeySource(KeySource, Protocol):
    """Keys that have to be unlocked first."""

    def unlock(self, *, make: bool = False) -> object:
        """Ask the keychain; with `make`, create keys if there never were any. May block for seconds."""
