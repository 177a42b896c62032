"""Credentials in the environment of `undercroft up`: taken out before any child could inherit them."""

from __future__ import annotations

import json
import os
from collections.abc import MutableMapping
from typing import Any, Final

from bus.discovery import CREDENTIAL_VARIABLE
from bus.errors import OperatorError

PEER_CREDENTIALS_VARIABLE: Final = "UNDERCROFT_PEER_CREDENTIALS"
SHORTEST: Final = 32
LONGEST: Final = 256


class PeerCredentialsRefused(OperatorError):
    """The variable with the credentials of named peers cannot be used. The error never holds a credential.

    Attributes:
        detail: what was expected and what was found.
    """

    detail: str
    words = f"{PEER_CREDENTIALS_VARIABLE}: {{detail}}; docs/profiles.md shows how a launcher sets it"


def take_peer_credentials(environ: MutableMapping[str, str]) -> dict[str, str]:
    """Take the credentials of named peers out of an environment, by name; empty if there are none.

    A credential that another runtime made for this very process is taken out as well.

    Raises:
        PeerCredentialsRefused: they are no JSON object from name to credential.
    """
    for variable in (CREDENTIAL_VARIABLE, PEER_CREDENTIALS_VARIABLE):
        if environ is os.environ and variable in environ:
            _blank(variable)
    environ.pop(CREDENTIAL_VARIABLE, None)
    text = environ.pop(PEER_CREDENTIALS_VARIABLE, "")
    if not text:
        return {}
    try:
        found: Any = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise PeerCredentialsRefused('expected JSON such as {"frontend": "..."}, found something else')
    for name, credential in found.items():
        if not isinstance(credential, str) or not credential.isascii() or not credential.isprintable():
            raise PeerCredentialsRefused(f"{name[:64]!r}: expected a text of printable ASCII characters")
        if not SHORTEST <= len(credential) <= LONGEST:
            raise PeerCredentialsRefused(
                f"{name[:64]!r}: expected {SHORTEST} to {LONGEST} characters, found {len(credential)}"
            )
    return found


def _blank(variable: str) -> None:
    """Overwrite the value where the kernel put it: /proc/<pid>/environ shows that place for life.

    Python has a copy of its own, which stays as it is.
    """
    if os.name != "posix":
        return
    import ctypes

    getenv = ctypes.CDLL(None).getenv
    getenv.restype = ctypes.c_void_p
    address = getenv(variable.encode())
    if address:
        ctypes.memset(address, 0, len(ctypes.string_at(address)))
