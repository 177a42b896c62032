"""Makes requests of every type of the contract: valid, at a limit, beyond it, or broken in some way. Pure."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

import msgspec
from msgspec import inspect

from schemas.contract.registry import REPLIES, REQUESTS
from tests.fuzz.contract_values import NOTHING, ValueMaker
from tests.fuzz.findings import Finding, readable
from tests.fuzz.spared_things import is_spared

encode = msgspec.msgpack.encode

Way = Literal[
    "valid",
    "limit",
    "beyond",
    "odd",
    "unknown",
    "missing",
    "truncated",
    "damaged",
    "header",
    "again",
    "cancelled",
]

WEIGHTS: Final[Mapping[Way, int]] = {
    "valid": 40,
    "limit": 10,
    "beyond": 12,
    "odd": 12,
    "unknown": 4,
    "missing": 4,
    "truncated": 4,
    "damaged": 4,
    "header": 4,
    "again": 3,
    "cancelled": 3,
}
SLOW_TOPICS: Final = frozenset({"diagnostics.generate", "state.check"})
"""Their actors read all that they have, which takes seconds: they are asked less often, as backups are."""

LYING_TOPICS: Final = frozenset({"models.add", "models.resolve", "models.install", "models.refresh"})
"""These ask the server that lies: they are asked more often."""

TIMEOUT_MS: Final = 20_000
ODD_HEADER_FIELDS: Final[tuple[Any, ...]] = (None, -1, 0, 2**64 - 1, 1.5, "", "x" * 600, b"x", [], {}, True)
UNFIT: Final = ("missing", "truncated")


class RequestCase(msgspec.Struct, frozen=True):
    """One request.

    Attributes:
        topic: that its type has; the header may name another.
        way: how it was made.
        header: all fields; the first one is the id, filled in when it is sent if it is 0.
        body: as it is sent.
        is_unfit: whether the contract says that it must not be taken.
    """

    topic: str
    way: Way
    header: list[Any]
    body: bytes
    is_unfit: bool = False


class CaseMaker:
    """Makes requests; the same ones for the same seed and words.

    Args:
        chance: decides.
        words: by the name of a field, values that mean something there. It may grow meanwhile.
        topics: of the requests; all by default.
    """

    def __init__(
        self,
        chance: random.Random,
        words: Mapping[str, Sequence[Any]],
        topics: Sequence[str] = tuple(REQUESTS),
    ) -> None:
        self._chance = chance
        self._values = ValueMaker(chance, words)
        self._kinds = {topic: _struct(topic) for topic in topics}
        self._topics = list(topics)
        self._topic_weights = [_weight(topic) for topic in self._topics]
        self._ways = list(WEIGHTS)
        self._weights = list(WEIGHTS.values())

    def next(self) -> RequestCase:
        """The next one that spares what has to stay."""
        while True:
            (topic,) = self._chance.choices(self._topics, self._topic_weights)
            (way,) = self._chance.choices(self._ways, self._weights)
            case = self.make(topic, way)
            if case is not None:
                return case

    def make(self, topic: str, way: Way) -> RequestCase | None:
        """A request of a type, made in a way; None: the type has no such, or it would not spare."""
        kind = self._kinds[topic]
        event = {"type": topic, **self._values.struct(kind)}
        header: list[Any] = [0, topic, TIMEOUT_MS, None, ""]
        match way:
            case "limit" | "beyond" | "odd":
                if not self._change_field(kind, event, way):
                    return None
            case "unknown":
                event[self._chance.choice(("new_field", "", "__proto__", "type ", "ключ"))] = (
                    self._values.odd()
                )
            case "missing":
                required = [field.encode_name for field in kind.fields if field.required]
                if not required:
                    return None
                event.pop(self._chance.choice(required), None)
            case "header":
                header = self._odd_header(header)
            case _:
                pass
        if not is_spared(topic, event):
            return None
        body = self._broken(encode(event), way)
        return RequestCase(topic, way, header, body, is_unfit=not is_fit(topic, body))

    def _change_field(self, kind: inspect.StructType, event: dict[str, Any], way: Way) -> bool:
        fields = list(kind.fields)
        self._chance.shuffle(fields)
        for field in fields:
            value: Any = NOTHING
            if way == "limit":
                value = self._values.at_limit(field.type)
            elif way == "beyond":
                value = self._values.beyond(field.type)
            else:
                value = self._values.odd()
            if value is not NOTHING:
                event[field.encode_name] = value
                return True
        return False

    def _odd_header(self, header: list[Any]) -> list[Any]:
        changed = list(header)
        place = self._chance.randrange(-1, len(header))
        if place < 0:
            return changed[: self._chance.randrange(len(changed))]
        changed[place] = self._chance.choice(ODD_HEADER_FIELDS)
        if place == 1 and self._chance.random() < 0.5:
            changed[1] = self._chance.choice(list(REQUESTS))
        return changed

    def _broken(self, body: bytes, way: Way) -> bytes:
        if way == "truncated":
            return body[: self._chance.randrange(len(body))]
        if way == "damaged":
            place = self._chance.randrange(len(body))
            return body[:place] + bytes((self._chance.randrange(256),)) + body[place + 1 :]
        return body


def is_fit(topic: str, body: bytes) -> bool:
    """Whether the contract takes this as a request of the topic."""
    try:
        msgspec.msgpack.decode(body, type=REQUESTS[topic])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def _weight(topic: str) -> float:
    if topic in SLOW_TOPICS or topic.startswith("backups."):
        return 0.1
    return 2.0 if topic in LYING_TOPICS else 1.0


READS_NO_FIELD: Final = frozenset({"bus.statistics"})
"""The broker checks that this is a map, and looks at nothing in it."""


def misfits(topic: str, request: bytes, reply: bytes) -> list[Finding]:
    """What is wrong with a reply: that it answers what is beyond the contract, or is beyond it itself."""
    found = []
    if topic not in READS_NO_FIELD and not is_fit(topic, request):
        found.append(Finding("unfit taken", topic, readable(request)))
    try:
        msgspec.msgpack.decode(reply, type=REPLIES[topic])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        found.append(Finding("unfit reply", topic, f"{error}: {readable(request)}"))
    return found


def _struct(topic: str) -> inspect.StructType:
    found = inspect.type_info(REQUESTS[topic])
    assert isinstance(found, inspect.StructType)
    return found
