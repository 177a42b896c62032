"""The keychain is asked through its library, and one that hangs or fails costs the token, not the work."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked

from actors.credentials.keychain import SERVICE, keychain_token

pytestmark = pytest.mark.anyio


class Keychain(KeyringBackend):
    """A keychain in memory."""

    priority = 1  # type: ignore[assignment]  # the library has it as a property of the class

    def __init__(self) -> None:
        super().__init__()
        self.held: dict[tuple[str, str], str] = {}
        self.fails = False
        self.opens = threading.Event()
        self.opens.set()

    def get_password(self, service: str, username: str) -> str | None:
        self.opens.wait()
        if self.fails:
            raise KeyringLocked
        return self.held.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.held[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.held[service, username]


@pytest.fixture
def keychain() -> Iterator[Keychain]:
    before, ours = keyring.get_keyring(), Keychain()
    keyring.set_keyring(ours)
    yield ours
    ours.opens.set()
    keyring.set_keyring(before)


async def test_a_token_lies_under_the_origin_it_belongs_to(keychain: Keychain) -> None:
    keyring.set_password(SERVICE, "https://ghcr.io", "kept\n")
    assert await keychain_token("https://ghcr.io") == "kept"
    assert await keychain_token("https://other.example.org") == ""


async def test_a_locked_keychain_holds_no_token(keychain: Keychain) -> None:
    keychain.fails = True
    assert await keychain_token("https://ghcr.io") == ""


async def test_a_keychain_that_hangs_is_left_alone(keychain: Keychain, caplog: pytest.LogCaptureFixture) -> None:
    keychain.opens.clear()
    with caplog.at_level(logging.WARNING):
        assert await keychain_token("https://ghcr.io", timeout_seconds=0.05) == ""
    assert "https://ghcr.io" in caplog.text
