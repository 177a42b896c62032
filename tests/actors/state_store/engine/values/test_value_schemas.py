"""Shipped schemas, those of a profile, and migrations from version to version."""

from __future__ import annotations

from pathlib import Path

import pytest

from actors.cli.demo.origin import Origin
from actors.shared.profile.profile import Profile, ProfileError, read_profile
from actors.state_store.engine.values.value_schemas import (
    JsonValueSchema,
    ValueMismatch,
    ValueSchemas,
    schemas_of_profile,
)
from actors.state_store.errors import DeclarationRefused

PROFILE = """
name = "mine"
migrations = "notes.py:MIGRATIONS"
[[namespaces]]
name = "notes"
schema = "notes.py:Note"
schemas = { "pins.*" = "pins.json", "grid" = "GridLayoutState" }
"""
NOTES = """
from pydantic import BaseModel

class Note(BaseModel):
    text: str
    tags: list[str] = []

MIGRATIONS = {"notes.py:Note": [lambda value: {"text": value}, lambda value: {**value, "tags": ["old"]}]}
"""


def profile(
    directory: Path, toml: str = PROFILE, notes: str = NOTES, pins: str = '{"type": "array", "maxItems": 2}'
) -> Profile:
    (directory / "profile.toml").write_text(toml)
    (directory / "notes.py").write_text(notes)
    (directory / "pins.json").write_text(pins)
    return read_profile(directory)


@pytest.mark.requirement("S3-8")
def test_a_profile_brings_models_json_schemas_and_migrations(tmp_path: Path) -> None:
    schemas = schemas_of_profile(profile(tmp_path))
    schemas.check("notes.py:Note", {"text": "a"})
    with pytest.raises(ValueMismatch, match="text: Field required"):
        schemas.check("notes.py:Note", {})
    schemas.check("pins.json", [1, 2])
    with pytest.raises(ValueMismatch, match="expected at most 2 items"):
        schemas.check("pins.json", [1, 2, 3])
    assert schemas.version("notes.py:Note") == 3
    assert schemas.version("pins.json") == 1


@pytest.mark.requirement("S3-29", "S3-8")
@pytest.mark.parametrize(
    ("version", "value", "expected"),
    [
        (1, "a", {"text": "a", "tags": ["old"]}),
        (2, {"text": "a"}, {"text": "a", "tags": ["old"]}),
        (3, {"text": "a"}, {"text": "a"}),
    ],
)
def test_migrations_are_chained_from_the_version_of_the_value(
    tmp_path: Path, version: int, value: object, expected: object
) -> None:
    assert schemas_of_profile(profile(tmp_path)).migrate("notes.py:Note", version, value) == expected


@pytest.mark.requirement("S3-29")
def test_a_migration_of_a_schema_that_is_not_there_is_refused_since_it_would_never_be_called(
    tmp_path: Path,
) -> None:
    schemas_of_profile(profile(tmp_path)).check_migrations()
    with pytest.raises(
        DeclarationRefused, match=r"migrations: expected names of schemas \(.*notes.py:Note.*\), found 'Note'"
    ):
        schemas_of_profile(
            profile(tmp_path, notes=NOTES.replace('{"notes.py:Note": [', '{"Note": ['))
        ).check_migrations()


def test_a_json_schema_refers_to_itself_only_and_nothing_is_fetched() -> None:
    own = JsonValueSchema("own.json", {"$ref": "#/$defs/short", "$defs": {"short": {"maxLength": 2}}})
    own.check("ab")
    with pytest.raises(ValueMismatch, match="expected at most 2 characters"):
        own.check("abc")
    with Origin() as origin:
        with pytest.raises(ValueMismatch, match="refers to 'http://127.*', which is not in it"):
            JsonValueSchema("outside.json", {"$ref": f"{origin.url}/schema.json"}).check("ab")
        assert origin.requests == []


def test_a_migration_that_fails_says_which_and_nothing_of_the_value() -> None:
    schemas = ValueSchemas((), {"A": [lambda value: value["secret words"]]})
    with pytest.raises(
        ValueMismatch, match="the migration of A from version 1 to 2 failed: KeyError"
    ) as caught:
        schemas.migrate("A", 1, {})
    assert "secret" not in str(caught.value)


def test_a_mismatch_names_the_place_and_not_the_value() -> None:
    with pytest.raises(ValueMismatch) as caught:
        ValueSchemas().check("UserPreferencesState", {"version": 1234567})
    assert "version" in str(caught.value)
    assert "1234567" not in str(caught.value)


def test_an_unknown_schema_fits_nothing() -> None:
    with pytest.raises(ValueMismatch, match="there is no schema 'Nope'"):
        ValueSchemas().check("Nope", 1)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"toml": PROFILE.replace("notes.py:Note", "Nope")}, DeclarationRefused),
        ({"toml": PROFILE.replace("notes.py:Note", "gone.json")}, DeclarationRefused),
        ({"toml": PROFILE.replace("notes.py:MIGRATIONS", "notes.py:Note")}, DeclarationRefused),
        ({"toml": PROFILE.replace("notes.py:Note", "notes.py:MIGRATIONS")}, DeclarationRefused),
        ({"pins": '{"type": 7}'}, DeclarationRefused),
        ({"pins": "[]"}, DeclarationRefused),
        ({"notes": "raise RuntimeError"}, ProfileError),
    ],
)
def test_what_a_profile_declares_wrongly_is_refused_at_the_start(
    tmp_path: Path, change: dict[str, str], error: type[Exception]
) -> None:
    with pytest.raises(error):
        schemas_of_profile(profile(tmp_path, **change))


def test_a_word_that_is_none_of_those_expected_is_not_repeated() -> None:
    with pytest.raises(ValueMismatch) as caught:
        ValueSchemas().check(
            "UserPreferencesState",
            {"version": "1", "theme": "what I said - at `home`", "language": "en", "keyBindings": {}},
        )
    assert str(caught.value) == "Invalid enum value - at `$.theme`"
