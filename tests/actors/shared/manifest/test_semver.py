"""Versions sort as the standard says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.shared.manifest.semver import precedence, running_version, version_problem


def test_versions_sort_as_the_standard_says() -> None:
    """The example of section 11 of Semantic Versioning 2.0.0."""
    order = [
        "1.0.0-alpha",
        "1.0.0-alpha.1",
        "1.0.0-alpha.beta",
        "1.0.0-beta",
        "1.0.0-beta.2",
        "1.0.0-beta.11",
        "1.0.0-rc.1",
        "1.0.0",
        "1.0.1",
    ]
    keys = [key for version in order if (key := precedence(version))]
    assert keys == sorted(keys)
    assert len(set(keys)) == len(order)
    assert precedence("01.0.0") is None
    assert precedence("1.0.0+build") == precedence("1.0.0")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "1.0",
        "v1.0.0",
        "1.0.0-",
        "1.0.0-01",
        "1.0.0-a..b",
        "1.0.0+",
        "1.0.0\n",
        "\u0661.0.0",
        "-1.0.0",
    ],
)
def test_what_is_no_version_is_told_apart(text: str) -> None:
    assert precedence(text) is None


@given(st.tuples(*[st.integers(0, 10**12)] * 3), st.tuples(*[st.integers(0, 10**12)] * 3))
def test_releases_sort_as_their_numbers(one: tuple[int, ...], other: tuple[int, ...]) -> None:
    keys = [precedence(".".join(map(str, parts))) for parts in (one, other)]
    assert keys[0] is not None
    assert keys[1] is not None
    assert (keys[0] < keys[1]) == (one < other)


@pytest.mark.requirement("S1-35")
def test_the_problem_says_what_is_needed_and_what_runs() -> None:
    assert version_problem("2.0.0", "1.9.9") == "it needs Undercroft 2.0.0 or newer, this is 1.9.9"
    assert version_problem("2.0.0", "2.0.0") is None
    assert precedence(running_version()) is not None
