"""What is asked, what the namespace says and what is there, to what becomes of it."""

from __future__ import annotations

import itertools

import pytest

from actors.state_store.engine.key_index import KeyEntry
from actors.state_store.engine.namespaces import Namespace
from actors.state_store.engine.write_rules import (
    QuotaUse,
    Treatment,
    check_quotas,
    check_replaceable,
    treatment,
)
from actors.state_store.errors import QuotaExceeded, RevisionConflict, SaveFailed

CHOICES = (None, False, True)


@pytest.mark.requirement("S3-23", "S3-9")
def test_a_stricter_namespace_always_wins() -> None:
    strict = Namespace("n", encrypt=True, compress=True, backup=True)
    for asked in itertools.product(CHOICES, repeat=3):
        assert treatment(strict, None, *asked) == Treatment(encrypt=True, compress=True, backup=True)


def test_a_lax_namespace_does_what_is_asked() -> None:
    for encrypt, compress, backup in itertools.product(CHOICES, repeat=3):
        found = treatment(Namespace("n"), KeyEntry(1, 1), encrypt, compress, backup)
        assert (found.encrypt, found.compress, found.backup) == (bool(encrypt), bool(compress), bool(backup))


@pytest.mark.parametrize(("asked", "encrypted"), [(None, True), (True, True), (False, False)])
def test_what_is_encrypted_stays_so_unless_asked_otherwise(asked: bool | None, encrypted: bool) -> None:
    assert (
        treatment(Namespace("n"), KeyEntry(1, 1, is_encrypted=True), asked, None, None).encrypt is encrypted
    )


def test_a_value_of_an_older_schema_is_always_kept() -> None:
    assert treatment(Namespace("n"), KeyEntry(1, 1, is_older=True), None, None, False).backup


@pytest.mark.parametrize(
    ("present", "expected", "found"), [(None, 3, 0), (KeyEntry(1, 4), 3, 4), (KeyEntry(1, 4), 0, 4)]
)
def test_another_revision_than_expected_is_a_conflict_with_both(
    present: KeyEntry | None, expected: int, found: int
) -> None:
    with pytest.raises(RevisionConflict) as caught:
        check_replaceable("n.x", present, expected)
    assert (caught.value.expected, caught.value.found) == (expected, found)


@pytest.mark.parametrize(
    ("present", "expected"), [(None, None), (None, 0), (KeyEntry(1, 4), None), (KeyEntry(1, 4), 4)]
)
def test_the_expected_revision_may_be_replaced(present: KeyEntry | None, expected: int | None) -> None:
    check_replaceable("n.x", present, expected)


@pytest.mark.requirement("S3-29")
def test_what_a_later_version_wrote_is_read_only() -> None:
    with pytest.raises(SaveFailed, match="read-only: of the future"):
        check_replaceable("n.x", KeyEntry(1, 4, newer="of the future"), 4)


@pytest.mark.requirement("S3-21")
@pytest.mark.parametrize(
    ("growth", "rooms", "subject"),
    [
        (1, (QuotaUse("n", 10, 10), QuotaUse("total", 10, 100)), "n"),
        (1, (QuotaUse("n", 10, 0), QuotaUse("total", 100, 100)), "total"),
        (1, (QuotaUse("n", 9, 10), QuotaUse("total", 99, 100)), ""),
        (0, (QuotaUse("n", 11, 10),), ""),
        (-5, (QuotaUse("n", 50, 10),), ""),
        (10**12, (QuotaUse("n", 0, 0),), ""),
    ],
)
def test_there_is_room_up_to_the_quota_and_what_shrinks_always_has_some(
    growth: int, rooms: tuple[QuotaUse, ...], subject: str
) -> None:
    if not subject:
        check_quotas("n.x", growth, rooms)
        return
    with pytest.raises(QuotaExceeded) as caught:
        check_quotas("n.x", growth, rooms)
    assert caught.value.subject == subject
