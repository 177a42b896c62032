"""Whether a signed manifest that came may take the place of the one in force. Pure, and handed the time.

A signature says who wrote a manifest, not that it is the newest: an old one, signed as well, would bring back
models that were withdrawn (rollback), and one that never changes would hide new ones (freeze). See The Update
Framework,
sections 5.3 to 5.4.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Literal

from schemas.manifest import Manifest


@dataclass(frozen=True)
class Newest:
    """The newest manifest that was ever taken.

    Attributes:
        version: its version; 0 for none.
        digest: SHA-256 of its bytes; empty for none.
    """

    version: int = 0
    digest: str = ""


@dataclass(frozen=True)
class Verdict:
    """What becomes of a manifest that came; `problem` says why it is refused."""

    outcome: Literal["take", "unchanged", "refuse"]
    problem: str = ""


def judge(
    manifest: Manifest, digest: str, newest: Newest, bundled_version: int, now: float, max_skew_seconds: float
) -> Verdict:
    """Compare a manifest with the newest that was taken (`newest`), the one that came with the app, and the clock (seconds since the Unix epoch)."""
    if manifest.version < 1 or manifest.issued_at is None or manifest.expires_at is None:
        return Verdict(
            "refuse", "it lacks version, issued_at or expires_at, which a manifest needs that is fetched"
        )
    floor = max(newest.version, bundled_version)
    if manifest.version < floor:
        return Verdict(
            "refuse", f"its version is {manifest.version}, older than {floor}, which was seen already"
        )
    if manifest.version == newest.version and digest != newest.digest:
        return Verdict(
            "refuse",
            f"its version is {manifest.version}, as that of the one in force, but it says something else",
        )
    if manifest.issued_at.timestamp() > now + max_skew_seconds:
        return Verdict(
            "refuse",
            f"it was issued at {shown(manifest.issued_at)}, later than this machine's clock says; check the clock",
        )
    if manifest.expires_at.timestamp() < now - max_skew_seconds:
        return Verdict(
            "refuse",
            f"it expired at {shown(manifest.expires_at)}; check the clock, or ask the app's makers for a newer one",
        )
    return Verdict("unchanged" if manifest.version == newest.version else "take")


def has_expired(manifest: Manifest, now: float, max_skew_seconds: float) -> bool:
    """Whether the manifest in force is so old that a newer one may be withheld. It stays in force all the same."""
    return manifest.expires_at is not None and manifest.expires_at.timestamp() < now - max_skew_seconds


def shown(moment: datetime.datetime) -> str:
    """A moment for people, in UTC."""
    return moment.astimezone(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
