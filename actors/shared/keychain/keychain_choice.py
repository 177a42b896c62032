"""Chooses the keychain: the system's, unless a person names a file."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from actors.shared.keychain.file_keychain import FILE_PREFIX, FileKeychain
from actors.shared.keychain.keychain import Keychain
from bus.errors import OperatorError

KEYCHAIN_VARIABLE: Final = "UNDERCROFT_KEYCHAIN"
SYSTEM: Final = "system"


class KeychainRefused(OperatorError):
    """The choice of a keychain cannot be used.

    Attributes:
        choice: as it was given.
        problem: what is wrong with it.
    """

    choice: str
    problem: str
    words = (
        f"{KEYCHAIN_VARIABLE}={{choice}}: {{problem}}; expected '{SYSTEM}' or '{FILE_PREFIX}/absolute/path'"
    )


def choose(choice: str, service: str, *, interactive: bool = False) -> Keychain:
    """The keychain that a person chose.

    Args:
        choice: value of `UNDERCROFT_KEYCHAIN`; empty for the system's keychain.
        service: under which entries of the system's keychain lie.
        interactive: the system may ask for a password.

    Raises:
        KeychainRefused: there is no such keychain.
    """
    if choice in ("", SYSTEM):
        from actors.shared.keychain.system_keychain import SystemKeychain

        return SystemKeychain(service, interactive=interactive)
    if not choice.startswith(FILE_PREFIX):
        raise KeychainRefused(choice, "there is no such keychain")
    path = Path(choice.removeprefix(FILE_PREFIX)).expanduser()
    if not path.is_absolute():
        raise KeychainRefused(choice, "the path is relative, and would mean another file in each process")
    return FileKeychain(path)
