"""The disk and plain text are for who says so outright; everything else means memory and encryption."""

from __future__ import annotations

import pytest

from actors.history.entries.entry_retention import EntryRetentionRules
from actors.history.storage_mode import StorageMode, left_notice, locked_notice, max_entries


@pytest.mark.requirement("S0-11", "S0-12", "S0-13", "S0-20")
@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        ({}, StorageMode("memory", True, 100)),
        ({"history": {"persistence_mode": "disk"}}, StorageMode("disk", True, 100)),
        (
            {"history": {"persistence_mode": "Disk", "encrypt_at_rest": None}},
            StorageMode("memory", True, 100),
        ),
        (
            {"history": {"persistence_mode": "disk", "encrypt_at_rest": False, "keep_days": 7}},
            StorageMode("disk", False, 100, EntryRetentionRules(days=7)),
        ),
        ({"history": {"encrypt_at_rest": 0, "max_entries": 50}}, StorageMode("memory", True, 50)),
    ],
)
def test_only_what_is_said_outright_leads_to_the_disk_or_to_plain_text(
    found: dict[str, object], wanted: StorageMode
) -> None:
    assert StorageMode.of(found) == wanted


@pytest.mark.parametrize(
    ("found", "limit"),
    [
        ({}, 100),
        ({"history": {"max_entries": 5}}, 10),
        ({"history": {"max_entries": 99_999}}, 10_000),
        ({"history": {"max_entries": "x"}}, 100),
    ],
)
def test_the_limit_stays_within_its_range(found: dict[str, object], limit: int) -> None:
    assert max_entries(found) == limit


def test_notices_say_what_is_so_and_what_to_do() -> None:
    assert "keychain is locked" in locked_notice("the keychain is locked")
    assert "12 bytes" in left_notice(12)
    assert "undercroft history purge" in left_notice(12)
