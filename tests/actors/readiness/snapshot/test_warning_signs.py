"""WarningSigns of deeper faults are counted from what happens to a model, and nothing harmless is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.readiness.snapshot.warning_signs import (
    FAST_SECONDS,
    WarningSigns,
    after_progress,
    after_state,
    after_verification,
    taken_over,
)
from schemas.models import ModelVerificationFailedEvent, VerificationFinding
from schemas.readiness import WarningSign
from tests.support.readiness_lab import NOW, progress_event, status

pytestmark = pytest.mark.requirement("S1-37")


def failed(*aspects: str) -> ModelVerificationFailedEvent:
    findings = [VerificationFinding(path="f", aspect=aspect, found="x", expected="y") for aspect in aspects]  # type: ignore[arg-type]
    return ModelVerificationFailedEvent(model_id="base", findings=findings)


def counted(signs: WarningSigns) -> dict[str, int]:
    return {sign.kind: sign.count for sign in signs}


def resumed(at: float = NOW) -> WarningSigns:
    return after_state(
        WarningSigns(),
        status("base", "partial", durable_bytes=500),
        status("base", "queued", durable_bytes=500),
        at,
    )


def test_a_checksum_that_fails_soon_after_a_resume_is_a_fast_one() -> None:
    assert counted(after_verification(resumed(), failed("sha256"), NOW + FAST_SECONDS)) == {
        "hash_mismatch": 1,
        "fast_mismatch": 1,
    }
    assert counted(after_verification(resumed(), failed("sha256"), NOW + FAST_SECONDS + 1)) == {
        "hash_mismatch": 1
    }
    fresh = after_state(WarningSigns(), status("base", "absent"), status("base", "queued"), NOW)
    assert counted(after_verification(fresh, failed("sha256"), NOW)) == {"hash_mismatch": 1}


def test_a_retry_with_bytes_on_disk_is_a_resume_too() -> None:
    running = status("base", "downloading", durable_bytes=500)
    again = status("base", "downloading", durable_bytes=500, problem="reset; trying again in 1 s")
    assert (
        counted(
            after_verification(after_state(WarningSigns(), running, again, NOW), failed("sha256"), NOW + 1)
        )["fast_mismatch"]
        == 1
    )


def test_wrong_sizes_and_hashes_are_counted_by_file() -> None:
    signs = after_verification(WarningSigns(), failed("size", "sha256", "sha256", "missing"), NOW)
    assert counted(after_verification(signs, failed("size"), NOW)) == {"size_mismatch": 2, "hash_mismatch": 2}


def test_bytes_that_go_back_with_a_new_attempt_are_a_flip() -> None:
    signs = after_progress(
        after_progress(WarningSigns(), progress_event("base", 500, 1), NOW),
        progress_event("base", 10, 2),
        NOW,
    )
    assert counted(signs) == {"range_flip": 1}


def test_a_resume_that_begins_anew_is_a_flip_too() -> None:
    assert counted(after_progress(resumed(), progress_event("base", 10, 7), NOW)) == {"range_flip": 1}
    assert counted(after_progress(resumed(), progress_event("base", 500, 7), NOW)) == {}


def test_bytes_that_went_because_they_were_wrong_or_thrown_away_are_no_flip() -> None:
    begun = after_progress(WarningSigns(), progress_event("base", 1000, 1), NOW)
    wrong = after_progress(
        after_verification(begun, failed("missing"), NOW), progress_event("base", 10, 2), NOW
    )
    assert counted(wrong) == {}
    dropped = after_state(begun, status("base", "partial"), status("base", "absent"), NOW)
    assert counted(after_progress(dropped, progress_event("base", 10, 2), NOW)) == {}
    portal = status("base", "downloading", problem="HTML instead", problem_kind="mismatch")
    assert (
        counted(after_progress(after_state(begun, None, portal, NOW), progress_event("base", 10, 2), NOW))
        == {}
    )


def test_each_time_the_disk_is_full_counts_once_however_often_it_is_told() -> None:
    full = status("base", "failed", problem="no space", problem_kind="space")
    again = status("base", "downloading")
    signs = after_state(after_state(WarningSigns(), again, full, NOW), full, full, NOW)
    signs = after_state(after_state(signs, full, again, NOW), again, full, NOW)
    assert counted(signs) == {"disk_full": 2}


def test_a_new_life_goes_on_with_what_was_counted() -> None:
    former = [WarningSign(kind="disk_full", model_id="base", count=3, last_at=NOW)]
    signs = after_state(
        taken_over(former), None, status("base", "failed", problem="no space", problem_kind="space"), NOW
    )
    assert counted(signs) == {"disk_full": 4}


@given(st.lists(st.integers(0, 1000), max_size=50))
def test_one_attempt_never_flips(durable: list[int]) -> None:
    signs = WarningSigns()
    for durable_bytes in durable:
        signs = after_progress(signs, progress_event("base", durable_bytes, 1), NOW)
    assert counted(signs) == {}
