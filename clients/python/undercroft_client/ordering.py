"""Puts the events of one subscription in order, and completes them: feed messages in, steps out. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import msgspec

HELD_LIMIT_MESSAGES: Final = 4096
SOURCE_LIMIT: Final = 8192
FETCH_LIMIT_HEARTBEATS: Final = 5
"""After this many heartbeats without an answer, a REPLAY is requested again."""


class Run(msgspec.Struct, frozen=True, array_like=True):
    """Feed header of a run of events. `bus/PROTOCOL.md` explains the fields."""

    epoch: str
    sequence: int
    number: int
    count: int
    time_ns: int
    source: str
    instance: str
    source_number: int
    key: str | None = None
    correlation: str | None = None


class Answer(msgspec.Struct, frozen=True, array_like=True):
    """Header of the answer to a REPLAY. `lost`: from the first number that was asked; `next`: behind it."""

    id: int
    topic: str
    lost: int
    next: int
    epoch: str


class Heard(msgspec.Struct, frozen=True):
    """Hand on the events of this body from index `skip` on. `retained`: they are from the snapshot."""

    topic: str
    run: Run
    body: bytes
    skip: int = 0
    retained: bool = False


class Lost(msgspec.Struct, frozen=True):
    """Events of a topic that are lost for good, or that cannot be read."""

    topic: str
    count: int
    reason: Literal["ring_exceeded", "broker_restarted", "unreadable"]


class Fetch(msgspec.Struct, frozen=True):
    """Request a replay of these numbers of a topic."""

    topic: str
    first: int
    last: int


Step: TypeAlias = Heard | Lost | Fetch


@dataclass(slots=True)
class Asked:
    """A REPLAY under way: its last number, and the heartbeats since it was sent."""

    last: int
    waited: int = 0


class Ordering:
    """Decides what one subscription hears. Feed messages wait until `join` shows where the snapshot ends."""

    def __init__(self, patterns: Iterable[str]) -> None:
        self.patterns = list(patterns)
        self.epoch = ""
        self._over: set[str] = set()
        self._early: deque[tuple[str, Run, bytes]] | None = deque(maxlen=HELD_LIMIT_MESSAGES)
        self._due: dict[str, int] = {}
        self._held: dict[str, deque[Heard]] = {}
        self._asked: dict[str, Asked] = {}
        self._lost: dict[str, range] = {}
        self._seen: dict[tuple[str, str], int] = {}
        self._seen_before: dict[tuple[str, str], int] = {}
        self._compared: set[tuple[str, str]] = set()

    def wants(self, topic: str) -> bool:
        """Whether a topic falls under the patterns."""
        return any(topic.startswith(p[:-1]) if p.endswith("*") else topic == p for p in self.patterns)

    def join(self, epoch: str, heads: dict[str, int], retained: list[tuple[str, Run, bytes]]) -> list[Step]:
        """The snapshot is there: first its retained events, then what followed it."""
        early, self._early = self._early or (), None
        if self._enter(epoch):
            self._due = {topic: head + 1 for topic, head in heads.items()}
        steps: list[Step] = [
            Heard(topic, run, body, run.count - 1, retained=True) for topic, run, body in retained
        ]
        for topic, run, _ in retained:
            self._note((topic, run.instance), run.source_number + run.count - 1)
            self._compared.add(
                (topic, run.instance)
            )  # events up to the heads are older than the subscription
        return steps + [step for message in early for step in self.receive(*message)]

    def receive(self, topic: str, run: Run, body: bytes) -> list[Step]:
        """A run came over the feed, or in the answer to a REPLAY."""
        if not self.wants(topic) or not self._enter(run.epoch):
            return []
        if self._early is not None:
            self._early.append((topic, run, body))
            return []
        if run.number > self._due.setdefault(topic, 1):
            held = self._held.setdefault(topic, deque())
            if len(held) < HELD_LIMIT_MESSAGES:
                held.append(Heard(topic, run, body))
            return self._fetch(topic, run.number - 1)
        return self._take(topic, run, body) + self._release(topic)

    def heartbeat(self, epoch: str, heads: dict[str, int]) -> list[Step]:
        """The broker states the newest number of each topic, which shows a lost tail."""
        if self._early is not None or not self._enter(epoch):
            return []
        steps: list[Step] = []
        for topic, head in heads.items():
            if self.wants(topic):
                asked = self._asked.get(topic)
                if asked is not None:
                    asked.waited += 1
                    if asked.waited >= FETCH_LIMIT_HEARTBEATS:
                        del self._asked[topic]
                if self._due.setdefault(topic, 1) <= head:
                    steps += self._fetch(topic, head)
        return steps

    def replayed(self, answer: Answer, first: int, runs: Iterable[tuple[str, Run, bytes]]) -> list[Step]:
        """A REPLAY that asked from `first` on is answered: what is lost for good, and what there is."""
        topic = answer.topic
        if answer.epoch != self.epoch or topic not in self._asked:
            return []
        asked, due = self._asked[topic], self._due[topic]
        steps: list[Step] = []
        if first + answer.lost > due and answer.lost:
            self._due[topic] = first + answer.lost
            self._lost[topic] = range(self._lost.get(topic, range(due, due)).start, self._due[topic])
            steps.append(Lost(topic, self._due[topic] - due, "ring_exceeded"))
        for message in runs:
            steps += self.receive(*message)
        self._asked.pop(topic, None)  # only now: what is missing between these runs has been asked for
        self._due[topic] = max(self._due[topic], answer.next)
        steps += self._release(topic)
        if due < self._due[topic] <= asked.last:
            steps += self._fetch(topic, asked.last)
        return steps

    def recalled(self, topic: str, retained: Iterable[tuple[str, Run, bytes]]) -> list[Step]:
        """After a loss, retained events that were among the lost ones tell how things stand."""
        lost = self._lost.pop(topic, range(0))
        return [
            Heard(topic, run, body, run.count - 1, retained=True)
            for _, run, body in retained
            if run.epoch == self.epoch and run.number + run.count - 1 in lost
        ]

    def forget(self, topic: str | None = None) -> None:
        """The REPLAY of this topic (None: every one) gets no answer; the next heartbeat requests it again."""
        for each in [topic] if topic else list(self._asked):
            self._asked.pop(each, None)

    def _enter(self, epoch: str) -> bool:
        """Follow this epoch, unless it is over. All of a new epoch is wanted, from the first number on."""
        if epoch in self._over:
            return False
        if epoch != self.epoch:
            self._over |= {self.epoch} - {""}
            self.epoch, self._seen_before = epoch, dict(self._seen)
            self._due, self._held, self._asked, self._lost, self._compared = {}, {}, {}, {}, set()
            if self._early:
                self._early.clear()
        return True

    def _fetch(self, topic: str, last: int) -> list[Step]:
        if topic in self._asked:
            return []
        self._asked[topic] = Asked(last)
        return [Fetch(topic, self._due[topic], last)]

    def _take(self, topic: str, run: Run, body: bytes) -> list[Step]:
        """Take a run that begins at the due number, or before it."""
        due, end = self._due[topic], run.number + run.count
        if end <= due:
            return []
        self._due[topic] = end
        return self._judge(Heard(topic, run, body, due - run.number))

    def _release(self, topic: str) -> list[Step]:
        """Take what was held and is due now."""
        steps: list[Step] = []
        held = self._held.get(topic, deque())
        while held and held[0].run.number <= self._due[topic]:
            first = held.popleft()
            steps += self._take(topic, first.run, first.body)
        return steps + (self._fetch(topic, held[0].run.number - 1) if held else [])

    def _judge(self, heard: Heard) -> list[Step]:
        """Compare with the publisher's count as of the last epoch: skip what was heard, tell what is lost."""
        run, source = heard.run, (heard.topic, heard.run.instance)
        seen, first, last = (
            self._seen_before.get(source, 0),
            run.source_number + heard.skip,
            run.source_number + run.count - 1,
        )
        steps: list[Step] = []
        if last > seen and source not in self._compared:
            self._compared.add(source)
            if seen and run.key is None and first > seen + 1:
                steps.append(Lost(heard.topic, first - seen - 1, "broker_restarted"))
        self._note(source, last)
        skip = heard.skip + max(0, seen + 1 - first)
        return [*steps, msgspec.structs.replace(heard, skip=skip)] if skip < run.count else steps

    def _note(self, source: tuple[str, str], last: int) -> None:
        self._seen[source] = max(last, self._seen.pop(source, 0))
        if len(self._seen) > SOURCE_LIMIT:
            self._seen.pop(next(iter(self._seen)))
