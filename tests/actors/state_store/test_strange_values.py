"""Any value in the small files beside the documents, and names of any kind: the store serves."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import msgspec
import pytest

from actors.shared.crypto.content_codec import ValueNotStorable
from actors.shared.crypto.envelope import open_envelope, seal
from actors.shared.keychain.file_keychain import FileKeychain
from actors.shared.keychain.keychain import KeychainFailed
from actors.shared.keys import key_file, recovery_code
from actors.shared.keys.key_ring import KeyRing
from actors.shared.keys.key_store import KeysLocked, KeyStore
from actors.shared.sdk.running_actor import run_actor
from actors.state_store import build
from schemas.backups import StateCheckRequestEvent
from tests.support.settings_lab import MemoryKeychain
from tests.support.state_home import StateHomes, serve
from tests.support.strange_files import strange_documents, strange_lines, write

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]

EVERY: Final = 19
NAMES: Final = (b"\xff\xfe", b"a\nb", b"\x1b[31m.json", "ä\u202e.json".encode(), b"x" * 250, b" ", b"-rf")


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> StateHomes:
    return StateHomes.made(tmp_path_factory.mktemp("homes"))


@pytest.mark.parametrize(
    "relative", ["keys/audit.head.json", "store/.upkeep.json", "store/.undercroft.holder.json"]
)
async def test_no_value_in_a_small_file_keeps_the_store_from_serving(
    relative: str, homes: StateHomes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = homes.spoiled(homes.closed, tmp_path, monkeypatch)
    path = home / "state" / relative
    whole = path.read_bytes() if path.exists() else b'{"pid":1,"name":"a","since":1.0,"started":""}'
    for number, (words, content) in enumerate(strange_documents(whole)):
        if number % EVERY == 0:
            write(path, content)
            served = await serve(home, homes.profile)
            assert served.found["notes.b"], words


@pytest.mark.parametrize("line", [0, -1])
async def test_no_line_of_the_audit_log_keeps_the_store_from_serving(
    line: int, homes: StateHomes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = homes.spoiled(homes.closed, tmp_path, monkeypatch)
    path = home / "state" / "audit" / "audit-000001.jsonl"
    whole = path.read_bytes()
    for number, (words, content) in enumerate(strange_lines(whole, line % len(whole.splitlines()))):
        if number % EVERY == 0:
            for other in path.parent.iterdir():
                other.unlink()
            trace = write(path, content)
            served = await serve(home, homes.profile)
            assert served.lost <= {"notes.a", "config.kept", "Marks"}, f"{words}: only what was written since"
            assert trace.is_kept(home), words
            assert not any("AuditFinding(" in told for told in served.told)


async def test_files_of_any_name_are_told_by_the_check(
    homes: StateHomes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = homes.spoiled(homes.closed, tmp_path, monkeypatch)
    store = os.fsencode(home / "state" / "store")
    for place in (b"", b"/notes", b"/documents", b"/backups/auto", b"/.journal", b"/../keys", b"/../audit"):
        for name in NAMES:
            with open(store + place + b"/" + name, "wb"):
                pass
    await serve(home, homes.profile)
    async with run_actor(build, home, profile=homes.profile, name="state_store") as running:
        checked = await running.request(StateCheckRequestEvent())
        repaired = await running.request(StateCheckRequestEvent(repair=True))
    assert "notes/\\xff\\xfe" in {finding.path.replace("\\udc", "\\x") for finding in checked.findings}
    assert repaired.is_sound
    assert all(os.path.lexists(store + b"/notes/" + name) for name in NAMES)


def test_no_value_in_the_file_of_keys_does_more_than_lock_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for call in ("fsync", "fdatasync"):
        monkeypatch.setattr(os, call, lambda _: None)
    monkeypatch.setattr(recovery_code, "MEMORY_KIB", 32)
    monkeypatch.setattr(recovery_code, "ITERATIONS", 1)
    keychain, code = MemoryKeychain(), recovery_code.new_code()
    ring = KeyRing(KeyStore(tmp_path / "keys", keychain))
    ring.unlock(make=True)
    ring.make_recovery_code()
    path, copy = tmp_path / "keys" / key_file.FILE_NAME, tmp_path / "keys" / key_file.COPY_NAME
    stored = open_envelope(path.read_bytes(), limits=key_file.LIMITS)
    for number, (words, content) in enumerate(strange_documents(msgspec.json.encode(stored.value))):
        if number % 3 or "memory_kib=" in words or "iterations=" in words:
            continue  # what they may cost is bounded
        try:
            crafted = seal(
                msgspec.json.decode(content),
                schema=key_file.SCHEMA,
                schema_version=1,
                revision=1,
                now=1.0,
                name=key_file.FILE_NAME,
                limits=key_file.LIMITS,
            )
        except (msgspec.DecodeError, RecursionError, ValueNotStorable):
            continue
        write(path, crafted)
        write(copy, crafted)
        fresh = KeyRing(KeyStore(tmp_path / "keys", keychain))
        fresh.unlock()
        msgspec.msgpack.encode(fresh.report())
        _change(fresh, code, words)


def _change(ring: KeyRing, code: str, words: str) -> None:
    """Rotate and restore; it works, or says why not."""
    for act in (ring.rotate_data_key, ring.rotate_key_encryption_key, lambda: ring.restore(code)):
        try:
            act()
        except KeysLocked as error:
            assert str(error), words


def test_no_value_in_a_file_of_secrets_does_more_than_refuse_them(tmp_path: Path) -> None:
    path = tmp_path / "keychain.json"
    keychain = FileKeychain(path)
    keychain.put("a", "secret")
    for words, content in strange_documents(path.read_bytes()):
        write(path, content)
        try:
            assert keychain.get("a") is None or isinstance(keychain.get("a"), str)
            keychain.put("b", "another")
            assert keychain.get("b") == "another", words
        except KeychainFailed as error:
            assert str(error), words
