"""One mistake of a profile, with its place and its cure. Pure."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from actors.cli.exit_codes import DetailedError
from bus.errors import OperatorError


class Mistake(msgspec.Struct, frozen=True, kw_only=True):
    """Something in a profile that would fail, or could never take effect.

    Attributes:
        file: that is wrong.
        table: of that file, such as `children.greeter` or `modes[0]`; empty for the top of the file.
        field: of that table; empty for the table as a whole.
        problem: what was expected and what was found.
        cure: what to change.
        blocks: `up` starts nothing while the profile has it. Others depend on the machine, or do no harm.
    """

    file: str
    problem: str
    cure: str
    table: str = ""
    field: str = ""
    blocks: bool = True

    @property
    def place(self) -> str:
        """Table and field, such as `children.greeter.entry`."""
        return ".".join(part for part in (self.table, self.field) if part)

    def __str__(self) -> str:
        place = f"{self.file}: {self.place}" if self.place else self.file
        return f"{place}: {self.problem}; {self.cure}"


class ProfileMistaken(DetailedError, OperatorError):
    """A profile has mistakes with which it cannot work.

    Attributes:
        mistakes: all of them.
    """

    mistakes: list[Mistake]

    def __str__(self) -> str:
        if len(self.mistakes) == 1:
            return str(self.mistakes[0])
        lines = "".join(f"\n  {mistake}" for mistake in self.mistakes)
        return f"the profile has {len(self.mistakes)} mistakes, and nothing was started:{lines}"

    def details(self) -> dict[str, object]:
        """What `--json` tells beside the sentence."""
        return {"mistakes": [as_document(mistake) for mistake in self.mistakes]}


def as_document(mistake: Mistake) -> dict[str, object]:
    """A mistake for `--json`."""
    return {**msgspec.to_builtins(mistake), "place": mistake.place}


def place_of(option: str) -> tuple[str, str]:
    """Table and field of an option: `modes[0]` and `name` for `modes[0].name`."""
    table, _, field = option.rpartition(".")
    return table, field


def at(file: object, option: str, problem: str, cure: str, *, blocks: bool = True) -> Mistake:
    """A mistake at an option of a file."""
    table, field = place_of(option)
    return Mistake(file=str(file), table=table, field=field, problem=problem, cure=cure, blocks=blocks)


def once(mistakes: Iterable[Mistake]) -> list[Mistake]:
    """Each mistake once, in the order in which they were found."""
    return list(dict.fromkeys(mistakes))
