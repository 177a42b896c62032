"""Tells from a regular expression alone how long the search for it may take. Pure.

`re` tries one way after the other. If a text can be read in several ways, it tries them all before it gives
up. The expression becomes an automaton whose states are its signs (Glushkov). Two ways from a state back to
itself over the same text make the time exponential; a state that stays, and can also go on to another that
stays, over the same text, makes it quadratic or worse (Weideman and others, CIAA 2016).

Look-behinds and references are taken as if they always fitted, so some harmless expressions are reported.
"""

from __future__ import annotations

import itertools
import re
import re._constants as constants
import re._parser as parser
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any, Literal

Growth = Literal["linear", "polynomial", "exponential"]

SAMPLE = [*range(128), 0xA0, 0xE9, 0x660, 0x65E5, 0x1F600]
ALL = frozenset(SAMPLE)
END = frozenset({-1})
"""The end of the text, or what a look-ahead wants: there a match may still fail."""

LOOP_FROM = 16
"""A repetition that may go on for longer counts as one without an end."""

_CATEGORIES = {
    constants.CATEGORY_DIGIT: r"\d",
    constants.CATEGORY_NOT_DIGIT: r"\D",
    constants.CATEGORY_SPACE: r"\s",
    constants.CATEGORY_NOT_SPACE: r"\S",
    constants.CATEGORY_WORD: r"\w",
    constants.CATEGORY_NOT_WORD: r"\W",
}
Part = tuple[frozenset[int], frozenset[int], bool]
"""First states, last states, and whether it may be empty."""


class Automaton:
    """States of an expression, and which may follow which, how often."""

    def __init__(self, pattern: re.Pattern[Any], *, is_search: bool, is_whole: bool) -> None:
        """Make it.

        Args:
            pattern: the expression.
            is_search: it may begin anywhere.
            is_whole: it has to fit up to the end.
        """
        self.signs: list[frozenset[int]] = []
        self.follow: dict[int, Counter[int]] = defaultdict(Counter)
        text: Any = pattern.pattern
        self._flags = pattern.flags
        whole = self._sequence(
            parser.parse(text, pattern.flags & ~re.UNICODE if isinstance(text, bytes) else pattern.flags)
        )
        if is_whole:
            whole = self._join(whole, self._state(END))
        if is_search:
            start = self._state(ALL)
            self._link(start[1], start[0])
            whole = self._join(start, whole)
        self.last = whole[1]

    def _state(self, signs: frozenset[int]) -> Part:
        self.signs.append(signs)
        only = frozenset({len(self.signs) - 1})
        return only, only, False

    def _link(self, sources: Iterable[int], targets: Iterable[int]) -> None:
        for source, target in itertools.product(sources, targets):
            self.follow[source][target] += 1

    def _join(self, left: Part, right: Part) -> Part:
        self._link(left[1], right[0])
        first = left[0] | right[0] if left[2] else left[0]
        last = left[1] | right[1] if right[2] else right[1]
        return first, last, left[2] and right[2]

    def _sequence(self, items: Any) -> Part:
        found: Part = (frozenset(), frozenset(), True)
        for kind, value in items:
            found = self._join(found, self._item(kind, value))
        return found

    def _item(self, kind: Any, value: Any) -> Part:
        if kind in (constants.LITERAL, constants.NOT_LITERAL, constants.ANY, constants.IN):
            return self._state(self._signs(kind, value))
        if kind is constants.BRANCH:
            parts = [self._sequence(branch) for branch in value[1]]
            return (
                frozenset().union(*(part[0] for part in parts)),
                frozenset().union(*(part[1] for part in parts)),
                any(part[2] for part in parts),
            )
        if kind in (constants.MAX_REPEAT, constants.MIN_REPEAT):
            return self._repeat(*value)
        if kind is constants.SUBPATTERN:
            return self._sequence(value[3])
        if kind in (constants.ATOMIC_GROUP, constants.POSSESSIVE_REPEAT):
            return self._atomic(value if kind is constants.ATOMIC_GROUP else value[2])
        if kind is constants.AT:
            at_end = (constants.AT_END, constants.AT_END_STRING, constants.AT_BOUNDARY)
            return self._end() if value in at_end else (frozenset(), frozenset(), True)
        if kind in (constants.ASSERT, constants.ASSERT_NOT):
            return self._end() if value[0] > 0 else (frozenset(), frozenset(), True)
        assert kind is constants.GROUPREF, kind
        return self._repeat(0, constants.MAXREPEAT, [(constants.ANY, None)])

    def _atomic(self, items: Any) -> Part:
        """What never goes back is one state that may stay."""
        before = len(self.signs)
        self._sequence(items)
        signs = frozenset[int]().union(*self.signs[before:])
        for state in range(before, len(self.signs)):
            self.follow.pop(state, None)
        del self.signs[before:]
        first, last, _ = self._state(signs)
        self._link(last, first)
        return first, last, True

    def _end(self) -> Part:
        first, last, _ = self._state(END)
        return first, last, False

    def _repeat(self, least: int, most: Any, items: Any) -> Part:
        found: Part = (frozenset(), frozenset(), True)
        is_loop = most is constants.MAXREPEAT or int(most) - least > LOOP_FROM
        for _ in range(min(least, 3) - (1 if is_loop and least else 0)):
            found = self._join(found, self._sequence(items))
        if is_loop:
            part = self._sequence(items)
            self._link(part[1], part[0])
            return self._join(found, (part[0], part[1], part[2] or least == 0))
        for _ in range(min(int(most) - least, 3)):
            part = self._sequence(items)
            found = self._join(found, (part[0], part[1], True))
        return found

    def _signs(self, kind: Any, value: Any) -> frozenset[int]:
        if kind is constants.ANY:
            return ALL if self._flags & re.DOTALL else ALL - {10}
        if kind is constants.LITERAL:
            return self._cased({value})
        if kind is constants.NOT_LITERAL:
            return ALL - {value}
        is_negative = value[0][0] is constants.NEGATE
        found: set[int] = set()
        for part, content in value[1:] if is_negative else value:
            if part is constants.LITERAL:
                found.add(content)
            elif part is constants.RANGE:
                found |= {sign for sign in (*SAMPLE, content[0]) if content[0] <= sign <= content[1]}
            else:
                fits = re.compile(_CATEGORIES[content])
                found |= {sign for sign in SAMPLE if fits.match(chr(sign))}
        return ALL - found if is_negative else self._cased(found)

    def _cased(self, signs: set[int]) -> frozenset[int]:
        if not self._flags & re.IGNORECASE:
            return frozenset(signs)
        return frozenset({ord(c) for s in signs for c in (chr(s).lower()[:1], chr(s).upper()[:1])})


