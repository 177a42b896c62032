"""All words of readiness: one table for each language, single texts replaced by the profile, names in braces filled in."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from actors.shared.profile.profile import PROFILE_NAME, ProfileError

DIRECTORY: Final = Path(__file__).parent / "locales"
FALLBACK_LOCALE: Final = "en"
TEXT_LIMIT: Final = 2000
PLACEHOLDER: Final = re.compile(r"\{(\w+)\}")
OPEN_PREFIXES: Final = ("category_", "notice_")
"""A profile may have categories and notices of its own, so it may add keys that begin so."""


class Wording:
    """The words of one language.

    Attributes:
        locale: which language it is.
    """

    def __init__(self, locale: str, texts: Mapping[str, str]) -> None:
        self.locale = locale
        self._texts = texts

    def __contains__(self, key: str) -> bool:
        return key in self._texts

    def say(self, key: str, **values: object) -> str:
        """The text of a key with its names filled in. A name without a value stays as it is; a value is never looked into for names."""
        return PLACEHOLDER.sub(lambda found: str(values.get(found[1], found[0])), self._texts[key])

    def name_of(self, category: str) -> str:
        """What people call a category of models; one without a text is called by its own name."""
        return self._texts.get(f"category_{category}", category)

    def notice(self, name: str) -> str:
        """What a person is told while a mode goes without an optional model."""
        return self._texts.get(f"notice_{name}", name)


class Wordings:
    """The words of all languages that an app knows."""

    def __init__(self, tables: Mapping[str, Mapping[str, str]]) -> None:
        self._tables = {_folded(locale): Wording(_folded(locale), table) for locale, table in tables.items()}

    @classmethod
    def of(cls, replaced: Mapping[str, Mapping[str, str]], source: Path) -> Wordings:
        """Those that come with Undercroft, with what a profile replaces. A language of the profile's own falls back to English.

        Raises:
            ProfileError: a text has no such key, or a name in braces that its key does not have.
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

    @property
    def locales(self) -> list[str]:
        """All languages there are."""
        return sorted(self._tables)

    def choose(self, locale: str) -> Wording:
        """The language that is asked for, or the nearest: `de-AT`, then `de`, then English."""
        parts = _folded(locale).split("-")
        for count in range(len(parts), 0, -1):
            if found := self._tables.get("-".join(parts[:count])):
                return found
        return self._tables[FALLBACK_LOCALE]


def read_table(path: Path) -> dict[str, str]:
    """The texts of a language that comes with Undercroft."""
    return tomllib.loads(path.read_text(encoding="utf-8"))


def names_in(text: str) -> set[str]:
    """Names in braces that a text holds."""
    return set(PLACEHOLDER.findall(text))


def problems_of(texts: Mapping[str, str], reference: Mapping[str, str]) -> Iterator[str]:
    """What is wrong with texts that replace others: keys that nobody asks for, names that nobody fills in, texts without end."""
    for key, text in texts.items():
        if key not in reference and not key.startswith(OPEN_PREFIXES):
            yield f"expected a known key, found {key!r}"
        elif unknown := names_in(text) - names_in(reference.get(key, "")):
            yield f"{key}: expected names among {sorted(names_in(reference.get(key, '')))}, found {sorted(unknown)}"
        elif len(text) > TEXT_LIMIT:
            yield f"{key}: expected at most {TEXT_LIMIT} characters, found {len(text)}"


def _folded(locale: str) -> str:
    return locale.replace("_", "-").lower()
