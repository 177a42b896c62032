"""The keychain that a person chose is asked, and one that hangs or fails costs the token, not the work."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from actors.shared.credentials.token_keychain import keychain_token
from actors.shared.keychain.file_keychain import FileKeychain
from actors.shared.keychain.keychain import KeychainFailed

pytestmark = pytest.mark.anyio
ORIGIN = "https://ghcr.io"


class Drawer:
    """A keychain that is locked, or that answers once it is let."""

    name = "drawer"

    def __init__(self, fault: KeychainFailed | None = None) -> None:
        self.fault = fault
        self.opens = threading.Event()

    def get(self, account: str) -> str | None:
        if self.fault is not None:
            raise self.fault
        self.opens.wait()
        return "late"

    def put(self, account: str, secret: str) -> None:
        raise NotImplementedError

    def remove(self, account: str) -> None:
        raise NotImplementedError


async def test_a_token_lies_under_the_origin_it_belongs_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    FileKeychain(tmp_path / "chain.json").put(ORIGIN, "kept\n")
    monkeypatch.setenv("UNDERCROFT_KEYCHAIN", f"file:{tmp_path / 'chain.json'}")
    assert await keychain_token(ORIGIN) == "kept"
    assert await keychain_token("https://other.example.org") == ""


async def test_a_choice_that_is_none_costs_the_token_only(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("UNDERCROFT_KEYCHAIN", "drawer")
    with caplog.at_level(logging.INFO):
        assert await keychain_token(ORIGIN) == ""
    assert "there is no such keychain" in caplog.text


async def test_a_keychain_that_others_may_read_is_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "chain.json").write_text(json.dumps({ORIGIN: "planted"}))
    (tmp_path / "chain.json").chmod(0o644)
    monkeypatch.setenv("UNDERCROFT_KEYCHAIN", f"file:{tmp_path / 'chain.json'}")
    assert await keychain_token(ORIGIN) == ""


async def test_a_locked_keychain_holds_no_token() -> None:
    assert (
        await keychain_token(ORIGIN, lambda: Drawer(KeychainFailed("keychain_locked", "it is locked"))) == ""
    )


@pytest.fixture
def hanging() -> Iterator[Drawer]:
    drawer = Drawer()
    yield drawer
    drawer.opens.set()


async def test_a_keychain_that_hangs_is_left_alone(hanging: Drawer, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert await keychain_token(ORIGIN, lambda: hanging, timeout_seconds=0.05) == ""
    assert ORIGIN in caplog.text
