"""Settings that cannot be read, are from a later version, or are not declared."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.cli.doctor.checks.settings_check import check, look, schema_of, unknown_paths
from actors.cli.doctor.problems import ExaminedHome
from actors.shared.profile.profile import find_profile, read_profile

SCHEMA = {
    "$defs": {"Vad": {"type": "object", "properties": {"threads": {"type": "integer"}}}},
    "properties": {
        "vad": {"$ref": "#/$defs/Vad"},
        "wrapped": {"allOf": [{"$ref": "#/$defs/Vad"}]},
        "free": {"type": "object"},
        "loop": {"$ref": "#/x"},
    },
    "x": {"$ref": "#/x"},
}


def test_a_home_without_settings_and_one_with_settings_of_the_app_are_well(
    home: ExaminedHome, change: Callable[..., ExaminedHome], put: Callable[..., Path]
) -> None:
    assert check(look(home)) == []
    put(home.locations.config / "config.json", '{"format": 1, "overrides": {"vad.sensitivity": 0.7}}')
    assert check(look(change(profile=read_profile(find_profile("dictation"))))) == []


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        '{"format": 1}',
        '{"format": true, "overrides": {}}',
        '{"format": 0, "overrides": {}}',
        "[" * 100_000,
        "\udcff",
        " " * 5_000_000,
    ],
)
def test_settings_that_cannot_be_read_are_an_error(
    home: ExaminedHome, put: Callable[..., Path], content: str
) -> None:
    put(home.locations.config / "config.json", content.encode("utf-8", "surrogateescape"))
    (problem,) = check(look(home))
    assert problem.severity == "error"
    assert problem.where.endswith("config.json")
    assert len(problem.what) < 1000


def test_settings_of_a_later_version_are_told(home: ExaminedHome, put: Callable[..., Path]) -> None:
    put(home.locations.config / "config.json", '{"format": 2, "settings_version": 3, "overrides": {}}')
    assert [(problem.severity, problem.found, problem.expected) for problem in check(look(home))] == [
        ("warning", "2", "1"),
        ("warning", "3", "1"),
    ]


def test_settings_that_the_app_does_not_have_are_named_without_their_values(
    home: ExaminedHome, change: Callable[..., ExaminedHome], put: Callable[..., Path]
) -> None:
    put(
        home.locations.config / "config.json",
        '{"format": 1, "overrides": {"vad.sensitivty": "CANARY", "stt.threads": 2}}',
    )
    (problem,) = check(look(change(profile=read_profile(find_profile("dictation")))))
    assert (problem.severity, problem.found) == ("warning", "vad.sensitivty")
    assert "CANARY" not in str(problem)


def test_settings_that_were_put_aside_and_choices_that_cannot_be_read_are_told(
    home: ExaminedHome, put: Callable[..., Path]
) -> None:
    put(home.locations.config / "config.json.corrupt", "{")
    put(home.locations.config / "config.json.corrupt.2", "{")
    put(home.locations.config / "locations.json", "{")
    aside, choices = check(look(home))
    assert "config.json.corrupt.2" in aside.where
    assert (choices.severity, "locations.json" in choices.what) == ("error", True)


def test_a_profile_that_cannot_be_used_is_told(change: Callable[..., ExaminedHome]) -> None:
    (problem,) = check(look(change(profile_fault="profile.toml: no such file")))
    assert "profile.toml: no such file" in problem.what


@pytest.mark.parametrize(
    ("path", "is_known"),
    [
        ("vad", True),
        ("vad.threads", True),
        ("vad.thread", False),
        ("wrapped.threads", True),
        ("free.any.thing", True),
        ("other", False),
        ("loop.x", True),
    ],
)
def test_a_path_is_followed_through_the_schema(path: str, is_known: bool) -> None:
    assert list(unknown_paths({path: 1}, SCHEMA)) == ([] if is_known else [path])


JSON = st.recursive(
    st.none() | st.text(max_size=8),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@given(
    schema=st.dictionaries(st.sampled_from(["properties", "allOf", "$ref", "$defs", "a"]), JSON),
    path=st.text(alphabet="a.b", max_size=9),
)
def test_no_schema_breaks_the_search(schema: dict[str, Any], path: str) -> None:
    assert set(unknown_paths({path: 1}, schema)) <= {path}


def test_the_schema_of_a_bundled_profile_can_be_had() -> None:
    schema = schema_of(read_profile(find_profile("dictation")))
    assert schema is not None
    assert "vad" in schema["properties"]
