"""Keys that encrypt documents: whether they are available, and why not. No event ever holds a key."""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec

from schemas.bounds import Identifier, Many, PlaceText, Sentence, UnixSeconds, Word
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
"""Why keys are locked. `not_asked`: nothing has asked the keychain yet. `no_keychain`: none is running.
`keychain_refused`: it stores no secrets, or refused the call. `keychain_locked`: it wants a password.
`timed_out`: it does not answer. `entry_missing`: it answers, but has no entry of ours. `wrong_key`: the entry
is another key. `keys_missing`: there are encrypted documents, but no key file. `keys_damaged`,
`keys_too_new`, `keys_unreadable`, `keys_not_saved`: this is wrong with the key file."""


class DataKeyReport(msgspec.Struct, frozen=True, kw_only=True):
    """One key that encrypts documents.

    Attributes:
        id: its name in envelopes.
        created_at: seconds since the Unix epoch.
        retired_at: since when it only decrypts; 0: it is the key that encrypts.
    """

    id: Identifier
    created_at: UnixSeconds
    retired_at: UnixSeconds = 0.0


class KeysReport(msgspec.Struct, frozen=True, kw_only=True):
    """The state of the keys of a home.

    Attributes:
        reason: why they are locked; None: they are not.
        detail: the same in a sentence, without secrets.
        advice: what to do; empty: nothing.
        keychain: the keychain that is asked.
        kept_in: the keychain that holds the key-encryption key, where that is known.
        key_encryption_key: name of the key that encrypts the others.
        has_recovery_code: whether a recovery code can restore them.
    """

    state: KeysState
    reason: LockReason | None = None
    detail: Sentence = ""
    advice: Sentence = ""
    keychain: Word = ""
    kept_in: PlaceText = ""
    key_encryption_key: Identifier = ""
    data_keys: Many[DataKeyReport] = []
    has_recovery_code: bool = False


class KeysStateChangedEvent(Event, frozen=True, kw_only=True, tag="keys.state_changed"):
    """The keys of an actor were unlocked, locked, or rotated.

    Attributes:
        source: name of the actor that uses them.
    """

    retained_by: ClassVar[str | None] = "source"

    source: Word
    report: KeysReport
