"""The hearing side of a peer: each topic in order and complete, whatever the feed dropped. Pure.

Follows, for each topic, the number that is due next. What comes too early is held while the missing numbers
are fetched; what came before is skipped. After a new epoch, duplicates and losses show in each publisher's
own count.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import msgspec

from bus.wire import Run, matches

SOURCE_LIMIT: Final = 8192
FETCH_PATIENCE_HEARTBEATS: Final = 5
"""So many heartbeats without the answer to a replay, and it is asked for again: the broker may have had no room to send it."""

HELD_LIMIT_MESSAGES: Final = 4096
"""Messages of one topic that are held while a gap is filled; further ones are dropped and fetched like the gap itself."""


class Deliver(msgspec.Struct, frozen=True):
    """Hand these events on: those of the body from index `skip` on."""

    topic: str
    run: Run
    body: bytes
    skip: int = 0


class Fetch(msgspec.Struct, frozen=True):
    """Ask for a replay of these numbers of a topic."""

    topic: str
    first: int
    last: int


class Lost(msgspec.Struct, frozen=True):
    """Tell the subscribers that so many events of a topic are lost for good."""

    topic: str
    count: int
    beyond_ring: bool


Step = Deliver | Fetch | Lost


@dataclass(slots=True)
class TopicState:
    """How far one topic has come.

    Attributes:
        due: the number that comes next.
        fetching: the last number asked for, 0 if none is; `waited` counts the heartbeats since.
        held: what came too early.
        lost_from, lost_until: numbers that were lost beyond the ring; `seen_before` is what each publisher
            had counted then.
    """

    due: int
    fetching: int = 0
    waited: int = 0
    held: deque[Deliver] = field(default_factory=deque)
    lost_from: int = 0
    lost_until: int = 0
    seen_before: dict[str, int] = field(default_factory=dict)


class Reception:
    """Puts what the feed brings in order.

    A pattern is first expected, then joined with the heads of a snapshot. What arrives in between is put
    aside, since only the heads tell whether it comes after the snapshot.
    """

    def __init__(self) -> None:
        self.epoch = ""
        self.delivered = self.skipped = self.lost = self.fetches = 0
        self._former_epochs: set[str] = set()
        self._expected: Counter[str] = Counter()
        self._joined: Counter[str] = Counter()
        self._early: deque[tuple[str, Run, bytes]] = deque(maxlen=HELD_LIMIT_MESSAGES)
        self._topics: dict[str, TopicState] = {}
        self._sources: OrderedDict[tuple[str, str], int] = OrderedDict()
        self._checked: set[tuple[str, str]] = set()

    def __repr__(self) -> str:
        return f"<Reception epoch={self.epoch} due={ {topic: state.due for topic, state in self._topics.items()} }>"

    def expect(self, patterns: Iterable[str]) -> None:
        """A snapshot of these patterns is asked for."""
        self._expected.update(patterns)

    def join(
        self,
        patterns: Iterable[str],
        epoch: str,
        heads: dict[str, int],
        retained: Iterable[tuple[str, Run]] = (),
    ) -> list[Step]:
        """The snapshot is there: topics that were not followed before are followed from behind these heads on.

        The new subscriber was handed what is retained, so what its publishers counted up to there is no loss.
        Not so for a topic that is followed already: there the feed may still bring events from before the
        snapshot.
        """
        patterns = list(patterns)
        is_present = self._enter(epoch)
        if not is_present:
            heads = {}  # the broker that made the snapshot is no more, and its successor counts anew
        self._expected = +(self._expected - Counter(patterns))
        for topic, run in retained:
            source = (topic, run.instance)
            if topic not in self._topics:
                self._note_source(source, max(self._sources.get(source, 0), run.source_number))
                if is_present:
                    self._checked.add(source)
        for topic, head in heads.items():
            self._topics.setdefault(topic, TopicState(head + 1))
        self._joined.update(patterns)
        early, self._early = self._early, deque(maxlen=HELD_LIMIT_MESSAGES)
        return [step for topic, run, body in early for step in self.receive(topic, run, body)]

    def leave(self, patterns: Iterable[str]) -> None:
        """Patterns are not wanted any more."""
        self._joined = +(self._joined - Counter(patterns))
        for topic in [topic for topic in self._topics if not self._is_joined(topic)]:
            del self._topics[topic]

    def receive(self, topic: str, run: Run, body: bytes) -> list[Step]:
        """A run came over the feed, or in the answer to a replay."""
        if run.epoch != self.epoch and not self._enter(run.epoch):
            return []
        state = self._topics.get(topic)
        if state is None:
            if not self._is_joined(topic):
                if any(matches(pattern, topic) for pattern in self._expected):
                    self._early.append((topic, run, body))
                return []
            state = self._topics[topic] = TopicState(1)
        end = run.number + run.count
        if end <= state.due:
            self.skipped += run.count
            return []
        if run.number > state.due:
            if len(state.held) < HELD_LIMIT_MESSAGES:
                state.held.append(Deliver(topic, run, body))
            return self._fetch(topic, state, run.number - 1)
        return self._take(state, Deliver(topic, run, body, state.due - run.number))

    def retained(self, topic: str, run: Run, body: bytes) -> list[Step]:
        """A retained event was asked for after a loss; it is handed on if it was among what was lost."""
        state = self._topics.get(topic)
        if state is None or run.epoch != self.epoch:
            return []
        number, last = run.number + run.count - 1, run.source_number + run.count - 1
        if not state.lost_from <= number < state.lost_until or last <= state.seen_before.get(run.instance, 0):
            return []
        state.seen_before[run.instance] = last
        self._note_source((topic, run.instance), max(last, self._sources.get((topic, run.instance), 0)))
        return [Deliver(topic, run, body, run.count - 1)]

    def replayed(self, topic: str, lost: int, following: int, runs: list[tuple[Run, bytes]]) -> list[Step]:
        """The answer to a replay: how many were lost, what there is, and where the next answer would begin."""
        state = self._topics.get(topic)
        if state is None:
            return []
        asked, state.fetching = state.fetching, 0
        steps: list[Step] = []
        if lost and runs and runs[0][0].number > state.due:
            steps.append(self._lose(topic, state, runs[0][0].number))
        elif lost and not runs and following > state.due:
            steps.append(self._lose(topic, state, following))
        for run, body in runs:
            steps.extend(self.receive(topic, run, body))
        steps.extend(self._release(topic, state))
        if state.due <= asked and not state.fetching:
            steps.extend(self._fetch(topic, state, asked))
        return steps

    def heartbeat(self, epoch: str, heads: dict[str, int]) -> list[Step]:
        """The broker says how far each topic has come: a lost tail shows."""
        if epoch != self.epoch and not self._enter(epoch):
            return []
        steps: list[Step] = []
        for topic, head in heads.items():
            state = self._topics.get(topic)
            if state is None:
                if not self._is_joined(topic):
                    continue
                state = self._topics[topic] = TopicState(1)
            if state.fetching:
                state.waited += 1
                if state.waited >= FETCH_PATIENCE_HEARTBEATS:
                    state.fetching = 0
            if state.due <= head:
                steps.extend(self._fetch(topic, state, head))
        return steps

    def forget_fetches(self) -> None:
        """The lane was lost, and with it the answers to what was asked: ask anew when it shows again."""
        for state in self._topics.values():
            state.fetching = 0

    def _is_joined(self, topic: str) -> bool:
        return any(matches(pattern, topic) for pattern in self._joined)

    def _enter(self, epoch: str) -> bool:
        """Follow this epoch, unless it is over. All that a new broker orders is wanted, from its first number on.

        What was held of the former epoch is let go: its publishers send it again, in order.
        """
        if epoch == self.epoch:
            return True
        if epoch in self._former_epochs:
            return False
        if self.epoch:
            self._former_epochs.add(self.epoch)
        self.epoch = epoch
        self._topics.clear()
        self._checked.clear()
        self._early.clear()
        return True

    def _fetch(self, topic: str, state: TopicState, last: int) -> list[Step]:
        if state.fetching:
            return []
        state.fetching, state.waited = last, 0
        self.fetches += 1
        return [Fetch(topic, state.due, last)]

    def _take(self, state: TopicState, found: Deliver) -> list[Step]:
        run = found.run
        state.due = run.number + run.count
        steps = self._judge(found)
        if state.held:
            steps.extend(self._release(found.topic, state))
        return steps

    def _release(self, topic: str, state: TopicState) -> list[Step]:
        """Hand on what was held, as far as it is due now."""
        steps: list[Step] = []
        while state.held and state.held[0].run.number <= state.due:
            held = state.held.popleft()
            end = held.run.number + held.run.count
            if end > state.due:
                found = Deliver(topic, held.run, held.body, state.due - held.run.number)
                state.due = end
                steps.extend(self._judge(found))
        if state.held and not state.fetching:
            steps.extend(self._fetch(topic, state, state.held[0].run.number - 1))
        return steps

    def _judge(self, found: Deliver) -> list[Step]:
        """Compare with the publisher's own count: skip what was delivered in a former epoch, notice what was not."""
        run = found.run
        source = (found.topic, run.instance)
        seen = self._sources.get(source, 0)
        first, last = run.source_number + found.skip, run.source_number + run.count - 1
        steps: list[Step] = []
        if last > seen and source not in self._checked:
            self._checked.add(source)
            if seen and run.key is None and first > seen + 1:
                self.lost += first - seen - 1
                steps.append(Lost(found.topic, first - seen - 1, beyond_ring=False))
        skip = found.skip + max(0, seen + 1 - first)
        if skip >= run.count:
            self.skipped += run.count - found.skip
            return steps
        self._note_source(source, last)
        self.delivered += run.count - skip
        steps.append(Deliver(found.topic, run, found.body, skip))
        return steps

    def _lose(self, topic: str, state: TopicState, following: int) -> Lost:
        count = following - state.due
        if not state.lost_until:
            state.lost_from = state.due
            state.seen_before = {
                instance: seen for (of, instance), seen in self._sources.items() if of == topic
            }
        state.lost_until = following
        state.due = following
        self.lost += count
        return Lost(topic, count, beyond_ring=True)

    def _note_source(self, source: tuple[str, str], last: int) -> None:
        self._sources[source] = last
        self._sources.move_to_end(source)
        if len(self._sources) > SOURCE_LIMIT:
            self._checked.discard(self._sources.popitem(last=False)[0])
