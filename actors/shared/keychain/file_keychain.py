"""A keychain in a file, for machines without one of their own."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from actors.shared.crypto.content_codec import ValueNotStorable, encode
from actors.shared.durable import strict_json
from actors.shared.durable.bounded_read import FileUnreadable, read_file
from actors.shared.durable.durable_write import DurableWriteFailed, make_directory, replace_file
from actors.shared.keychain.keychain import KeychainFailed
from bus.error_words import in_words

FILE_PREFIX: Final = "file:"
FILE_LIMIT_BYTES: Final = 1024 * 1024


class FileKeychain:
    """Keeps secrets in plain text in a file that only its owner may read. Used by explicit choice only."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.name = f"{FILE_PREFIX}{path}"

    def get(self, account: str) -> str | None:
        """See `Keychain`. Refuses a file that others may read."""
        secret = self._read().get(account)
        return secret if isinstance(secret, str) else None

    def put(self, account: str, secret: str) -> None:
        """See `Keychain`. Durable once it returns."""
        self._write({**self._read(), account: secret})

    def remove(self, account: str) -> None:
        """See `Keychain`."""
        secrets = self._read()
        if secrets.pop(account, None) is not None:
            self._write(secrets)

    def _read(self) -> dict[str, object]:
        try:
            content = read_file(self._path, FILE_LIMIT_BYTES, follows_link=True)  # a person named it
            if content is None:
                return {}
            mode = stat.S_IMODE(os.stat(self._path).st_mode)
            if os.name == "posix" and mode & 0o077:
                raise KeychainFailed(
                    "keychain_refused", f"{self._path} has mode {mode:04o}, expected 0600: others may read it"
                )
            found = strict_json.parse(content, FILE_LIMIT_BYTES)
        except (FileUnreadable, OSError, strict_json.NotStrictJson) as error:
            raise KeychainFailed("keychain_refused", f"{self._path}: {in_words(error)}") from error
        if not isinstance(found, dict):
            raise KeychainFailed("keychain_refused", f"{self._path}: expected a JSON object")
        return found

    def _write(self, secrets: dict[str, object]) -> None:
        try:
            make_directory(self._path.parent)
            replace_file(self._path, encode(secrets, FILE_LIMIT_BYTES - 1) + b"\n", follows_link=True)
        except (DurableWriteFailed, OSError, ValueNotStorable) as error:
            raise KeychainFailed("keychain_refused", in_words(error)) from error
