"""The report names state, reason and advice, and shows no secret."""

from __future__ import annotations

from actors.shared.crypto.cipher import DataKey
from actors.shared.keys.key_file import KeyEncryptionKey, KeyFile, WrappedKey
from actors.shared.keys.key_report import keys_report
from actors.shared.keys.key_rules import Absent, Locked, Unlocked

FILE = KeyFile(
    ring="r",
    key_encryption_keys=[
        KeyEncryptionKey(id="old", created_at=1.0, kept_in="elsewhere"),
        KeyEncryptionKey(id="new", created_at=2.0, kept_in="system"),
    ],
    data_keys=[
        WrappedKey(id="d1", created_at=1.0, retired_at=2.0, wrapped={"new": "wrapped-secret"}),
        WrappedKey(id="d2", created_at=2.0, wrapped={"new": "wrapped-secret"}),
    ],
)


def test_absent_keys_have_a_state_and_a_keychain() -> None:
    report = keys_report(Absent(), None, "system")
    assert (report.state, report.reason, report.keychain, report.data_keys) == ("absent", None, "system", [])
    assert (report.advice, report.has_recovery_code) == ("", False)


def test_locked_keys_say_why_and_what_to_do() -> None:
    report = keys_report(Locked("keychain_locked", "it wants a password"), FILE, "system")
    assert (report.state, report.reason, report.detail) == (
        "locked",
        "keychain_locked",
        "it wants a password",
    )
    assert "undercroft keys unlock" in report.advice
    assert report.key_encryption_key == "new"


def test_unlocked_keys_are_listed_without_a_secret() -> None:
    secret = b"s" * 32
    keys = Unlocked(DataKey("new", secret), {"d1": DataKey("d1", secret), "d2": DataKey("d2", secret)})
    report = keys_report(keys, FILE, "file:/chain")
    assert (report.state, report.key_encryption_key, report.kept_in) == ("unlocked", "new", "system")
    assert [(key.id, key.retired_at) for key in report.data_keys] == [("d1", 2.0), ("d2", 0.0)]
    assert "secret" not in repr(report)
    assert secret.decode() not in repr(report)
