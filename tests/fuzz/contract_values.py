"""Makes values for the types of the contract: such as fit, such as just fit, and such as do not. Pure.

The types are walked as `msgspec.inspect` shows them, so a field or bound that the contract gets is tried from
then on.
"""

from __future__ import annotations

import random
import string
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import inspect

ODD_VALUES: Final[tuple[Any, ...]] = (
    None,
    True,
    False,
    -1,
    0,
    1,
    2**31,
    2**53,
    2**53 + 1,
    2**63 - 1,
    2**63,
    2**64 - 1,
    -(2**63),
    1.5,
    -0.0,
    5e-324,
    1.7e308,
    float("nan"),
    float("inf"),
    float("-inf"),
    "",
    " ",
    "\0",
    "\n",
    "x\n",
    "../../../etc/passwd",
    "..",
    ".",
    "/",
    "~",
    "CON",
    "a" * 255,
    "a" * 513,
    "%s%n{0}{}${HOME}",
    "\x1b]0;title\x07\x1b[2J",
    "\u202ereversed\u2066",
    "\u2028\u2029\x85",
    "\ud7ff\ue000\U0010ffff",
    "<script>alert(1)</script>",
    "=1+1",
    "Ä" * 300,
    b"",
    b"bytes",
    [],
    [None],
    [[]],
    ["x"] * 2000,
    {},
    {"": None},
    {"type": "app.x"},
    {"__proto__": {"x": 1}},
    {"a.b": {"c": [1, 2.5, None, "x"]}},
)
"""What callers send who err or mean ill."""

LARGE: Final = 40_000
"""Values larger than this are made rarely: they are slow, and show little more."""

_ALPHABET: Final = string.ascii_lowercase + string.digits + "._-/: " + "äßя中\u200d\u202e\t"


class _Nothing:
    """There is no such value."""


NOTHING: Final = _Nothing()


class ValueMaker:
    """Makes values; the same ones for the same chance and words.

    Args:
        chance: decides.
        words: by the name of a field, values that mean something there.
    """

    def __init__(self, chance: random.Random, words: Mapping[str, Sequence[Any]]) -> None:
        self._chance = chance
        self._words = words

    def valid(self, kind: inspect.Type, field: str = "", depth: int = 0) -> Any:
        """A value that fits, where known one that means something."""
        known = self._words.get(field)
        if known and self._chance.random() < 0.75:
            value = self._chance.choice(known)
            if fits(kind, value):
                return value
        match kind:
            case inspect.Metadata():
                return self.valid(kind.type, field, depth)
            case inspect.UnionType():
                return self.valid(self._chance.choice(kind.types), field, depth)
            case inspect.LiteralType():
                return self._chance.choice(kind.values)
            case inspect.BoolType():
                return self._chance.random() < 0.5
            case inspect.NoneType():
                return None
            case inspect.IntType() | inspect.FloatType():
                return self._number(kind)
            case inspect.StrType():
                return self._text(kind)
            case inspect.ListType():
                count = max(kind.min_length or 0, self._chance.choice((0, 1, 1, 2, 5)))
                return [self.valid(kind.item_type, field, depth + 1) for _ in range(count)]
            case inspect.DictType():
                count = self._chance.choice((0, 1, 1, 2, 5))
                keys = [self.valid(kind.key_type, f"{field} key", depth + 1) for _ in range(count)]
                return {key: self.valid(kind.value_type, f"{field} value", depth + 1) for key in keys}
            case inspect.StructType():
                return self.struct(kind)
            case _:
                return self.anything(depth)

    def struct(self, kind: inspect.StructType) -> dict[str, Any]:
        """A struct as a map; fields with a default are sometimes left out."""
        return {
            field.encode_name: self.valid(field.type, field.name)
            for field in kind.fields
            if field.required or self._chance.random() < 0.6
        }

    def anything(self, depth: int = 0) -> Any:
        """A value that JSON can express."""
        choice = self._chance.randrange(8 if depth < 4 else 6)
        match choice:
            case 0:
                return None
            case 1:
                return self._chance.random() < 0.5
            case 2:
                return self._chance.randrange(-1000, 1000)
            case 3:
                return self._chance.random()
            case 4 | 5:
                return self._letters(self._chance.choice((0, 1, 8, 40, 2000)))
            case 6:
                return [self.anything(depth + 1) for _ in range(self._chance.randrange(4))]
            case _:
                return {self._letters(6): self.anything(depth + 1) for _ in range(self._chance.randrange(4))}

    def at_limit(self, kind: inspect.Type) -> Any:
        """A value as large or as small as it may be; NOTHING where the type has no limit."""
        return self._edge(kind, 0)

    def beyond(self, kind: inspect.Type) -> Any:
        """A value just beyond a limit; NOTHING where the type has none."""
        return self._edge(kind, 1)

    def odd(self) -> Any:
        """A value of some type or other."""
        return self._chance.choice(ODD_VALUES)

    # -- parts

    def _edge(self, kind: inspect.Type, over: int) -> Any:
        match kind:
            case inspect.Metadata():
                return self._edge(kind.type, over)
            case inspect.UnionType():
                edges = [self._edge(part, over) for part in kind.types]
                found = [edge for edge in edges if edge is not NOTHING]
                return self._chance.choice(found) if found else NOTHING
            case inspect.IntType():
                return self._chance.choice(_number_edges(kind, over, 1) or [NOTHING])
            case inspect.FloatType():
                return self._chance.choice(
                    [*_number_edges(kind, over, 0.5), *([float("nan"), float("inf")] if over else [])]
                    or [NOTHING]
                )
            case inspect.StrType() if kind.pattern is None:
                return self._sized(kind, over, lambda count: self._chance.choice("aÄ\n.中") * count)
            case inspect.ListType():
                return self._sized(
                    kind,
                    over,
                    lambda count: [self.valid(kind.item_type) for _ in range(min(1, count))] * count,
                )
            case inspect.DictType():
                return self._sized(
                    kind, over, lambda count: {f"key{n}": self.valid(kind.value_type) for n in range(count)}
                )
            case _:
                return NOTHING

    def _sized(self, kind: Any, over: int, make: Any) -> Any:
        sizes = []
        if kind.max_length is not None and (kind.max_length <= LARGE or self._chance.random() < 0.01):
            sizes.append(kind.max_length + over)
        if kind.min_length:
            sizes.append(kind.min_length - over)
        return make(self._chance.choice(sizes)) if sizes else NOTHING

    def _number(self, kind: inspect.IntType | inspect.FloatType) -> Any:
        low, high = _range(kind)
        for _ in range(20):
            bound = self._chance.choice((1, 10, 1000, 100_000, 2_000_000_000, 2**52))
            number = self._chance.uniform(-bound if low < 0 else 0, bound)
            value = number if isinstance(kind, inspect.FloatType) else int(number)
            if low <= value <= high:
                return value
        return low if isinstance(kind, inspect.IntType) else (low + high) / 2

    def _text(self, kind: inspect.StrType) -> str:
        if kind.pattern is not None:
            return self._chance.choice(
                [text for text in ("", "de", "en-GB", "0" * 64, "ab" * 32) if fits(kind, text)] or [""]
            )
        most = min(kind.max_length or 50, 300)
        return self._letters(
            self._chance.choice((kind.min_length or 0, 1, min(12, most), min(60, most), most))
        )

    def _letters(self, count: int) -> str:
        return "".join(self._chance.choices(_ALPHABET, k=count))


