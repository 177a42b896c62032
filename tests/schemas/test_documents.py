"""The conversation about typed documents: whole values only."""

from __future__ import annotations

import pytest

from schemas.documents import (
    DocumentChangedEvent,
    DocumentReadEvent,
    DocumentReadRequestEvent,
    DocumentWriteRequestEvent,
    DocumentWrittenEvent,
)
from schemas.event import reply_type_of


@pytest.mark.requirement("S2-2", "S2-3")
def test_a_document_is_read_and_written_whole() -> None:
    assert reply_type_of(DocumentReadRequestEvent) is DocumentReadEvent
    assert reply_type_of(DocumentWriteRequestEvent) is DocumentWrittenEvent
    assert DocumentReadRequestEvent.__struct_fields__ == ("type_name",), "no query language"
    assert DocumentWriteRequestEvent.__struct_fields__ == ("type_name", "value", "expected_revision"), (
        "no partial update"
    )


def test_what_is_announced_holds_no_value() -> None:
    assert DocumentChangedEvent.__struct_fields__ == ("type_name", "revision", "source")
