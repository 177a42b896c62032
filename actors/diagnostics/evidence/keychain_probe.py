"""Probes whether the keychain can unlock the keys of a home. Creates, stores and reports no key."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from schemas.keys import KeysReport

TIMEOUT_SECONDS: Final = 0.8


def probe_keychain(
    state: Path, environ: Mapping[str, str] = os.environ, timeout_seconds: float = TIMEOUT_SECONDS
) -> KeysReport:
    """Return whether the keys can be unlocked. Opens no window. Asks nothing if nothing is encrypted.

    Args:
        state: directory for state of the app.
        environ: may name the keychain.
        timeout_seconds: limit for the keychain.

    Raises:
        KeychainRefused: UNDERCROFT_KEYCHAIN names an unknown keychain.
    """
    from actors.shared.keychain.keychain_choice import KEYCHAIN_VARIABLE, choose
    from actors.shared.keychain.keychain_worker import KeychainWorker
    from actors.shared.keys import key_rules
    from actors.shared.keys.key_ring import DIRECTORY_NAME, SERVICE
    from actors.shared.keys.key_store import KeyStore

    directory = state / DIRECTORY_NAME
    if not directory.is_dir():
        return KeysReport(state="absent")
    keychain = choose(environ.get(KEYCHAIN_VARIABLE, ""), SERVICE)
    found, _ = KeyStore(directory, KeychainWorker(keychain, timeout_seconds), (state,)).look(None)
    if isinstance(found, key_rules.Locked):
        return KeysReport(
            state="locked",
            reason=found.reason,
            detail=found.detail,
            advice=key_rules.ADVICE[found.reason],
            keychain=keychain.name,
        )
    return KeysReport(
        state="unlocked" if isinstance(found, key_rules.Unlocked) else "absent", keychain=keychain.name
    )
