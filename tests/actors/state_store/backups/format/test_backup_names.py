"""Ids of backups: what goes in comes out, and nothing else is one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.state_store.backups.format.backup_names import (
    KINDS,
    division_of,
    make_id,
    parse_former_value,
    parse_id,
    slug_of,
)

NOON = 1767268800.0  # 2026-01-01T12:00:00Z


def test_an_id_says_when_why_under_which_name_and_in_which_format() -> None:
    assert make_id(NOON, "manual", "Before the Update!", 1) == "20260101T120000Z-manual-before-the-update-s1"
    assert make_id(NOON, "before_restore", "", 2) == "20260101T120000Z-before_restore-s2"
    assert ":" not in make_id(NOON, "manual", "a:b", 1)


@given(
    st.integers(0, 4_000_000_000),
    st.sampled_from(KINDS),
    st.text(max_size=80),
    st.integers(1, 9999),
    st.integers(1, 9999),
)
def test_whatever_the_name_the_id_is_read_back(
    at: int, kind: str, name: str, format: int, number: int
) -> None:
    suffix = f".{number}" if number > 1 else ""
    found = parse_id(make_id(at, kind, name, format) + suffix)  # type: ignore[arg-type]
    assert found is not None
    assert (found.created_at, found.kind, found.slug, found.format, found.number) == (
        at,
        kind,
        slug_of(name),
        format,
        number,
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "..",
        "../x",
        "20260101T120000Z-manual-s1/..",
        "20261301T120000Z-manual-s1",
        "20260101T120000Z-other-s1",
        "a\n",
    ],
)
def test_what_is_no_id_is_none_so_that_none_leads_out_of_its_directory(text: str) -> None:
    assert parse_id(text) is None


def test_backups_by_hand_lie_apart() -> None:
    assert {kind: division_of(kind) for kind in KINDS} == {
        "manual": "manual",
        "imported": "manual",
        "scheduled": "auto",
        "before_migration": "auto",
        "before_import": "auto",
        "before_restore": "auto",
    }


def test_a_former_value_says_when_it_was_replaced() -> None:
    found = parse_former_value("notes.a@20260101T120000Z-r7.json")
    assert found is not None
    assert (found.stem, found.kept_at, found.revision) == ("notes.a", NOON, 7)
    assert parse_former_value("notes.a.json") is None
    assert parse_former_value("notes.a@20269901T120000Z-r7.json") is None
