"""When keys may be made, when they are locked, and what a rotation leaves."""

from __future__ import annotations

import itertools
from typing import get_args

import msgspec
import pytest

from actors.shared.crypto.cipher import DataKey
from actors.shared.keys import key_rules, key_wrap
from actors.shared.keys.key_file import (
    KeyEncryptionKey,
    KeyFile,
    KeyFileFound,
    Recovery,
    UnusableKeyFile,
    WrappedKey,
)
from actors.shared.keys.key_rules import Absent, Locked, Unlocked, judge_entry, judge_files
from schemas.keys import LockReason

KEK, DATA = key_wrap.new_key(), key_wrap.new_key()
FILE = KeyFile(
    ring="r1",
    key_encryption_keys=[KeyEncryptionKey(id=KEK.id, created_at=1.0, kept_in="chain")],
    data_keys=[
        WrappedKey(id=DATA.id, created_at=1.0, wrapped={KEK.id: key_wrap.wrap(KEK, DATA, key_rules.DATA)})
    ],
)
NEXT = msgspec.structs.replace(FILE, revision=1)
KEYS = Unlocked(KEK, {DATA.id: DATA})
DAMAGED, NEWER, UNREADABLE = (
    UnusableKeyFile(reason, "words") for reason in ("keys_damaged", "keys_too_new", "keys_unreadable")
)


@pytest.mark.requirement("S3-19", "S3-23")
def test_keys_may_be_made_only_where_there_are_no_files_no_leftovers_and_no_ciphertext() -> None:
    found: list[KeyFileFound] = [None, FILE, DAMAGED, NEWER, UNREADABLE]
    for file, copy, has_leftovers, has_ciphertext in itertools.product(
        found, found, [False, True], [False, True]
    ):
        judged = judge_files(file, copy, has_leftovers=has_leftovers, has_ciphertext=has_ciphertext)
        assert isinstance(judged, Absent) == (
            (file, copy, has_leftovers, has_ciphertext) == (None, None, False, False)
        )


@pytest.mark.parametrize(
    ("file", "copy", "expected"),
    [
        (FILE, DAMAGED, FILE),
        (FILE, NEXT, NEXT),
        (NEXT, FILE, NEXT),
        (FILE, msgspec.structs.replace(NEXT, ring="r2"), FILE),
        (DAMAGED, FILE, FILE),
        (None, FILE, FILE),
        (NEWER, FILE, "keys_too_new"),
        (UNREADABLE, FILE, "keys_unreadable"),
        (DAMAGED, None, "keys_damaged"),
        (DAMAGED, DAMAGED, "keys_damaged"),
        (None, NEWER, "keys_too_new"),
    ],
)
def test_copy_serves_where_the_file_is_gone_or_damaged_and_not_where_it_may_be_whole(
    file: KeyFileFound, copy: KeyFileFound, expected: object
) -> None:
    judged = judge_files(file, copy, has_leftovers=False, has_ciphertext=True)
    assert (judged.reason if isinstance(judged, Locked) else judged) == expected


def test_missing_files_beside_ciphertext_lock() -> None:
    judged = judge_files(None, None, has_leftovers=False, has_ciphertext=True)
    assert isinstance(judged, Locked)
    assert judged.reason == "keys_missing"


@pytest.mark.requirement("S3-19")
def test_entry_opens_is_missing_or_is_another_key() -> None:
    assert judge_entry(FILE, KEK.id, key_wrap.to_secret(KEK)) == KEYS
    for secret, reason in [
        (None, "entry_missing"),
        ("hunter2", "wrong_key"),
        (key_wrap.to_secret(key_wrap.new_key()), "wrong_key"),
    ]:
        judged = judge_entry(FILE, KEK.id, secret)
        assert isinstance(judged, Locked)
        assert judged.reason == reason
        assert "hunter2" not in judged.detail
    missing = judge_entry(FILE, KEK.id, None)
    assert isinstance(missing, Locked)
    assert "it was put into chain" in missing.detail


def test_fresh_data_key_encrypts_and_the_former_one_still_decrypts() -> None:
    fresh = key_wrap.new_key()
    rotated = key_rules.with_data_key(FILE, KEYS, fresh, 9.0)
    assert key_rules.current(FILE).id == DATA.id
    assert key_rules.current(rotated).id == fresh.id
    assert [key.retired_at for key in rotated.data_keys] == [9.0, 0.0]
    assert judge_entry(rotated, KEK.id, key_wrap.to_secret(KEK)) == Unlocked(
        KEK, {DATA.id: DATA, fresh.id: fresh}
    )


def test_both_key_encryption_keys_open_until_one_is_dropped() -> None:
    fresh = key_wrap.new_key()
    both = key_rules.with_wrapping(FILE, KEYS, fresh)
    both = msgspec.structs.replace(
        both, key_encryption_keys=[*both.key_encryption_keys, KeyEncryptionKey(id=fresh.id, created_at=2.0)]
    )
    assert judge_entry(both, KEK.id, key_wrap.to_secret(KEK)) == KEYS
    assert judge_entry(both, fresh.id, key_wrap.to_secret(fresh)) == Unlocked(fresh, {DATA.id: DATA})
    only = key_rules.with_only(both, fresh.id)
    assert [key.id for key in only.key_encryption_keys] == [fresh.id]
    assert isinstance(judge_entry(only, KEK.id, key_wrap.to_secret(KEK)), Locked)
    assert isinstance(judge_entry(only, fresh.id, key_wrap.to_secret(fresh)), Unlocked)


@pytest.mark.requirement("S3-19")
def test_recovery_code_outlives_a_rotation_and_another_code_opens_nothing() -> None:
    code = DataKey("c1", b"c" * 32)
    empty = Recovery(
        id="c1", created_at=1.0, salt="", iterations=1, lanes=1, memory_kib=8, opens={}, opened_by={}
    )
    file = msgspec.structs.replace(FILE, recovery=key_rules.with_code(empty, code, KEK))
    assert key_rules.recover(file, code) == KEYS
    fresh = key_wrap.new_key()
    rotated = key_rules.with_wrapping(file, KEYS, fresh)
    rotated = msgspec.structs.replace(
        rotated,
        key_encryption_keys=[*rotated.key_encryption_keys, KeyEncryptionKey(id=fresh.id, created_at=2.0)],
    )
    assert key_rules.recover(key_rules.with_only(rotated, fresh.id), code) == Unlocked(fresh, {DATA.id: DATA})
    for wrong, opened in [(DataKey("c1", b"d" * 32), file), (code, FILE)]:
        found = key_rules.recover(opened, wrong)
        assert isinstance(found, Locked)
        assert found.reason == "wrong_key"


def test_note_of_the_keychain_is_changed_for_one_key_only() -> None:
    assert key_rules.kept_in(FILE, KEK.id, "another").key_encryption_keys[0].kept_in == "another"
    assert key_rules.kept_in(FILE, "other", "another") == FILE


def test_every_reason_has_advice() -> None:
    assert set(key_rules.ADVICE) == set(get_args(LockReason))
