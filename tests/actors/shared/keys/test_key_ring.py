"""From making to recovery, locked is a state, and nothing that was encrypted is ever lost to it."""

from __future__ import annotations

import base64
import json
import threading
from pathlib import Path
from typing import Any

import pytest

from actors.shared.crypto.envelope import EnvelopeLocked, KeyUnavailable, open_envelope, seal
from actors.shared.keychain.file_keychain import FileKeychain
from actors.shared.keychain.keychain import KeychainFailed
from actors.shared.keychain.keychain_choice import KeychainRefused
from actors.shared.keys import recovery_code
from actors.shared.keys.key_ring import KeyRing, open_ring
from actors.shared.keys.key_rules import Absent, Locked, Unlocked
from actors.shared.keys.key_store import KeysLocked, KeyStore
from actors.shared.keys.recovery_code import RecoveryCodeMistyped


class Chain(FileKeychain):
    """A keychain in a file that can be made to fail, or to hang until it is let."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.failing: KeychainFailed | None = None
        self.failing_puts = False
        self.asked = 0

    def get(self, account: str) -> str | None:
        self.asked += 1
        if self.failing:
            raise self.failing
        return super().get(account)

    def put(self, account: str, secret: str) -> None:
        if self.failing or self.failing_puts:
            raise self.failing or KeychainFailed("keychain_refused", "read-only")
        super().put(account, secret)


@pytest.fixture(autouse=True)
def cheap_codes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Argon2id with less work; what it derives is tested in test_recovery."""
    monkeypatch.setattr(recovery_code, "MEMORY_KIB", 64)
    monkeypatch.setattr(recovery_code, "ITERATIONS", 1)


@pytest.fixture
def chain(tmp_path: Path) -> Chain:
    """The keychain of these tests."""
    return Chain(tmp_path / "chain")


def ring_in(tmp_path: Path, chain: FileKeychain) -> KeyRing:
    """A process's view of the keys of a home."""
    return KeyRing(KeyStore(tmp_path / "home" / "keys", chain, (tmp_path / "home",)))


def save(ring: KeyRing, tmp_path: Path, name: str) -> bytes:
    """Encrypt a document into the home."""
    content = seal(name, schema="s", schema_version=1, revision=1, now=1.0, key=ring.current(), name=name)
    (tmp_path / "home").mkdir(exist_ok=True)
    (tmp_path / "home" / name).write_bytes(content)
    return content


def reason(state: Any) -> str:
    """Why keys are locked."""
    assert isinstance(state, Locked)
    return state.reason


@pytest.mark.requirement("S3-19", "S3-23")
def test_keys_are_made_once_and_unlocked_ever_after(tmp_path: Path, chain: Chain) -> None:
    ring = ring_in(tmp_path, chain)
    assert ring.report().reason == "not_asked"
    assert isinstance(ring.unlock(), Absent)
    with pytest.raises(KeyUnavailable, match="no keys were made"):
        ring.current()
    assert isinstance(ring.unlock(make=True), Unlocked)
    content = save(ring, tmp_path, "a")
    again = ring_in(tmp_path, chain)
    assert isinstance(again.unlock(make=True), Unlocked)
    assert open_envelope(content, again.data_key).value == "a"
    assert again.current() == ring.current()


@pytest.mark.requirement("S3-19")
def test_secret_of_no_key_is_in_the_files_or_the_report(tmp_path: Path, chain: Chain) -> None:
    ring = ring_in(tmp_path, chain)
    keys = ring.unlock(make=True)
    assert isinstance(keys, Unlocked)
    texts = (
        b"".join(path.read_bytes() for path in (tmp_path / "home" / "keys").iterdir())
        + str((ring.report(), keys, ring)).encode()
    )
    for key in (keys.key_encryption_key, *keys.data_keys.values()):
        assert base64.b64encode(key.secret)[:20] not in texts
        assert key.secret not in texts
        assert repr(key.secret).encode() not in texts


@pytest.mark.requirement("S3-19")
@pytest.mark.parametrize("words", ["no_keychain", "keychain_locked", "timed_out", "keychain_refused"])
def test_keychain_that_fails_locks_with_its_reason_and_later_unlocks(
    tmp_path: Path, chain: Chain, words: Any
) -> None:
    first = ring_in(tmp_path, chain)
    first.unlock(make=True)
    content = save(first, tmp_path, "a")
    chain.failing = KeychainFailed(words, "so it is")
    ring = ring_in(tmp_path, chain)
    assert reason(ring.unlock(make=True)) == words
    with pytest.raises(EnvelopeLocked, match="so it is"):
        open_envelope(content, ring.data_key)
    with pytest.raises(KeyUnavailable):
        ring.current()
    assert (ring.report().state, ring.report().reason) == ("locked", words)
    chain.failing = None
    ring.unlock()
    assert open_envelope(content, ring.data_key).value == "a"


