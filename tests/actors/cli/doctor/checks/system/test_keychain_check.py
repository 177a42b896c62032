"""Keys that are locked are an error; keys that could be lost with the keychain are worth a word."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from actors.cli.doctor.checks.system.keychain_check import check, look
from actors.cli.doctor.problems import ExaminedHome
from actors.shared.keys.key_ring import open_ring


@pytest.fixture
def keychain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "keychain.json"
    monkeypatch.setenv("UNDERCROFT_KEYCHAIN", f"file:{path}")
    return path


def test_without_keys_nothing_is_wrong_and_none_are_made(home: ExaminedHome, keychain: Path) -> None:
    assert check(look(home)) == []
    assert not (home.locations.state / "keys").exists()


def test_keys_whose_keychain_entry_is_gone_are_an_error_with_the_next_step(
    home: ExaminedHome, keychain: Path
) -> None:
    open_ring(home.locations.state).unlock(make=True)
    (told,) = check(look(home))
    assert (told.severity, told.advice) == ("info", "run 'undercroft keys recovery-code'")
    secrets = keychain.read_bytes()
    os.unlink(keychain)
    (problem,) = check(look(home))
    assert problem.severity == "error"
    assert "entry_missing" in problem.what
    assert "undercroft keys restore" in problem.advice
    secret = max(re.findall(r"[A-Za-z0-9+/=_-]{32,}", secrets.decode()), key=len)
    assert secret not in str(problem)


def test_a_keychain_that_gives_no_answer_is_told_while_there_are_no_keys(
    home: ExaminedHome, keychain: Path
) -> None:
    keychain.mkdir()
    (problem,) = check(look(home))
    assert (problem.severity, problem.where.startswith("file:")) == ("info", True)
    assert "nothing could be encrypted" in problem.what


def test_a_keychain_that_does_not_exist_is_an_error(
    home: ExaminedHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNDERCROFT_KEYCHAIN", "nonsense")
    (problem,) = check(look(home))
    assert (problem.severity, problem.check) == ("error", "keychain")
