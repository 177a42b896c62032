"""Asks the keychain for the token of an origin, in a thread, because a keychain may hang."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import anyio
import anyio.to_thread

if TYPE_CHECKING:
    from actors.shared.keychain.keychain import Keychain

SERVICE: Final = "undercroft"
"""Service of the entries; their account is the origin, such as `https://ghcr.io`."""
ANSWER_SECONDS: Final = 10.0

log = logging.getLogger(__name__)


def chosen() -> Keychain:
    """The keychain that `UNDERCROFT_KEYCHAIN` names, or the system's. Shows no window to unlock it.

    Raises:
        KeychainRefused: there is no such keychain.
    """
    from actors.shared.keychain.keychain_choice import KEYCHAIN_VARIABLE, choose

    return choose(os.environ.get(KEYCHAIN_VARIABLE, ""), SERVICE)


async def keychain_token(
    origin: str, open_keychain: Callable[[], Keychain] = chosen, timeout_seconds: float = ANSWER_SECONDS
) -> str:
    """The token that a person keeps for an origin; empty without a token, a keychain, or an answer in time.

    `keyring set undercroft https://ghcr.io` stores one.
    """
    with anyio.move_on_after(timeout_seconds):
        return await anyio.to_thread.run_sync(_ask, open_keychain, origin, abandon_on_cancel=True)
    log.warning(
        "the keychain did not answer within %g s; continuing without a token for %s", timeout_seconds, origin
    )
    return ""


def _ask(open_keychain: Callable[[], Keychain], origin: str) -> str:
    from actors.shared.keychain.keychain import KeychainFailed
    from actors.shared.keychain.keychain_choice import KeychainRefused

    try:
        return (open_keychain().get(origin) or "").strip()
    except (KeychainFailed, KeychainRefused) as error:
        log.info("no token for %s: %s", origin, error)
        return ""
