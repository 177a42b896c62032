"""A crash is announced without a word of what the actor wrote; the words stay in the record."""

from __future__ import annotations

import msgspec

from schemas.operations.crashes import ActorCrashedEvent, CrashRecord


def test_the_announcement_has_no_field_for_words() -> None:
    fields = set(ActorCrashedEvent.__struct_fields__)
    assert not fields & {"reason", "last_words", "message", "traceback", "stacks"}
    assert fields - {"record"} <= set(CrashRecord.__struct_fields__)


def test_a_record_of_a_later_version_can_be_read_with_what_it_adds() -> None:
    content = b'{"format":2,"actor":"a","at":1.0,"kind":"hang","reason":"r","more":{"x":1}}'
    assert msgspec.json.decode(content, type=CrashRecord).format == 2
