"""What is told of changes, and when."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from actors.config_store.announcements import Announcements, merged
from bus.client import correlation
from schemas.config import SettingsChangedEvent

pytestmark = pytest.mark.anyio


def changed(
    revision: int, changed: dict[str, Any], reason: Any = "update", restart: list[str] | None = None
) -> SettingsChangedEvent:
    return SettingsChangedEvent(
        changed=changed, settings=changed, revision=revision, reason=reason, restart=restart or []
    )


@pytest.fixture
def told() -> list[tuple[SettingsChangedEvent, str | None]]:
    return []


@pytest.fixture
def announcements(told: list[tuple[SettingsChangedEvent, str | None]]) -> Announcements:
    return Announcements(lambda event: told.append((event, correlation.get())))


async def test_a_change_is_told_when_the_turn_ends_as_part_of_its_matter(
    announcements: Announcements, told: list[Any]
) -> None:
    correlation.set("the matter")
    announcements.add(changed(1, {"a": 1}))
    assert told == []
    await asyncio.sleep(0)
    assert told == [(changed(1, {"a": 1}), "the matter")]
    await asyncio.sleep(0)
    assert len(told) == 1


async def test_changes_of_one_turn_are_one_event_that_ends_on_the_last_value(
    announcements: Announcements, told: list[Any]
) -> None:
    correlation.set("one")
    announcements.add(changed(1, {"a": 1, "b": 1}, restart=["b"]))
    correlation.set("two")
    announcements.add(changed(2, {"a": 2, "c": 2}, restart=["b", "c"]))
    correlation.set("three")
    await asyncio.sleep(0)
    ((event, matter),) = told
    assert (event.changed, event.settings, event.revision) == ({"a": 2, "b": 1, "c": 2}, {"a": 2, "c": 2}, 2)
    assert event.restart == ["b", "c"]
    assert matter is None
    assert correlation.get() == "three"


async def test_what_is_said_next_comes_after_what_was_flushed(
    announcements: Announcements, told: list[Any]
) -> None:
    announcements.flush()
    announcements.add(changed(1, {"a": 1}))
    announcements.flush()
    assert len(told) == 1
    announcements.add(changed(2, {"a": 2}))
    await asyncio.sleep(0)
    assert [event.revision for event, _ in told] == [1, 2]


async def test_changes_that_came_about_differently_are_told_one_after_the_other(
    announcements: Announcements, told: list[Any]
) -> None:
    announcements.add(changed(1, {"a": 1}))
    announcements.add(changed(2, {"a": 0}, "reset_section"))
    await asyncio.sleep(0)
    assert [(event.reason, event.changed) for event, _ in told] == [
        ("update", {"a": 1}),
        ("reset_section", {"a": 0}),
    ]


async def test_merging_keeps_the_settings_of_the_later_one() -> None:
    assert merged(changed(1, {"a": 1}), changed(2, {"b": 2})) == SettingsChangedEvent(
        changed={"a": 1, "b": 2}, settings={"b": 2}, revision=2, reason="update"
    )
