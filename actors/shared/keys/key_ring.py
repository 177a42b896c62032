"""The keys of a home: made once, unlocked through the keychain, rotated, restored with a recovery code."""

from __future__ import annotations

import base64
import contextlib
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from actors.shared.crypto.cipher import DataKey
from actors.shared.crypto.envelope import KeyUnavailable
from actors.shared.durable.file_identity import FileIdentity
from actors.shared.keychain.keychain_choice import KEYCHAIN_VARIABLE, choose
from actors.shared.keychain.keychain_worker import TIMEOUT_SECONDS, KeychainWorker
from actors.shared.keys import key_rules, key_wrap, recovery_code
from actors.shared.keys.key_file import KeyEncryptionKey, KeyFile, Recovery
from actors.shared.keys.key_report import keys_report
from actors.shared.keys.key_rules import Absent, Locked, Unlocked
from actors.shared.keys.key_store import KeysLocked, KeyStore
from schemas.keys import KeysReport

DIRECTORY_NAME: Final = "keys"
SERVICE: Final = "undercroft"


@dataclass(frozen=True)
class _Memory:
    """What is known of the keys. Replaced whole, so that it can be read without a lock.

    Attributes:
        state: of the keys.
        file: of keys, as it was last read or written.
        seen: identity of that file on disk.
        is_behind: another process rotated the keys; those at hand still serve, and the keychain has newer
            ones.
    """

    state: Absent | Locked | Unlocked
    file: KeyFile | None = None
    seen: FileIdentity | None = None
    is_behind: bool = False


