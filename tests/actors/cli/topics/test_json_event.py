"""What a person types becomes an event, and each mistake has its sentence."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.cli.topics.json_event import TypedEventRefused, event_of, read_fields
from schemas.event import topic_of

NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=10).filter(lambda name: name != "type")


def test_the_type_may_be_left_out() -> None:
    assert read_fields("app.x", '{"a": 1}', asks=False) == {"a": 1, "type": "app.x"}
    assert read_fields("app.x", "", asks=True) == {"type": "app.x"}
    assert (
        read_fields("config.request", '{"operation": "get_effective"}', asks=True)["type"] == "config.request"
    )


@pytest.mark.parametrize(
    ("topic", "text", "asks", "words"),
    [
        ("nothing", "{}", True, "expected a topic"),
        ("app.x", "{", True, "truncated"),
        ("app.x", "[1]", True, "expected a JSON object"),
        ("app.x", '{"type": "app.y"}', True, "found 'app.y'"),
        ("state.save", '{"expectedRevision": 1}', True, "write 'expected_revision'"),
        ("supervision.status", '{"zzz": 1}', True, "its fields are none"),
        ("config.request", '{"operation": "x"}', True, "'undercroft topics config.request' shows its fields"),
        ("config.settings_changed", "{}", True, "'undercroft watch config.settings_changed'"),
        ("config.request", "{}", False, "'undercroft call config.request'"),
    ],
)
def test_what_is_wrong_is_said(topic: str, text: str, asks: bool, words: str) -> None:
    with pytest.raises(TypedEventRefused) as refused:
        read_fields(topic, text, asks=asks)
    assert words in str(refused.value)


@given(st.dictionaries(NAMES, st.integers() | st.text(max_size=5), max_size=5))
def test_an_event_has_the_fields_whatever_their_names(fields: dict[str, Any]) -> None:
    try:
        event = event_of("app.x", {"type": "app.x", **fields})
    except TypedEventRefused:
        assert any(sign in '"\\' or ord(sign) < 32 for name in fields for sign in name)
        return
    assert topic_of(type(event)) == "app.x"
    assert msgspec.to_builtins(event) == {"type": "app.x", **fields}
