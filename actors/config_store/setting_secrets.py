"""Values of secrets: kept in the keychain under a name of their own for each value, so that a change can be taken back until it is durable."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Final, TypeVar

import anyio.to_thread

from actors.config_store.setting_layers import REFERENCE, is_reference
from actors.shared.keys.keychain import Keychain, KeychainFailed
from actors.shared.keys.keychain_choice import KEYCHAIN_VARIABLE, choose

ID_PATTERN: Final = re.compile(r"setting-[0-9a-f]{32}")
SIZE_LIMIT_BYTES: Final = 2048
"""What Windows keeps in one entry, and a little less."""

ResultT = TypeVar("ResultT")


class SecretKeeper:
    """Speaks to the keychain from worker threads; each call ends in time."""

    def __init__(self, keychain: Keychain) -> None:
        self._keychain = keychain

    @classmethod
    def for_app(cls, name: str) -> SecretKeeper:
        """The keychain that a person chose for an app.

        Raises:
            KeychainRefused: the choice cannot be used.
        """
        from actors.shared.keys.keychain_worker import KeychainWorker

        return cls(KeychainWorker(choose(os.environ.get(KEYCHAIN_VARIABLE, ""), f"undercroft {name}")))

    async def keep(self, secrets: Mapping[str, tuple[dict[str, str], str]]) -> None:
        """Keep each value under its reference, and see that it comes back; all or none.

        Args: secrets: dotted path to reference and value.

        Raises:
            KeychainFailed: one of them is not kept; none is, as far as the keychain lets us take them back.
        """
        done: list[dict[str, str]] = []
        try:
            for path, (reference, value) in secrets.items():
                if len(value.encode()) > SIZE_LIMIT_BYTES:
                    raise KeychainFailed(
                        "keychain_refused",
                        f"{path} has more than {SIZE_LIMIT_BYTES} bytes, and a keychain keeps no more",
                    )
                done.append(reference)
                await _in_thread(partial(self._keychain.put, reference[REFERENCE], value))
                if await _in_thread(partial(self._keychain.get, reference[REFERENCE])) != value:
                    raise KeychainFailed(
                        "keychain_refused",
                        f"{self._keychain.name} did not give {path} back after it was kept",
                    )
        except KeychainFailed:
            await self.forget(done)
            raise

    async def reveal(self, reference: Mapping[str, str]) -> str:
        """The value that a reference stands for.

        Raises:
            KeychainFailed: the keychain does not answer, or has no such entry.
        """
        id = reference[REFERENCE]
        if not ID_PATTERN.fullmatch(id):
            raise KeychainFailed("keychain_refused", "the reference in config.json is none of ours")
        value = await _in_thread(partial(self._keychain.get, id))
        if value is None:
            raise KeychainFailed("entry_missing", "the keychain has no such entry; set the secret again")
        return value

    async def forget(self, references: Iterable[Mapping[str, str]]) -> None:
        """Remove what is no longer referred to. What stays behind for want of a keychain is of no consequence."""
        for reference in references:
            if ID_PATTERN.fullmatch(reference[REFERENCE]):
                try:
                    await _in_thread(partial(self._keychain.remove, reference[REFERENCE]))
                except KeychainFailed:
                    return


def new_reference() -> dict[str, str]:
    """A name for a value that is about to be kept."""
    return {REFERENCE: f"setting-{os.urandom(16).hex()}"}


def references_in(values: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """All references among the values, by what they refer to."""
    return {value[REFERENCE]: value for value in values.values() if is_reference(value)}


async def _in_thread(call: Callable[[], ResultT]) -> ResultT:
    return await anyio.to_thread.run_sync(call)
