"""Retention deletes what a rule says, and nothing where no rule says anything."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.history.entries.entry_retention import DAY_SECONDS, MIB, EntryRetentionRules, expired_ids

NOW = 1_000 * DAY_SECONDS
ENTRIES = [(str(age), NOW - age * DAY_SECONDS, MIB // 2) for age in range(10)]


def test_zero_never_means_that_everything_goes() -> None:
    assert EntryRetentionRules().limit_nothing
    assert expired_ids(ENTRIES, EntryRetentionRules(), NOW) == []


@pytest.mark.parametrize(
    ("rules", "kept"),
    [
        (EntryRetentionRules(days=3), 4),
        (EntryRetentionRules(entries=6), 6),
        (EntryRetentionRules(mib=1), 2),
        (EntryRetentionRules(days=8, entries=5, mib=4), 5),
        (EntryRetentionRules(entries=100), 10),
    ],
)
def test_each_rule_keeps_the_newest(rules: EntryRetentionRules, kept: int) -> None:
    assert expired_ids(ENTRIES, rules, NOW) == [entry_id for entry_id, _, _ in ENTRIES[kept:]]


def test_the_newest_entry_stays_however_large_it_is() -> None:
    assert expired_ids([("large", NOW, 5 * MIB), ("older", NOW, 1)], EntryRetentionRules(mib=1), NOW) == [
        "older"
    ]


@given(
    st.lists(st.tuples(st.floats(0, NOW), st.integers(0, MIB))),
    st.integers(0, 2000),
    st.integers(0, 20),
    st.integers(0, 3),
)
def test_what_is_kept_fits_every_rule(
    found: list[tuple[float, int]], days: int, entries: int, mib: int
) -> None:
    rows = [(str(number), at, size) for number, (at, size) in enumerate(found)]
    going = set(expired_ids(rows, EntryRetentionRules(days, entries, mib), NOW))
    kept = [row for row in rows if row[0] not in going]
    assert not entries or len(kept) <= entries
    assert not days or all(at >= NOW - days * DAY_SECONDS for _, at, _ in kept)
    assert not mib or sum(size for _, _, size in kept) <= mib * MIB
    assert days or entries or mib or not going


@pytest.mark.parametrize(
    "found", [{}, {"history": {}}, {"history": {"keep_days": -1, "keep_entries": "5", "keep_mib": True}}]
)
def test_settings_that_say_nothing_sensible_set_no_limit(found: dict[str, object]) -> None:
    assert EntryRetentionRules.of(found).limit_nothing


def test_settings_become_rules() -> None:
    assert EntryRetentionRules.of(
        {"history": {"keep_days": 3, "keep_entries": 4, "keep_mib": 5}}
    ) == EntryRetentionRules(3, 4, 5)
    with pytest.raises(ValueError, match=r"0 \(no limit\)"):
        EntryRetentionRules(days=-1)
