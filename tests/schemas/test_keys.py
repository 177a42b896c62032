"""What is told of keys: their state and the reason, never a key."""

from __future__ import annotations

import msgspec
import pytest

from schemas.event import retained_key_of
from schemas.keys import DataKeyReport, KeysReport, KeysStateChangedEvent


def test_one_report_is_retained_for_each_actor_that_uses_keys() -> None:
    report = KeysReport(state="unlocked", data_keys=[DataKeyReport(id="d", created_at=1.0)])
    event = KeysStateChangedEvent(source="state_store", report=report)
    assert retained_key_of(event) == "state_store"
    assert msgspec.json.decode(msgspec.json.encode(event), type=KeysStateChangedEvent) == event


@pytest.mark.requirement("S3-23")
def test_no_field_has_room_for_a_key() -> None:
    assert not {"secret", "wrapped", "key"} & {
        *KeysReport.__struct_fields__,
        *DataKeyReport.__struct_fields__,
    }


def test_unknown_reason_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(b'{"state": "locked", "reason": "bad luck"}', type=KeysReport)
