"""Looks at everything that a profile names. It imports Python of the app: run it in a process of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from actors.cli.profile_check.child_mistakes import child_mistakes
from actors.cli.profile_check.mistake import Mistake, at, once
from actors.cli.profile_check.model_mistakes import model_mistakes
from actors.cli.profile_check.settings_mistakes import settings_mistakes
from actors.cli.profile_check.state_mistakes import state_mistakes
from actors.cli.profile_check.table_mistakes import STAND_IN, read_tables
from actors.shared.durable import strict_toml
from actors.shared.profile.profile import PROFILE_NAME, Profile, profile_of
from bus.error_words import in_words

EXAMINATIONS: Final[tuple[Callable[[Profile], Iterator[Mistake]], ...]] = (
    settings_mistakes,
    child_mistakes,
    model_mistakes,
    state_mistakes,
)


def examine(directory: Path) -> list[Mistake]:
    """Every mistake of the profile in a directory, in the order of its tables."""
    file = directory / PROFILE_NAME
    try:
        content = strict_toml.parse_text(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        return [at(file, "", f"cannot be read: {in_words(error)}", "make it readable, as UTF-8")]
    except strict_toml.NotStrictToml as error:
        return [at(file, "", str(error), "correct what it names")]
    found, mistakes = read_tables(file, content)
    profile = profile_of(directory, found)
    for one in EXAMINATIONS:
        mistakes += [mistake for mistake in one(profile) if STAND_IN not in str(mistake)]
    return once(mistakes)
