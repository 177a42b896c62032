"""Keeps the values of secrets in the keychain, each under a name of its own.

A new value gets a new name, so the former one stays valid until the change is durable.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Final, TypeVar

import anyio.to_thread

from actors.config_store.secret_readers import SecretReaders
from actors.config_store.settings.setting_layers import REFERENCE, is_reference
from actors.shared.keychain.keychain import Keychain, KeychainFailed
from actors.shared.keychain.keychain_choice import KEYCHAIN_VARIABLE, KeychainRefused, choose

ID_PATTERN: Final = re.compile(r"setting-[0-9a-f]{32}")
SIZE_LIMIT_BYTES: Final = 2048
"""A little less than what one entry of the Windows keychain holds."""

ResultT = TypeVar("ResultT")


class SettingSecrets:
    """The secrets of one app. Calls the keychain in worker threads, one call at a time.

    Attributes:
        readers: who may ask for their values.
    """

    def __init__(self, open_keychain: Callable[[], Keychain], readers: SecretReaders | None = None) -> None:
        """Prepare to open the keychain with the first call.

        Args:
            open_keychain: returns a keychain whose calls end in time; may raise KeychainRefused.
            readers: who may ask for values; None: nobody.
        """
        self.readers = readers or SecretReaders()
        self._open_keychain = open_keychain
        self._keychain: Keychain | None = None
        self._one_at_a_time = asyncio.Lock()

    @classmethod
    def for_app(cls, name: str, readers: SecretReaders | None = None) -> SettingSecrets:
        """The secrets of an app, in the keychain that the user chose for it."""

        def open_keychain() -> Keychain:
            from actors.shared.keychain.keychain_worker import KeychainWorker

            return KeychainWorker(choose(os.environ.get(KEYCHAIN_VARIABLE, ""), f"undercroft {name}"))

        return cls(open_keychain, readers)

    async def store(self, secrets: Mapping[str, tuple[dict[str, str], str]]) -> None:
        """Store all values or none, and read each one back.

        Args:
            secrets: dotted path to reference and value.

        Raises:
            KeychainFailed: one was not stored; the others were removed again, if the keychain allowed it.
        """
        done: list[dict[str, str]] = []
        try:
            for path, (reference, value) in secrets.items():
                if len(value.encode()) > SIZE_LIMIT_BYTES:
                    raise KeychainFailed(
                        "keychain_refused", f"{path} is too long: expected at most {SIZE_LIMIT_BYTES} bytes"
                    )
                done.append(reference)
                await self._call(partial(_put_and_check, path=path, id=reference[REFERENCE], value=value))
        except KeychainFailed:
            await self.remove(done)
            raise

    async def reveal(self, reference: Mapping[str, str]) -> str:
        """The value that a reference stands for.

        Raises:
            KeychainFailed: the keychain does not answer, or has no such entry.
        """
        id = reference[REFERENCE]
        if not ID_PATTERN.fullmatch(id):
            raise KeychainFailed(
                "keychain_refused", "config.json has a reference that the store did not make"
            )
        value = await self._call(partial(_get, id=id))
        if value is None:
            raise KeychainFailed("entry_missing", "the keychain has no such entry; set the secret again")
        return value

    async def remove(self, references: Iterable[Mapping[str, str]]) -> None:
        """Remove values that nothing refers to. Harmless if the keychain fails: they only stay behind."""
        for reference in references:
            if ID_PATTERN.fullmatch(reference[REFERENCE]):
                try:
                    await self._call(partial(_remove, id=reference[REFERENCE]))
                except KeychainFailed:
                    return

    async def _call(self, use: Callable[[Keychain], ResultT]) -> ResultT:
        async with self._one_at_a_time:
            return await anyio.to_thread.run_sync(lambda: use(self._opened()))

    def _opened(self) -> Keychain:
        if self._keychain is None:
            try:
                self._keychain = self._open_keychain()
            except KeychainRefused as refused:
                raise KeychainFailed("keychain_refused", str(refused)) from refused
        return self._keychain


def new_reference() -> dict[str, str]:
    """A reference for a value that is about to be stored."""
    return {REFERENCE: f"setting-{os.urandom(16).hex()}"}


def references_in(values: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """All references among the values, by the name that they refer to."""
    return {value[REFERENCE]: value for value in values.values() if is_reference(value)}


def _put_and_check(keychain: Keychain, path: str, id: str, value: str) -> None:
    keychain.put(id, value)
    if keychain.get(id) != value:
        raise KeychainFailed("keychain_refused", f"{keychain.name} did not return {path} after storing it")


def _get(keychain: Keychain, id: str) -> str | None:
    return keychain.get(id)


def _remove(keychain: Keychain, id: str) -> None:
    keychain.remove(id)
