"""Keeps keys on disk and in the keychain, one change at a time."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from actors.shared.crypto.cipher import DataKey
from actors.shared.crypto.envelope import HEADER_LIMIT_BYTES, is_encrypted
from actors.shared.durable.durable_write import DurableWriteFailed, make_own_directory
from actors.shared.durable.file_identity import FileIdentity
from actors.shared.keychain.keychain import Keychain, KeychainFailed
from actors.shared.keys import key_file, key_rules, key_wrap
from actors.shared.keys.key_file import COPY_NAME, FILE_NAME, KeyEncryptionKey, KeyFile, WrappedKey
from actors.shared.keys.key_rules import Absent, Locked, Unlocked
from bus.error_words import in_words
from bus.errors import OperatorError

LOCK_NAME: Final = ".lock"
LOCK_TIMEOUT_SECONDS: Final = 15.0
MISSING: Final = ("keys_missing", "keys_damaged")


class KeysLocked(OperatorError):
    """The keys are locked, so nothing was done.

    Attributes:
        locked: why.
    """

    locked: Locked

    def __str__(self) -> str:
        advice = key_rules.ADVICE[self.locked.reason]
        words = f"keys: locked: {self.locked.reason}: {self.locked.detail}; nothing was changed"
        return f"{words}; {advice}" if advice else words


class KeyStore:
    """The files of keys in one directory, and their entries in one keychain. Its methods may block."""

    def __init__(
        self,
        directory: Path,
        keychain: Keychain,
        guarded: Sequence[Path] = (),
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Touch nothing yet.

        Args:
            directory: of the files of keys.
            keychain: holds the key-encryption key.
            guarded: an encrypted document in one of these directories forbids to make the first keys.
            clock: seconds since the Unix epoch.
        """
        self.directory = directory
        self.keychain = keychain
        self.clock = clock
        self._guarded = tuple(guarded)

    def files(self) -> KeyFile | Absent | Locked:
        """The file of keys that counts; see `judge_files`."""
        file, copy = key_file.read(self.directory / FILE_NAME), key_file.read(self.directory / COPY_NAME)
        has_ciphertext = (
            file is None and copy is None and any(holds_ciphertext(directory) for directory in self._guarded)
        )
        return key_rules.judge_files(
            file, copy, has_leftovers=key_file.has_quarantined(self.directory), has_ciphertext=has_ciphertext
        )

    def look(self, known: KeyFile | None = None) -> tuple[Absent | Locked | Unlocked, KeyFile | None]:
        """Read the files, then ask the keychain, for the newest key-encryption key first.

        Args:
            known: stands in if the files are gone or damaged: nothing else can still open the documents.

        Returns:
            What was found, and the file of keys that counts, if any.
        """
        found = self.files()
        if known is not None and (
            isinstance(found, Absent) or (isinstance(found, Locked) and found.reason in MISSING)
        ):
            found = known
        if not isinstance(found, KeyFile):
            return found, None
        first: Locked | None = None
        for note in reversed(found.key_encryption_keys):
            try:
                secret = self.keychain.get(key_rules.account(found, note.id))
            except KeychainFailed as error:
                return Locked(error.reason, error.detail), found
            outcome = key_rules.judge_entry(found, note.id, secret)
            if isinstance(outcome, Unlocked):
                return outcome, found
            first = first or outcome
        assert first is not None, "a file of keys names at least one key-encryption key"
        return first, found

    def make(self) -> tuple[Unlocked, KeyFile]:
        """Make the first keys: put one into the keychain, read it back, then write the file.

        A crash in between leaves an entry in the keychain that nobody misses.

        Raises:
            KeysLocked: the keychain does not keep them, or the file cannot be saved.
        """
        kek, data, now = key_wrap.new_key(), key_wrap.new_key(), self.clock()
        wrapped = {kek.id: key_wrap.wrap(kek, data, key_rules.DATA)}
        file = KeyFile(
            ring=key_wrap.new_id(),
            key_encryption_keys=[KeyEncryptionKey(id=kek.id, created_at=now)],
            data_keys=[WrappedKey(id=data.id, created_at=now, wrapped=wrapped)],
        )
        self.put_into_keychain(file, kek)
        file = key_rules.kept_in(file, kek.id, self.keychain.name)
        return Unlocked(kek, {data.id: data}), self.save(file)

    def save(self, file: KeyFile) -> KeyFile:
        """Replace the file of keys and its copy. Returns it with its new revision.

        Raises:
            KeysLocked: it cannot be saved.
        """
        file = msgspec.structs.replace(file, revision=file.revision + 1)
        try:
            key_file.write(self.directory, file, self.clock())
        except (DurableWriteFailed, OSError) as error:
            raise KeysLocked(Locked("keys_not_saved", in_words(error))) from error
        return file

    def put_into_keychain(self, file: KeyFile, kek: DataKey) -> None:
        """Put a key into the keychain, and read it back.

        Raises:
            KeysLocked: it does not come back.
        """
        account, secret = key_rules.account(file, kek.id), key_wrap.to_secret(kek)
        try:
            self.keychain.put(account, secret)
            kept = self.keychain.get(account) == secret
        except KeychainFailed as error:
            raise KeysLocked(Locked(error.reason, error.detail)) from error
        if not kept:
            detail = f"{self.keychain.name} took a key and does not give it back"
            raise KeysLocked(Locked("keychain_refused", detail))

    def remove_from_keychain(self, file: KeyFile, key_id: str) -> None:
        """Remove a key from the keychain, if possible. One that stays opens nothing any more."""
        with contextlib.suppress(KeychainFailed):
            self.keychain.remove(key_rules.account(file, key_id))

    def is_whole(self) -> bool:
        """Whether both files are there, can be read, and are equal."""
        file = key_file.read(self.directory / FILE_NAME)
        return isinstance(file, KeyFile) and file == key_file.read(self.directory / COPY_NAME)

    def identity(self) -> FileIdentity | None:
        """Changes when the file of keys does; None if there is none."""
        return FileIdentity.seen_at(self.directory / FILE_NAME)

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Keep other processes from changing the keys inside the block.

        Raises:
            KeysLocked: another process takes too long, or the directory cannot be written to.
        """
        from filelock import FileLock, Timeout

        lock = FileLock(self.directory / LOCK_NAME, timeout=LOCK_TIMEOUT_SECONDS, mode=0o600)
        try:
            make_own_directory(self.directory)
            lock.acquire()
        except Timeout:
            raise KeysLocked(Locked("timed_out", "another process is changing the keys")) from None
        except OSError as error:
            raise KeysLocked(
                Locked("keys_not_saved", f"{self.directory}: {error.strerror or error}")
            ) from error
        try:
            yield
        finally:
            lock.release()


def holds_ciphertext(directory: Path) -> bool:
    """Whether an encrypted document lies anywhere below a directory. What cannot be read counts as one."""
    try:
        for parent, _, names in os.walk(directory, onerror=_raise):
            for path in (os.path.join(parent, name) for name in names):
                if os.path.isfile(path):
                    with open(path, "rb") as file:
                        if is_encrypted(file.read(HEADER_LIMIT_BYTES)):
                            return True
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def _raise(error: OSError) -> None:
    raise error
