"""The settings conversation, as other languages see it."""

from __future__ import annotations

import msgspec
import pytest

from schemas.config import RuntimeConfigRequestEvent, RuntimeConfigResponseEvent, SettingsChangedEvent


@pytest.mark.requirement("S2-17")
@pytest.mark.parametrize("operation", ["get_effective", "update", "reset_section", "reset_defaults"])
def test_a_request_needs_no_more_than_its_operation(operation: str) -> None:
    request = msgspec.json.decode(
        f'{{"type": "config.request", "operation": "{operation}"}}', type=RuntimeConfigRequestEvent
    )
    assert (request.updates, request.section, request.dry_run) == ({}, "", False)


def test_an_operation_that_does_not_exist_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="delete_everything"):
        msgspec.json.decode(
            '{"type": "config.request", "operation": "delete_everything"}', type=RuntimeConfigRequestEvent
        )


@pytest.mark.requirement("S2-17")
def test_the_reply_carries_success_message_and_all_settings() -> None:
    reply = RuntimeConfigResponseEvent(
        success=True, message="1 setting changed", settings={"vad": {"sensitivity": 0.5}}
    )
    assert {"success", "message", "settings"} <= set(msgspec.to_builtins(reply))
    assert reply.durable


@pytest.mark.requirement("S2-14")
def test_a_late_joiner_gets_the_last_settings() -> None:
    assert SettingsChangedEvent.retained_by == ""