class KeyRing:
    """The keys of one home. May be used by several threads, and by several processes with a ring each.

    `current` and `data_key` answer at once from memory, also while the keychain hangs. `unlock` and the
    methods that change something ask the keychain, so call them in a thread. They run one at a time, under a
    file lock.
    """

    def __init__(self, store: KeyStore) -> None:
        """Ask nothing yet; the keys are locked until `unlock`."""
        self._store = store
        self._memory = _Memory(Locked("not_asked", "the keychain was not asked yet"))
        self._mutex = threading.Lock()

    @property
    def state(self) -> Absent | Locked | Unlocked:
        """State of the keys when they were last looked at."""
        return self._memory.state

    def unlock(self, *, make: bool = False) -> Absent | Locked | Unlocked:
        """Read the file of keys and ask the keychain. Returns what was found, and never raises.

        Unlocked keys stay unlocked while the keychain is away. Finishes an interrupted rotation, and writes a
        missing file of keys anew.

        Args:
            make: create keys if there never were any.
        """
        with self._mutex:
            if not self._refresh():
                self._look()
            elif self._memory.is_behind:
                self._catch_up()
            if make and isinstance(self.state, Absent):
                try:
                    self._make()
                except KeysLocked as error:
                    self._memory = _Memory(error.locked, seen=self._store.identity())
            file = self._memory.file
            if (
                isinstance(self.state, Unlocked)
                and file
                and (len(file.key_encryption_keys) > 1 or not self._store.is_whole())
            ):
                with contextlib.suppress(KeysLocked):  # the keys are usable; the next call tries again
                    self._finish()
            return self.state

    def current(self) -> DataKey:
        """The data key to encrypt with. A rotation by another process never takes it away.

        Raises:
            KeyUnavailable: the keys are locked, or were never made.
        """
        keys, file = self._at_hand("")
        return key_rules.newest_at_hand(file, keys)

    def data_key(self, key_id: str) -> DataKey:
        """The data key of an id, to decrypt with.

        Raises:
            KeyUnavailable: the keys are locked, or there is no key of this id.
        """
        keys, _ = self._at_hand(key_id)
        if key_id not in keys.data_keys:
            reason = "the file of keys of this home has no such key; the document may come from another home"
            raise KeyUnavailable(key_id, reason)
        return keys.data_keys[key_id]

    def rotate_data_key(self) -> str:
        """Encrypt with a fresh key from now on. Former keys stay, to decrypt. Returns the id of the new one.

        Raises:
            KeysLocked: nothing was changed.
        """
        with self._mutex, self._changing() as (keys, file):
            fresh = key_wrap.new_key()
            self._keep(
                Unlocked(keys.key_encryption_key, {**keys.data_keys, fresh.id: fresh}),
                key_rules.with_data_key(file, keys, fresh, self._store.clock()),
            )
            return fresh.id

    def rotate_key_encryption_key(self) -> str:
        """Put a fresh key into the keychain and wrap all data keys under it. Returns its id.

        A crash at any step leaves a key that opens everything; the next `unlock` goes on.

        Raises:
            KeysLocked: nothing was changed, or the former key stays until the next `unlock`.
        """
        with self._mutex:
            with self._changing() as (keys, file):
                file = key_rules.with_only(file, keys.key_encryption_key.id)
                fresh = key_wrap.new_key()
                self._store.put_into_keychain(file, fresh)
                note = KeyEncryptionKey(
                    id=fresh.id, created_at=self._store.clock(), kept_in=self._store.keychain.name
                )
                both = key_rules.with_wrapping(file, keys, fresh)
                self._keep(
                    Unlocked(fresh, keys.data_keys),
                    msgspec.structs.replace(both, key_encryption_keys=[*file.key_encryption_keys, note]),
                )
            self._finish()
            return fresh.id

    def make_recovery_code(self) -> str:
        """A fresh recovery code, which is nowhere else. The former code opens nothing from now on.

        Raises:
            KeysLocked: nothing was changed.
        """
        with self._mutex, self._changing() as (keys, file):
            code, kek = recovery_code.new_code(), keys.key_encryption_key
            empty = Recovery(
                id=key_wrap.new_id(),
                created_at=self._store.clock(),
                salt=base64.b64encode(os.urandom(recovery_code.SALT_BYTES)).decode(),
                iterations=recovery_code.ITERATIONS,
                lanes=recovery_code.LANES,
                memory_kib=recovery_code.MEMORY_KIB,
                opens={},
                opened_by={},
            )
            filled = key_rules.with_code(empty, _code_key(empty, code), kek)
            self._keep(keys, msgspec.structs.replace(key_rules.with_only(file, kek.id), recovery=filled))
            return code

    def restore(self, code: str) -> None:
        """Put the key-encryption key back into the keychain with a recovery code.

        Raises:
            RecoveryCodeMistyped: the code has a typing error; nothing was tried.
            KeysLocked: there is no file of keys, no recovery code was made, the code belongs to other keys,
                or the keychain refuses.
        """
        recovery_code.parse(code)
        with self._mutex, self._store.exclusive():
            found = self._store.files()
            if isinstance(found, Locked):
                raise KeysLocked(found)
            if isinstance(found, Absent):
                raise KeysLocked(Locked("keys_missing", "there is no file of keys here"))
            if found.recovery is None:
                raise KeysLocked(Locked("entry_missing", "no recovery code was ever made for these keys"))
            try:
                code_key = _code_key(found.recovery, code)
            except ValueError as error:  # parameters that no code was ever made with
                detail = f"what the code opens is damaged: {error}"
                raise KeysLocked(Locked("keys_damaged", detail)) from error
            keys = key_rules.recover(found, code_key)
            if isinstance(keys, Locked):
                raise KeysLocked(keys)
            kek = keys.key_encryption_key
            self._store.put_into_keychain(found, kek)
            file = key_rules.with_only(found, kek.id)
            self._keep(keys, key_rules.kept_in(file, kek.id, self._store.keychain.name))

    def report(self) -> KeysReport:
        """The state in words, for people and programs; holds no secret."""
        return keys_report(self._memory.state, self._memory.file, self._store.keychain.name)

    def _look(self) -> None:
        seen = self._store.identity()
        state, file = self._store.look(self._memory.file)
        self._memory = _Memory(state, file or self._memory.file, seen)

    def _catch_up(self) -> None:
        """Ask the keychain for the rotated keys; while it is away, those at hand stay."""
        seen = self._store.identity()
        state, file = self._store.look(self._memory.file)
        if isinstance(state, Unlocked):
            self._memory = _Memory(state, file or self._memory.file, seen)

    def _refresh(self) -> bool:
        """Follow changes that another process made to the file. Returns whether the keys are unlocked."""
        memory = self._memory
        if not isinstance(memory.state, Unlocked) or memory.seen == self._store.identity():
            return isinstance(memory.state, Unlocked)
        seen, found = self._store.identity(), self._store.files()
        state: Locked | Unlocked
        is_behind = False
        if isinstance(found, KeyFile):
            kek = memory.state.key_encryption_key
            state = key_rules.judge_entry(found, kek.id, key_wrap.to_secret(kek))
            if isinstance(state, Locked):
                kept = key_rules.kept_after_rotation(memory.file, found, memory.state)
                is_behind = kept is not None
                state = kept or Locked(
                    "not_asked", "the keys are others now, and the keychain was not asked since"
                )
        elif isinstance(found, Locked):
            state = found
        else:
            state = Locked("keys_missing", "the file of keys is gone")
        if self._memory is memory:  # otherwise another thread was quicker
            file = found if isinstance(found, KeyFile) else memory.file
            self._memory = _Memory(state, file, seen, is_behind)
        return isinstance(self._memory.state, Unlocked)

    def _at_hand(self, key_id: str) -> tuple[Unlocked, KeyFile]:
        self._refresh()
        memory = self._memory
        if isinstance(memory.state, Unlocked) and memory.file is not None:
            return memory.state, memory.file
        if isinstance(memory.state, Locked):
            raise KeyUnavailable(key_id, f"{memory.state.reason}: {memory.state.detail}")
        raise KeyUnavailable(key_id, "no keys were made yet")

    def _make(self) -> None:
        with self._store.exclusive():
            self._look()  # another process may have made them meanwhile
            if isinstance(self.state, Absent):
                keys, file = self._store.make()
                self._memory = _Memory(keys, file, self._store.identity())

    def _finish(self) -> None:
        """Finish an interrupted rotation; replace a missing or damaged file."""
        with self._changing() as (keys, file):
            kept = keys.key_encryption_key.id
            self._keep(keys, key_rules.with_only(file, kept))
            for note in file.key_encryption_keys:
                if note.id != kept:
                    self._store.remove_from_keychain(file, note.id)

    @contextmanager
    def _changing(self) -> Iterator[tuple[Unlocked, KeyFile]]:
        """The keys as file and keychain have them now; no other process changes them inside the block."""
        with self._store.exclusive():
            state, file = self._store.look(self._memory.file)
            if isinstance(state, Locked):
                raise KeysLocked(state)
            if isinstance(state, Absent) or file is None:
                raise KeysLocked(Locked("keys_missing", "no keys were made yet"))
            yield state, file

    def _keep(self, keys: Unlocked, file: KeyFile) -> None:
        file = self._store.save(file)
        self._memory = _Memory(keys, file, self._store.identity())


