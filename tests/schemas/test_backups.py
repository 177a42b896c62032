"""The conversation about backups: every request has its reply, and no published event holds a value."""

from __future__ import annotations

from typing import get_args

import msgspec
import pytest

from schemas import backups
from schemas.backups import (
    BackupInfo,
    BackupKind,
    BackupRestoreRequestEvent,
    Finding,
    FindingKind,
    StateCheckRequestEvent,
)
from schemas.event import Request, reply_type_of, topic_of

REQUESTS = [
    found
    for found in vars(backups).values()
    if isinstance(found, type) and issubclass(found, Request) and found is not Request
]


@pytest.mark.parametrize("request_type", REQUESTS, ids=lambda found: found.__name__)
def test_a_request_names_its_answer(request_type: type[Request]) -> None:  # type: ignore[type-arg]
    assert topic_of(reply_type_of(request_type)) != topic_of(request_type)


def test_a_restore_changes_no_more_than_it_is_asked_to() -> None:
    request = BackupRestoreRequestEvent(id="x")
    assert (request.keys, request.settings, request.without_damaged, request.dry_run) == (
        [],
        False,
        False,
        False,
    )
    assert StateCheckRequestEvent().repair is False


@pytest.mark.requirement("S3-7")
def test_a_backup_says_what_a_listing_has_to_show() -> None:
    assert {"id", "name", "created_at", "size_bytes", "compressed", "encrypted"} <= set(
        BackupInfo.__struct_fields__
    )


def test_kinds_are_words_that_a_listing_can_show() -> None:
    for kind in (*get_args(BackupKind), *get_args(FindingKind)):
        assert kind.replace("_", "").isalpha()
    finding = Finding(kind="damaged", path="notes/a.json", key="notes.a", problem="cut short")
    assert msgspec.json.decode(msgspec.json.encode(finding), type=Finding) == finding