@pytest.mark.requirement("S3-19")
def test_lost_or_changed_entry_locks_and_no_key_is_made_in_its_place(tmp_path: Path, chain: Chain) -> None:
    first = ring_in(tmp_path, chain)
    first.unlock(make=True)
    save(first, tmp_path, "a")
    before = (tmp_path / "home" / "keys" / "keys.json").read_bytes()
    kept = (tmp_path / "chain").read_bytes()
    (tmp_path / "chain").unlink()
    assert reason(ring_in(tmp_path, chain).unlock(make=True)) == "entry_missing"
    other = FileKeychain(tmp_path / "other chain")
    ring_in(tmp_path / "other", other).unlock(make=True)
    foreign = next(iter(other._read().values()))
    (tmp_path / "chain").write_text(json.dumps(dict.fromkeys(json.loads(kept), foreign)))
    (tmp_path / "chain").chmod(0o600)
    assert reason(ring_in(tmp_path, chain).unlock(make=True)) == "wrong_key"
    assert (tmp_path / "home" / "keys" / "keys.json").read_bytes() == before


@pytest.mark.requirement("S3-23")
def test_no_key_is_made_while_ciphertext_lies_there(tmp_path: Path, chain: Chain) -> None:
    first = ring_in(tmp_path, chain)
    first.unlock(make=True)
    save(first, tmp_path, "a")
    for path in (tmp_path / "home" / "keys").glob("*.json"):
        path.unlink()
    ring = ring_in(tmp_path, chain)
    assert reason(ring.unlock(make=True)) == "keys_missing"
    assert list((tmp_path / "home" / "keys").glob("*.json")) == []


def test_files_that_go_while_the_keys_are_in_use_stop_writes_and_come_back(
    tmp_path: Path, chain: Chain
) -> None:
    ring = ring_in(tmp_path, chain)
    ring.unlock(make=True)
    content = save(ring, tmp_path, "a")
    for path in (tmp_path / "home" / "keys").glob("*.json"):
        path.unlink()
    with pytest.raises(KeyUnavailable, match="keys_missing"):
        ring.current()
    assert isinstance(ring.unlock(), Unlocked)
    assert open_envelope(content, ring.data_key).value == "a"
    assert isinstance(ring_in(tmp_path, chain).unlock(), Unlocked)


def test_older_file_that_was_brought_back_from_a_backup_loses_no_key(tmp_path: Path, chain: Chain) -> None:
    ring = ring_in(tmp_path, chain)
    ring.unlock(make=True)
    file = tmp_path / "home" / "keys" / "keys.json"
    former = file.read_bytes()
    ring.rotate_data_key()
    content = save(ring, tmp_path, "a")
    file.write_bytes(former)
    again = ring_in(tmp_path, chain)
    assert isinstance(again.unlock(), Unlocked)
    assert open_envelope(content, again.data_key).value == "a"
    assert file.read_bytes() == file.with_name("keys.copy.json").read_bytes() != former


def test_damaged_file_is_mended_from_its_copy_and_kept_as_evidence(tmp_path: Path, chain: Chain) -> None:
    first = ring_in(tmp_path, chain)
    first.unlock(make=True)
    content = save(first, tmp_path, "a")
    file = tmp_path / "home" / "keys" / "keys.json"
    file.write_bytes(file.read_bytes()[:100])
    ring = ring_in(tmp_path, chain)
    assert isinstance(ring.unlock(), Unlocked)
    assert open_envelope(content, ring.data_key).value == "a"
    assert file.with_name("keys.json.corrupt").stat().st_size == 100
    assert ring._store.is_whole()


@pytest.mark.requirement("S3-19")
def test_keys_that_are_unlocked_stay_so_while_the_keychain_is_away(tmp_path: Path, chain: Chain) -> None:
    ring = ring_in(tmp_path, chain)
    ring.unlock(make=True)
    chain.failing = KeychainFailed("timed_out", "hangs")
    assert isinstance(ring.unlock(), Unlocked)
    save(ring, tmp_path, "a")
    with pytest.raises(KeysLocked, match="timed_out"):
        ring.rotate_data_key()
    assert isinstance(ring.state, Unlocked)


