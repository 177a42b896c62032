"""Every language has the same texts with the same placeholders; a profile replaces single ones."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.readiness.wording import (
    DIRECTORY,
    PLACEHOLDER,
    Wording,
    WordingTables,
    placeholders_in,
    problems_of,
    read_table,
)
from actors.shared.profile.profile import ProfileError

ENGLISH = read_table(DIRECTORY / "en.toml")
LOCALES = sorted(path.stem for path in DIRECTORY.glob("*.toml"))
SOURCES = "\n".join(path.read_text() for path in DIRECTORY.parent.rglob("*.py"))


@pytest.mark.parametrize("locale", LOCALES)
def test_each_language_has_every_text_with_the_same_names(locale: str) -> None:
    table = read_table(DIRECTORY / f"{locale}.toml")
    assert list(table) == list(ENGLISH)
    for key, text in table.items():
        assert placeholders_in(text) == placeholders_in(ENGLISH[key]), key
        assert text.strip() == text
        assert text, key


def test_there_are_english_and_german() -> None:
    assert {"en", "de"} <= set(LOCALES)


def test_every_text_is_asked_for_somewhere() -> None:
    stems = set(re.findall(r"""["']([a-z_]+)["'{]""", SOURCES))
    for key in ENGLISH:
        assert any(key == stem or (stem.endswith("_") and key.startswith(stem)) for stem in stems), key


@pytest.mark.parametrize(
    ("asked", "found"),
    [("de", "de"), ("de-AT", "de"), ("de_CH", "de"), ("DE", "de"), ("fr", "en"), ("", "en"), ("en-GB", "en")],
)
def test_the_nearest_language_is_chosen(asked: str, found: str) -> None:
    assert WordingTables.of({}, Path("/p")).choose(asked).locale == found


def test_a_profile_replaces_single_texts_and_adds_languages_and_categories() -> None:
    wordings = WordingTables.of(
        {"en": {"toast": "Go.", "category_eyes": "Sight"}, "fr": {"toast": "Tout est prêt."}}, Path("/p")
    )
    assert wordings.choose("en").say("toast") == "Go."
    assert wordings.choose("en").name_of("eyes") == "Sight"
    assert wordings.choose("en").name_of("smell") == "smell"
    assert wordings.choose("fr-CA").say("toast") == "Tout est prêt."
    assert wordings.choose("fr").say("action_retry") == "Retry"
    assert wordings.choose("de").say("toast") == "Alles ist bereit."
    assert [wordings.choose(locale).locale for locale in ("de", "en", "fr", "it")] == ["de", "en", "fr", "en"]


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        ({"toste": "x"}, "expected a known key, found 'toste'"),
        (
            {"progress": "{model}: {speed}"},
            "progress: expected placeholders among ['model', 'percent'], found ['speed']",
        ),
        ({"toast": "x" * 3000}, "expected at most 2000 characters"),
    ],
)
def test_a_text_that_nobody_can_use_is_refused_with_its_place(texts: dict[str, str], words: str) -> None:
    with pytest.raises(ProfileError) as caught:
        WordingTables.of({"en": texts}, Path("/p"))
    assert caught.value.option == "wording.en"
    assert words in caught.value.detail
    assert list(problems_of(texts, ENGLISH))


@given(st.text(), st.text())
def test_a_value_is_never_looked_into_for_names(text: str, value: str) -> None:
    said = Wording("x", {"k": "{a}" + text}).say("k", a=value)
    assert said.startswith(value)
    assert Wording("x", {"k": "{a.__class__} {a[0]} {b}"}).say("k", a=1) == "{a.__class__} {a[0]} {b}"
    assert PLACEHOLDER.groups == 1


def test_a_notice_without_a_text_is_called_by_its_name() -> None:
    assert WordingTables.of({}, Path("/p")).choose("en").notice("own_one") == "own_one"
    assert "toast" in WordingTables.of({}, Path("/p")).choose("en")
