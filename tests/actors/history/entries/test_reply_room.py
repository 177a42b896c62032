"""A reply takes as many entries as were asked for, or as a message carries, and always the first."""

from __future__ import annotations

import msgspec
import pytest

from actors.history.entries.entry_export import export_entries
from actors.history.entries.reply_room import ReplyRoom, taken
from bus.wire import BODY_LIMIT_BYTES
from schemas.history import FIELDS_LIMIT, TEXT_LIMIT_CHARACTERS, ExportFormat
from tests.support.history_lab import entry


def test_as_many_as_were_asked_for() -> None:
    entries = [entry(number) for number in range(5)]
    assert taken(entries, ReplyRoom(3)) == (entries[:3], True)
    assert taken(entries, ReplyRoom(5)) == (entries, False)
    assert taken([], ReplyRoom(1)) == ([], False)


def test_the_first_always_fits() -> None:
    assert taken([entry(1), entry(2)], ReplyRoom(5, limit_bytes=10)) == ([entry(1)], True)


@pytest.mark.parametrize("kind", ["markdown", "csv", "jsonl"])
@pytest.mark.parametrize("sign", ["x", "\n", '"', "\U0001f600", "<", "\x01"])
def test_the_longest_entries_fit_into_a_message_in_every_format(kind: ExportFormat, sign: str) -> None:
    longest = msgspec.structs.replace(
        entry(1),
        text=sign * TEXT_LIMIT_CHARACTERS,
        fields={f"{sign * 190}{number}": sign * 4000 for number in range(FIELDS_LIMIT)},
    )
    page, more = taken([longest] * 100, ReplyRoom(100))
    assert more
    assert len(page) >= 1
    assert len(export_entries(kind, page).encode()) < BODY_LIMIT_BYTES
    assert len(msgspec.msgpack.encode(page)) < BODY_LIMIT_BYTES
