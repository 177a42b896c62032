"""Signed manifests for tests, of one model, by a key that everybody may know."""

from __future__ import annotations

import datetime
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from actors.shared.manifest.manifest_signature import sign_manifest
from schemas.manifest import FilePromise, Manifest, ModelEntry

KEY, OTHER = Ed25519PrivateKey.from_private_bytes(b"1" * 32), Ed25519PrivateKey.from_private_bytes(b"2" * 32)
NOW = 1_800_000_000.0
PROMISE = FilePromise(path="a.bin", size_bytes=1, sha256="0" * 64, urls=["https://models.example/a.bin"])
ENTRY = ModelEntry(id="a", name="A", category="stt", licence="MIT", files=[PROMISE])


def signed(
    version: int,
    *,
    key: Ed25519PrivateKey = KEY,
    issued: float = -60,
    expires: float = 3600,
    now: float = NOW,
    models: list[ModelEntry] | None = None,
    **more: Any,
) -> bytes:
    """The envelope of a manifest that was issued and expires so many seconds after `now`."""

    def moment(seconds: float) -> datetime.datetime:
        return datetime.datetime.fromtimestamp(now + seconds, datetime.UTC)

    manifest = Manifest(
        format=1,
        models=models or [ENTRY],
        version=version,
        issued_at=moment(issued),
        expires_at=moment(expires),
        **more,
    )
    return sign_manifest(msgspec.json.encode(manifest), [key])
