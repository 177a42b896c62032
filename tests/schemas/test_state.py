"""The conversation about state, and its three schemas. No published event holds a value."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from schemas.event import reply_type_of
from schemas.state import (
    VALUE_LIMIT_BYTES,
    BatchOperation,
    ConversationHistoryState,
    GridLayoutState,
    StateBatchLoadedEvent,
    StateChangedEvent,
    StateLoadBatchRequestEvent,
    StateLoadedEvent,
    StateLoadRequestEvent,
    StateSavedEvent,
    StateSaveRequestEvent,
    UserPreferencesState,
)

LAYOUT: dict[str, Any] = {
    "version": "1.0.0",
    "timestamp": 1759708800000,
    "layout": {"clock": {"x": 0, "y": 0, "w": 4, "h": 2, "locked": True}},
    "instances": {"clock": {"type": "clock", "state": {"zone": "UTC"}}},
    "metadata": {"name": "Default", "tags": ["home"]},
}
PREFERENCES: dict[str, Any] = {
    "version": "1.0.0",
    "theme": "dark",
    "language": "en",
    "keyBindings": {"save": "ctrl+s"},
    "ui": {"sidebarCollapsed": False, "gridDensity": "compact", "showGridLines": True},
    "privacy": {"telemetryEnabled": False, "crashReportingEnabled": False},
}
HISTORY: dict[str, Any] = {
    "version": "1.0.0",
    "conversations": [{"id": "c1", "messages": [{"role": "user", "text": "hello"}]}],
    "metadata": {"totalCount": 1, "lastUpdated": 1759708800000, "totalTokens": 3},
}


@pytest.mark.requirement("S3-14", "S3-15", "S3-16")
@pytest.mark.parametrize(
    ("schema", "value"),
    [(GridLayoutState, LAYOUT), (UserPreferencesState, PREFERENCES), (ConversationHistoryState, HISTORY)],
)
def test_the_states_of_the_design_fit_their_schemas_and_every_field_counts(
    schema: type[msgspec.Struct], value: dict[str, Any]
) -> None:
    msgspec.convert(value, schema)
    for name in value:
        with pytest.raises(msgspec.ValidationError, match=name):
            msgspec.convert({key: item for key, item in value.items() if key != name}, schema)


@pytest.mark.requirement("S3-15")
@pytest.mark.parametrize(
    "wrong",
    [
        {"theme": "pink"},
        {"ui": {**PREFERENCES["ui"], "gridDensity": "dense"}},
        {"privacy": {"telemetryEnabled": "no"}},
        {"keyBindings": ["a"]},
    ],
)
def test_a_preference_of_a_wrong_kind_does_not_fit(wrong: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({**PREFERENCES, **wrong}, UserPreferencesState)


def test_what_is_announced_holds_no_value() -> None:
    assert set(StateChangedEvent.__struct_fields__) == {"key", "revision", "deleted", "source"}


def test_each_request_names_its_reply() -> None:
    assert reply_type_of(StateSaveRequestEvent) is StateSavedEvent
    assert reply_type_of(StateLoadRequestEvent) is StateLoadedEvent
    assert reply_type_of(StateLoadBatchRequestEvent) is StateBatchLoadedEvent


def test_the_options_of_a_save_are_those_of_the_design() -> None:
    assert {"encrypt", "compress", "backup"} <= set(StateSaveRequestEvent.__struct_fields__) & set(
        BatchOperation.__struct_fields__
    )


def test_a_value_that_may_be_saved_fits_into_the_answer_that_brings_it_back() -> None:
    from bus.wire import BODY_LIMIT_BYTES

    value = "v" * (VALUE_LIMIT_BYTES - 5)
    full = StateLoadedEvent(
        key="k" * 512,
        found=True,
        value=value,
        revision=2**62,
        saved_at=1e9,
        repaired_from="r" * 4096,
        evidence="e" * 4096,
    )
    assert len(msgspec.msgpack.encode(full)) <= BODY_LIMIT_BYTES