def open_ring(
    state: Path,
    guarded: Sequence[Path] = (),
    *,
    choice: str = "",
    interactive: bool = False,
    timeout_seconds: float = TIMEOUT_SECONDS,
    environ: Mapping[str, str] = os.environ,
) -> KeyRing:
    """The keys of a home. Reads nothing and asks nobody yet.

    Args:
        state: directory of the home's state; the keys lie in `keys` below it.
        guarded: an encrypted document in one of these directories forbids to make the first keys; by default
            `state`.
        choice: of a keychain, from the settings. `UNDERCROFT_KEYCHAIN` wins over it.
        interactive: the keychain may ask for its password.
        timeout_seconds: how long to wait for the keychain.
        environ: where the variable is looked up.

    Raises:
        KeychainRefused: there is no such keychain.
    """
    keychain = choose(environ.get(KEYCHAIN_VARIABLE) or choice, SERVICE, interactive=interactive)
    return KeyRing(
        KeyStore(state / DIRECTORY_NAME, KeychainWorker(keychain, timeout_seconds), guarded or (state,))
    )


def _code_key(found: Recovery, code: str) -> DataKey:
    salt = base64.b64decode(found.salt)
    return recovery_code.derive(
        recovery_code.parse(code), found.id, salt, found.iterations, found.lanes, found.memory_kib
    )
