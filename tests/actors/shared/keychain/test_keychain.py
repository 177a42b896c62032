"""How a keychain fails: with a reason for programs, words for people, and across processes."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from actors.shared.keychain.file_keychain import FileKeychain
from actors.shared.keychain.keychain import Keychain, KeychainFailed
from actors.shared.keychain.keychain_worker import KeychainWorker
from actors.shared.keychain.system_keychain import SystemKeychain


def test_a_failure_has_a_reason_and_words_and_can_be_pickled() -> None:
    failed = KeychainFailed("timed_out", "no answer within 5 s")
    assert failed.reason == "timed_out"
    assert str(failed) == "keychain: timed_out: no answer within 5 s"
    assert str(pickle.loads(pickle.dumps(failed))) == str(failed)


def test_every_keychain_has_a_name_without_being_asked(tmp_path: Path) -> None:
    file = FileKeychain(tmp_path / "chain")
    keychains: list[Keychain] = [file, SystemKeychain("undercroft"), KeychainWorker(file)]
    assert [keychain.name for keychain in keychains] == [file.name, "system", file.name]


@pytest.mark.parametrize("account", ["", "a b", "\u00e4"])
def test_an_account_is_any_text(tmp_path: Path, account: str) -> None:
    keychain: Keychain = FileKeychain(tmp_path / "chain")
    keychain.put(account, "secret")
    assert keychain.get(account) == "secret"
    keychain.remove(account)
    assert keychain.get(account) is None