def test_memory_answers_while_another_thread_waits_for_the_keychain(tmp_path: Path, chain: Chain) -> None:
    ring = ring_in(tmp_path, chain)
    ring.unlock(make=True)
    asked, let = threading.Event(), threading.Event()

    class Hanging(Chain):
        def get(self, account: str) -> str | None:
            asked.set()
            let.wait()
            return super().get(account)

    ring._store.keychain = Hanging(tmp_path / "chain")
    rotation = threading.Thread(target=ring.rotate_data_key)
    rotation.start()
    asked.wait()
    before = ring.current()
    let.set()
    rotation.join()
    assert ring.current() != before


@pytest.mark.requirement("S3-19")
def test_rotated_data_key_is_used_by_every_process_and_former_ones_still_open(
    tmp_path: Path, chain: Chain
) -> None:
    one, two = ring_in(tmp_path, chain), ring_in(tmp_path, chain)
    one.unlock(make=True)
    two.unlock()
    content = save(one, tmp_path, "a")
    fresh = one.rotate_data_key()
    asked = chain.asked
    assert two.current().id == one.current().id == fresh
    assert open_envelope(content, two.data_key).value == "a"
    assert chain.asked == asked
    assert [bool(key.retired_at) for key in two.report().data_keys] == [True, False]


@pytest.mark.requirement("S3-19")
def test_rotated_key_encryption_key_takes_the_place_of_the_former_in_the_keychain(
    tmp_path: Path, chain: Chain
) -> None:
    one, two = ring_in(tmp_path, chain), ring_in(tmp_path, chain)
    one.unlock(make=True)
    two.unlock()
    content = save(one, tmp_path, "a")
    before = one.report().key_encryption_key
    fresh = one.rotate_key_encryption_key()
    assert [name.partition("/")[2] for name in chain._read()] == [fresh] != [before]
    asked = chain.asked
    assert two.current() == one.current(), "the data keys are the same, so nothing has to be asked"
    assert chain.asked == asked
    two.unlock()
    for ring in (one, two, ring_in(tmp_path, chain)):
        ring.unlock()
        assert open_envelope(content, ring.data_key).value == "a"


def test_a_rotation_of_both_keys_by_another_process_never_refuses_a_write(
    tmp_path: Path, chain: Chain
) -> None:
    one, two = ring_in(tmp_path, chain), ring_in(tmp_path, chain)
    one.unlock(make=True)
    two.unlock()
    before = two.current()
    one.rotate_key_encryption_key()
    fresh = one.rotate_data_key()
    assert two.current() == before, "the fresh key is under the fresh key-encryption key"
    content = save(two, tmp_path, "b")
    two.unlock()
    assert two.current().id == fresh
    assert open_envelope(content, one.data_key).value == "b"
    assert open_envelope(content, two.data_key).value == "b"


def test_keys_of_another_ring_in_the_place_of_the_file_lock_this_one(tmp_path: Path, chain: Chain) -> None:
    one = ring_in(tmp_path, chain)
    one.unlock(make=True)
    other = tmp_path / "other"
    stranger = ring_in(other, chain)
    stranger.unlock(make=True)
    file = tmp_path / "home" / "keys" / "keys.json"
    file.write_bytes((other / "home" / "keys" / "keys.json").read_bytes())
    with pytest.raises(KeyUnavailable, match="others now"):
        one.current()


def test_rotation_that_the_keychain_refuses_changes_nothing(tmp_path: Path, chain: Chain) -> None:
    ring = ring_in(tmp_path, chain)
    ring.unlock(make=True)
    before = (tmp_path / "home" / "keys" / "keys.json").read_bytes()
    chain.failing_puts = True
    with pytest.raises(KeysLocked, match="read-only"):
        ring.rotate_key_encryption_key()
    assert (tmp_path / "home" / "keys" / "keys.json").read_bytes() == before
    assert isinstance(ring_in(tmp_path, chain).unlock(), Unlocked)


