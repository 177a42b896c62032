"""Puts the state of the keys into words. Pure; holds no secret."""

from __future__ import annotations

from actors.shared.keys.key_file import KeyFile
from actors.shared.keys.key_rules import ADVICE, Absent, Locked, Unlocked
from schemas.keys import DataKeyReport, KeysReport


def keys_report(state: Absent | Locked | Unlocked, file: KeyFile | None, keychain: str) -> KeysReport:
    """What people and programs may know of the keys.

    Args:
        state: of the keys.
        file: of keys, if one was found.
        keychain: name of the keychain that is asked now.
    """
    locked = state if isinstance(state, Locked) else None
    newest = file.key_encryption_keys[-1] if file else None
    return KeysReport(
        state="locked" if locked else "absent" if isinstance(state, Absent) else "unlocked",
        reason=locked.reason if locked else None,
        detail=locked.detail if locked else "",
        advice=ADVICE[locked.reason] if locked else "",
        keychain=keychain,
        kept_in=newest.kept_in if newest else "",
        key_encryption_key=newest.id if newest else "",
        data_keys=[
            DataKeyReport(id=key.id, created_at=key.created_at, retired_at=key.retired_at)
            for key in (file.data_keys if file else ())
        ],
        has_recovery_code=file is not None and file.recovery is not None,
    )
