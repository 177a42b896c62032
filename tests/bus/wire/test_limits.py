"""Patterns and names mean the same on both sides."""

from __future__ import annotations

import pytest

from bus import wire


@pytest.mark.parametrize(
    ("pattern", "topic", "matches"),
    [
        ("config.*", "config.request", True),
        ("config.request", "config.request", True),
        ("config.request", "config.requests", False),
        ("*", "a.b", True),
        ("config.*", "configs.x", False),
    ],
)
def test_patterns_match_exact_topics_conversations_or_everything(
    pattern: str, topic: str, matches: bool
) -> None:
    assert wire.matches(pattern, topic) is matches


@pytest.mark.parametrize(
    ("pattern", "prefix"), [("config.request", b"config.request"), ("config.*", b"config."), ("*", b"")]
)
def test_the_feed_filters_by_the_fixed_part_of_a_pattern(pattern: str, prefix: bytes) -> None:
    assert wire.feed_prefix(pattern) == prefix


@pytest.mark.parametrize(
    ("text", "may_name"),
    [
        ("a", True),
        ("model-verifier_2.x", True),
        ("", False),
        (".hidden", False),
        ("a b", False),
        ("a" * 65, False),
    ],
)
def test_a_name_is_short_and_plain(text: str, may_name: bool) -> None:
    assert wire.is_name(text) is may_name
