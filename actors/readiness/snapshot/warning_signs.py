"""Counts warning signs: patterns in the events of one model that point to a deeper fault. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from schemas.models import ModelDownloadProgressedEvent, ModelStatus, ModelVerificationFailedEvent
from schemas.readiness import SignKind, WarningSign

FAST_SECONDS: Final = 60.0
"""A checksum that fails this soon after a resume points to the bytes that were there before."""

SIGN_LIMIT: Final = 500
"""Most signs that are counted, so that the snapshot stays small."""

UNDER_WAY: Final = ("queued", "downloading", "verifying")


@dataclass(frozen=True)
class DownloadTrail:
    """What is remembered about the download of one model.

    Attributes:
        attempt, durable_bytes: of its last progress.
        resumed_at: when it was last resumed with bytes on disk; None if it started from nothing.
        is_excused: the next loss of bytes is no sign, because they were discarded for another reason.
    """

    attempt: int = 0
    durable_bytes: int = 0
    resumed_at: float | None = None
    is_excused: bool = False


@dataclass(frozen=True)
class WarningSigns:
    """Everything that was counted.

    Attributes:
        counted: kind and model to the sign.
        trails: id of each model to what is remembered about its download.
    """

    counted: Mapping[tuple[SignKind, str], WarningSign] = field(default_factory=dict)
    trails: Mapping[str, DownloadTrail] = field(default_factory=dict)

    def __iter__(self) -> Iterator[WarningSign]:
        return iter(sorted(self.counted.values(), key=lambda sign: (sign.model_id, sign.kind)))


def taken_over(former: list[WarningSign]) -> WarningSigns:
    """The signs that an earlier life of the actor had counted."""
    return WarningSigns({(sign.kind, sign.model_id): sign for sign in former})


def after_progress(signs: WarningSigns, event: ModelDownloadProgressedEvent, now: float) -> WarningSigns:
    """Count lost bytes: with a new attempt, the server answered 200 where it had answered 206."""
    trail = signs.trails.get(event.model_id, DownloadTrail())
    is_flip = (
        event.attempt > trail.attempt and event.durable_bytes < trail.durable_bytes and not trail.is_excused
    )
    followed = replace(trail, attempt=event.attempt, durable_bytes=event.durable_bytes, is_excused=False)
    signs = _follow(signs, event.model_id, followed)
    return _count(signs, "range_flip", event.model_id, now) if is_flip else signs


def after_state(
    signs: WarningSigns, before: ModelStatus | None, status: ModelStatus, now: float
) -> WarningSigns:
    """Note a resume, which is a download that starts with bytes on disk; count a full disk."""
    trail = signs.trails.get(status.model_id, DownloadTrail())
    was_under_way = before is not None and before.state in UNDER_WAY
    if status.state in ("queued", "downloading") and (not was_under_way or status.problem):
        durable = max(trail.durable_bytes, status.durable_bytes)
        trail = replace(trail, durable_bytes=durable, resumed_at=now if status.durable_bytes else None)
    if status.state in ("absent", "installed"):
        trail = DownloadTrail()
    elif status.problem_kind == "mismatch":
        trail = replace(trail, is_excused=True)
    signs = _follow(signs, status.model_id, trail)
    is_new = before is None or (before.problem_kind, before.problem) != (status.problem_kind, status.problem)
    return (
        _count(signs, "disk_full", status.model_id, now)
        if status.problem_kind == "space" and is_new
        else signs
    )


def after_verification(signs: WarningSigns, event: ModelVerificationFailedEvent, now: float) -> WarningSigns:
    """Count files that differ from their manifest, and whether that happened soon after a resume."""
    trail = signs.trails.get(event.model_id, DownloadTrail())
    for aspect, kind in _KINDS.items():
        if found := sum(finding.aspect == aspect for finding in event.findings):
            signs = _count(signs, kind, event.model_id, now, found)
    is_fast = trail.resumed_at is not None and now - trail.resumed_at <= FAST_SECONDS
    if is_fast and any(finding.aspect == "sha256" for finding in event.findings):
        signs = _count(signs, "fast_mismatch", event.model_id, now)
    return _follow(signs, event.model_id, replace(trail, is_excused=True))


_KINDS: Final[dict[str, SignKind]] = {"size": "size_mismatch", "sha256": "hash_mismatch"}


def _follow(signs: WarningSigns, model_id: str, trail: DownloadTrail) -> WarningSigns:
    return replace(signs, trails={**signs.trails, model_id: trail})


def _count(signs: WarningSigns, kind: SignKind, model_id: str, now: float, amount: int = 1) -> WarningSigns:
    key = (kind, model_id)
    known = signs.counted.get(key)
    if known is None and len(signs.counted) >= SIGN_LIMIT:
        return signs
    count = amount + (known.count if known else 0)
    return replace(
        signs,
        counted={**signs.counted, key: WarningSign(kind=kind, model_id=model_id, count=count, last_at=now)},
    )
