"""A spec that cannot be carried out is refused up front, and the error names the child and the option."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.runtime.supervisor.core.child_spec import ChildSpec, SpecError, start_order


@pytest.mark.parametrize(
    ("options", "option", "words"),
    [
        ({"name": "Bad-Name", "entry": "a:b"}, "name", "found 'Bad-Name'"),
        ({"name": "supervisor", "entry": "a:b"}, "name", "choose another"),
        ({"name": "broker", "entry": "a:b"}, "name", "choose another"),
        ({"name": "a"}, "command", "found neither"),
        ({"name": "a", "entry": "m:b", "command": ("x",), "ready": "started"}, "command", "found both"),
        ({"name": "a", "entry": "no_colon"}, "entry", "found 'no_colon'"),
        ({"name": "a", "command": ("x",)}, "ready", "'hello' or 'started'"),
        ({"name": "a", "command": ("",), "ready": "started"}, "command", "expected a program"),
        (
            {"name": "a", "entry": "m:b", "restart": "always"},
            "restart",
            "permanent, transient, temporary, found 'always'",
        ),
        ({"name": "a", "entry": "m:b", "depends_on": ("a",)}, "depends_on", "itself"),
        (
            {"name": "a", "entry": "m:b", "start_timeout_seconds": 0},
            "start_timeout_seconds",
            "expected 0.1 to 3600, found 0",
        ),
        ({"name": "a", "entry": "m:b", "intensity": -1}, "intensity", "found -1"),
        ({"name": "a", "entry": "m:b", "environment": {"A=B": ""}}, "environment", "'A=B'"),
    ],
)
def test_a_spec_that_cannot_be_carried_out_names_what_is_wrong(
    options: dict[str, Any], option: str, words: str
) -> None:
    with pytest.raises(SpecError) as caught:
        ChildSpec(**options)
    assert caught.value.option == option
    assert words in str(caught.value)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def child(name: str, *depends_on: str) -> ChildSpec:
    return ChildSpec(name=name, entry="m:b", depends_on=depends_on)


def test_children_stand_behind_those_that_they_depend_on() -> None:
    assert [
        spec.name for spec in start_order([child("c", "b"), child("b", "a"), child("z"), child("a")])
    ] == ["a", "b", "c", "z"]


def test_a_cycle_is_shown_in_full() -> None:
    with pytest.raises(SpecError, match="a -> b -> c -> a"):
        start_order([child("a", "b"), child("b", "c"), child("c", "a")])


def test_a_dependency_that_nobody_knows_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(SpecError, match="expected one of a, b, found 'x'"):
        start_order([child("a", "x"), child("b")])


def test_two_children_of_one_name_are_refused() -> None:
    with pytest.raises(SpecError, match="two children of this name"):
        start_order([child("a"), child("a")])


@given(st.data())
def test_any_graph_without_cycles_is_put_in_order(data: st.DataObject) -> None:
    names = [f"n{number}" for number in range(data.draw(st.integers(1, 8)))]
    specs = [
        child(name, *data.draw(st.sets(st.sampled_from(names[:at])) if at else st.just(set())))
        for at, name in enumerate(names)
    ]
    ordered = [spec.name for spec in start_order(data.draw(st.permutations(specs)))]
    assert sorted(ordered) == names
    for spec in specs:
        assert all(ordered.index(dependency) < ordered.index(spec.name) for dependency in spec.depends_on)
