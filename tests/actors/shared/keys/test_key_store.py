"""Files and keychain together: one change at a time, and what a half that fails leaves behind."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from actors.shared.crypto.cipher import DataKey
from actors.shared.crypto.envelope import seal
from actors.shared.durable.durable_write import replace_file
from actors.shared.keychain.file_keychain import FileKeychain
from actors.shared.keychain.keychain import KeychainFailed
from actors.shared.keys import key_store as store_module
from actors.shared.keys.key_file import KeyFile
from actors.shared.keys.key_rules import Absent, Locked, Unlocked
from actors.shared.keys.key_store import KeysLocked, KeyStore, holds_ciphertext


def envelope(key: DataKey | None) -> bytes:
    """A document, encrypted or not."""
    return seal("value", schema="s", schema_version=1, revision=1, now=1.0, key=key, compress=True)


def store_in(tmp_path: Path) -> KeyStore:
    """A store with a keychain in a file beside its home."""
    return KeyStore(tmp_path / "home" / "keys", FileKeychain(tmp_path / "chain"), (tmp_path / "home",))


@pytest.mark.requirement("S3-23")
def test_ciphertext_is_found_wherever_it_lies_and_plain_documents_are_none(tmp_path: Path) -> None:
    assert not holds_ciphertext(tmp_path / "absent")
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "plain").write_bytes(envelope(None))
    (tmp_path / "a" / "other").write_bytes(b"\0" * 9000)
    (tmp_path / "a" / "broken link").symlink_to("nowhere")
    if os.name == "posix":
        os.mkfifo(tmp_path / "a" / "pipe")
    assert not holds_ciphertext(tmp_path)
    (tmp_path / "a" / "b" / "sealed.corrupt").write_bytes(envelope(DataKey("k", b"k" * 32)))
    assert holds_ciphertext(tmp_path)


@pytest.mark.skipif(os.name != "posix", reason="a directory that cannot be listed")
def test_place_that_cannot_be_looked_at_counts_as_ciphertext(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, onerror: object = None) -> None:
        assert callable(onerror)
        onerror(PermissionError(13, "Permission denied"))

    monkeypatch.setattr(os, "walk", refuse)
    assert holds_ciphertext(tmp_path)


def test_first_keys_are_made_in_the_keychain_and_in_the_file(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    assert store.look() == (Absent(), None)
    assert store.identity() is None
    keys, file = store.make()
    assert store.look() == (keys, file)
    assert store.is_whole()
    assert file.key_encryption_keys[0].kept_in == f"file:{tmp_path / 'chain'}"
    assert store.identity() is not None


def test_known_file_serves_where_both_went(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    keys, file = store.make()
    for path in (tmp_path / "home" / "keys").glob("*.json"):
        path.unlink()
    replace_file(tmp_path / "home" / "document", envelope(next(iter(keys.data_keys.values()))))
    state, found = store.look()
    assert isinstance(state, Locked)
    assert (state.reason, found) == ("keys_missing", None)
    assert store.look(file) == (keys, file)


class Forgetful(FileKeychain):
    """A keychain that keeps nothing and says nothing of it."""

    def put(self, account: str, secret: str) -> None:
        pass


class Closed(FileKeychain):
    """A keychain that is locked."""

    def get(self, account: str) -> str | None:
        raise KeychainFailed("keychain_locked", "it wants a password")


@pytest.mark.requirement("S3-19")
@pytest.mark.parametrize(("chain", "reason"), [(Forgetful, "keychain_refused"), (Closed, "keychain_locked")])
def test_no_file_is_written_for_a_key_that_the_keychain_does_not_give_back(
    tmp_path: Path, chain: type[FileKeychain], reason: str
) -> None:
    store = KeyStore(tmp_path / "keys", chain(tmp_path / "chain"))
    with pytest.raises(KeysLocked) as caught:
        store.make()
    assert caught.value.locked.reason == reason
    assert store.files() == Absent()


def test_locked_keychain_locks_and_names_its_file(tmp_path: Path) -> None:
    _, file = store_in(tmp_path).make()
    state, found = KeyStore(tmp_path / "home" / "keys", Closed(tmp_path / "chain")).look()
    assert isinstance(state, Locked)
    assert (state.reason, found) == ("keychain_locked", file)


def test_one_at_a_time_is_alone_with_the_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "LOCK_TIMEOUT_SECONDS", 0.0)
    entered, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with store_in(tmp_path).exclusive():
            entered.set()
            leave.wait()

    other = threading.Thread(target=hold)
    other.start()
    entered.wait()
    with pytest.raises(KeysLocked, match="another process"), store_in(tmp_path).exclusive():
        raise AssertionError("two are alone")
    leave.set()
    other.join()
    with store_in(tmp_path).exclusive():
        pass


def test_directory_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "home").write_bytes(b"")
    with pytest.raises(KeysLocked, match="keys_not_saved"), store_in(tmp_path).exclusive():
        pass
    file = KeyFile(ring="r", key_encryption_keys=[], data_keys=[])
    with pytest.raises(KeysLocked, match="keys_not_saved"):
        store_in(tmp_path).save(file)


def test_forgotten_key_is_gone_and_forgetting_never_fails(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    keys, file = store.make()
    store.remove_from_keychain(file, keys.key_encryption_key.id)
    store.remove_from_keychain(file, "unknown")
    state, _ = store.look()
    assert isinstance(state, Locked)
    assert state.reason == "entry_missing"
    assert not isinstance(state, Unlocked)
