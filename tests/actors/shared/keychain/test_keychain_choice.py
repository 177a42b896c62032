"""The system's keychain is the default; a file takes an explicit choice."""

from __future__ import annotations

from pathlib import Path

import pytest

from actors.shared.keychain.file_keychain import FileKeychain
from actors.shared.keychain.keychain_choice import KeychainRefused, choose
from actors.shared.keychain.system_keychain import SystemKeychain


def test_system_keychain_is_the_default_and_a_file_takes_an_explicit_choice(tmp_path: Path) -> None:
    assert isinstance(choose("", "service"), SystemKeychain)
    assert isinstance(choose("system", "service"), SystemKeychain)
    chosen = choose(f"file:{tmp_path / 'chain'}", "service")
    assert isinstance(chosen, FileKeychain)
    assert chosen.name == f"file:{tmp_path / 'chain'}"


@pytest.mark.parametrize("choice", ["plaintext", "file", "file:relative/path", "null"])
def test_other_choices_are_refused_in_words(choice: str) -> None:
    with pytest.raises(KeychainRefused, match="expected 'system' or 'file:/absolute/path'"):
        choose(choice, "service")
