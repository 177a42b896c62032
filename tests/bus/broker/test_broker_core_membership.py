"""Peers of all roles join, claim, publish, serve, leave and come back in any order: the promises hold."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bus import wire
from bus.broker.guest_retention import GUEST_RETENTION_SECONDS
from bus.broker.log import retained_owners, topic_quotas
from bus.broker.membership.name_claims import CHECK_SECONDS, CLAIM_SECONDS
from bus.broker.membership.peer_record import public_instance
from bus.broker.roster import NamespaceRule
from schemas.contract.ownership import owner_of
from schemas.contract.registry import EVENTS
from tests.support.core_under_test import TOKEN, CoreUnderTest
from tests.support.rosters import credential_of, strict_roster

NAMED = ("config_store", "engine")
NAMES = (*NAMED, "guest", "other")
OWNED = (NamespaceRule(namespace="mine.*", peers=["engine"]),)
ROSTERS = [
    strict_roster(*NAMED, namespaces=OWNED),
    strict_roster("config_store", namespaces=OWNED),
    strict_roster("engine"),
]
TOPICS = ["app.a", "app.b", "app.c", "app.d", "mine.x", "config.settings_changed", "alerts.changed"]
KEYS = [None, "a", "b", "config_store/x/", "engine/x/", "guest/x/"]
ASKED = ["app.ask", "mine.ask", "config.request"]


@dataclass
class Life:
    """A client, which follows the protocol or not. Each of its connections has a route of its own."""

    name: str
    number: int
    presents: str
    instance: str
    answers: bool = True
    connection: int = 0
    serial: int = 0
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def route(self) -> bytes:
        return f"{self.name}/{self.number}/{self.connection}".encode()


class Membership(RuleBasedStateMachine):
    """The broker core, and clients of every kind."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(retained_owners, "GUEST_QUOTA", retained_owners.Quota(3, 10_000))
        self.patch.setattr(retained_owners, "ALL_GUESTS_QUOTA", retained_owners.Quota(4, 10_000))
        self.patch.setattr(topic_quotas, "GUEST_TOPIC_LIMIT", 2)
        self.patch.setattr(topic_quotas, "ALL_GUESTS_TOPIC_LIMIT", 3)
        self.roster = ROSTERS[0]
        self.broker = CoreUnderTest(self.roster)
        self.broker.core.event_log._ring_limit_events = 6
        self.lives: list[Life] = []
        self.numbers: dict[str, int] = {}
        self.heard: dict[tuple[str, str, str], int] = {}
        self.read = 0
        self.was_named: set[str] = set(NAMED)

    def teardown(self) -> None:
        self.patch.undo()

    # -- what peers do

    @initialize()
    def begin(self) -> None:
        for name in NAMES:
            self.be_born(name, right_credential=True, answers=True)

    @rule(name=st.sampled_from(NAMES), right_credential=st.booleans(), answers=st.booleans())
    def be_born(self, name: str, right_credential: bool, answers: bool) -> None:
        presents = credential_of(name) if right_credential and name in NAMED else TOKEN
        number = len(self.lives)
        life = Life(name, number, presents, f"secret-{name}-{number}", answers)
        self.lives.append(life)
        self.say_hello(life)

    @rule(data=st.data())
    def say_hello_again(self, data: st.DataObject) -> None:
        life = data.draw(st.sampled_from(self.lives))
        known = self.broker.core._peers.get(life.route)
        sequence = self.broker.core.event_log.sequence
        self.say_hello(life)
        if known is not None and self.broker.core._peers.get(life.route) is known:
            assert self.broker.core.event_log.sequence == sequence

    @rule(data=st.data())
    def say_hello_as_another(self, data: st.DataObject) -> None:
        victim = data.draw(st.sampled_from(self.lives))
        name = data.draw(st.sampled_from(NAMES))
        stolen = public_instance(victim.name, victim.instance) if name == victim.name else victim.instance
        if any((life.name, life.instance) == (name, stolen) for life in self.lives):
            return  # that is no theft
        before = self.admitted()
        thief = Life(name, len(self.lives), TOKEN, stolen)
        self.lives.append(thief)
        self.say_hello(thief)
        peer = self.broker.core._peers.get(thief.route)
        assert peer is None or peer.life.accepted == 0, "an instance counts for its name alone"
        if name in self.roster.peers:
            assert self.admitted().get(name) == before.get(name), "the token opens no reserved name"

    @rule(data=st.data())
    def reconnect(self, data: st.DataObject) -> None:
        life = data.draw(st.sampled_from(self.lives))
        if data.draw(st.booleans()):
            self.broker.vanish(life.route)
        life.connection += 1
        self.say_hello(life)

    @rule(data=st.data())
    def vanish(self, data: st.DataObject) -> None:
        self.broker.vanish(data.draw(st.sampled_from(self.lives)).route)
        self.settle()

    @rule(data=st.data(), returning=st.booleans())
    def say_bye(self, data: st.DataObject, returning: bool) -> None:
        life = data.draw(st.sampled_from(self.lives))
        peer = self.broker.core._peers.get(life.route)
        was_guest = peer is not None and peer.rights.is_guest
        self.broker.send(life.route, wire.ByeHeader(returning))
        if was_guest and not returning:
            assert not self.broker.core.event_log.owners.keys_of(life.name)
        self.settle()

    @rule(data=st.data(), leap=st.sampled_from([0, 0, 0, 0, 1, 1000]))
    def publish(self, data: st.DataObject, leap: int) -> None:
        life = data.draw(st.sampled_from(self.lives))
        topic, key = data.draw(st.sampled_from(TOPICS)), data.draw(st.sampled_from(KEYS))
        peer = self.broker.core._peers.get(life.route)
        before, sequence = self.snapshot(), self.broker.core.event_log.sequence
        self.broker.inbox.pop(life.route, None)
        serial, first = life.serial + 1 + leap, life.counts.get(topic, 0) + 1
        self.broker.send(
            life.route,
            wire.PublishHeader(serial, topic, 1, first, key),
            wire.encode([{"type": topic}]),
        )
        failed = self.broker.last(life.route) if self.broker.inbox.get(life.route) else None
        if peer is None:
            assert self.broker.core.event_log.sequence == sequence
            return
        is_refused = isinstance(failed, wire.FailedHeader) and failed.verb == "PUBLISH"
        if leap and peer.life.accepted != serial:
            assert is_refused
            assert failed.message.startswith("leap")
            assert self.snapshot() == before
            return
        life.serial = serial
        if not is_refused or topic in life.counts:
            life.counts[topic] = first
        if not self.may_publish(peer.name, peer.rights.is_guest, topic, key):
            assert is_refused
            assert failed.message.startswith(("not_yours", "unknown_topic")), failed
        if is_refused:
            assert self.snapshot() == before
        self.settle()

    @rule(data=st.data(), key=st.sampled_from([key for key in KEYS if key]))
    def withdraw(self, data: st.DataObject, key: str) -> None:
        life = data.draw(st.sampled_from(self.lives))
        topic = data.draw(st.sampled_from(TOPICS))
        peer = self.broker.core._peers.get(life.route)
        before, sequence = self.snapshot(), self.broker.core.event_log.sequence
        self.broker.send(life.route, wire.PublishHeader(life.serial + 1, topic, 0, 1, key), wire.encode([]))
        if peer is not None:
            life.serial += 1
        after = self.snapshot()
        assert self.broker.core.event_log.sequence == sequence
        for gone in before.items() - after.items():
            assert peer is not None
            assert gone == ((topic, key), peer.name)

    @rule(data=st.data(), topic=st.sampled_from(ASKED))
    def serve(self, data: st.DataObject, topic: str) -> None:
        life = data.draw(st.sampled_from(self.lives))
        book, now = self.broker.core._relay._services, self.broker.now
        service = book._services.get(topic)
        holder = service.server.name if service is not None and service.is_held(now) else None
        self.broker.send(life.route, wire.ServeHeader([topic]))
        after = book._services.get(topic)
        if holder is not None:
            assert after is not None
            assert after.server.name == holder, "a topic stays with its name while that is due back"

    @rule(roster=st.sampled_from(ROSTERS))
    def read_the_profile_anew(self, roster: Any) -> None:
        self.roster = roster
        self.was_named |= roster.peers.keys()
        self.broker.core.use(roster, self.broker.now)
        self.settle()

    @rule(seconds=st.sampled_from([CHECK_SECONDS, CLAIM_SECONDS / 2, CLAIM_SECONDS, 5.0, 61.0]))
    def wait(self, seconds: float) -> None:
        self.broker.run(seconds)
        self.settle()

    @precondition(lambda self: self.lives)
    @rule()
    def all_guests_leave_for_good(self) -> None:
        for life in self.lives:
            peer = self.broker.core._peers.get(life.route)
            if peer is not None and peer.rights.is_guest:
                self.broker.vanish(life.route)
        self.broker.run(CLAIM_SECONDS + 5 * CHECK_SECONDS)
        present = set(self.admitted())
        self.broker.run(GUEST_RETENTION_SECONDS + 1)
        for owner in self.snapshot().values():
            assert owner in self.roster.peers or owner in present

    # -- what always holds

    @invariant()
    def a_name_has_one_connection(self) -> None:
        registry = self.broker.core._registry
        assert {peer.route: peer for peer in registry.by_name.values()} == registry.by_route
        assert set(self.admitted().values()).isdisjoint(registry._claims.routes())

    @invariant()
    def only_a_credential_makes_a_named_peer(self) -> None:
        presented = {(life.name, life.instance, life.presents) for life in self.lives}
        for peer in self.broker.core._peers.values():
            if not peer.rights.is_guest:
                assert peer.name in self.roster.peers
                assert (peer.name, peer.instance, credential_of(peer.name)) in presented

    @invariant()
    def the_feed_keeps_the_order_and_names_true_sources(self) -> None:
        for run, _ in self.broker.feed[self.read :]:
            if run.source != "broker":
                assert not run.instance.startswith("secret")
        for run, body in self.broker.feed[self.read :]:
            topic = wire_topic(body)
            assert run.number > self.numbers.get(topic, 0), "no number of a topic comes twice"
            self.numbers[topic] = run.number
            source = (topic, run.source, run.instance)
            if run.source != "broker":
                assert run.source_number > self.heard.get(source, 0), "nothing is heard twice"
                self.heard[source] = run.source_number
            if topic in EVENTS and run.source != "broker":
                assert run.source in self.was_named
                assert owner_of(topic) in (run.source, "named peers")
        self.read = len(self.broker.feed)

    @invariant()
    def guests_keep_within_their_quotas(self) -> None:
        log = self.broker.core.event_log
        assert len(log.owners._guests.sizes) <= 4
        assert log.quotas._by_guests <= 3
        assert len(log.owners) == len(log.retained)
        assert log.owners._guests.size_bytes == sum(log.owners._guests.sizes.values())
        assert sum(holding.size_bytes for holding in log.owners._holdings.values()) == log.retained.size_bytes

    # -- helpers

    def say_hello(self, life: Life) -> None:
        self.broker.hello(life.route, life.name, life.instance, life.presents)
        self.settle()

    def settle(self) -> None:
        """Clients that live answer what they are asked."""
        for life in self.lives:
            for header, _ in self.broker.inbox.pop(life.route, []):
                if isinstance(header, wire.PingHeader) and life.answers:
                    self.broker.send(life.route, wire.PongHeader(header.id))
                if isinstance(header, wire.WelcomeHeader):
                    assert header.instance == public_instance(life.name, life.instance)
                    life.serial = max(life.serial, header.accepted)

    def admitted(self) -> dict[str, bytes]:
        return {name: peer.route for name, peer in self.broker.core._registry.by_name.items()}

    def snapshot(self) -> dict[tuple[str, str], str]:
        """Topic and key of what is retained, with its owner."""
        return dict(self.broker.core.event_log.owners._owners)

    def may_publish(self, name: str, is_guest: bool, topic: str, key: str | None) -> bool:
        if topic == "alerts.changed":
            return not is_guest and (key or "").startswith(f"{name}/")
        if topic == "config.settings_changed":
            return not is_guest and name == "config_store"
        if topic == "mine.x":
            return not is_guest and name == "engine"
        return True


def wire_topic(body: bytes) -> str:
    import msgspec

    return str(msgspec.msgpack.decode(body)[0]["type"])


Membership.TestCase.settings = settings(max_examples=40, stateful_step_count=40)
TestMembership = Membership.TestCase
