"""The signed manifest that was fetched last: kept as it came, in one file, and checked again whenever it is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from actors.model_sources.manifest_freshness import Newest
from actors.shared.durable.durable_write import make_directory, replace_file
from actors.shared.durable.quarantine import quarantine
from actors.shared.manifest.manifest_reader import ManifestRefused
from actors.shared.manifest.manifest_signature import ENVELOPE_LIMIT_BYTES, Verified, open_signed_manifest

FORMAT: Final = 1
FILE_LIMIT_BYTES: Final = 6 * ENVELOPE_LIMIT_BYTES + 64 * 1024
"""An envelope in a JSON string may take six bytes for one."""


NEVER: Final = Newest()


class _Stored(msgspec.Struct, kw_only=True):
    """`envelope` is byte by byte what came; the rest says what it was when it was taken."""

    format: int
    url: str
    key_id: str
    version: int
    digest: str
    fetched_at: float
    envelope: str


@dataclass(frozen=True)
class Kept:
    """What was found on disk.

    Attributes:
        verified: the manifest, if it still holds.
        newest: guards against an older one, even if the manifest itself holds no more.
        problem: why it holds no more, or cannot be read.
    """

    verified: Verified | None = None
    newest: Newest = NEVER
    problem: str = ""


def read_kept(path: Path, keys: Mapping[str, bytes]) -> Kept:
    """Read and check what was kept; the signature is checked against the keys that are pinned now.

    A key that is pinned no more starts anew: its versions say nothing about those of another key.

    Raises:
        OSError: the file is there but cannot be read.
    """
    try:
        with path.open("rb") as file:
            content = file.read(FILE_LIMIT_BYTES + 1)
    except FileNotFoundError:
        return Kept()
    try:
        stored = msgspec.json.decode(content, type=_Stored)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        aside = quarantine(path)
        return Kept(
            problem=f"{path}: cannot be read ({error}); it was put aside as {aside.name}, the models that came with the app are in force"
        )
    if stored.key_id not in keys:
        return Kept(
            problem=f"{path}: was signed by {stored.key_id}, which the profile pins no more; it is not in force"
        )
    newest = Newest(stored.version, stored.digest)
    try:
        verified = open_signed_manifest(stored.envelope.encode(), keys, str(path))
    except ManifestRefused as refused:
        return Kept(None, newest, str(refused))
    return Kept(verified, newest)


def keep(path: Path, url: str, envelope: bytes, verified: Verified, now: float) -> None:
    """Put a manifest that was taken on disk, with what guards against an older one, in one step.

    Raises:
        DurableWriteFailed: it is not on disk; the former one still is.
    """
    stored = _Stored(
        format=FORMAT,
        url=url,
        key_id=verified.key_id,
        version=verified.manifest.version,
        digest=verified.digest,
        fetched_at=now,
        envelope=envelope.decode(),
    )
    make_directory(path.parent)
    replace_file(path, msgspec.json.encode(stored))