def fits(kind: inspect.Type, value: Any) -> bool:
    """Whether a value is of a simple type and within its bounds."""
    match kind:
        case inspect.Metadata():
            return fits(kind.type, value)
        case inspect.UnionType():
            return any(fits(part, value) for part in kind.types)
        case inspect.StrType():
            try:
                msgspec.convert(value, _annotated(kind))
            except msgspec.ValidationError:
                return False
            return True
        case inspect.NoneType():
            return value is None
        case inspect.BoolType():
            return isinstance(value, bool)
        case inspect.IntType():
            low, high = _range(kind)
            return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
        case inspect.FloatType():
            low, high = _range(kind)
            return isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high
        case inspect.LiteralType():
            return value in kind.values
        case inspect.ListType():
            return isinstance(value, list) and all(fits(kind.item_type, item) for item in value)
        case inspect.DictType():
            return isinstance(value, dict)
        case _:
            return True


def _annotated(kind: inspect.StrType) -> Any:
    from typing import Annotated

    return Annotated[
        str, msgspec.Meta(min_length=kind.min_length, max_length=kind.max_length, pattern=kind.pattern)
    ]


def _range(kind: inspect.IntType | inspect.FloatType) -> tuple[float, float]:
    low = kind.ge if kind.ge is not None else kind.gt + 1e-9 if kind.gt is not None else -(2**62)
    high = kind.le if kind.le is not None else kind.lt - 1e-9 if kind.lt is not None else 2**62
    return low, high


def _number_edges(kind: inspect.IntType | inspect.FloatType, over: int, step: float) -> list[Any]:
    low, high = kind.ge, kind.le
    edges = [
        *([low - over * step] if low is not None else []),
        *([high + over * step] if high is not None else []),
    ]
    edges += [kind.gt] if over and kind.gt is not None else []
    return [int(edge) if isinstance(kind, inspect.IntType) else float(edge) for edge in edges]
