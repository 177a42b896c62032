"""Only what a pinned key signed is read, byte by byte as it was signed."""

from __future__ import annotations

import base64
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from actors.shared.manifest.manifest_reader import ManifestRefused
from actors.shared.manifest.manifest_signature import (
    CONTEXT,
    ENVELOPE_LIMIT_BYTES,
    PinnedKeyRefused,
    key_id_of,
    open_signed_manifest,
    read_keys,
    sign_manifest,
)
from tests.support.http_servers import public_key_text

KEY, OTHER = Ed25519PrivateKey.from_private_bytes(b"1" * 32), Ed25519PrivateKey.from_private_bytes(b"2" * 32)
KEYS = read_keys([public_key_text(KEY)])
MANIFEST = b'{ "format": 1,\n  "models": [],   "version": 3 }'


@pytest.mark.requirement("S1-34")
def test_what_a_pinned_key_signed_is_read() -> None:
    verified = open_signed_manifest(sign_manifest(MANIFEST, [KEY]), KEYS, "test")
    assert verified.manifest.version == 3
    assert verified.key_id == next(iter(KEYS))


def test_one_pinned_key_among_several_signatures_is_enough() -> None:
    assert open_signed_manifest(sign_manifest(MANIFEST, [OTHER, KEY]), KEYS, "test").key_id in KEYS


@pytest.mark.requirement("S1-34")
def test_a_signature_by_another_key_is_worth_nothing() -> None:
    with pytest.raises(ManifestRefused, match="no signature by a pinned key holds"):
        open_signed_manifest(sign_manifest(MANIFEST, [OTHER]), KEYS, "test")
    with pytest.raises(ManifestRefused, match="pinned are none"):
        open_signed_manifest(sign_manifest(MANIFEST, [KEY]), {}, "test")


def test_a_foreign_signature_under_a_pinned_key_id_is_worth_nothing() -> None:
    envelope = msgspec.json.decode(sign_manifest(MANIFEST, [OTHER]))
    envelope["signatures"][0]["key_id"] = next(iter(KEYS))
    with pytest.raises(ManifestRefused, match="no signature"):
        open_signed_manifest(msgspec.json.encode(envelope), KEYS, "test")


def test_the_signature_of_something_else_does_not_hold_for_a_manifest() -> None:
    envelope = sign_manifest(MANIFEST, [KEY]).decode()
    bare = base64.b64encode(KEY.sign(MANIFEST)).decode()
    signed = msgspec.json.decode(envelope)["signatures"][0]["signature"]
    assert base64.b64encode(KEY.sign(CONTEXT + MANIFEST)).decode() == signed
    with pytest.raises(ManifestRefused, match="no signature"):
        open_signed_manifest(envelope.replace(signed, bare).encode(), KEYS, "test")


@given(st.data())
def test_no_byte_can_be_changed(data: st.DataObject) -> None:
    envelope = bytearray(sign_manifest(MANIFEST, [KEY]))
    at = data.draw(st.integers(0, len(envelope) - 1))
    envelope[at] ^= data.draw(st.integers(1, 255))
    try:
        verified = open_signed_manifest(bytes(envelope), KEYS, "test")
    except ManifestRefused:
        return
    assert verified.digest == open_signed_manifest(sign_manifest(MANIFEST, [KEY]), KEYS, "test").digest, (
        "only what is beside the manifest and its signature"
    )


def test_a_manifest_laid_out_anew_is_no_longer_the_one_that_was_signed() -> None:
    with pytest.raises(ManifestRefused, match="no signature"):
        open_signed_manifest(msgspec.json.format(sign_manifest(MANIFEST, [KEY]), indent=2), KEYS, "test")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b'{"manifest": {}, "signatures": []}',
        b"[" * 100_000,
        b"\xff",
        b" " * (ENVELOPE_LIMIT_BYTES + 1),
    ],
)
def test_what_is_no_envelope_is_refused(content: bytes) -> None:
    with pytest.raises(ManifestRefused, match="test"):
        open_signed_manifest(content, KEYS, "test")


def test_a_signed_manifest_that_is_not_safe_is_refused_all_the_same() -> None:
    with pytest.raises(ManifestRefused, match="format is 2"):
        open_signed_manifest(sign_manifest(b'{"format": 2, "models": []}', [KEY]), KEYS, "test")


@pytest.mark.parametrize("text", ["", "AAAA", "not base64!", base64.b64encode(b"1" * 33).decode(), "\u00fc"])
def test_a_pinned_key_that_is_none_is_named(text: str) -> None:
    with pytest.raises(PinnedKeyRefused, match=r"keys\[1\]"):
        read_keys([public_key_text(KEY), text])


def test_a_key_id_is_the_beginning_of_a_digest() -> None:
    assert key_id_of(b"\0" * 32) == "66687aadf862bd77"


def test_a_signature_that_is_no_base64_is_worth_nothing() -> None:
    envelope: dict[str, Any] = msgspec.json.decode(sign_manifest(MANIFEST, [KEY]))
    envelope["signatures"][0]["signature"] = "?"
    with pytest.raises(ManifestRefused, match="no signature"):
        open_signed_manifest(msgspec.json.encode(envelope), KEYS, "test")


@pytest.mark.requirement("S1-34")
def test_signature_is_checked_before_anything_is_read_from_the_manifest() -> None:
    unusable = b'{"format": 2, "models": [{"id": "../../etc"}]}'
    with pytest.raises(ManifestRefused, match="no signature by a pinned key holds") as caught:
        open_signed_manifest(sign_manifest(unusable, [OTHER]), KEYS, "test")
    assert len(caught.value.problems) == 1
    with pytest.raises(ManifestRefused) as caught:
        open_signed_manifest(sign_manifest(unusable, [KEY]), KEYS, "test")
    assert "signature" not in str(caught.value)
