"""Keys under keys: what was wrapped unwraps with the same key, for the same purpose, and never otherwise."""

from __future__ import annotations

import pytest

from actors.shared.crypto.cipher import DataKey, WrongKey
from actors.shared.keys.key_wrap import from_secret, new_id, new_key, to_secret, unwrap, wrap


def test_wrapped_key_comes_back() -> None:
    kek, key = new_key(), new_key()
    assert unwrap(kek, wrap(kek, key, "data"), key.id, "data") == key


@pytest.mark.requirement("S3-19")
def test_other_keys_names_and_purposes_unwrap_nothing() -> None:
    kek, key = new_key(), new_key()
    text = wrap(kek, key, "data")
    for attempt in [
        (new_key(), text, key.id, "data"),
        (DataKey(new_id(), kek.secret), text, key.id, "data"),
        (kek, text, new_id(), "data"),
        (kek, text, key.id, "recovery"),
        (kek, text[:-4], key.id, "data"),
        (kek, "no base64!", key.id, "data"),
        (kek, "", key.id, "data"),
    ]:
        with pytest.raises(WrongKey):
            unwrap(*attempt)


def test_wrapped_key_does_not_hold_the_key() -> None:
    kek, key = new_key(), new_key()
    assert wrap(kek, key, "data") != wrap(kek, key, "data")
    assert to_secret(key).partition(":")[2] not in wrap(kek, key, "data")


def test_text_of_the_keychain_comes_back_and_other_texts_are_no_keys() -> None:
    key = new_key()
    assert from_secret(key.id, to_secret(key)) == key
    for text in ("", "hunter2", "undercroft-key-1:", "undercroft-key-1:AAAA", "undercroft-key-1:!!"):
        with pytest.raises(WrongKey):
            from_secret(key.id, text)


def test_names_and_keys_are_new_each_time() -> None:
    assert len({new_id() for _ in range(100)} | {new_key().id for _ in range(100)}) == 200
