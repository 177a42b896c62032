"""The keychain in a file keeps secrets for its owner alone, and leaves what is none alone."""

from __future__ import annotations

import os
import pickle
import stat
from pathlib import Path

import pytest

from actors.shared.keychain.file_keychain import FileKeychain
from actors.shared.keychain.keychain import KeychainFailed

POSIX = pytest.mark.skipif(os.name != "posix", reason="modes of POSIX")


def test_secrets_are_kept_replaced_and_forgotten(tmp_path: Path) -> None:
    chain = FileKeychain(tmp_path / "new" / "chain.json")
    assert chain.get("a") is None
    chain.remove("a")
    chain.put("a", "1")
    chain.put("b", "2")
    chain.put("a", "3")
    again = FileKeychain(tmp_path / "new" / "chain.json")
    assert (again.get("a"), again.get("b")) == ("3", "2")
    again.remove("a")
    assert (chain.get("a"), chain.get("b")) == (None, "2")


@POSIX
@pytest.mark.requirement("S3-19")
def test_file_is_for_its_owner_alone_and_one_that_others_may_read_is_refused(tmp_path: Path) -> None:
    chain = FileKeychain(tmp_path / "chain.json")
    chain.put("a", "secret")
    assert stat.S_IMODE((tmp_path / "chain.json").stat().st_mode) == 0o600
    (tmp_path / "chain.json").chmod(0o640)
    with pytest.raises(KeychainFailed, match="0640, expected 0600") as caught:
        chain.get("a")
    assert caught.value.reason == "keychain_refused"
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


@pytest.mark.parametrize("content", [b"{", b"[]", b'{"a": 1, "a": 2}', b"\xff"])
def test_file_that_is_no_keychain_is_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "chain.json"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(KeychainFailed):
        FileKeychain(path).get("a")
    with pytest.raises(KeychainFailed):
        FileKeychain(path).put("a", "b")
    assert path.read_bytes() == content


def test_directory_that_cannot_be_written_to_is_told(tmp_path: Path) -> None:
    (tmp_path / "taken").write_bytes(b"")
    with pytest.raises(KeychainFailed, match="taken"):
        FileKeychain(tmp_path / "taken" / "chain.json").put("a", "b")


@POSIX
def test_a_file_that_a_person_named_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    FileKeychain(tmp_path / "elsewhere" / "chain.json").put("b", "2")
    (tmp_path / "chain.json").symlink_to("elsewhere/chain.json")
    chain = FileKeychain(tmp_path / "chain.json")
    chain.put("a", "1")
    assert chain.get("a") == "1"
    assert (tmp_path / "chain.json").is_symlink()
