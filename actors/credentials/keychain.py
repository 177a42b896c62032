"""The keychain of the platform: asked in a thread of its own, since it may hang, and only once a server wants a token."""

from __future__ import annotations

import logging
from typing import Final

import anyio
import anyio.to_thread

SERVICE: Final = "undercroft"
"""Entries lie under this service; the account is the origin, such as `https://huggingface.co`."""
ANSWER_SECONDS: Final = 10.0

log = logging.getLogger(__name__)


async def keychain_token(origin: str, timeout_seconds: float = ANSWER_SECONDS) -> str:
    """The token that a person keeps for an origin; empty if there is none, no keychain, or no answer in time.

    `keyring set undercroft https://ghcr.io` puts one there.
    """
    with anyio.move_on_after(timeout_seconds) as scope:
        return await anyio.to_thread.run_sync(_ask, origin, abandon_on_cancel=True)
    if scope.cancelled_caught:
        log.warning("the keychain did not answer within %g s; going on without a token for %s", timeout_seconds, origin)
    return ""


def _ask(origin: str) -> str:
    import keyring  # here, since it looks for backends when it is imported
    from keyring.errors import KeyringError

    try:
        token = keyring.get_password(SERVICE, origin)
    except (KeyringError, OSError) as error:
        log.info("no keychain for %s: %s", origin, type(error).__name__)
        return ""
    return (token or "").strip()
