"""A probe reports no key and makes none."""

from __future__ import annotations

from pathlib import Path

import pytest

from actors.diagnostics.evidence.keychain_probe import probe_keychain
from actors.shared.keys.key_ring import open_ring


def environment(tmp_path: Path) -> dict[str, str]:
    return {"UNDERCROFT_KEYCHAIN": f"file:{tmp_path / 'keychain.json'}"}


def test_where_nothing_was_encrypted_nobody_is_asked(tmp_path: Path) -> None:
    assert probe_keychain(tmp_path, {"UNDERCROFT_KEYCHAIN": "there is none such"}).state == "absent"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.requirement("S0-16")
def test_keys_are_unlocked_or_locked_with_the_reason_and_no_key_is_told(tmp_path: Path) -> None:
    environ = environment(tmp_path)
    ring = open_ring(tmp_path / "state", environ=environ)
    ring.unlock(make=True)
    assert probe_keychain(tmp_path / "state", environ).state == "unlocked"
    secret = (tmp_path / "keychain.json").read_text()
    (tmp_path / "keychain.json").chmod(0o644)
    found = probe_keychain(tmp_path / "state", environ)
    assert (found.state, found.reason) == ("locked", "keychain_refused")
    assert found.advice
    assert not any(
        len(value) > 8 and value in repr(found)
        for value in secret.split('"')
        if value.strip(" :,{}") and not value.startswith("undercroft")
    )
