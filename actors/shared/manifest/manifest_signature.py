"""Opens and signs manifests with Ed25519 (RFC 8032). Pure.

The signature covers the bytes of the manifest as they lie in the envelope; see
docs/decisions/008-signed-manifests.md.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec

from actors.shared.http.answers.json_answers import JsonUnreadable, read_json
from actors.shared.manifest.manifest_reader import MANIFEST_LIMIT_BYTES, ManifestRefused, parse_manifest
from bus.errors import OperatorError
from schemas.manifest import Manifest, ManifestSignature, SignedManifest

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

CONTEXT: Final = b"undercroft-manifest-v1\n"
"""Precedes what is signed, so that a signature over anything else never holds for a manifest."""

KEY_BYTES: Final = 32
ENVELOPE_LIMIT_BYTES: Final = MANIFEST_LIMIT_BYTES + 16 * 1024


class PinnedKeyRefused(OperatorError):
    """A key that the profile pins is no key.

    Attributes:
        position: in the list of keys, from 0.
    """

    position: int
    words = (
        "[manifest] keys[{position}]: expected an Ed25519 public key, 32 bytes in base64, found "
        "something else; correct profile.toml"
    )


@dataclass(frozen=True)
class VerifiedManifest:
    """A manifest whose signature holds.

    Attributes:
        manifest: decoded and checked.
        key_id: of the pinned key that signed it.
        digest: SHA-256 of the signed bytes.
    """

    manifest: Manifest
    key_id: str
    digest: str


def key_id_of(public_key: bytes) -> str:
    """Name of a public key: the first 16 hex digits of its SHA-256."""
    return hashlib.sha256(public_key).hexdigest()[:16]


def read_keys(texts: Iterable[str]) -> dict[str, bytes]:
    """Public keys by key id.

    Args:
        texts: keys in base64, as a profile pins them.

    Raises:
        PinnedKeyRefused: one of them is no key.
    """
    keys = {}
    for position, text in enumerate(texts):
        key = _base64(text)
        if key is None or len(key) != KEY_BYTES:
            raise PinnedKeyRefused(position)
        keys[key_id_of(key)] = key
    return keys


def open_signed_manifest(content: bytes, keys: Mapping[str, bytes], source: str) -> VerifiedManifest:
    """Check the signature, and only then read the manifest.

    Args:
        content: the envelope.
        keys: pinned public keys by key id.
        source: a file or a URL, for errors.

    Raises:
        ManifestRefused: it is no envelope, none of its signatures is by a pinned key and holds, or its
            manifest cannot be used.
    """
    if len(content) > ENVELOPE_LIMIT_BYTES:
        raise ManifestRefused(source, [f"it is longer than {ENVELOPE_LIMIT_BYTES} bytes"])
    try:
        envelope = read_json(content, SignedManifest, ENVELOPE_LIMIT_BYTES)
    except JsonUnreadable as error:
        raise ManifestRefused(source, [f"it is no signed manifest: {error}"]) from error
    signed = bytes(envelope.manifest)
    key_id = next((one.key_id for one in envelope.signatures if _holds(one, signed, keys)), None)
    if key_id is None:
        found, pinned = ", ".join(one.key_id for one in envelope.signatures), ", ".join(keys) or "none"
        problem = f"no signature by a pinned key holds: signed by {found}, pinned are {pinned}"
        raise ManifestRefused(source, [problem])
    return VerifiedManifest(parse_manifest(signed, source), key_id, hashlib.sha256(signed).hexdigest())


def sign_manifest(manifest: bytes, keys: Iterable[Ed25519PrivateKey]) -> bytes:
    """The envelope of a manifest with a signature by each key.

    Args:
        manifest: JSON, kept byte by byte.
        keys: private keys.
    """
    text = manifest.strip()
    signatures = [
        ManifestSignature(
            key_id=key_id_of(key.public_key().public_bytes_raw()),
            signature=base64.b64encode(key.sign(CONTEXT + text)).decode(),
        )
        for key in keys
    ]
    return msgspec.json.encode(SignedManifest(manifest=msgspec.Raw(text), signatures=signatures))


def _holds(signature: ManifestSignature, signed: bytes, keys: Mapping[str, bytes]) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    key, raw = keys.get(signature.key_id), _base64(signature.signature)
    if key is None or raw is None:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(raw, CONTEXT + signed)
    except InvalidSignature:
        return False
    return True


def _base64(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
