"""Documents that say which models there are and what their files promise."""

from __future__ import annotations

from typing import Annotated

import msgspec

ModelId = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9](?:[a-z0-9._-]{0,98}[a-z0-9])?$", max_length=100)]
"""Names a directory below the models root, so it has no separators, no leading dot and no trailing one."""

Sha256 = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$")]


class FilePromise(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the manifest promises of one file.

    Attributes:
        path: where the file lies below the model's directory; relative, with forward slashes, without `..`.
        size_bytes: exact length.
        sha256: digest of the whole file, 64 lower-case hex digits.
        urls: where it can be fetched; the first is tried first.
    """

    path: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    size_bytes: Annotated[int, msgspec.Meta(ge=0)]
    sha256: Sha256
    urls: Annotated[list[str], msgspec.Meta(min_length=1)]


class ModelEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One model: what it is for, its licence, its files."""

    id: ModelId
    name: str
    category: str
    licence: str
    files: Annotated[list[FilePromise], msgspec.Meta(min_length=1)]

    @property
    def size_bytes(self) -> int:
        """Bytes of all files together."""
        return sum(file.size_bytes for file in self.files)


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The models that an app declares.

    Attributes:
        minimum_runtime: oldest version of Undercroft that may use it (Semantic Versioning 2.0.0); empty for any.
    """

    format: int
    models: list[ModelEntry]
    minimum_runtime: Annotated[str, msgspec.Meta(max_length=100)] = ""
