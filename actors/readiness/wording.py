"""The texts of readiness: one table for each language; a profile may replace single texts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from actors.shared.durable import strict_toml
from actors.shared.profile.profile import PROFILE_NAME, ProfileError

DIRECTORY: Final = Path(__file__).parent / "locales"
FALLBACK_LOCALE: Final = "en"
TEXT_LIMIT: Final = 2000
PLACEHOLDER: Final = re.compile(r"\{(\w+)\}")
OPEN_PREFIXES: Final = ("category_", "notice_")
"""A profile may have its own categories and notices, so it may add keys that start like this."""


class Wording:
    """The texts of one language.

    Attributes:
        locale: the language, such as `de`.
    """

    def __init__(self, locale: str, texts: Mapping[str, str]) -> None:
        self.locale = locale
        self._texts = texts

    def __contains__(self, key: str) -> bool:
        return key in self._texts

    def say(self, key: str, **values: object) -> str:
        """The text of a key with its placeholders filled in.

        A placeholder without a value stays as it is. Values may contain braces: they are not filled in again.
        """
        return PLACEHOLDER.sub(lambda found: str(values.get(found[1], found[0])), self._texts[key])

    def name_of(self, category: str) -> str:
        """What people call a category of models; its own name if there is no text."""
        return self._texts.get(f"category_{category}", category)

    def notice(self, name: str) -> str:
        """What to say while a mode works without an optional model."""
        return self._texts.get(f"notice_{name}", name)


class WordingTables:
    """The texts of all languages of an app."""

    def __init__(self, tables: Mapping[str, Mapping[str, str]]) -> None:
        self._tables = {_folded(locale): Wording(_folded(locale), table) for locale, table in tables.items()}

    @classmethod
    def of(cls, replaced: Mapping[str, Mapping[str, str]], source: Path) -> WordingTables:
        """The texts of Undercroft with those that a profile replaces. A new language falls back to English.

        Args:
            replaced: language to key to text.
            source: directory of the profile, for errors.

        Raises:
            ProfileError: a key does not exist, or a text has a placeholder that its key does not have.
        """
        shipped = {path.stem: read_table(path) for path in sorted(DIRECTORY.glob("*.toml"))}
        tables = {**shipped}
        for locale, texts in replaced.items():
            for problem in problems_of(texts, shipped[FALLBACK_LOCALE]):
                raise ProfileError(str(source / PROFILE_NAME), f"wording.{locale}", problem)
            tables[_folded(locale)] = {
                **shipped[FALLBACK_LOCALE],
                **shipped.get(_folded(locale), {}),
                **texts,
            }
        return cls(tables)

    def choose(self, locale: str) -> Wording:
        """The wanted language or the nearest one: `de-AT`, then `de`, then English."""
        parts = _folded(locale).split("-")
        for count in range(len(parts), 0, -1):
            if found := self._tables.get("-".join(parts[:count])):
                return found
        return self._tables[FALLBACK_LOCALE]


def read_table(path: Path) -> dict[str, str]:
    """The texts in the file of a language."""
    return strict_toml.parse_text(path.read_text(encoding="utf-8"))


def placeholders_in(text: str) -> set[str]:
    """The placeholders in a text."""
    return set(PLACEHOLDER.findall(text))


def problems_of(texts: Mapping[str, str], reference: Mapping[str, str]) -> Iterator[str]:
    """What is wrong with texts that replace others: unknown keys, unknown placeholders, too much text."""
    for key, text in texts.items():
        if key not in reference and not key.startswith(OPEN_PREFIXES):
            yield f"expected a known key, found {key!r}"
        elif unknown := placeholders_in(text) - placeholders_in(reference.get(key, "")):
            expected = sorted(placeholders_in(reference.get(key, "")))
            yield f"{key}: expected placeholders among {expected}, found {sorted(unknown)}"
        elif len(text) > TEXT_LIMIT:
            yield f"{key}: expected at most {TEXT_LIMIT} characters, found {len(text)}"


def _folded(locale: str) -> str:
    return locale.replace("_", "-").lower()
