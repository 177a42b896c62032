"""Keys that encrypt documents: whether they are to be had, and if not, why. Keys themselves are never in an event."""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec

from schemas.event import Event

KeysState = Literal["absent", "unlocked", "locked"]
"""`absent`: nothing was encrypted yet; the first encrypted write makes the keys."""

LockReason = Literal[
    "not_asked",
    "no_keychain",
    "keychain_refused",
    "keychain_locked",
    "timed_out",
    "entry_missing",
    "wrong_key",
    "keys_missing",
    "keys_damaged",
    "keys_too_new",
    "keys_unreadable",
    "keys_not_saved",
]
"""Why keys are locked. `not_asked`: nobody asked the keychain yet. `no_keychain`: none is running. `keychain_refused`: it
keeps no secrets, or refused the call. `keychain_locked`: it wants a password. `timed_out`: it does not
answer.
`entry_missing`: it answers, but our entry is not there. `wrong_key`: the entry is another key.
    `keys_missing`: encrypted
documents are there, but no file of keys. `keys_damaged`, `keys_too_new`, `keys_unreadable`, `keys_not_saved`:
the file of keys."""


class DataKeyReport(msgspec.Struct, frozen=True, kw_only=True):
    """One key that encrypts documents.

    Attributes:
        id: its name in envelopes.
        created_at: seconds since the Unix epoch.
        retired_at: since when it only decrypts; 0 if it is the one that encrypts.
    """

    id: str
    created_at: float
    retired_at: float = 0.0


class KeysReport(msgspec.Struct, frozen=True, kw_only=True):
    """How the keys of a home fare.

    Attributes:
        reason: why they are locked; None if they are not.
        detail: the same in a sentence; holds no secret.
        advice: what to do; empty if nothing.
        keychain: which one is asked.
        kept_in: which one the key-encryption key was put into, where that is known.
        has_recovery_code: whether a recovery code can bring them back.
    """

    state: KeysState
    reason: LockReason | None = None
    detail: str = ""
    advice: str = ""
    keychain: str = ""
    kept_in: str = ""
    key_encryption_key: str = ""
    data_keys: list[DataKeyReport] = []
    has_recovery_code: bool = False


class KeysStateChangedEvent(Event, frozen=True, kw_only=True, tag="keys.state_changed"):
    """The keys of an actor were unlocked, locked, or rotated.

    Attributes:
        source: name of the actor that uses them.
    """

    retained_by: ClassVar[str | None] = "source"

    source: str
    report: KeysReport
