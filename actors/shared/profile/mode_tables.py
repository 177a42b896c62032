"""What a profile declares of its modes: the tables, and what they cannot say by their types."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated

import msgspec


class OptionalTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A category that a mode can do without.

    Attributes:
        notice: name of what a person is told while it is missing, such as `raw_output`; the words are those
            of `notice_raw_output`.
        bundled: whether its model belongs to the bundle that is confirmed at setup.
    """

    category: str
    notice: Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]*$")]
    bundled: bool = False


class ModeTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One `[[modes]]` table: something the app can be used for, and the categories of models that it takes.

    Attributes:
        requires: without a usable model of each of these the mode is blocked.
        enabled_by: dotted path of the setting that switches the mode on; empty: it always is.
    """

    name: Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
    title: str = ""
    requires: list[str] = []
    optional: list[OptionalTable] = []
    enabled_by: str = ""


class CategoryTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One `[readiness.categories.<category>]` table: which model serves a category.

    Attributes:
        model: id of the model that is chosen unless a person chose another.
        setting: dotted path of the setting by which a person chooses.
    """

    model: str = ""
    setting: str = ""


class ReadinessTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The `[readiness]` table.

    Attributes:
        banner_after_ms: a check or a trouble that lasts longer is shown.
        toast_fade_ms: for so long the toast is shown once all is ready.
        toast: False: it never is, whatever the settings say.
        toast_setting: dotted path of the setting with which a person switches it off.
        locale, locale_setting: language of all words, and the setting that overrides it.
    """

    banner_after_ms: Annotated[int, msgspec.Meta(ge=0, le=600_000)] = 3000
    toast_fade_ms: Annotated[int, msgspec.Meta(ge=0, le=600_000)] = 4000
    toast: bool = True
    toast_setting: str = "ui.ready_toast"
    locale: str = "en"
    locale_setting: str = ""
    categories: dict[str, CategoryTable] = {}


def mode_problems(modes: Sequence[ModeTable]) -> Iterator[tuple[str, str]]:
    """Option and detail of everything that is wrong with the `[[modes]]` tables."""
    for at, mode in enumerate(modes):
        if any(mode.name == other.name for other in modes[:at]):
            yield f"modes[{at}].name", f"expected a name of its own, found {mode.name!r} twice"
        if twice := set(mode.requires) & {optional.category for optional in mode.optional}:
            yield (
                f"modes[{at}].optional",
                f"expected other categories than required ones, found {sorted(twice)[0]!r}",
            )
