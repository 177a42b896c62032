"""Where keys lie: the file of keys and the keychain, one change at a time."""

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
from actors.shared.durable.durable_write import DurableWriteFailed, make_directory
from actors.shared.keys import key_file, key_rules, key_wrap
from actors.shared.keys.key_file import COPY_NAME, FILE_NAME, KeyEncryptionKey, KeyFile, WrappedKey
from actors.shared.keys.key_rules import Absent, Locked, Unlocked
from actors.shared.keys.keychain import Keychain, KeychainFailed
from bus.errors import OperatorError

LOCK_NAME: Final = ".lock"
LOCK_TIMEOUT_SECONDS: Final = 15.0
MISSING: Final = ("keys_missing", "keys_damaged")


class KeysLocked(OperatorError):
    """The keys are not to be had, so what was asked for was not done.

    Attributes:
        locked: why.
    """

    locked: Locked

    def __str__(self) -> str:
        advice = key_rules.ADVICE[self.locked.reason]
        return f"keys: locked: {self.locked.reason}: {self.locked.detail}; nothing was changed" + (
            f"; {advice}" if advice else ""
        )


class KeyStore:
    """The files of keys in one directory, and their entries in one keychain."""

    def __init__(
        self,
        directory: Path,
        keychain: Keychain,
        guarded: Sequence[Path] = (),
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`guarded` are the directories whose encrypted documents forbid making new keys where the file of keys is gone."""
        self.directory = directory
        self.keychain = keychain
        self.clock = clock
        self._guarded = tuple(guarded)

    def files(self) -> KeyFile | Absent | Locked:
        """The file of keys that counts."""
        file, copy = key_file.read(self.directory / FILE_NAME), key_file.read(self.directory / COPY_NAME)
        has_ciphertext = (
            file is None and copy is None and any(holds_ciphertext(directory) for directory in self._guarded)
        )
        return key_rules.judge_files(
            file, copy, has_leftovers=key_file.leftovers(self.directory), has_ciphertext=has_ciphertext
        )

    def look(self, known: KeyFile | None = None) -> tuple[Absent | Locked | Unlocked, KeyFile | None]:
        """Files first, then the keychain, the newest key-encryption key before a former one.

        Where the files went or broke, what is `known` of them serves: it is all that can still open the
        documents.
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
                outcome = key_rules.judge_entry(
                    found, note.id, self.keychain.get(key_rules.account(found, note.id))
                )
            except KeychainFailed as error:
                return Locked(error.reason, error.detail), found
            if isinstance(outcome, Unlocked):
                return outcome, found
            first = first or outcome
        assert first is not None, "a file of keys names at least one key-encryption key"
        return first, found

    def make(self) -> tuple[Unlocked, KeyFile]:
        """Make the first keys: into the keychain, read back, then the file. A crash in between leaves an entry that nobody misses.

        Raises:
            KeysLocked: the keychain does not keep them, or the file cannot be saved.
        """
        kek, data, now = key_wrap.new_key(), key_wrap.new_key(), self.clock()
        wrapped = WrappedKey(
            id=data.id, created_at=now, wrapped={kek.id: key_wrap.wrap(kek, data, key_rules.DATA)}
        )
        file = KeyFile(
            ring=key_wrap.new_id(),
            key_encryption_keys=[KeyEncryptionKey(id=kek.id, created_at=now)],
            data_keys=[wrapped],
        )
        self.entrust(file, kek)
        kept = KeyEncryptionKey(id=kek.id, created_at=now, kept_in=self.keychain.name)
        return Unlocked(kek, {data.id: data}), self.save(
            msgspec.structs.replace(file, key_encryption_keys=[kept])
        )

    def save(self, file: KeyFile) -> KeyFile:
        """Replace the file of keys and its copy; returns it with its new revision.

        Raises:
            KeysLocked: it cannot be saved.
        """
        file = msgspec.structs.replace(file, revision=file.revision + 1)
        try:
            key_file.write(self.directory, file, self.clock())
        except (DurableWriteFailed, OSError) as error:
            raise KeysLocked(Locked("keys_not_saved", str(error))) from error
        return file

    def entrust(self, file: KeyFile, kek: DataKey) -> None:
        """Put a key into the keychain and see that it is there.

        Raises:
            KeysLocked: it is not.
        """
        account, secret = key_rules.account(file, kek.id), key_wrap.to_secret(kek)
        try:
            self.keychain.put(account, secret)
            kept = self.keychain.get(account) == secret
        except KeychainFailed as error:
            raise KeysLocked(Locked(error.reason, error.detail)) from error
        if not kept:
            raise KeysLocked(
                Locked("keychain_refused", f"{self.keychain.name} took a key and does not give it back")
            )

    def forget(self, file: KeyFile, key_id: str) -> None:
        """Remove a key from the keychain; one that stays there is an entry too many, and opens nothing."""
        with contextlib.suppress(KeychainFailed):
            self.keychain.remove(key_rules.account(file, key_id))

    def is_whole(self) -> bool:
        """Whether both files are there, can be read, and are the same."""
        file = key_file.read(self.directory / FILE_NAME)
        return isinstance(file, KeyFile) and file == key_file.read(self.directory / COPY_NAME)

    def signature(self) -> tuple[int, ...] | None:
        """Changes when the file does; None where there is none."""
        try:
            found = os.stat(self.directory / FILE_NAME)
        except OSError:
            return None
        return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other processes from changing the keys meanwhile.

        Raises:
            KeysLocked: one of them takes too long, or the directory cannot be written to.
        """
        from filelock import FileLock, Timeout

        lock = FileLock(self.directory / LOCK_NAME, timeout=LOCK_TIMEOUT_SECONDS, mode=0o600)
        try:
            make_directory(self.directory)
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
    """Whether an encrypted document lies anywhere below a directory; what cannot be looked at counts as one."""
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
