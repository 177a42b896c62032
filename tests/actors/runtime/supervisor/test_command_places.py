"""Placeholders: three names stand for places, and all other braces stay."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.runtime.supervisor.command_places import PLACEHOLDER, CommandPlaces

PLACES = CommandPlaces(Path("/app"), "/home of it", "/usr/bin/python")


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("{profile}/x:{home}", "/app/x:/home of it"),
        ("{python}", "/usr/bin/python"),
        ('{"a": {profile}}', '{"a": /app}'),
        ("{other} {PROFILE} {{home}}", "{other} {PROFILE} {/home of it}"),
    ],
)
def test_names_in_braces_are_filled_in(text: str, filled: str) -> None:
    assert PLACES.fill(text) == filled


def test_what_is_not_known_stays() -> None:
    assert CommandPlaces(Path("/app"), python="").fill("{home} {python}") == "{home} {python}"
    assert CommandPlaces(Path("/app")).fill("{python}") == sys.executable


@given(st.text(alphabet="{}profilehomepython ", max_size=40))
def test_what_is_filled_in_holds_no_placeholder(text: str) -> None:
    if not PLACEHOLDER.search(text):
        assert PLACES.fill(text) == text
