"""A change of settings that is taken, the next start reads; what it could not read is refused before."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from actors.config_store.files.config_content import parse, render
from actors.config_store.settings.configuration import load
from actors.config_store.settings.setting_changes import SettingsChange, change
from actors.config_store.settings.settings_context import SettingsContext
from tests.support.settings_lab import settings_context

ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(2**53 - 1, 2**64 + 1)
    | st.floats()
    | st.text(st.characters(exclude_categories=()), max_size=12),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(exclude_categories=()), max_size=4), inner, max_size=3)
    ),
    max_leaves=8,
)


class Free(BaseModel):
    anything: Any = None
    more: dict[str, Any] = {}


class FreeSettings(BaseModel):
    free: Free = Free()
    number: float = 0.0


def context() -> SettingsContext:
    return settings_context(FreeSettings, allowlist=None)


@given(
    st.dictionaries(
        st.sampled_from(["free.anything", "free.more", "number", "free"]), ANYTHING, min_size=1, max_size=3
    )
)
def test_a_change_that_is_taken_is_read_by_the_next_start(updates: dict[str, Any]) -> None:
    now, problems = load(context(), {})
    assert problems == []
    verdict = change(now, SettingsChange(updates=updates))
    if not verdict.is_taken:
        return
    content = parse(render(verdict.after.stored, {}))
    again, problems = load(context(), content.overrides)
    assert problems == []
    assert again.effective == verdict.after.effective
    msgspec.msgpack.encode(again.settings)
