"""What was fetched last is kept in one file, and checked again with the keys that are pinned now."""

from __future__ import annotations

import datetime
import json
import stat
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from actors.model_sources.remote_manifest.manifest_freshness import NewestManifest
from actors.model_sources.remote_manifest.manifest_store import RemoteManifestStore, StoredManifest
from actors.shared.manifest.manifest_signature import open_signed_manifest, read_keys, sign_manifest
from schemas.manifest import Manifest
from tests.support.http_servers import public_key_text

KEY, OTHER = Ed25519PrivateKey.from_private_bytes(b"1" * 32), Ed25519PrivateKey.from_private_bytes(b"2" * 32)
KEYS, OTHERS = read_keys([public_key_text(KEY)]), read_keys([public_key_text(OTHER)])
MOMENT = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


def stored(path: Path, version: int = 3) -> NewestManifest:
    text = msgspec.json.encode(
        Manifest(format=1, models=[], version=version, issued_at=MOMENT, expires_at=MOMENT)
    )
    envelope = sign_manifest(text, [KEY])
    verified = open_signed_manifest(envelope, KEYS, "test")
    RemoteManifestStore(path, KEYS).write("https://m", envelope, verified, 1.0)
    return NewestManifest(version, verified.digest)


def test_what_was_kept_is_there_again_and_guards_against_an_older_one(tmp_path: Path) -> None:
    path = tmp_path / "new" / "remote.json"
    assert RemoteManifestStore(path, KEYS).read() == StoredManifest()
    newest = stored(path)
    found = RemoteManifestStore(path, KEYS).read()
    assert found.newest == newest
    assert found.verified is not None
    assert found.verified.manifest.version == 3
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_key_that_is_pinned_no_more_starts_anew(tmp_path: Path) -> None:
    stored(tmp_path / "remote.json")
    found = RemoteManifestStore(tmp_path / "remote.json", OTHERS).read()
    assert (found.verified, found.newest) == (None, NewestManifest())
    assert "no longer pins" in found.problem


def test_what_was_changed_on_disk_is_not_in_force_but_still_guards(tmp_path: Path) -> None:
    path = tmp_path / "remote.json"
    newest = stored(path)
    path.write_text(path.read_text().replace(r"\"models\":[]", r"\"models\":[ ]"))
    found = RemoteManifestStore(path, KEYS).read()
    assert (found.verified, found.newest) == (None, newest)
    assert "no signature by a pinned key holds" in found.problem


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", json.dumps({"format": 1}).encode()])
def test_what_cannot_be_read_is_put_aside(tmp_path: Path, content: bytes) -> None:
    store = RemoteManifestStore(tmp_path / "remote.json", KEYS)
    (tmp_path / "remote.json").write_bytes(content)
    assert "renamed to remote.json.corrupt" in store.read().problem
    assert store.read() == StoredManifest()
