"""Retention: as restic does it, and never the last good one."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.state_store.backups.backup_retention import BackupRetention, RetentionCandidate, judge

counts = st.integers(0, 6)
retentions = st.builds(BackupRetention, counts, counts, counts, counts, counts)
candidates = st.lists(
    st.tuples(
        st.integers(1_600_000_000, 1_610_000_000), st.booleans(), st.sampled_from([True, True, True, False])
    ),
    max_size=40,
).map(
    lambda found: [
        RetentionCandidate(f"b{number}", float(at), exempt, good)
        for number, (at, exempt, good) in enumerate(found)
    ]
)


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def kept(retention: BackupRetention, *made: str) -> list[str]:
    found = judge([RetentionCandidate(text, at(text)) for text in made], retention)
    return [verdict.id for verdict in found if verdict.is_kept]


@given(candidates)
def test_an_empty_policy_keeps_everything(found: list[RetentionCandidate]) -> None:
    assert all(verdict.is_kept for verdict in judge(found, BackupRetention()))


@given(candidates, retentions)
def test_the_newest_good_one_stays_and_so_does_what_was_made_by_hand(
    found: list[RetentionCandidate], retention: BackupRetention
) -> None:
    stays = {verdict.id for verdict in judge(found, retention) if verdict.is_kept}
    assert {one.id for one in found if one.is_exempt} <= stays
    good = [one for one in found if one.is_good]
    if good:
        assert max(good, key=lambda one: (one.made_at, one.id)).id in stays


@given(candidates, retentions)
def test_what_is_judged_again_after_the_rest_went_stays(
    found: list[RetentionCandidate], retention: BackupRetention
) -> None:
    stays = {verdict.id for verdict in judge(found, retention) if verdict.is_kept}
    again = judge([one for one in found if one.id in stays], retention)
    assert {verdict.id for verdict in again if verdict.is_kept} == stays


@given(candidates, retentions)
def test_no_more_stay_than_the_rules_add_up_to(
    found: list[RetentionCandidate], retention: BackupRetention
) -> None:
    if retention == BackupRetention() or not any(one.is_good for one in found):
        return
    rotated = [one for one in found if not one.is_exempt]
    stays = {verdict.id for verdict in judge(found, retention) if verdict.is_kept} & {
        one.id for one in rotated
    }
    assert (
        len(stays)
        <= retention.last + retention.hourly + retention.daily + retention.weekly + retention.monthly + 1
    )


@given(candidates, retentions, st.sampled_from(["last", "hourly", "daily", "weekly", "monthly"]))
def test_a_rule_more_never_lets_anything_go(
    found: list[RetentionCandidate], retention: BackupRetention, rule: str
) -> None:
    if retention == BackupRetention():
        return
    more = BackupRetention(**{**vars(retention), rule: getattr(retention, rule) + 1})
    before = {
        verdict.id
        for verdict in judge(found, retention)
        if verdict.is_kept and "none is good" not in verdict.reasons
    }
    assert before <= {verdict.id for verdict in judge(found, more) if verdict.is_kept}


@pytest.mark.requirement("S3-19")
def test_each_rule_keeps_the_newest_of_its_period_and_periods_without_one_do_not_count() -> None:
    made = [
        "2026-01-01T08:00",
        "2026-01-01T20:00",
        "2026-01-05T09:00",
        "2026-01-05T09:30",
        "2026-03-01T00:00",
    ]
    assert kept(BackupRetention(last=2), *made) == ["2026-03-01T00:00", "2026-01-05T09:30"]
    assert kept(BackupRetention(daily=3), *made) == [
        "2026-03-01T00:00",
        "2026-01-05T09:30",
        "2026-01-01T20:00",
    ]
    assert kept(BackupRetention(hourly=3), *made) == [
        "2026-03-01T00:00",
        "2026-01-05T09:30",
        "2026-01-01T20:00",
    ]
    assert kept(BackupRetention(monthly=2), *made) == ["2026-03-01T00:00", "2026-01-05T09:30"]
    assert kept(BackupRetention(weekly=5), *made) == [
        "2026-03-01T00:00",
        "2026-01-05T09:30",
        "2026-01-01T20:00",
    ]
    assert kept(BackupRetention(last=1, monthly=2), *made) == ["2026-03-01T00:00", "2026-01-05T09:30"], (
        "rules are OR-ed"
    )


def test_a_week_at_the_turn_of_the_year_is_one_week() -> None:
    assert kept(BackupRetention(weekly=2), "2025-12-29T12:00", "2026-01-02T12:00") == ["2026-01-02T12:00"]


def test_a_bad_one_takes_no_place_of_a_good_one_and_is_all_that_stays_where_there_is_nothing_better() -> None:
    found = [RetentionCandidate("good", 1.0), RetentionCandidate("bad", 2.0, is_good=False)]
    assert [verdict.id for verdict in judge(found, BackupRetention(last=1)) if verdict.is_kept] == ["good"]
    assert all(
        verdict.is_kept
        for verdict in judge([RetentionCandidate("bad", 2.0, is_good=False)], BackupRetention(last=1))
    )
