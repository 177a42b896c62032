"""A manifest is taken if it is newer than any that was seen, and neither expired nor from the future."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.model_sources.remote_manifest.manifest_freshness import (
    FreshnessVerdict,
    NewestManifest,
    has_expired,
    judge,
)
from schemas.manifest import Manifest

NOW = 1_800_000_000.0
SKEW = 600.0


def moment(seconds: float) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(NOW + seconds, datetime.UTC)


def manifest(version: int = 5, issued: float = -3600, expires: float = 3600, **more: Any) -> Manifest:
    return Manifest(
        format=1, models=[], version=version, issued_at=moment(issued), expires_at=moment(expires), **more
    )


def verdict(
    found: Manifest, newest: NewestManifest | None = None, bundled: int = 0, digest: str = "d"
) -> FreshnessVerdict:
    return judge(found, digest, newest or NewestManifest(), bundled, NOW, SKEW)


@pytest.mark.requirement("S1-34")
def test_a_newer_one_is_taken() -> None:
    assert verdict(manifest(5), NewestManifest(4, "c")).outcome == "take"
    assert verdict(manifest(1)).outcome == "take"


@pytest.mark.requirement("S1-34")
def test_an_older_one_is_refused_whoever_signed_it() -> None:
    assert verdict(manifest(3), NewestManifest(4, "c")) == FreshnessVerdict(
        "refuse", "its version is 3, older than 4, which was seen already"
    )
    assert verdict(manifest(3), bundled=4).outcome == "refuse", "the app came with a newer one"


def test_the_same_one_again_changes_nothing() -> None:
    assert verdict(manifest(5), NewestManifest(5, "d")).outcome == "unchanged"


def test_another_one_of_the_same_version_is_refused() -> None:
    assert "its content differs" in verdict(manifest(5), NewestManifest(5, "other")).problem


def test_the_clock_may_be_wrong_by_so_much() -> None:
    assert verdict(manifest(issued=SKEW)).outcome == "take"
    assert "check the clock" in verdict(manifest(issued=SKEW + 1)).problem
    assert verdict(manifest(expires=-SKEW)).outcome == "take"
    assert "expired at 2027-01-15" in verdict(manifest(expires=-SKEW - 1)).problem


@pytest.mark.parametrize("change", [{"version": 0}, {"issued_at": None}, {"expires_at": None}], ids=str)
def test_one_that_cannot_be_told_from_an_older_one_is_refused(change: dict[str, Any]) -> None:
    found = Manifest(
        **{"format": 1, "models": [], "version": 1, "issued_at": moment(-1), "expires_at": moment(1)} | change
    )
    assert "lacks" in verdict(found).problem


def test_one_in_force_expires_but_goes_on() -> None:
    assert not has_expired(manifest(expires=-SKEW), NOW, SKEW)
    assert has_expired(manifest(expires=-SKEW - 1), NOW, SKEW)
    assert not has_expired(Manifest(format=1, models=[]), NOW, SKEW)


@given(st.lists(st.tuples(st.integers(1, 6), st.sampled_from("ab")), max_size=20))
def test_versions_in_force_never_go_back_whatever_comes(coming: list[tuple[int, str]]) -> None:
    newest = NewestManifest()
    for version, digest in coming:
        if verdict(manifest(version), newest, digest=digest).outcome == "take":
            assert version > newest.version
            newest = NewestManifest(version, digest)


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"])
def test_moments_at_the_ends_of_the_calendar_are_judged_like_others(text: str) -> None:
    end = datetime.datetime.fromisoformat(text)
    for when in ({"issued_at": end, "expires_at": moment(1)}, {"issued_at": moment(-1), "expires_at": end}):
        assert verdict(Manifest(format=1, models=[], version=1, **when)).outcome in ("take", "refuse")
