"""Whether a signed manifest may replace the one that applies. Pure: handed the time.

A signature says who wrote a manifest, not that it is the newest. An old one, also signed, would restore
withdrawn models (rollback), and one that never changes would hide new ones (freeze). See The Update
Framework, sections 5.3 to 5.4.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Literal

from actors.shared.text import utc_time
from schemas.manifest import Manifest


@dataclass(frozen=True)
class NewestManifest:
    """The newest manifest that was ever taken.

    Attributes:
        version: its version; 0 for none.
        digest: SHA-256 of its bytes; empty for none.
    """

    version: int = 0
    digest: str = ""


@dataclass(frozen=True)
class FreshnessVerdict:
    """What to do with a manifest; `problem` says why it is refused."""

    outcome: Literal["take", "unchanged", "refuse"]
    problem: str = ""


def judge(
    manifest: Manifest,
    digest: str,
    newest: NewestManifest,
    bundled_version: int,
    now: float,
    max_skew_seconds: float,
) -> FreshnessVerdict:
    """Compare a manifest with the newest one, the bundled one and the clock.

    Args:
        manifest: was fetched, and its signature holds.
        digest: SHA-256 of its bytes.
        newest: was taken before.
        bundled_version: of the manifest that comes with the app.
        now: seconds since the Unix epoch.
        max_skew_seconds: how far this clock may be wrong.
    """
    if manifest.version < 1 or manifest.issued_at is None or manifest.expires_at is None:
        return _refuse("it lacks version, issued_at or expires_at, which a fetched manifest needs")
    floor = max(newest.version, bundled_version)
    if manifest.version < floor:
        return _refuse(f"its version is {manifest.version}, older than {floor}, which was seen already")
    if manifest.version == newest.version and digest != newest.digest:
        return _refuse(
            f"its version is {manifest.version}, the same as that of the one that applies, "
            "but its content differs"
        )
    if manifest.issued_at.timestamp() > now + max_skew_seconds:
        issued = shown_time(manifest.issued_at)
        return _refuse(f"it was issued at {issued}, which is in the future by this clock; check the clock")
    if has_expired(manifest, now, max_skew_seconds):
        expired = shown_time(manifest.expires_at)
        return _refuse(f"it expired at {expired}; check the clock, or ask the app's makers for a newer one")
    return FreshnessVerdict("unchanged" if manifest.version == newest.version else "take")


def has_expired(manifest: Manifest, now: float, max_skew_seconds: float) -> bool:
    """Whether a manifest is so old that somebody may withhold a newer one. It applies nevertheless."""
    return manifest.expires_at is not None and manifest.expires_at.timestamp() < now - max_skew_seconds


def shown_time(moment: datetime.datetime) -> str:
    """Return a moment for people, in UTC."""
    return utc_time(moment.timestamp())


def _refuse(problem: str) -> FreshnessVerdict:
    return FreshnessVerdict("refuse", problem)