def test_rotation_whose_fresh_key_the_keychain_lost_goes_back_to_the_former(
    tmp_path: Path, chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    ring = ring_in(tmp_path, chain)
    ring.unlock(make=True)
    content, kept = save(ring, tmp_path, "a"), (tmp_path / "chain").read_bytes()
    monkeypatch.setattr(KeyRing, "_finish", lambda self: None)  # as if it had been killed there
    ring.rotate_key_encryption_key()
    monkeypatch.undo()
    (tmp_path / "chain").write_bytes(kept)
    again = ring_in(tmp_path, chain)
    assert isinstance(again.unlock(), Unlocked)
    assert open_envelope(content, again.data_key).value == "a"
    assert len(ring_in(tmp_path, chain).report().data_keys) == 0
    assert isinstance(again.unlock(), Unlocked)


@pytest.mark.requirement("S3-19")
def test_recovery_code_brings_the_keys_back_into_another_keychain_also_after_a_rotation(
    tmp_path: Path, chain: Chain
) -> None:
    ring = ring_in(tmp_path, chain)
    ring.unlock(make=True)
    content = save(ring, tmp_path, "a")
    code = ring.make_recovery_code()
    ring.rotate_key_encryption_key()
    ring.rotate_data_key()
    newer = save(ring, tmp_path, "b")
    elsewhere = Chain(tmp_path / "another machine")
    there = ring_in(tmp_path, elsewhere)
    assert reason(there.unlock(make=True)) == "entry_missing"
    there.restore(code.lower())
    for one in (there, ring_in(tmp_path, elsewhere)):
        assert isinstance(one.unlock(), Unlocked)
        assert (open_envelope(content, one.data_key).value, open_envelope(newer, one.data_key).value) == (
            "a",
            "b",
        )
    assert there.report().kept_in == elsewhere.name
    assert there.report().has_recovery_code


@pytest.mark.requirement("S3-19")
def test_code_that_is_mistyped_replaced_or_of_another_home_restores_nothing(
    tmp_path: Path, chain: Chain
) -> None:
    ring = ring_in(tmp_path, chain)
    with pytest.raises(KeysLocked, match="no file of keys"):
        ring.restore(recovery_code.new_code())
    with pytest.raises(KeysLocked, match="no keys were made"):
        ring.make_recovery_code()
    ring.unlock(make=True)
    with pytest.raises(KeysLocked, match="no recovery code was ever made"):
        ring.restore(recovery_code.new_code())
    former = ring.make_recovery_code()
    ring.make_recovery_code()
    before = (tmp_path / "chain").read_bytes()
    for code in (former, recovery_code.new_code()):
        with pytest.raises(KeysLocked, match="belongs to other keys"):
            ring.restore(code)
    with pytest.raises(RecoveryCodeMistyped):
        ring.restore("no code")
    assert (tmp_path / "chain").read_bytes() == before


def test_document_of_another_home_is_locked_and_not_damaged(tmp_path: Path, chain: Chain) -> None:
    one, other = ring_in(tmp_path, chain), ring_in(tmp_path / "other", chain)
    one.unlock(make=True)
    other.unlock(make=True)
    with pytest.raises(EnvelopeLocked, match="another home"):
        open_envelope(save(one, tmp_path, "a"), other.data_key)


def test_two_processes_that_make_keys_at_once_have_the_same_ones(tmp_path: Path, chain: Chain) -> None:
    rings = [ring_in(tmp_path, chain) for _ in range(4)]
    barrier = threading.Barrier(4)

    def make(ring: KeyRing) -> None:
        barrier.wait()
        ring.unlock(make=True)

    threads = [threading.Thread(target=make, args=(ring,)) for ring in rings]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({ring.current().id for ring in rings}) == 1
    assert len(chain._read()) == 1


def test_keys_that_cannot_be_saved_are_not_in_use(tmp_path: Path, chain: Chain) -> None:
    (tmp_path / "home").write_bytes(b"in the way")
    ring = ring_in(tmp_path, chain)
    assert isinstance(ring.unlock(make=True), Locked)
    with pytest.raises(KeyUnavailable):
        ring.current()


def test_ring_of_a_home_takes_its_keychain_from_the_environment_or_the_setting(tmp_path: Path) -> None:
    environ = {"UNDERCROFT_KEYCHAIN": f"file:{tmp_path / 'chain'}"}
    ring = open_ring(tmp_path / "state", choice="file:/elsewhere", environ=environ)
    assert isinstance(ring.unlock(make=True), Unlocked)
    assert (tmp_path / "chain").is_file()
    assert (tmp_path / "state" / "keys" / "keys.json").is_file()
    assert isinstance(
        open_ring(tmp_path / "state", choice=f"file:{tmp_path / 'chain'}", environ={}).unlock(), Unlocked
    )
    with pytest.raises(KeychainRefused):
        open_ring(tmp_path, environ={"UNDERCROFT_KEYCHAIN": "plaintext"})
