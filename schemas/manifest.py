"""Documents that say which models there are and what their files promise."""

from __future__ import annotations

import datetime
from typing import Annotated, Literal

import msgspec

ModelId = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9](?:[a-z0-9._-]{0,98}[a-z0-9])?$", max_length=100)]
"""Names a directory below the models root, so it has no separators, no leading dot and no trailing one."""

Sha256 = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$")]


class Pieces(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Digests of the consecutive pieces of a file, so that damage can be found and mended piece by piece.

    Attributes:
        size_bytes: length of each piece; the last one may be shorter.
        sha256: one digest a piece, in order.
    """

    size_bytes: Annotated[int, msgspec.Meta(ge=65_536)]
    sha256: Annotated[list[Sha256], msgspec.Meta(min_length=1, max_length=1_000_000)]


class Unpack(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file that is an archive: once it is verified, its content takes its place in the model's directory.

    Attributes:
        into: directory below the model's, where the content goes; empty for the model's directory itself.
        strip: so many leading directories of each member's path are dropped.
    """

    format: Literal["zip", "tar", "tar.gz", "tar.bz2", "tar.xz"]
    into: Annotated[str, msgspec.Meta(max_length=200)] = ""
    strip: Annotated[int, msgspec.Meta(ge=0, le=10)] = 0


class FilePromise(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the manifest promises of one file.

    Attributes:
        path: where the file lies below the model's directory; relative, with forward slashes, without `..`.
        size_bytes: exact length.
        sha256: digest of the whole file, 64 lower-case hex digits.
        urls: where it can be fetched; the first is tried first, the others are its mirrors.
        pieces: digests of its pieces, where they are known.
        unpack: how it is unpacked, if it is an archive.
    """

    path: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    size_bytes: Annotated[int, msgspec.Meta(ge=0)]
    sha256: Sha256
    urls: Annotated[list[str], msgspec.Meta(min_length=1)]
    pieces: Pieces | None = None
    unpack: Unpack | None = None


class ModelEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One model: what it is for, its licence, its files.

    Attributes:
        revision: tells this content from what the same id meant before; empty: the digest of its promises
            stands in.
        licence_url: where the licence can be read.
        accept_licence: whether a person has to accept the licence before the model may be fetched.
        minimum_runtime: oldest version of Undercroft that may use it (Semantic Versioning 2.0.0); empty for
            any.
    """

    id: ModelId
    name: str
    category: str
    licence: str
    revision: Annotated[str, msgspec.Meta(max_length=100)] = ""
    licence_url: Annotated[str, msgspec.Meta(max_length=2000)] = ""
    accept_licence: bool = False
    minimum_runtime: Annotated[str, msgspec.Meta(max_length=100)] = ""
    files: Annotated[list[FilePromise], msgspec.Meta(min_length=1)]

    @property
    def size_bytes(self) -> int:
        """Bytes of all files together."""
        return sum(file.size_bytes for file in self.files)


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The models that an app declares.

    Attributes:
        minimum_runtime: oldest version of Undercroft that may use it (Semantic Versioning 2.0.0); empty for
            any.
        version: counts up with each manifest that is published; 0 for one that never leaves its package.
        issued_at: when it was published (RFC 3339); needed for one that is fetched.
        expires_at: until when nobody needs to worry that a newer one is withheld (RFC 3339); needed for one
            that is fetched.
    """

    format: int
    models: list[ModelEntry]
    minimum_runtime: Annotated[str, msgspec.Meta(max_length=100)] = ""
    version: Annotated[int, msgspec.Meta(ge=0, le=2**53)] = 0
    issued_at: Annotated[datetime.datetime, msgspec.Meta(tz=True)] | None = None
    expires_at: Annotated[datetime.datetime, msgspec.Meta(tz=True)] | None = None


class ManifestSignature(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One signature over a manifest.

    Attributes:
        key_id: first 16 hex digits of the SHA-256 of the public key's 32 bytes.
        signature: Ed25519 (RFC 8032) over `undercroft-manifest-v1`, a newline, and the bytes of `manifest` as
            they stand; base64.
    """

    key_id: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{16}$")]
    signature: Annotated[str, msgspec.Meta(max_length=100)]


class SignedManifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A manifest as it is fetched: with signatures, of which one by a key that the profile pins is enough.

    Attributes:
        manifest: a manifest, byte by byte what was signed: laid out anew, the signature holds no more.
    """

    manifest: msgspec.Raw
    signatures: Annotated[list[ManifestSignature], msgspec.Meta(min_length=1, max_length=16)]
