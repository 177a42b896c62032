"""The manifest: which models there are, and what it promises of their files."""

from __future__ import annotations

import datetime
from typing import Annotated, Literal

import msgspec

from schemas.bounds import INTEGER_LIMIT, Count, Many, Sentence, UrlText, Word, whole

ModelId = Annotated[
    str, msgspec.Meta(pattern=whole(r"[a-z0-9](?:[a-z0-9._-]{0,98}[a-z0-9])?"), max_length=100)
]
"""Names a directory below that of all models, so it has no separators, and no dot at either end."""

Sha256 = Annotated[str, msgspec.Meta(pattern=whole(r"[0-9a-f]{64}"), max_length=64)]


class Pieces(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Digests of the consecutive pieces of a file, so that damage can be found and repaired piece by piece.

    Attributes:
        size_bytes: length of each piece; the last one may be shorter.
        sha256: one digest for each piece, in order.
    """

    size_bytes: Annotated[int, msgspec.Meta(ge=65_536, le=INTEGER_LIMIT)]
    sha256: Annotated[list[Sha256], msgspec.Meta(min_length=1, max_length=1_000_000)]


class Unpack(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How an archive is unpacked once it is verified; its content replaces it in the model's directory.

    Attributes:
        into: directory below that of the model for the content; empty: the model's own directory.
        strip: how many leading directories of each member's path are dropped.
    """

    format: Literal["zip", "tar", "tar.gz", "tar.bz2", "tar.xz"]
    into: Annotated[str, msgspec.Meta(max_length=200)] = ""
    strip: Annotated[int, msgspec.Meta(ge=0, le=10)] = 0


class FilePromise(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the manifest promises of one file.

    Attributes:
        path: path below the model's directory; relative, with forward slashes, without `..`.
        size_bytes: exact length.
        sha256: digest of the whole file, 64 lower-case hex digits.
        urls: where it can be fetched; the first is tried first, the others are mirrors.
        pieces: digests of its pieces; None: not known.
        unpack: how it is unpacked; None: it is no archive.
    """

    path: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    size_bytes: Count
    sha256: Sha256
    urls: Annotated[list[UrlText], msgspec.Meta(min_length=1, max_length=1000)]
    pieces: Pieces | None = None
    unpack: Unpack | None = None


class ModelEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One model: what it is for, its licence, its files.

    Attributes:
        category: what it is for, such as `stt`.
        revision: distinguishes this content from earlier content under the same id; empty: the digest of its
            promises is used.
        licence_url: where the licence can be read.
        accept_licence: whether a person has to accept the licence before the model may be fetched.
        minimum_runtime: oldest version of Undercroft that may use it (Semantic Versioning 2.0.0); empty: any.
    """

    id: ModelId
    name: Word
    category: Word
    licence: Sentence
    revision: Annotated[str, msgspec.Meta(max_length=100)] = ""
    licence_url: Annotated[str, msgspec.Meta(max_length=2000)] = ""
    accept_licence: bool = False
    minimum_runtime: Annotated[str, msgspec.Meta(max_length=100)] = ""
    files: Annotated[list[FilePromise], msgspec.Meta(min_length=1, max_length=100_000)]

    @property
    def size_bytes(self) -> int:
        """Bytes of all files together."""
        return sum(file.size_bytes for file in self.files)


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The models that an app declares.

    Attributes:
        minimum_runtime: oldest version of Undercroft that may use it (Semantic Versioning 2.0.0); empty: any.
        format: version of this document type.
        version: grows with each published manifest; 0: it never leaves its package.
        issued_at: when it was published (RFC 3339); a fetched manifest needs it.
        expires_at: after this time a newer one should exist, so its absence is suspicious (RFC 3339); a
            fetched manifest needs it.
    """

    format: Count
    models: Many[ModelEntry]
    minimum_runtime: Annotated[str, msgspec.Meta(max_length=100)] = ""
    version: Annotated[int, msgspec.Meta(ge=0, le=2**53)] = 0
    issued_at: Annotated[datetime.datetime, msgspec.Meta(tz=True)] | None = None
    expires_at: Annotated[datetime.datetime, msgspec.Meta(tz=True)] | None = None


class ManifestSignature(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One signature over a manifest.

    Attributes:
        key_id: first 16 hex digits of the SHA-256 of the public key's 32 bytes.
        signature: base64 of an Ed25519 signature (RFC 8032) over `undercroft-manifest-v1`, a newline, and the
            bytes of `manifest` as they stand.
    """

    key_id: Annotated[str, msgspec.Meta(pattern=whole(r"[0-9a-f]{16}"), max_length=16)]
    signature: Annotated[str, msgspec.Meta(max_length=100)]


class SignedManifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A manifest as it is fetched. One signature by a key that the profile pins is enough.

    Attributes:
        manifest: the manifest, byte by byte as it was signed; any other layout breaks the signature.
    """

    manifest: msgspec.Raw
    signatures: Annotated[list[ManifestSignature], msgspec.Meta(min_length=1, max_length=16)]
