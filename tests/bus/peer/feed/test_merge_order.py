"""A follower ends with the state of its server, whatever order replies and events arrive in."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.peer.feed.epoch_succession import EpochSuccession
from bus.peer.feed.merge_order import MergeOrder, Place

SERVER = "server"


def replied(epoch: str = "e1", sequence: int = 5) -> MergeOrder:
    epochs = EpochSuccession()
    for known in ("e0", "e1", "e2"):
        epochs.note(known)
    order = MergeOrder(epochs)
    order.ask(0)
    order.replied(Place(epoch, sequence, SERVER))
    return order


@pytest.mark.parametrize(
    ("place", "is_news"),
    [
        (Place("e1", 5, SERVER), False),
        (Place("e1", 6, SERVER), True),
        (Place("e1", 5, "another"), True),
        (Place("e0", 9, SERVER), False),
        (Place("e2", 1, SERVER), True),
        (Place("e9", 1, SERVER), True),
    ],
    ids=[
        "at the reply",
        "after the reply",
        "of another peer",
        "of an epoch that is over",
        "of a later epoch",
        "of an epoch that nobody saw yet",
    ],
)
def test_the_reply_contains_what_its_server_published_up_to_its_place(place: Place, is_news: bool) -> None:
    assert replied().is_news(place) == is_news


def test_it_asks_first_and_again_after_a_loss_that_the_reply_does_not_make_up_for() -> None:
    order = MergeOrder(EpochSuccession())
    assert order.is_due
    order.ask(2)
    order.replied(Place("e1", 1, SERVER))
    order.lost()
    order.lost()
    assert not order.is_due, "both were known before it asked"
    order.lost()
    assert order.is_due


@pytest.mark.parametrize(
    ("peer", "sequence", "is_due"), [(SERVER, 6, True), (SERVER, 5, False), ("another", 6, False)]
)
def test_it_asks_again_when_the_server_comes_or_goes_after_the_reply(
    peer: str, sequence: int, is_due: bool
) -> None:
    order = replied()
    order.moved(peer, Place("e1", sequence, "broker"))
    assert order.is_due == is_due


def test_it_asks_again_for_what_cannot_be_read_unless_the_reply_contains_it() -> None:
    order = replied()
    order.unread(Place("e1", 5, SERVER))
    assert not order.is_due
    order.unread(Place("e1", 6, SERVER))
    assert order.is_due


@dataclass
class Ordered:
    """What the feed carries: a change of the server's state, the server's coming, or a loss."""

    place: Place
    kind: str
    key: str = ""
    value: int = 0


@dataclass
class Server:
    """A server with a state, as one life of it has published it so far."""

    state: dict[str, int] = field(default_factory=dict)
    published: int = 0  # its newest serial
    unsent: deque[tuple[int, str, int]] = field(default_factory=deque)


@dataclass
class World:
    """Broker, server and both sockets of one follower. The follower is what is tested.

    Messages of the lane keep their order, and so do those of the feed; between the two there is none.
    """

    epochs: EpochSuccession = field(default_factory=EpochSuccession)
    epoch: int = 0
    sequence: int = 0
    accepted: int = 0
    server: Server = field(default_factory=Server)
    is_there: bool = True
    request: tuple[int, int] | None = None  # as the server has it: its serial and the sequence then
    feed: deque[Ordered] = field(default_factory=deque)
    reply: tuple[Place, dict[str, int]] | None = None
    recent: list[tuple[int, str, int]] = field(default_factory=list)
    gaps: int = 0

    def __post_init__(self) -> None:
        self.order = MergeOrder(self.epochs)
        self.epochs.note("0")
        self.found: dict[str, int] = {}
        self.is_asking = False

    # -- the server

    def change(self, key: str, value: int) -> None:
        self.server.state[key] = value
        self.server.published += 1
        self.server.unsent.append((self.server.published, key, value))

    def send(self) -> None:
        if self.server.unsent and self.is_there:
            serial, key, value = self.server.unsent.popleft()
            self.recent.append((serial, key, value))
            self.accepted = serial
            self.announce("change", SERVER, key, value)

    def answer(self, *, late: bool) -> None:
        """Reply; `late` says no more than that it is from after the arrival of the request."""
        if self.request is None or not self.is_there:
            return
        arrived_at, forwarded_at = self.request
        as_of = arrived_at if late else self.server.published
        if not late:
            while self.server.unsent:  # what was published before the answer leaves before it
                self.send()
        sequence = self.sequence if as_of == self.accepted else forwarded_at
        self.request = None
        self.reply = (Place(str(self.epoch), sequence, SERVER), dict(self.server.state))

    def restart_server(self, key: str, value: int) -> None:
        """Its next life finds another state and says nothing of that."""
        self.request = None
        if self.is_there:
            self.announce("moved", "broker")
        self.server = Server({**self.server.state, key: value})
        self.accepted, self.recent = 0, []
        self.announce("moved", "broker")

    # -- the broker

    def announce(self, kind: str, source: str, key: str = "", value: int = 0) -> None:
        self.sequence += 1
        self.feed.append(Ordered(Place(str(self.epoch), self.sequence, source), kind, key, value))

    def restart_broker(self, lost: int, *, lane_first: bool) -> None:
        """The feed of the former one ends somewhere; its successor gets all that is recent again."""
        for _ in range(lost):
            if self.feed and self.feed[-1].kind != "gap":
                self.feed.pop()
        self.request = None
        self.epoch += 1
        self.sequence = 0
        if lane_first:
            self.epochs.note(str(self.epoch))
        self.announce("moved", "broker")
        again, self.recent = self.recent, []
        self.accepted = 0
        for serial, key, value in again:
            self.recent.append((serial, key, value))
            self.accepted = serial
            self.announce("change", SERVER, key, value)

    def lose(self) -> None:
        """Events on their way are lost, and that is said in their place, after earlier losses."""
        told = [found for found in self.feed if found.kind == "gap"]
        if len(told) < len(self.feed):
            self.feed = deque(told)
            self.gaps += 1
            self.feed.append(Ordered(Place("", 0, ""), "gap"))

    # -- the follower

    def follow(self) -> None:
        """One step: ask, take the reply, or read one message of the feed. It reads nothing while it asks."""
        if self.is_asking:
            if self.reply is not None:
                place, state = self.reply
                self.order.replied(place)
                self.found = dict(state)
                self.is_asking, self.reply = False, None
        elif self.order.is_due:
            self.order.ask(self.gaps)
            self.is_asking = True
        elif self.feed:
            self.read(self.feed.popleft())

    def read(self, found: Ordered) -> None:
        if found.kind == "gap":
            self.order.lost()
        elif not self.epochs.hear(found.place.epoch):
            if found.place.epoch == str(self.epoch):  # the lane does not know it yet: it is fetched later
                self.feed.appendleft(found)
        elif found.kind == "moved":
            self.order.moved(SERVER, found.place)
        elif self.order.is_news(found.place):
            self.found[found.key] = found.value

    def forward(self) -> None:
        """The request reaches the server, unless it has it; a follower whose request died sends it again."""
        if self.is_asking and self.request is None and self.reply is None and self.is_there:
            self.epochs.note(str(self.epoch))  # nothing is asked of a broker before its WELCOME
            self.request = (self.server.published, self.sequence)

    def settle(self) -> None:
        while self.server.unsent:
            self.send()
        self.epochs.note(str(self.epoch))
        for _ in range(1000):
            self.forward()
            self.answer(late=False)
            if not (self.is_asking or self.order.is_due or self.feed):
                return
            if not self.is_asking and not self.order.is_due and not self.feed:
                return
            if self.is_asking and self.reply is None:
                self.forward()
                continue
            self.follow()
        raise AssertionError("it asks for ever")


STEPS = st.sampled_from(
    ["change", "change", "send", "send", "forward", "answer", "answer late", "follow", "follow", "follow"]
    + ["restart server", "restart broker", "lose"]
)


@settings(max_examples=500)
@given(st.lists(st.tuples(STEPS, st.sampled_from("ab"), st.integers(0, 3), st.booleans()), max_size=60))
def test_in_any_interleaving_the_end_is_the_state_of_the_server(
    steps: list[tuple[str, str, int, bool]],
) -> None:
    """Replies made early or late, losses, restarts of the server and of the broker."""
    world = World()
    for value, (step, key, number, flag) in enumerate(steps, 1):
        match step:
            case "change":
                world.change(key, value)
            case "send":
                world.send()
            case "forward":
                world.forward()
            case "answer":
                world.answer(late=False)
            case "answer late":
                world.answer(late=True)
            case "follow":
                world.follow()
            case "restart server":
                world.restart_server(key, value)
            case "restart broker":
                world.restart_broker(number, lane_first=flag)
            case _:
                world.lose()
    world.settle()
    assert world.found == world.server.state


def test_each_loss_is_told_by_itself_so_that_one_after_the_reply_is_made_up_for() -> None:
    world = World()
    world.restart_server("a", 1)
    world.lose()
    world.follow()
    world.forward()
    world.answer(late=False)
    world.restart_server("a", 2)
    world.lose()
    world.settle()
    assert world.found == {"a": 2}


def test_a_follower_that_takes_every_event_as_news_ends_wrong() -> None:
    """The fault that this order ends: "installed" over the feed, then the older "verifying" over the lane."""
    world = World()
    world.change("model", 1)  # verifying
    world.send()
    world.follow()
    world.forward()
    world.answer(late=False)
    world.change("model", 2)  # installed
    world.send()
    naive = {event.key: event.value for event in world.feed if event.kind == "change"}
    assert world.reply is not None
    naive |= world.reply[1]
    assert naive == {"model": 1}, "wrong for good: no further event comes"
    world.settle()
    assert world.found == {"model": 2}
