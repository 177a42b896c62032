"""Levels are retained by actor; records are not."""

from __future__ import annotations

import msgspec
import pytest

from schemas.event import retained_key_of
from schemas.operations.logs import LogLevelChangedEvent, LogRecord, LogRecordedEvent


def test_the_level_of_each_actor_is_retained() -> None:
    assert retained_key_of(LogLevelChangedEvent(actor="store", level="debug")) == "store"
    assert retained_key_of(LogLevelChangedEvent(actor="*", level=None)) == "*"


def test_records_are_not_retained() -> None:
    assert retained_key_of(LogRecordedEvent(records=[])) is None


def test_an_unknown_level_is_refused() -> None:
    record = msgspec.to_builtins(LogRecord(actor="a", at=1.0, level="info", logger="l", message="m"))
    with pytest.raises(msgspec.ValidationError, match="level"):
        msgspec.convert({**record, "level": "loud"}, LogRecord)
