"""One wrong field hides no other: what is left of profile.toml is read to its end."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from actors.cli.profile_check.mistake import Mistake
from actors.cli.profile_check.table_mistakes import STAND_IN, TABLES, read_tables
from actors.shared.profile.profile_tables import ProfileFile

FILE = Path("profile.toml")


def mistakes_in(text: str) -> dict[str, Mistake]:
    return {mistake.place: mistake for mistake in read_tables(FILE, tomllib.loads(text))[1]}


def test_a_sound_file_has_none() -> None:
    found, mistakes = read_tables(FILE, {"name": "probe", "children": [{"name": "a", "entry": "a:build"}]})
    assert mistakes == []
    assert found.children[0].name == "a"


def test_every_mistake_is_named_with_its_place() -> None:
    found = mistakes_in("""
        nmae = "probe"
        settings = "settings.py"
        allowlist = ["vad.*", 3, "a b"]
        [[children]]
        entri = "a:build"
        environment = { A = 1, B = "fine", C = 2 }
        [[children]]
        name = "b"
        command = "node x"
        [[modes]]
        name = "No"
        optional = [{ category = "llm" }, 7]
        [topics]
        namespaces = ["x", { namespace = "y.*" }, 3]
        [readiness.categories.stt]
        mod = "x"
        [wording.en]
        toast = 3
    """)
    assert set(found) == {
        "nmae",
        "settings",
        "allowlist[1]",
        "allowlist[2]",
        "children[0].entri",
        "children[0].environment.A",
        "children[0].environment.C",
        "children[0].name",
        "children[1].command",
        "modes[0].name",
        "modes[0].optional[0].notice",
        "modes[0].optional[1]",
        "topics.namespaces[0]",
        "topics.namespaces[1].peers",
        "topics.namespaces[2]",
        "readiness.categories.stt.mod",
        "wording.en.toast",
    }
    assert found["nmae"].cure == "write 'name' instead"
    assert found["children[0].environment.A"].problem == "expected text, found a whole number: 1"


def test_what_was_meant_takes_the_value_of_a_field_that_does_not_exist() -> None:
    found, _ = read_tables(FILE, {"nmae": "probe"})
    assert found.name == "probe"


def test_a_field_that_resembles_none_is_to_be_removed() -> None:
    cure = mistakes_in('name = "probe"\nbogus = 1')["bogus"].cure
    assert cure.startswith("remove it; known here are name, title")


def test_the_tables_are_those_of_the_file() -> None:
    assert all(issubclass(table, msgspec.Struct) for table in TABLES.values())
    fields = {field.name for field in msgspec.structs.fields(ProfileFile)}
    assert {path.partition(".")[0] for path in TABLES if path} <= fields


ANY = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["name", "entry", "namespace", "peers", "x.y", "[...]"]), inner)
    ),
    max_leaves=8,
)
FIELDS = st.sampled_from([field.name for field in msgspec.structs.fields(ProfileFile)] + ["bogus"])


@given(st.dictionaries(FIELDS, ANY, max_size=6))
def test_no_content_stops_the_reading(content: dict[str, Any]) -> None:
    found, mistakes = read_tables(FILE, content)
    assert isinstance(found, ProfileFile)
    assert all(mistake.cure and mistake.problem for mistake in mistakes)
    assert not any(STAND_IN in mistake.place for mistake in mistakes)
