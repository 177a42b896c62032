"""What keeps the key-encryption key: an interface, its failures, and a file for where there is no keychain."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final, Protocol

from actors.shared.crypto.content_codec import encode
from actors.shared.durable import strict_json
from actors.shared.durable.bounded_read import FileUnreadable, read_file
from actors.shared.durable.durable_write import DurableWriteFailed, make_directory, replace_file
from bus.errors import OperatorError, UndercroftError
from schemas.keys import LockReason

KEYCHAIN_VARIABLE: Final = "UNDERCROFT_KEYCHAIN"
SYSTEM: Final = "system"
FILE_PREFIX: Final = "file:"
FILE_LIMIT_BYTES: Final = 1024 * 1024


class KeychainFailed(UndercroftError):
    """The keychain gave no answer, or none that can be used. It says nothing about what it holds.

    Attributes:
        reason: one of the reasons for which keys are locked.
        detail: what it said; holds no secret.
    """

    def __init__(self, reason: LockReason, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason: LockReason = reason
        self.detail = detail

    def __str__(self) -> str:
        return f"keychain: {self.reason}: {self.detail}"


class KeychainRefused(OperatorError):
    """The choice of a keychain cannot be used.

    Attributes:
        choice: as it was given.
        problem: what is wrong with it.
    """

    choice: str
    problem: str

    def __str__(self) -> str:
        return f"{KEYCHAIN_VARIABLE}={self.choice}: {self.problem}; expected '{SYSTEM}' or '{FILE_PREFIX}/absolute/path'"


class Keychain(Protocol):
    """Keeps secrets by account. Calls may take as long as a person needs to type a password, or for ever."""

    @property
    def name(self) -> str:
        """What it is, for people and for the note of where a key was put; may be asked without waiting."""

    def get(self, account: str) -> str | None:
        """The secret of an account; None if there is no such entry.

        Raises:
            KeychainFailed: it cannot be asked, or does not answer.
        """

    def put(self, account: str, secret: str) -> None:
        """Keep a secret; an earlier one of that account is replaced.

        Raises:
            KeychainFailed: it is not kept.
        """

    def remove(self, account: str) -> None:
        """Forget a secret; harmless if there is none.

        Raises:
            KeychainFailed: it may still be there.
        """


class FileKeychain:
    """Secrets in a file, readable by its owner only: for machines without a keychain, by explicit choice."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.name = f"{FILE_PREFIX}{path}"

    def get(self, account: str) -> str | None:
        """See `Keychain`; a file that others may read is refused."""
        secret = self._read().get(account)
        return secret if isinstance(secret, str) else None

    def put(self, account: str, secret: str) -> None:
        """See `Keychain`; durable once it returns."""
        self._write({**self._read(), account: secret})

    def remove(self, account: str) -> None:
        """See `Keychain`."""
        secrets = self._read()
        if secrets.pop(account, None) is not None:
            self._write(secrets)

    def _read(self) -> dict[str, object]:
        try:
            content = read_file(self._path, FILE_LIMIT_BYTES)
            if content is None:
                return {}
            mode = stat.S_IMODE(os.stat(self._path).st_mode)
            if os.name == "posix" and mode & 0o077:
                raise KeychainFailed(
                    "keychain_refused", f"{self._path} has mode {mode:04o}, expected 0600: others may read it"
                )
            found = strict_json.parse(content, FILE_LIMIT_BYTES)
        except (FileUnreadable, OSError, strict_json.NotStrictJson) as error:
            raise KeychainFailed("keychain_refused", f"{self._path}: {error}") from error
        if not isinstance(found, dict):
            raise KeychainFailed("keychain_refused", f"{self._path}: expected a JSON object")
        return found

    def _write(self, secrets: dict[str, object]) -> None:
        try:
            make_directory(self._path.parent)
            replace_file(self._path, encode(secrets, FILE_LIMIT_BYTES) + b"\n")
        except (DurableWriteFailed, OSError) as error:
            raise KeychainFailed("keychain_refused", str(error)) from error


def choose(choice: str, service: str, *, interactive: bool = False) -> Keychain:
    """The keychain that a person chose: the system's, or a file. `interactive` lets the system ask for a password.

    Raises:
        KeychainRefused: it is neither.
    """
    if choice in ("", SYSTEM):
        from actors.shared.keys.system_keychain import SystemKeychain

        return SystemKeychain(service, interactive=interactive)
    if not choice.startswith(FILE_PREFIX):
        raise KeychainRefused(choice, "there is no such keychain")
    path = Path(choice.removeprefix(FILE_PREFIX)).expanduser()
    if not path.is_absolute():
        raise KeychainRefused(choice, "the path is relative, and would mean another file in each process")
    return FileKeychain(path)