def growth_of(pattern: re.Pattern[Any], *, is_search: bool = True, is_whole: bool = False) -> Growth:
    """How the time grows with the length of a text that does not fit.

    Args:
        pattern: the expression.
        is_search: `search`, `sub`, `findall` and their like, which begin anywhere.
        is_whole: `fullmatch`, which has to reach the end.
    """
    automaton = Automaton(pattern, is_search=is_search, is_whole=is_whole)
    if _is_exponential(automaton):
        return "exponential"
    return "polynomial" if _is_polynomial(automaton) else "linear"


def _reach(
    automaton: Automaton, start: tuple[int, ...], within: tuple[frozenset[int], ...]
) -> set[tuple[int, ...]]:
    """Where several runs over the same text can be, each at one of its own states."""
    seen: set[tuple[int, ...]] = set()
    open_ = [start]
    signs, follow = automaton.signs, automaton.follow
    while open_:
        steps = (follow[state].keys() & allowed for state, allowed in zip(open_.pop(), within, strict=True))
        for step in itertools.product(*steps):
            if step not in seen and frozenset.intersection(*(signs[state] for state in step)):
                seen.add(step)
                open_.append(step)
    return seen


def _loops(automaton: Automaton) -> tuple[dict[int, frozenset[int]], dict[int, frozenset[int]]]:
    """Of each state where it leads, and of each that leads back to itself the states on the way."""
    every = frozenset(range(len(automaton.signs)))
    ahead = {state: frozenset(step[0] for step in _reach(automaton, (state,), (every,))) for state in every}
    loops = {
        state: frozenset(other for other in found if state in ahead[other])
        for state, found in ahead.items()
        if state in found
    }
    return ahead, loops


def _is_exponential(automaton: Automaton) -> bool:
    _, loops = _loops(automaton)
    for state, loop in loops.items():
        if any(automaton.follow[one][other] > 1 for one in loop for other in loop):
            return True
        both = (loop, loop)
        apart = {step for step in _reach(automaton, (state, state), both) if step[0] != step[1]}
        if any((state, state) in _reach(automaton, step, both) for step in apart):
            return True
    return False


def _is_polynomial(automaton: Automaton) -> bool:
    ahead, loops = _loops(automaton)
    for stays, leaves in itertools.permutations(loops, 2):
        between = (ahead[stays] & frozenset(s for s in ahead if leaves in ahead[s])) | {stays, leaves}
        if (
            leaves in ahead[stays]
            and automaton.signs[stays] & automaton.signs[leaves]
            and _can_fail(automaton, leaves)
            and (stays, leaves, leaves)
            in _reach(automaton, (stays, stays, leaves), (loops[stays], between, loops[leaves]))
        ):
            return True
    return False


def _can_fail(automaton: Automaton, state: int) -> bool:
    """Whether what follows this state may yet not fit: it is not the end, or a condition comes behind it."""
    return state not in automaton.last or any(
        automaton.signs[follower] == END for follower in automaton.follow[state]
    )
