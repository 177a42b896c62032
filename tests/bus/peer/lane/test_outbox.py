"""What a peer has published is sent once, in order, and again when it has to be."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from bus import wire
from bus.errors import ProtocolError
from bus.peer.lane import outbox as outbox_module
from bus.peer.lane.outbox import RUN_LIMIT_BYTES, RUN_LIMIT_EVENTS, TAIL_SECONDS, WINDOW_RUNS, Outbox
from schemas.event import Event
from tests.support.event_samples import NumberedEvent, OtherEvent, StateEvent


def read(frames: list[Any]) -> tuple[wire.PublishHeader, list[Any]]:
    header = wire.read_from_peer([bytes(frame) for frame in frames])
    assert isinstance(header, wire.PublishHeader)
    wire.check_events(bytes(frames[2]), header.count)
    return header, msgspec.msgpack.decode(frames[2])


def drain(outbox: Outbox) -> list[tuple[wire.PublishHeader, list[Any]]]:
    """All that is published, accepted as it goes."""
    found: list[tuple[wire.PublishHeader, list[Any]]] = []
    while ready := outbox.due():
        found += [read(frames) for frames in ready]
        outbox.accepted(found[-1][0].serial, 0.0)
    return found


def test_events_of_one_topic_travel_together_and_a_change_of_topic_or_matter_starts_a_new_run() -> None:
    outbox = Outbox()
    for event, matter in [
        (NumberedEvent(n=1), None),
        (NumberedEvent(n=2), None),
        (OtherEvent(n=3), None),
        (OtherEvent(n=4), "m"),
        (NumberedEvent(n=5), "m"),
    ]:
        outbox.offer(event, matter)
    assert [(h.serial, h.topic, h.count, h.first, h.correlation) for h, _ in drain(outbox)] == [
        (2, "app.numbered", 2, 1, None),
        (3, "app.other", 1, 1, None),
        (4, "app.other", 1, 2, "m"),
        (5, "app.numbered", 1, 3, "m"),
    ]


def test_a_retained_event_travels_alone_with_its_key_and_at_once() -> None:
    outbox = Outbox()
    assert [outbox.offer(StateEvent(key=key, value=1), None) for key in ("a", "a", "b")] == [True] * 3
    assert [(h.key, h.count, h.first) for h, _ in drain(outbox)] == [("a", 1, 1), ("a", 1, 2), ("b", 1, 3)]


def test_a_run_is_full_by_events_or_by_bytes() -> None:
    outbox = Outbox()
    fullness = [outbox.offer(NumberedEvent(n=n), None) for n in range(RUN_LIMIT_EVENTS + 1)]
    assert [n for n, full in enumerate(fullness) if full] == [RUN_LIMIT_EVENTS - 1]
    assert outbox.offer(NumberedEvent(n=0, filler=bytes(RUN_LIMIT_BYTES)), None)


def test_a_large_event_after_small_ones_travels_alone_and_keeps_its_number() -> None:
    outbox = Outbox()
    outbox.offer(NumberedEvent(n=1), None)
    outbox.offer(NumberedEvent(n=2, filler=bytes(wire.BODY_LIMIT_BYTES - 60)), None)
    outbox.offer(NumberedEvent(n=3), None)
    found = drain(outbox)
    assert [(h.first, [e["n"] for e in events]) for h, events in found] == [(1, [1]), (2, [2]), (3, [3])]


@pytest.mark.parametrize("is_gathering", [True, False])
def test_what_cannot_be_sent_is_refused_and_takes_no_number(is_gathering: bool) -> None:
    outbox = Outbox()
    if is_gathering:
        outbox.offer(NumberedEvent(n=1), None)
    with pytest.raises(ProtocolError, match="oversize"):
        outbox.offer(NumberedEvent(n=2, filler=bytes(wire.BODY_LIMIT_BYTES)), None)
    with pytest.raises(TypeError):
        outbox.offer(NumberedEvent(n=object()), None)  # type: ignore[arg-type]  # what an app may do by mistake
    outbox.offer(NumberedEvent(n=3), None)
    found = drain(outbox)
    assert [event["n"] for _, events in found for event in events] == ([1, 3] if is_gathering else [3])
    assert outbox.published == outbox.accepted_events == len(found[0][1])


def test_so_many_runs_are_under_way_and_no_more_and_the_publisher_waits_when_too_much_does() -> None:
    outbox = Outbox()
    while outbox.has_room:
        outbox.offer(NumberedEvent(n=0, filler=bytes(RUN_LIMIT_BYTES)), None)
    assert len(outbox.due()) == WINDOW_RUNS
    assert outbox.due() == []
    outbox.accepted(3, 0.0)
    assert len(outbox.due()) == 2 or outbox.has_room


def test_a_refused_run_is_not_sent_again() -> None:
    outbox = Outbox()
    outbox.welcomed("one", 0, 0.0)
    outbox.offer(NumberedEvent(n=1), None)
    outbox.offer(OtherEvent(n=2), None)
    outbox.due()
    refused = outbox.refused(2)
    assert refused is not None
    assert refused.topic == "app.numbered"
    assert outbox.refused(2) is None
    assert [read(frames)[0].serial for frames in outbox.welcomed("two", 0, 0.0)] == [3]
    assert not outbox.is_settled


def test_after_a_new_epoch_the_newest_of_each_key_and_the_recent_ones_go_out_again_in_order() -> None:
    outbox = Outbox()
    outbox.welcomed("one", 0, 0.0)
    for event in [
        StateEvent(key="a", value=1),
        StateEvent(key="a", value=2),
        StateEvent(key="b", value=1),
        NumberedEvent(n=1),
    ]:
        outbox.offer(event, None)
    outbox.due()
    outbox.accepted(5, 0.0)
    outbox.offer(NumberedEvent(n=2), None)
    outbox.due()
    outbox.accepted(6, TAIL_SECONDS)
    outbox.offer(NumberedEvent(n=3), None)
    outbox.due()
    assert [read(f)[0].serial for f in outbox.welcomed("two", 0, TAIL_SECONDS + 1)] == [3, 4, 6, 7]
    assert outbox.resent_runs == 4
    outbox.accepted(7, TAIL_SECONDS + 1)
    assert outbox.accepted_events == outbox.published == 6
    assert "serial=7" in repr(outbox)


def test_the_tail_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox_module, "TAIL_LIMIT_RUNS", 3)
    outbox = Outbox()
    outbox.welcomed("one", 0, 0.0)
    for n in range(10):
        outbox.offer(NumberedEvent(n=n), str(n))
    outbox.due()
    outbox.accepted(11, 0.0)
    assert [read(f)[0].serial for f in outbox.welcomed("two", 0, 0.0)] == [9, 10, 11]


def marks(frames: list[Any]) -> tuple[int, str, int, bool]:
    header, _ = read(frames)
    return header.serial, header.topic, header.first, header.again


def test_what_a_new_broker_gets_again_says_so_and_so_does_what_follows_a_hole_in_it() -> None:
    outbox = Outbox()
    outbox.welcomed("one", 0, 0.0)
    for event in [StateEvent(key="a", value=1), NumberedEvent(n=1), NumberedEvent(n=2)]:
        outbox.offer(event, None)
    outbox.offer(StateEvent(key="b", value=1), None)
    assert [again for *_, again in map(marks, outbox.due())] == [False] * 3
    outbox.accepted(4, 0.0)
    outbox.offer(OtherEvent(n=1), None)
    outbox.due()
    outbox.accepted(5, 0.0)
    again = outbox.welcomed("two", 0, TAIL_SECONDS + 1)
    assert list(map(marks, again)) == [(2, "app.state", 1, True), (4, "app.state", 2, True)]
    for event in [NumberedEvent(n=3), OtherEvent(n=2), StateEvent(key="a", value=2)]:
        outbox.offer(event, None)
    assert list(map(marks, outbox.due())) == [
        (6, "app.numbered", 3, True),
        (7, "app.other", 2, False),
        (8, "app.state", 3, False),
    ]


def test_a_topic_of_which_a_new_broker_has_only_an_older_part_may_leap_once() -> None:
    outbox = Outbox()
    outbox.welcomed("one", 0, 0.0)
    outbox.offer(StateEvent(key="a", value=1), None)
    outbox.offer(StateEvent(key="b", value=1), None)
    outbox.due()
    outbox.accepted(3, 0.0)
    outbox.withdraw("app.state", "b", None)
    outbox.due()
    outbox.accepted(4, 0.0)
    outbox.offer(OtherEvent(n=1), None)
    outbox.due()
    outbox.accepted(5, TAIL_SECONDS)
    assert [marks(f)[0] for f in outbox.welcomed("two", 0, TAIL_SECONDS + 1)] == [2, 5]
    outbox.offer(StateEvent(key="a", value=2), None)
    outbox.offer(StateEvent(key="a", value=3), None)
    assert list(map(marks, outbox.due())) == [(6, "app.state", 3, True), (7, "app.state", 4, False)]


def test_a_withdrawal_takes_a_serial_but_no_number_and_ends_what_is_sent_again() -> None:
    outbox = Outbox()
    outbox.welcomed("one", 0, 0.0)
    outbox.offer(StateEvent(key="a", value=1), None)
    outbox.withdraw("app.state", "a", "matter")
    outbox.offer(StateEvent(key="c", value=1), None)
    found = [read(frames) for frames in outbox.due()]
    assert [(h.serial, h.count, h.first, h.key, h.correlation, body) for h, body in found] == [
        (2, 1, 1, "a", None, [{"type": "app.state", "key": "a", "value": 1}]),
        (3, 0, 2, "a", "matter", []),
        (4, 1, 2, "c", None, [{"type": "app.state", "key": "c", "value": 1}]),
    ]
    outbox.accepted(4, 0.0)
    assert [marks(f)[0] for f in outbox.welcomed("two", 0, TAIL_SECONDS + 1)] == [4]
    assert outbox.published == outbox.accepted_events == 2


def test_after_a_leap_all_that_is_under_way_goes_out_again_once() -> None:
    outbox = Outbox()
    outbox.welcomed("one", 0, 0.0)
    for matter in "abc":
        outbox.offer(NumberedEvent(n=1), matter)
    outbox.due()
    assert list(map(marks, outbox.leapt(3))) == [(3, "app.numbered", 2, True), (4, "app.numbered", 3, True)]
    assert outbox.leapt(4) == [], "the refusal of what was sent before"
    assert outbox.leapt(9) == []
    outbox.accepted(4, 0.0)
    assert outbox.is_settled


def test_marks_that_no_broker_would_take_are_refused_at_once() -> None:
    outbox = Outbox()
    with pytest.raises(ProtocolError, match="the key of app.state has 513 characters; expected at most 512"):
        outbox.offer(StateEvent(key="k" * 513, value=1), None)
    with pytest.raises(ProtocolError, match="correlation"):
        outbox.offer(NumberedEvent(n=1), "c" * 129)
    with pytest.raises(ProtocolError, match="oversize"):
        outbox.withdraw("app.state", "k" * 513, None)
    assert (outbox.published, outbox.is_settled) == (0, True)


def test_the_newest_serial_counts_what_still_waits() -> None:
    outbox = Outbox()
    assert outbox.last_serial == 1, "never 0, which would say: everything"
    outbox.welcomed("one", 0, 0.0)
    outbox.offer(NumberedEvent(n=1), None)
    assert outbox.last_serial == 2
    outbox.offer(OtherEvent(n=1), None)
    assert outbox.last_serial == 3
    outbox.due()
    assert outbox.last_serial == 3


class Publisher(RuleBasedStateMachine):
    """Any interleaving of publishing, sending, acceptance, reconnects and restarts of the broker.

    The model of the broker: what it has of this epoch, by serial; everything that any epoch has ordered.
    """

    def __init__(self) -> None:
        super().__init__()
        self.outbox = Outbox()
        self.offered: list[tuple[str, int]] = []
        self.counts: dict[str, int] = {}
        self.now = 0.0
        self.epoch = 0
        self.sent: list[tuple[wire.PublishHeader, list[Any]]] = []
        self.has = 0
        self.told = 0
        self.ordered: set[tuple[str, int]] = set()
        self.in_epoch: list[tuple[wire.PublishHeader, list[Any]]] = []
        self.highest = 0
        self.newest_accepted: dict[str, int] = {}
        self.accepted_at: dict[int, float] = {}
        self.headers: dict[int, wire.PublishHeader] = {}
        self.numbers: dict[str, int] = {}
        self.refused: set[tuple[str, int]] = set()
        self.welcome(0)

    types: ClassVar[list[type[Event]]] = [NumberedEvent, OtherEvent]

    @rule(kind=st.integers(0, 3), matter=st.sampled_from([None, "m"]))
    def offer(self, kind: int, matter: str | None) -> None:
        event: Event = (
            StateEvent(key="ab"[kind], value=len(self.offered))
            if kind < 2
            else self.types[kind - 2](n=len(self.offered))
        )
        topic = type(event).__struct_config__.tag
        assert isinstance(topic, str)
        self.counts[topic] = self.counts.get(topic, 0) + 1
        self.offered.append((topic, self.counts[topic]))
        self.outbox.offer(event, matter)

    @rule(key=st.sampled_from("ab"))
    def withdraw(self, key: str) -> None:
        self.outbox.withdraw("app.state", key, None)

    @rule()
    def send(self) -> None:
        for frames in self.outbox.due():
            header, events = read(frames)
            assert header.serial > self.highest
            self.highest = header.serial
            self.headers[header.serial] = header
            self.sent.append((header, events))

    @rule(count=st.integers(0, 5), refuses=st.booleans())
    def arrive(self, count: int, refuses: bool = False) -> None:
        leapt: list[int] = []
        arriving, self.sent = self.sent[:count], self.sent[count:]
        for header, _ in arriving:
            if header.serial <= self.has:
                continue
            known = self.numbers.get(header.topic)
            if not header.again and (
                (self.has and header.serial != self.has + 1)
                or (known is not None and header.first != known + 1)
            ):
                leapt.append(header.serial)
                continue
            assert known is None or header.first > known
            self.has = header.serial
            places = {(header.topic, header.first + i) for i in range(header.count)}
            if refuses and header.serial not in self.accepted_at and not places & self.ordered:
                refuses = False
                run = self.outbox.refused(header.serial)
                if run is not None:
                    self.refused |= places - self.ordered
                    self.headers.pop(header.serial)
                self.numbers.pop(header.topic, None)  # the broker no longer knows which number is next
                continue
            self.numbers[header.topic] = header.first + header.count - 1
            self.in_epoch.append((header, []))
            self.ordered |= places
        assert not leapt, "nothing is left out that is not permitted"

    @rule()
    def accept(self) -> None:
        self.told = self.has
        self.note_accepted()
        self.outbox.accepted(self.has, self.now)

    @rule(seconds=st.floats(0.0, 6.0))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def reconnect(self) -> None:
        self.welcome(self.epoch)

    @rule()
    def restart(self) -> None:
        self.has = self.told = 0
        self.in_epoch = []
        self.numbers = {}
        self.welcome(self.epoch + 1)

    def note_accepted(self) -> None:
        for serial in [s for s in self.headers if s <= self.has]:
            self.accepted_at[serial] = self.accepted_at.get(serial, self.now)

    def welcome(self, epoch: int) -> None:
        is_new = epoch != self.epoch
        self.epoch = epoch
        if not is_new:
            self.note_accepted()
        again = [read(frames) for frames in self.outbox.welcomed(f"epoch-{epoch}", self.has, self.now)]
        serials = [header.serial for header, _ in again]
        assert serials == sorted(set(serials)), "in order, none twice"
        self.sent = again
        unaccepted = {s for s in self.headers if s not in self.accepted_at}
        assert unaccepted <= set(serials), "what was not accepted goes out again"
        if is_new:
            recent = {s for s, at in self.accepted_at.items() if self.now - at <= TAIL_SECONDS}
            newest: dict[tuple[str, str], int] = {}
            for serial in sorted(self.accepted_at):
                header = self.headers[serial]
                if header.key is not None:
                    newest[(header.topic, header.key)] = serial
                if header.count == 0 and serial not in recent:
                    del newest[(header.topic, header.key or "")]
            assert set(serials) >= recent | set(newest.values())
        else:
            assert all(serial > self.has for serial in serials)

    @invariant()
    def nothing_is_dropped(self) -> None:
        waiting = len(self.offered) - self.outbox.accepted_events - len(self.refused)
        assert self.outbox.published == len(self.offered)
        assert waiting >= 0
        if self.outbox.is_settled:
            assert self.ordered | self.refused == set(self.offered)

    def teardown(self) -> None:
        while not self.outbox.is_settled:
            self.send()
            self.arrive(len(self.sent))
            self.accept()
        assert self.outbox.is_settled
        assert self.ordered | self.refused == set(self.offered)
        assert self.outbox.accepted_events == len(self.offered) - len(self.refused)


TestPublisher = Publisher.TestCase
