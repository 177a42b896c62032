"""Decides from files and keychain whether keys are absent, locked or unlocked. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import msgspec

from actors.shared.crypto.cipher import DataKey, WrongKey
from actors.shared.keys import key_wrap
from actors.shared.keys.key_file import KeyFile, KeyFileFound, Recovery, UnusableKeyFile, WrappedKey
from schemas.keys import LockReason

DATA: Final = "data"
RECOVERY: Final = "recovery"
RECOVERED: Final = "recovered"


@dataclass(frozen=True)
class Absent:
    """No keys were ever made and nothing is encrypted, so keys may be made."""


@dataclass(frozen=True)
class Locked:
    """Documents cannot be read or encrypted now. Overwrite nothing, and make no key.

    Attributes:
        reason: for programs.
        detail: for people.
    """

    reason: LockReason
    detail: str


@dataclass(frozen=True)
class Unlocked:
    """The keys.

    Attributes:
        data_keys: by id.
    """

    key_encryption_key: DataKey
    data_keys: dict[str, DataKey]


ADVICE: Final[dict[LockReason, str]] = {
    "not_asked": "",
    "no_keychain": "log in to a desktop session, or choose a file with UNDERCROFT_KEYCHAIN=file:/path",
    "keychain_refused": "choose a keychain that keeps secrets",
    "keychain_locked": "unlock the keychain, or run 'undercroft keys unlock'",
    "timed_out": "see whether the keychain waits for a password; it will be asked again",
    "entry_missing": "run 'undercroft keys restore' with the recovery code, or bring the keychain back",
    "wrong_key": "run 'undercroft keys restore' with the recovery code, or bring the keychain back",
    "keys_missing": "bring keys.json back from a backup of the home",
    "keys_damaged": "bring keys.json back from a backup of the home",
    "keys_too_new": "update Undercroft",
    "keys_not_saved": "check the disk, and who may write to it",
    "keys_unreadable": "make keys.json readable for this user",
}


def judge_files(
    file: KeyFileFound, copy: KeyFileFound, *, has_leftovers: bool, has_ciphertext: bool
) -> KeyFile | Absent | Locked:
    """Which file of keys counts: the copy if the file is gone, damaged or older.

    A file that cannot be read may be whole, so the copy does not stand in for it.

    Data keys are only ever added, so the newer of the two opens all that the older one does. A file that was
    restored from a backup is the older one.

    Args:
        file: what lies under the name of the file.
        copy: what lies under the name of its copy.
        has_leftovers: a file of keys was put aside here.
        has_ciphertext: encrypted documents lie in this home.
    """
    if isinstance(file, KeyFile):
        is_older = isinstance(copy, KeyFile) and copy.ring == file.ring and copy.revision > file.revision
        return copy if is_older and isinstance(copy, KeyFile) else file
    if isinstance(file, UnusableKeyFile) and file.reason != "keys_damaged":
        return Locked(file.reason, file.detail)
    if isinstance(copy, KeyFile):
        return copy
    if file is not None:
        return Locked(file.reason, file.detail)
    if copy is not None:
        return Locked(copy.reason, copy.detail)
    if has_leftovers or has_ciphertext:
        return Locked("keys_missing", "there are encrypted documents, but no file of keys")
    return Absent()


def judge_entry(file: KeyFile, key_id: str, secret: str | None) -> Unlocked | Locked:
    """Whether what the keychain gave opens the data keys."""
    if secret is None:
        kept_in = next((key.kept_in for key in file.key_encryption_keys if key.id == key_id), "")
        where = f"; it was put into {kept_in}" if kept_in else ""
        return Locked("entry_missing", f"the keychain has no entry {account(file, key_id)}{where}")
    try:
        key = key_wrap.from_secret(key_id, secret)
        data_keys = {
            data.id: key_wrap.unwrap(key, data.wrapped.get(key_id, ""), data.id, DATA)
            for data in file.data_keys
        }
        return Unlocked(key, data_keys)
    except WrongKey as error:
        detail = f"the entry {account(file, key_id)} of the keychain is another key ({error})"
        return Locked("wrong_key", detail)


def account(file: KeyFile, key_id: str) -> str:
    """The account in the keychain under which a key-encryption key lies."""
    return f"{file.ring}/{key_id}"


def current(file: KeyFile) -> WrappedKey:
    """The data key that encrypts now."""
    return next((key for key in reversed(file.data_keys) if not key.retired_at), file.data_keys[-1])


def newest_at_hand(file: KeyFile, keys: Unlocked) -> DataKey:
    """The data key to encrypt with: the current one, or the newest that memory has of this file.

    The latter happens while another process has rotated both kinds of keys, and the keychain was not asked
    since. Every key of the file still decrypts, so nothing that is encrypted with it gets lost.
    """
    wanted = current(file).id
    if wanted in keys.data_keys:
        return keys.data_keys[wanted]
    return next(keys.data_keys[key.id] for key in reversed(file.data_keys) if key.id in keys.data_keys)


def kept_after_rotation(former: KeyFile | None, found: KeyFile, keys: Unlocked) -> Unlocked | None:
    """What of the unlocked keys the changed file still knows; None: it is another ring, or knows none.

    Rotating a key-encryption key leaves the data keys as they are: those in memory go on opening everything.
    """
    if former is None or former.ring != found.ring:
        return None
    known = {key.id for key in found.data_keys}
    data_keys = {id: key for id, key in keys.data_keys.items() if id in known}
    return Unlocked(keys.key_encryption_key, data_keys) if data_keys else None


def with_data_key(file: KeyFile, keys: Unlocked, fresh: DataKey, now: float) -> KeyFile:
    """The file with a fresh data key, which encrypts from now on; the earlier ones only decrypt.

    Args:
        file: with the earlier keys.
        keys: of that file.
        fresh: the new data key.
        now: seconds since the Unix epoch.
    """
    kek = keys.key_encryption_key
    retired = [
        key if key.retired_at else msgspec.structs.replace(key, retired_at=now) for key in file.data_keys
    ]
    wrapped = WrappedKey(id=fresh.id, created_at=now, wrapped={kek.id: key_wrap.wrap(kek, fresh, DATA)})
    return with_only(msgspec.structs.replace(file, data_keys=[*retired, wrapped]), kek.id)


def with_wrapping(file: KeyFile, keys: Unlocked, fresh: DataKey) -> KeyFile:
    """The file with all keys also wrapped under a fresh key-encryption key."""
    data = [
        msgspec.structs.replace(
            key, wrapped={**key.wrapped, fresh.id: key_wrap.wrap(fresh, keys.data_keys[key.id], DATA)}
        )
        for key in file.data_keys
    ]
    recovery = file.recovery
    if recovery is not None:
        code = key_wrap.unwrap(
            keys.key_encryption_key, recovery.opened_by[keys.key_encryption_key.id], recovery.id, RECOVERY
        )
        recovery = with_code(recovery, code, fresh)
    return msgspec.structs.replace(file, data_keys=data, recovery=recovery)


def with_code(recovery: Recovery, code: DataKey, kek: DataKey) -> Recovery:
    """A recovery whose code also opens this key-encryption key."""
    return msgspec.structs.replace(
        recovery,
        opens={**recovery.opens, kek.id: key_wrap.wrap(code, kek, RECOVERED)},
        opened_by={**recovery.opened_by, kek.id: key_wrap.wrap(kek, code, RECOVERY)},
    )


def with_only(file: KeyFile, key_id: str) -> KeyFile:
    """The file with this key-encryption key and no other."""
    data = [msgspec.structs.replace(key, wrapped={key_id: key.wrapped[key_id]}) for key in file.data_keys]
    recovery = file.recovery
    if recovery is not None:
        recovery = msgspec.structs.replace(
            recovery,
            opens={key: text for key, text in recovery.opens.items() if key == key_id},
            opened_by={key: text for key, text in recovery.opened_by.items() if key == key_id},
        )
    keks = [key for key in file.key_encryption_keys if key.id == key_id]
    return msgspec.structs.replace(file, key_encryption_keys=keks, data_keys=data, recovery=recovery)


def kept_in(file: KeyFile, key_id: str, keychain: str) -> KeyFile:
    """The file with the name of the keychain that holds the key-encryption key."""
    keks = [
        msgspec.structs.replace(key, kept_in=keychain) if key.id == key_id else key
        for key in file.key_encryption_keys
    ]
    return msgspec.structs.replace(file, key_encryption_keys=keks)


def recover(file: KeyFile, code: DataKey) -> Unlocked | Locked:
    """What the key of a recovery code opens."""
    opens = file.recovery.opens if file.recovery else {}
    for note in reversed(file.key_encryption_keys):
        try:
            kek = key_wrap.unwrap(code, opens.get(note.id, ""), note.id, RECOVERED)
        except WrongKey:
            continue
        return judge_entry(file, note.id, key_wrap.to_secret(kek))
    return Locked("wrong_key", "the recovery code is spelled correctly, but belongs to other keys")
