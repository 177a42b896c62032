"""Puts each topic in order and completes it, whatever the feed dropped. Pure.

For each topic it follows the number that is due next. What comes too early is held while the missing numbers
are fetched, and what came before is skipped. After a new epoch, each publisher's own count shows duplicates
and losses.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from collections.abc import Iterable, Sized
from dataclasses import dataclass, field
from typing import Final

import msgspec

from bus.peer.feed.epoch_succession import EpochSuccession
from bus.wire import Run, matches

SOURCE_LIMIT: Final = 8192
"""Counts of publishers that are remembered, by topic and instance."""
FETCH_LIMIT_HEARTBEATS: Final = 5
"""After this many heartbeats without an answer, a replay is requested again."""

HELD_LIMIT_MESSAGES: Final = 4096
"""Messages of one topic that are held while a gap is filled. Further ones are fetched like the gap itself."""

HELD_LIMIT_BYTES: Final = 64 * 1024 * 1024
"""What the messages of all topics that are held may have, together. The largest has 16 MiB."""


class Deliver(msgspec.Struct, frozen=True):
    """Hand on the events of the body from index `skip` on."""

    topic: str
    run: Run
    body: bytes
    skip: int = 0


class Fetch(msgspec.Struct, frozen=True):
    """Request a replay of these numbers of a topic."""

    topic: str
    first: int
    last: int


class Lost(msgspec.Struct, frozen=True):
    """Report that this many events of a topic are lost for good."""

    topic: str
    count: int
    beyond_ring: bool


OrderingStep = Deliver | Fetch | Lost


@dataclass(slots=True)
class TopicState:
    """How far one topic has come.

    Attributes:
        due: the number that comes next.
        fetching: the last number that was requested; 0: none is.
        waited: heartbeats since that request.
        held: what came too early.
        lost_from, lost_until: numbers that were lost beyond the ring.
        seen_before: what each publisher had counted when they were lost, by instance.
    """

    due: int
    fetching: int = 0
    waited: int = 0
    held: deque[Deliver] = field(default_factory=deque)
    lost_from: int = 0
    lost_until: int = 0
    seen_before: dict[str, int] = field(default_factory=dict)


class Ordering:
    """Decides what becomes of each run that the feed brings.

    A pattern is first expected, then joined with the heads of a snapshot. What arrives in between is kept:
    only the heads show whether it comes after the snapshot.

    Attributes:
        epoch: the life of the broker that is followed.
        delivered, skipped, lost: events handed on, recognised as duplicates, lost beyond recovery.
        fetches: how many replays were requested.
    """

    def __init__(self, epochs: EpochSuccession | None = None) -> None:
        """Follow nothing yet; `epochs` knows in which order epochs were seen, on the lane as well."""
        self.epoch = ""
        self.delivered = self.skipped = self.lost = self.fetches = 0
        self._epochs = epochs or EpochSuccession()
        self._heard = ""
        self._expected: Counter[str] = Counter()
        self._joined: Counter[str] = Counter()
        self._early: deque[tuple[str, Run, bytes]] = deque()
        self._held_bytes = 0
        self._topics: dict[str, TopicState] = {}
        self._sources: OrderedDict[tuple[str, str], int] = OrderedDict()
        self._checked: set[tuple[str, str]] = set()

    def __repr__(self) -> str:
        due = {topic: state.due for topic, state in self._topics.items()}
        return f"<Ordering epoch={self.epoch} due={due}>"

    def expect(self, patterns: Iterable[str]) -> None:
        """A snapshot of these patterns was requested."""
        self._expected.update(patterns)

    def join(
        self,
        patterns: Iterable[str],
        epoch: str,
        heads: dict[str, int],
        retained: Iterable[tuple[str, Run]] = (),
    ) -> list[OrderingStep]:
        """The snapshot is there: follow its topics from the numbers after these heads on.

        The new subscriber has the retained events, so what their publishers counted up to there is no loss.
        A topic that is followed already keeps its own number: the feed may still bring events from before
        the snapshot.
        """
        patterns = list(patterns)
        is_present = self._enter(epoch)
        if not is_present:
            heads = {}  # the successor of the broker that made the snapshot counts anew
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
        early, self._early = self._early, deque()
        self._held_bytes -= sum(len(body) for _, _, body in early)
        return [step for topic, run, body in early for step in self.receive(topic, run, body)]

    def leave(self, patterns: Iterable[str]) -> None:
        """These patterns are not wanted any more."""
        self._joined = +(self._joined - Counter(patterns))
        for topic in [topic for topic in self._topics if not self._is_joined(topic)]:
            self._held_bytes -= sum(len(held.body) for held in self._topics.pop(topic).held)

    def receive(self, topic: str, run: Run, body: bytes) -> list[OrderingStep]:
        """A run came over the feed, or in the answer to a replay."""
        if run.epoch != self._heard and not self._hear(run.epoch):
            return []
        state = self._topics.get(topic)
        if state is None:
            if not self._is_joined(topic):
                if any(matches(pattern, topic) for pattern in self._expected) and self._can_hold(
                    self._early, body
                ):
                    self._early.append((topic, run, body))
                return []
            state = self._topics[topic] = TopicState(1)
        end = run.number + run.count
        if end <= state.due:
            self.skipped += run.count
            return []
        if run.number > state.due:
            if self._can_hold(state.held, body):
                state.held.append(Deliver(topic, run, body))
            return self._fetch(topic, state, run.number - 1)
        return self._take(state, Deliver(topic, run, body, state.due - run.number))

    def retained(self, topic: str, run: Run, body: bytes) -> list[OrderingStep]:
        """A retained event was requested after a loss. It is handed on if it was among what was lost."""
        state = self._topics.get(topic)
        if state is None or run.epoch != self.epoch:
            return []
        number, last = run.number + run.count - 1, run.source_number + run.count - 1
        if not state.lost_from <= number < state.lost_until or last <= state.seen_before.get(run.instance, 0):
            return []
        state.seen_before[run.instance] = last
        self._note_source((topic, run.instance), max(last, self._sources.get((topic, run.instance), 0)))
        return [Deliver(topic, run, body, run.count - 1)]

    def replayed(
        self, topic: str, lost: int, following: int, runs: list[tuple[Run, bytes]]
    ) -> list[OrderingStep]:
        """A replay was answered.

        Args:
            topic: the topic that was requested.
            lost: how many events are gone for good.
            following: the number after the last event of the answer.
            runs: what the ring still held.
        """
        state = self._topics.get(topic)
        if state is None:
            return []
        asked, due_before = state.fetching, state.due
        state.fetching = asked or following  # nothing is requested while this answer is taken in
        steps: list[OrderingStep] = []
        present = runs[0][0].number if runs else following
        if present > state.due:
            gone = max(state.due, present - lost)
            state.due = gone  # numbers below were never given, or not by this topic
            if gone < present:
                steps.append(self._lose(topic, state, present))
        for run, body in runs:
            steps.extend(self.receive(topic, run, body))
        state.due = max(state.due, following)
        steps.extend(self._release(topic, state))
        state.fetching = 0
        if state.due > due_before:  # else the next heartbeat asks again, and not this answer
            last = state.held[0].run.number - 1 if state.held else asked
            if state.due <= last:
                steps.extend(self._fetch(topic, state, last))
        return steps

    def heartbeat(self, epoch: str, heads: dict[str, int]) -> list[OrderingStep]:
        """The broker states the newest number of each topic over the feed, which shows a lost tail."""
        if epoch != self._heard and not self._hear(epoch):
            return []
        return self._compare(heads)

    def heads(self, epoch: str, heads: dict[str, int]) -> list[OrderingStep]:
        """As `heartbeat`, in an answer over the lane: the feed may still bring what earlier brokers sent."""
        return self._compare(heads) if self._enter(epoch) else []

    def _compare(self, heads: dict[str, int]) -> list[OrderingStep]:
        steps: list[OrderingStep] = []
        for topic, head in heads.items():
            state = self._topics.get(topic)
            if state is None:
                if not self._is_joined(topic):
                    continue
                state = self._topics[topic] = TopicState(1)
            if state.fetching:
                state.waited += 1
                if state.waited >= FETCH_LIMIT_HEARTBEATS:
                    state.fetching = 0
            if state.due <= head:
                steps.extend(self._fetch(topic, state, head))
        return steps

    def forget_fetches(self) -> None:
        """The lane was lost, and with it every answer to a replay: request again when a gap shows again."""
        for state in self._topics.values():
            state.fetching = 0

    def _is_joined(self, topic: str) -> bool:
        return any(matches(pattern, topic) for pattern in self._joined)

    def _hear(self, epoch: str) -> bool:
        """The feed brought something of another epoch than before; returns whether it is to be followed."""
        if not self._epochs.hear(epoch) or not self._enter(epoch):
            return False
        self._heard = epoch
        return True

    def _enter(self, epoch: str) -> bool:
        """Follow this epoch, unless it is over. All of a new epoch is wanted, from the first number on.

        What was held of the former epoch is dropped: its publishers send it again, in order.
        """
        if epoch == self.epoch:
            return True
        if self._epochs.is_before(epoch, self.epoch):
            return False
        self._epochs.note(epoch)
        self.epoch = epoch
        self._heard = ""
        self._topics.clear()
        self._checked.clear()
        self._early.clear()
        self._held_bytes = 0
        return True

    def _can_hold(self, held: Sized, body: bytes) -> bool:
        """Whether a message has room among these, and takes it."""
        if len(held) >= HELD_LIMIT_MESSAGES or self._held_bytes + len(body) > HELD_LIMIT_BYTES:
            return False
        self._held_bytes += len(body)
        return True

    def _fetch(self, topic: str, state: TopicState, last: int) -> list[OrderingStep]:
        if state.fetching:
            return []
        state.fetching, state.waited = last, 0
        self.fetches += 1
        return [Fetch(topic, state.due, last)]

    def _take(self, state: TopicState, found: Deliver) -> list[OrderingStep]:
        run = found.run
        state.due = run.number + run.count
        steps = self._check_source(found)
        if state.held:
            steps.extend(self._release(found.topic, state))
        return steps

    def _release(self, topic: str, state: TopicState) -> list[OrderingStep]:
        """Hand on what was held and is due now."""
        steps: list[OrderingStep] = []
        while state.held and state.held[0].run.number <= state.due:
            held = state.held.popleft()
            self._held_bytes -= len(held.body)
            end = held.run.number + held.run.count
            if end > state.due:
                found = Deliver(topic, held.run, held.body, state.due - held.run.number)
                state.due = end
                steps.extend(self._check_source(found))
        if state.held and not state.fetching:
            steps.extend(self._fetch(topic, state, state.held[0].run.number - 1))
        return steps

    def _check_source(self, found: Deliver) -> list[OrderingStep]:
        """Compare with the publisher's own count: skip what a former epoch delivered, report what it lost."""
        run = found.run
        source = (found.topic, run.instance)
        seen = self._sources.get(source, 0)
        first, last = run.source_number + found.skip, run.source_number + run.count - 1
        steps: list[OrderingStep] = []
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
