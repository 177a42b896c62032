"""The tables of a profile about modes and readiness, and checks that their types cannot express. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated

import msgspec

from schemas.bounds import Many, Named, Word, whole


class OptionalTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A category that a mode can do without.

    Attributes:
        category: of models.
        notice: what to show while it is missing, such as `raw_output` for the words `notice_raw_output`.
        bundled: its model belongs to the bundle that a person confirms at setup.
    """

    category: Word
    notice: Annotated[str, msgspec.Meta(max_length=4096, pattern=whole(r"[a-z][a-z0-9_]*"))]
    bundled: bool = False


class ModeTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One `[[modes]]` table: a use of the app, and the categories of models that it takes.

    Attributes:
        name: of the mode.
        title: for people.
        requires: the mode is blocked without a usable model of each of these categories.
        optional: categories that the mode can do without.
        enabled_by: dotted path of the setting that switches the mode on; empty: it is always on.
    """

    name: Annotated[str, msgspec.Meta(max_length=4096, pattern=whole(r"[a-z][a-z0-9_]{0,39}"))]
    title: Word = ""
    requires: Many[Word] = []
    optional: Many[OptionalTable] = []
    enabled_by: Word = ""


class CategoryTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One `[readiness.categories.<category>]` table: which model serves a category.

    Attributes:
        model: id of the model to use unless a person chose another.
        setting: dotted path of the setting with that choice.
    """

    model: Word = ""
    setting: Word = ""


class ReadinessTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The `[readiness]` table.

    Attributes:
        banner_after_ms: a check or a problem that lasts longer is shown.
        toast_fade_ms: how long the toast is shown once everything is ready.
        toast: False: never show it, whatever the settings say.
        toast_setting: dotted path of the setting that switches the toast off.
        locale: language of all words.
        locale_setting: dotted path of the setting that overrides it.
        categories: which model serves a category, by category.
    """

    banner_after_ms: Annotated[int, msgspec.Meta(ge=0, le=600_000)] = 3000
    toast_fade_ms: Annotated[int, msgspec.Meta(ge=0, le=600_000)] = 4000
    toast: bool = True
    toast_setting: Word = "ui.ready_toast"
    locale: Word = "en"
    locale_setting: Word = ""
    categories: Named[CategoryTable] = {}


def mode_problems(modes: Sequence[ModeTable]) -> Iterator[tuple[str, str]]:
    """Option and detail of each problem with the `[[modes]]` tables."""
    for at, mode in enumerate(modes):
        if any(mode.name == other.name for other in modes[:at]):
            yield f"modes[{at}].name", f"expected a name of its own, found {mode.name!r} twice"
        if twice := set(mode.requires) & {optional.category for optional in mode.optional}:
            detail = f"expected other categories than required ones, found {sorted(twice)[0]!r}"
            yield f"modes[{at}].optional", detail
