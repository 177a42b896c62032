"""The readiness conversation: one retained snapshot, and what a frontend can rely on."""

from __future__ import annotations

from typing import get_args

import msgspec
import pytest

from schemas import readiness
from schemas.contract.registry import EVENTS
from schemas.event import Request, retained_key_of

SNAPSHOT = readiness.ReadinessSnapshot(
    revision=1, state="ready", since=0.0, state_text="", is_blocking=False, show="nothing", steps=[], modes=[]
)


@pytest.mark.requirement("S1-25")
def test_there_is_one_last_snapshot_for_late_joiners() -> None:
    assert retained_key_of(readiness.ReadinessChangedEvent(snapshot=SNAPSHOT, changed=[])) == ""


@pytest.mark.requirement("S1-2")
def test_the_states_are_those_of_the_design() -> None:
    states = {"idle", "checking", "ready", "degraded", "setup_required", "downloading", "recovery_required"}
    assert set(get_args(readiness.ReadinessState)) == states


@pytest.mark.requirement("S1-16", "S1-10")
def test_there_are_three_actions_and_none_of_them_controls_a_download() -> None:
    assert get_args(readiness.ActionName) == ("retry", "change_path", "report")


@pytest.mark.requirement("S1-23", "S1-24")
def test_a_frontend_asks_and_never_touches_files() -> None:
    asked = {
        topic
        for topic, event in EVENTS.items()
        if topic.startswith("readiness.") and issubclass(event, Request)
    }
    assert asked == {"readiness.report", "readiness.setup", "readiness.retry"}


def test_whatever_can_be_shown_has_a_field_that_holds_it() -> None:
    assert set(get_args(readiness.Showing)) - {"nothing"} <= set(
        readiness.ReadinessSnapshot.__struct_fields__
    )


@pytest.mark.parametrize("locale", ["", "de", "de-AT", "zh_Hant_TW"])
def test_a_locale_is_a_short_tag(locale: str) -> None:
    request = msgspec.json.encode({"type": "readiness.report", "locale": locale})
    assert msgspec.json.decode(request, type=readiness.ReadinessReportRequestEvent).locale == locale


@pytest.mark.parametrize("locale", ["../../etc", "d", "de-", "x" * 40])
def test_what_is_no_locale_is_refused(locale: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(
            msgspec.json.encode({"type": "readiness.report", "locale": locale}),
            type=readiness.ReadinessReportRequestEvent,
        )
