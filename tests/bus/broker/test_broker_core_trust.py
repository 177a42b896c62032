"""Hostile and clumsy peers: what they can say, take and keep, and what is refused."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from bus import wire
from bus.broker.guest_retention import GUEST_RETENTION_SECONDS
from bus.broker.log.retained_owners import GUEST_QUOTA
from bus.broker.log.topic_quotas import GUEST_TOPIC_LIMIT
from bus.broker.membership.name_claims import CHECK_SECONDS, CLAIM_SECONDS
from bus.broker.membership.peer_record import public_instance
from bus.broker.roster import NamespaceRule, Roster, grant_for
from bus.broker.service_book import GUEST_GRACE_SECONDS, RESTART_GRACE_SECONDS
from tests.support.core_under_test import CoreUnderTest
from tests.support.rosters import credential_of, strict_roster

BODY = wire.encode({"type": "config.request"})
OWNED = (NamespaceRule(namespace="mine.*"), NamespaceRule(namespace="mine.engine.*", peers=["engine"]))


def body(topic: str, count: int = 1) -> bytes:
    return wire.encode([{"type": topic}] * count)


def join(broker: CoreUnderTest, name: str, route: bytes = b"", instance: str = "") -> Any:
    """A named peer says HELLO with its credential."""
    return broker.hello(route or name.encode(), name, instance, credential_of(name))


def publish(
    broker: CoreUnderTest, route: bytes, topic: str, serial: int, first: int = 0, key: str | None = None
) -> str:
    """Publish one event; returns the reason of its refusal, or nothing."""
    before = len(broker.take(route, wire.FailedHeader))
    broker.send(route, wire.PublishHeader(serial, topic, 1, first or serial, key), body(topic))
    failed = broker.take(route, wire.FailedHeader)[before:]
    return failed[0].message.partition(":")[0] if failed else ""


def retained(broker: CoreUnderTest, pattern: str = "*") -> set[tuple[str, str | None]]:
    """Source and key of what late joiners get."""
    page = broker.core.event_log.snapshot([pattern])
    runs = [wire.read_run(bytes(header)) for _, header, _ in page.messages]
    return {(run.source, run.key) for run in runs}


@pytest.fixture
def broker() -> CoreUnderTest:
    broker = CoreUnderTest(strict_roster("config_store", "history", "engine", namespaces=OWNED))
    join(broker, "config_store")
    broker.hello(b"guest")
    return broker


# -- who is who


def test_a_credential_makes_a_named_peer_and_the_token_a_guest(broker: CoreUnderTest) -> None:
    for route, name, role in [(b"config_store", "config_store", "named"), (b"guest", "guest", "guest")]:
        welcome = broker.take(route, wire.WelcomeHeader)[0]
        assert welcome.role == role
        assert welcome.instance == public_instance(name, f"instance-{name}")
    roles = {peer.peer: peer.role for peer in broker.core.statistics(0.0).peers}
    assert roles == {"config_store": "named", "guest": "guest"}


@pytest.mark.parametrize("name", ["config_store", "history"])
def test_names_of_the_roster_are_reserved_while_their_peer_is_there_and_while_it_is_away(
    broker: CoreUnderTest, name: str
) -> None:
    failed = broker.hello(b"thief", name)
    assert (failed.kind, failed.verb) == ("refused", "HELLO")
    assert failed.message.startswith("reserved_name: ")
    assert "thief" not in {peer.route.decode() for peer in broker.core._peers.values()}


@pytest.mark.parametrize(
    "credential", ["", "wrong", credential_of("config_store"), credential_of("engine") + "x", "\u00fc"]
)
def test_another_credential_lets_nobody_in(broker: CoreUnderTest, credential: str) -> None:
    for name in ("history", "some-guest"):
        failed = broker.hello(b"thief", name, credential=credential)
        assert failed.message.startswith("wrong_token: ")


def test_a_reserved_name_without_a_credential_is_for_nobody() -> None:
    broker = CoreUnderTest(Roster(peers={"frontend": grant_for("frontend", "")}))
    for credential in ("", "token", credential_of("frontend")):
        assert isinstance(broker.hello(b"thief", "frontend", credential=credential), wire.FailedHeader)


@pytest.mark.parametrize(
    "header",
    [
        [1, "old-client", "instance-of-old", "token"],
        [1],
        [1, None, {"any": "thing"}],
        [3, "new-client", "instance-of-new", "token", "more"],
        [3, ["another", "shape"]],
    ],
)
def test_another_version_of_the_protocol_is_refused_with_what_to_do(header: list[Any]) -> None:
    broker = CoreUnderTest()
    broker.raw(b"peer", [b"HELLO", wire.encode(header)])
    failed = broker.last(b"peer")
    assert failed.message.startswith("wrong_version: ")
    assert f"update the {'client' if header[0] == 1 else 'runtime'}" in failed.message


def test_an_instance_in_a_feed_header_is_good_for_nothing(broker: CoreUnderTest) -> None:
    assert publish(broker, b"config_store", "config.settings_changed", 1) == ""
    seen = broker.feed[-1][0]
    assert seen.source == "config_store"
    everything = msgspec.msgpack.encode([run for run, _ in broker.feed]) + b"".join(
        events for _, events in broker.feed
    )
    assert b"instance-config_store" not in everything
    assert "instance-config_store" not in str(broker.core.statistics(0.0))
    failed = broker.hello(b"thief", "config_store", seen.instance)
    assert failed.message.startswith("reserved_name")
    welcome = broker.hello(b"thief", "thief", "instance-config_store")
    assert welcome.accepted == 0, "an instance counts for its name alone"
    assert publish(broker, b"config_store", "config.settings_changed", 2) == ""
    assert broker.core.statistics(0.0).duplicates == 0


def test_a_hello_again_is_welcomed_again_and_costs_and_announces_nothing(broker: CoreUnderTest) -> None:
    sequence, before = broker.core.event_log.sequence, len(broker.feed)
    for _ in range(1000):
        welcome = broker.hello(b"guest")
        assert isinstance(welcome, wire.WelcomeHeader)
    assert broker.core.event_log.sequence == sequence
    assert len(broker.feed) == before


# -- who has a name


def test_a_connection_that_answers_keeps_its_name(broker: CoreUnderTest) -> None:
    assert broker.hello(b"newcomer", "guest", "instance-of-newcomer") is None, "its HELLO is held"
    ping = broker.last(b"guest")
    assert isinstance(ping, wire.PingHeader)
    assert ping.id > 0
    broker.send(b"guest", wire.PongHeader(ping.id))
    failed = broker.last(b"newcomer")
    assert (failed.kind, failed.verb) == ("refused", "HELLO")
    assert failed.message.startswith("duplicate_name")
    broker.run(10 * CLAIM_SECONDS)
    assert broker.core._registry.by_name["guest"].route == b"guest"
    assert not broker.take(b"guest", wire.FailedHeader)


@pytest.mark.parametrize("who", ["guest", "config_store"])
def test_a_connection_that_does_not_answer_is_displaced_and_told(broker: CoreUnderTest, who: str) -> None:
    credential = credential_of(who) if who == "config_store" else "token"
    broker.hello(b"newcomer", who, "instance-of-newcomer", credential)
    broker.send(who.encode(), wire.PongHeader(0))
    broker.send(who.encode(), wire.PongHeader(12345))
    broker.run(CLAIM_SECONDS - 2 * CHECK_SECONDS)
    assert not broker.inbox.get(b"newcomer")
    broker.run(4 * CHECK_SECONDS)
    told = broker.last(who.encode())
    assert (told.id, told.kind, told.verb) == (0, "refused", "HELLO")
    assert told.message.startswith("displaced: ")
    assert isinstance(broker.last(b"newcomer"), wire.WelcomeHeader)
    assert publish(broker, who.encode(), "app.x", 1) == "unknown_peer"
    broker.hello(who.encode(), who, f"instance-{who}", credential)
    ping = broker.last(b"newcomer")
    broker.send(b"newcomer", wire.PongHeader(ping.id))
    assert broker.last(who.encode()).message.startswith("duplicate_name"), "it cannot fight back"


def test_a_connection_that_ends_passes_its_name_on_at_once(broker: CoreUnderTest) -> None:
    broker.hello(b"newcomer", "guest", "instance-of-newcomer")
    broker.reachable.discard(b"guest")
    broker.run(1.5 * CHECK_SECONDS)
    assert isinstance(broker.last(b"newcomer"), wire.WelcomeHeader)
    broker.reachable.discard(b"newcomer")
    assert isinstance(broker.hello(b"third", "guest", "instance-of-third"), wire.WelcomeHeader)


def test_a_peer_that_says_bye_makes_room_for_who_waits(broker: CoreUnderTest) -> None:
    broker.hello(b"newcomer", "guest", "instance-of-newcomer")
    broker.send(b"guest", wire.ByeHeader())
    assert isinstance(broker.last(b"newcomer"), wire.WelcomeHeader)


def test_one_hello_waits_for_a_name_and_further_ones_are_refused_at_once(broker: CoreUnderTest) -> None:
    broker.hello(b"first", "guest", "instance-of-first")
    assert broker.hello(b"second", "guest", "instance-of-second").message.startswith("duplicate_name")
    assert broker.hello(b"first", "guest", "instance-of-first") is None, "said again, it waits on"
    assert broker.hello(b"first", "other", "instance-of-first").message.startswith("invalid_name")
    assert len(broker.take(b"guest", wire.PingHeader)) == 1
    broker.vanish(b"first")
    assert broker.hello(b"third", "guest", "instance-of-third") is None
    broker.run(CLAIM_SECONDS + 3 * CHECK_SECONDS)
    assert isinstance(broker.last(b"third"), wire.WelcomeHeader)
    assert len(broker.inbox.get(b"first", [])) == 1


def test_who_waits_for_a_name_and_vanishes_displaces_nobody(broker: CoreUnderTest) -> None:
    broker.hello(b"newcomer", "guest", "instance-of-newcomer")
    broker.reachable.discard(b"newcomer")
    broker.run(2 * CLAIM_SECONDS)
    assert broker.core._registry.by_name["guest"].route == b"guest"
    assert not broker.take(b"guest", wire.FailedHeader)


def test_a_broker_that_stood_still_reads_its_mail_before_it_displaces_anybody(broker: CoreUnderTest) -> None:
    broker.hello(b"newcomer", "guest", "instance-of-newcomer")
    broker.tick(60.0)
    broker.send(b"guest", wire.PongHeader(broker.last(b"guest").id))
    assert broker.last(b"newcomer").message.startswith("duplicate_name")


def test_nobody_but_the_former_connection_answers_for_it(broker: CoreUnderTest) -> None:
    broker.hello(b"bystander")
    broker.hello(b"newcomer", "guest", "instance-of-newcomer")
    ping = broker.last(b"guest")
    for route in (b"bystander", b"newcomer"):
        broker.send(route, wire.PongHeader(ping.id))
    broker.run(CLAIM_SECONDS + 3 * CHECK_SECONDS)
    assert isinstance(broker.last(b"newcomer"), wire.WelcomeHeader)


def test_a_peer_of_the_roster_displaces_a_guest_that_has_its_name() -> None:
    broker = CoreUnderTest(Roster())
    broker.hello(b"guest", "engine")
    publish(broker, b"guest", "app.x", 1, key="k")
    broker.core.use(strict_roster("engine"), broker.now)
    welcome = broker.hello(b"engine", "engine", "instance-of-engine", credential_of("engine"))
    assert welcome.role == "named"
    assert broker.last(b"guest").message.startswith("displaced: ")
    assert retained(broker) == set(), "what the guest retained is not the engine's"


def test_a_guest_that_waits_for_a_name_is_refused_if_it_becomes_reserved_meanwhile() -> None:
    broker = CoreUnderTest(Roster())
    broker.hello(b"guest", "engine")
    broker.hello(b"newcomer", "engine", "instance-of-newcomer")
    broker.core.use(strict_roster("engine"), broker.now)
    broker.vanish(b"guest")
    assert broker.last(b"newcomer").message.startswith("reserved_name")


def test_two_lives_of_a_peer_that_was_a_guest_for_a_while_do_not_both_get_its_name() -> None:
    roster = strict_roster("engine")
    broker = CoreUnderTest(roster)
    join(broker, "engine", b"first", "instance-of-first")
    join(broker, "engine", b"second", "instance-of-second")
    broker.core.use(Roster(), broker.now)
    broker.core.use(roster, broker.now)
    join(broker, "engine", b"third", "instance-of-third")
    assert broker.last(b"first").message.startswith("displaced: ")
    assert isinstance(broker.last(b"second"), wire.WelcomeHeader | wire.PingHeader)
    assert broker.core.routes() == [b"second", b"third"]
    broker.send(b"second", wire.PongHeader(broker.last(b"second").id))
    assert broker.last(b"third").message.startswith("duplicate_name")


def test_a_peer_that_leaves_the_roster_is_a_guest_from_then_on(broker: CoreUnderTest) -> None:
    publish(broker, b"config_store", "config.settings_changed", 1, key="")
    broker.core.use(strict_roster("history", namespaces=OWNED), broker.now)
    assert publish(broker, b"config_store", "config.settings_changed", 2) == "not_yours"
    assert publish(broker, b"config_store", "app.x", 3, 1) == ""
    broker.vanish(b"config_store")
    broker.run(GUEST_RETENTION_SECONDS + 1)
    assert ("config_store", "") not in retained(broker)


def test_what_an_absent_peer_retains_goes_when_it_leaves_the_roster(broker: CoreUnderTest) -> None:
    publish(broker, b"config_store", "config.settings_changed", 1, key="")
    broker.vanish(b"config_store")
    broker.run(10 * GUEST_RETENTION_SECONDS)
    assert retained(broker) == {("config_store", "")}
    broker.core.use(strict_roster("history"), broker.now)
    broker.run(GUEST_RETENTION_SECONDS + 1)
    assert retained(broker) == set()


# -- who may say what


@pytest.mark.parametrize(
    "topic",
    [
        "config.settings_changed",
        "bus.peer_left",
        "bus.gap",
        "models.installed",
        "readiness.changed",
        "supervision.stopping",
        "alerts.changed",
        "mine.engine.x",
    ],
)
def test_a_guest_forges_nothing(broker: CoreUnderTest, topic: str) -> None:
    publish(broker, b"config_store", "config.settings_changed", 1, key="")
    sequence = broker.core.event_log.sequence
    assert publish(broker, b"guest", topic, 1, key="") == "not_yours"
    assert broker.take(b"guest", wire.FailedHeader)[-1].kind == "refused"
    assert broker.core.event_log.sequence == sequence
    assert retained(broker) == {("config_store", "")}
    assert publish(broker, b"guest", "app.x", 2, 1) == "", "a refused run counts as accepted"


def test_a_named_peer_forges_nothing_of_another_one(broker: CoreUnderTest) -> None:
    join(broker, "history")
    assert publish(broker, b"history", "history.changed", 1) == ""
    assert publish(broker, b"history", "config.settings_changed", 2, 1) == "not_yours"
    assert publish(broker, b"history", "alerts.changed", 3, 1, "config_store/disk_full/") == "not_yours"
    assert publish(broker, b"history", "alerts.changed", 4, 2) == "not_yours"
    assert publish(broker, b"history", "alerts.changed", 5, 3, "history/disk_full/") == ""


def test_a_guest_cannot_serve_what_belongs_to_an_actor_whether_that_is_there_or_not(
    broker: CoreUnderTest,
) -> None:
    for topic in ("history.append", "config.request", "mine.engine.ask"):
        broker.send(b"guest", wire.ServeHeader([topic]))
        assert broker.last(b"guest").message.startswith("not_yours")
    join(broker, "history")
    broker.send(b"history", wire.ServeHeader(["history.append"]))
    assert broker.last(b"history") == wire.ServeHeader(["history.append"])


def test_a_topic_stays_with_its_name_while_its_server_is_due_back(broker: CoreUnderTest) -> None:
    join(broker, "engine")
    broker.send(b"engine", wire.ServeHeader(["app.ask"]))
    broker.vanish(b"engine")
    for seconds, free in [(0.0, False), (RESTART_GRACE_SECONDS - 1, False), (1.0, True)]:
        broker.run(seconds)
        broker.send(b"guest", wire.ServeHeader(["app.ask"]))
        assert isinstance(broker.last(b"guest"), wire.ServeHeader) == free


def test_what_a_guest_served_is_free_sooner(broker: CoreUnderTest) -> None:
    broker.send(b"guest", wire.ServeHeader(["app.ask"]))
    broker.vanish(b"guest")
    broker.hello(b"heir")
    for seconds, free in [(0.0, False), (GUEST_GRACE_SECONDS, True)]:
        broker.run(seconds)
        broker.send(b"heir", wire.ServeHeader(["app.ask"]))
        assert isinstance(broker.last(b"heir"), wire.ServeHeader) == free


def test_secrets_are_for_peers_that_the_roster_names_for_it() -> None:
    roster = strict_roster("config_store", "history")
    reader = grant_for("reader", credential_of("reader"), reveals_secrets=True)
    broker = CoreUnderTest(Roster(peers={**roster.peers, "reader": reader}))
    for name in ("config_store", "history", "reader"):
        join(broker, name)
    broker.hello(b"guest")
    broker.send(b"config_store", wire.ServeHeader(["config.reveal_secret"]))
    for route, is_asked in [(b"guest", False), (b"history", False), (b"reader", True)]:
        before = len(broker.take(b"config_store", wire.RequestHeader))
        broker.send(route, wire.RequestHeader(1, "config.reveal_secret", 1000), BODY)
        assert len(broker.take(b"config_store", wire.RequestHeader)) - before == is_asked
        if not is_asked:
            failed = broker.last(route)
            assert (failed.id, failed.kind, failed.verb) == (1, "refused", "REQUEST")
            assert failed.message.startswith("not_yours")


# -- serials and numbers


def test_a_serial_or_number_that_leaps_is_refused_and_changes_nothing(broker: CoreUnderTest) -> None:
    assert publish(broker, b"guest", "app.x", 1) == ""
    for serial, first in [(3, 2), (2**40, 2), (2, 3), (2, 2**50), (2, 1)]:
        assert publish(broker, b"guest", "app.x", serial, first) == "leap"
    assert publish(broker, b"guest", "app.x", 2) == ""
    assert [run.source_number for run, _ in broker.feed if run.source == "guest"] == [1, 2]


def test_a_peer_that_comes_back_continues_where_it_was(broker: CoreUnderTest) -> None:
    publish(broker, b"guest", "app.x", 1)
    publish(broker, b"guest", "app.x", 2)
    broker.vanish(b"guest")
    welcome = broker.hello(b"again", "guest", "instance-guest")
    assert welcome.accepted == 2
    assert publish(broker, b"again", "app.x", 2) == ""
    assert broker.core.statistics(0.0).duplicates == 1
    assert publish(broker, b"again", "app.x", 4) == "leap"
    assert publish(broker, b"again", "app.x", 3) == ""


@pytest.mark.parametrize(
    ("header", "reason", "next_number"),
    [
        ([2, "app.x", "?", 2], "malformed", 3),
        ([2, "app.x" + "x" * 200, 1, 2], "malformed", 2),
        ([2, "app.x", 1, 2, "k" * 600], "malformed", 3),
        ([2, "app.x", 2, 2], "miscounted", 4),
        ([2, "no.such", 1, 1], "unknown_topic", 2),
        ([2, "app.x", 0, 2], "miscounted", 2),
    ],
)
def test_a_publisher_goes_on_after_a_message_that_was_refused(
    broker: CoreUnderTest, header: list[Any], reason: str, next_number: int
) -> None:
    publish(broker, b"guest", "app.x", 1)
    broker.raw(b"guest", [b"PUBLISH", wire.encode(header), body("app.x")])
    assert broker.last(b"guest").message.startswith(reason)
    assert publish(broker, b"guest", "app.x", 3, next_number) == ""
    assert publish(broker, b"guest", "app.x", 4, next_number + 1) == ""


def test_a_missing_body_frame_counts_as_refused_too(broker: CoreUnderTest) -> None:
    publish(broker, b"guest", "app.x", 1)
    broker.raw(b"guest", [b"PUBLISH", wire.encode([2, "app.x", 1, 2])])
    assert broker.last(b"guest").message.startswith("truncated")
    assert publish(broker, b"guest", "app.x", 3) == ""


# -- what is retained


def test_what_is_retained_belongs_to_who_published_it(broker: CoreUnderTest) -> None:
    broker.hello(b"other")
    publish(broker, b"guest", "app.x", 1, key="k")
    assert publish(broker, b"other", "app.x", 1, key="k") == "not_yours"
    broker.send(b"other", wire.PublishHeader(2, "app.x", 0, 1, "k"), wire.encode([]))
    assert broker.last(b"other").message.startswith("not_yours")
    assert retained(broker) == {("guest", "k")}


def test_a_withdrawal_takes_a_serial_and_no_place_in_the_order(broker: CoreUnderTest) -> None:
    publish(broker, b"guest", "app.x", 1, key="k")
    sequence, heard = broker.core.event_log.sequence, len(broker.feed)
    broker.send(b"guest", wire.PublishHeader(2, "app.x", 0, 1, "k"), wire.encode([]))
    broker.send(b"guest", wire.PublishHeader(3, "app.x", 0, 1, "never retained"), wire.encode([]))
    assert (broker.core.event_log.sequence, len(broker.feed)) == (sequence, heard)
    assert retained(broker) == set()
    assert broker.core.statistics(0.0).retained_bytes == 0
    assert publish(broker, b"guest", "app.x", 4, 2, "k") == ""
    assert retained(broker) == {("guest", "k")}


@pytest.mark.parametrize("events", [[], [{"type": "app.x"}]])
def test_a_withdrawal_has_a_key_and_no_events(broker: CoreUnderTest, events: list[Any]) -> None:
    key = "k" if events else None
    broker.send(b"guest", wire.PublishHeader(1, "app.x", 0, 1, key), wire.encode(events))
    assert broker.last(b"guest").message.startswith("miscounted")


@pytest.mark.parametrize(
    ("how", "seconds", "stays"),
    [
        (wire.ByeHeader(), 0.0, False),
        (wire.ByeHeader(returning=True), GUEST_RETENTION_SECONDS - 1, True),
        (wire.ByeHeader(returning=True), GUEST_RETENTION_SECONDS + 1, False),
        (None, GUEST_RETENTION_SECONDS - 1, True),
        (None, GUEST_RETENTION_SECONDS + 1, False),
    ],
)
def test_what_a_guest_retains_goes_when_it_left_for_good(
    broker: CoreUnderTest, how: wire.ByeHeader | None, seconds: float, stays: bool
) -> None:
    publish(broker, b"guest", "app.x", 1, key="k")
    if how is None:
        broker.vanish(b"guest")
    else:
        broker.send(b"guest", how)
    broker.run(seconds)
    assert (("guest", "k") in retained(broker)) == stays


def test_a_guest_that_comes_back_in_time_keeps_what_it_retains(broker: CoreUnderTest) -> None:
    publish(broker, b"guest", "app.x", 1, key="k")
    broker.vanish(b"guest")
    broker.run(GUEST_RETENTION_SECONDS - 1)
    broker.hello(b"again", "guest", "instance-guest")
    broker.run(2 * GUEST_RETENTION_SECONDS)
    assert retained(broker) == {("guest", "k")}


@pytest.mark.parametrize("how", [wire.ByeHeader(), wire.ByeHeader(returning=True), None])
def test_what_a_named_peer_retains_outlives_it(broker: CoreUnderTest, how: wire.ByeHeader | None) -> None:
    publish(broker, b"config_store", "config.settings_changed", 1, key="")
    if how is None:
        broker.vanish(b"config_store")
    else:
        broker.send(b"config_store", how)
    broker.run(10 * GUEST_RETENTION_SECONDS)
    assert retained(broker) == {("config_store", "")}


def test_a_guest_fills_its_own_quota_and_nobody_elses(broker: CoreUnderTest) -> None:
    for n in range(1, GUEST_QUOTA.keys + 1):
        assert publish(broker, b"guest", "app.x", n, key=str(n)) == ""
    assert publish(broker, b"guest", "app.x", GUEST_QUOTA.keys + 1, key="more") == "retained_full"
    assert publish(broker, b"guest", "app.x", GUEST_QUOTA.keys + 2, key="1") == ""
    assert publish(broker, b"config_store", "config.settings_changed", 1, key="") == ""
    shares = {peer.peer: peer.retained_keys for peer in broker.core.statistics(0.0).peers}
    assert shares == {"guest": GUEST_QUOTA.keys, "config_store": 1}
    broker.send(b"guest", wire.ByeHeader())
    assert retained(broker) == {("config_store", "")}


# -- topics


def test_topics_of_guests_have_a_quota_and_are_forgotten_when_nothing_is_left_of_them() -> None:
    broker = CoreUnderTest(Roster())
    broker.hello(b"guest")
    for n in range(1, GUEST_TOPIC_LIMIT + 1):
        assert publish(broker, b"guest", f"app.x{n}", n, 1) == ""
    assert publish(broker, b"guest", "app.more", GUEST_TOPIC_LIMIT + 1, 1) == "topics_full"
    assert publish(broker, b"guest", "app.x1", GUEST_TOPIC_LIMIT + 2, 2) == ""
    broker.hello(b"other")
    assert publish(broker, b"other", "app.more", 1) == ""


def test_numbers_of_a_topic_never_come_twice_however_often_it_is_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("bus.broker.log.topic_quotas.ALL_GUESTS_TOPIC_LIMIT", 3)
    broker = CoreUnderTest(Roster())
    log = broker.core.event_log
    log._ring_limit_events = 4
    numbers: dict[str, int] = {}
    for n in range(60):
        route = f"guest{n}".encode()
        broker.hello(route)
        topic = f"app.x{n * n % 7}"
        for serial in (1, 2, 3):
            broker.tick(1.1)
            if publish(broker, route, topic, serial) == "":
                run = broker.feed[-1][0]
                assert run.number > numbers.get(topic, 0)
                numbers[topic] = run.number
        broker.send(route, wire.ByeHeader())
    assert log.floor > 0
    assert len(numbers) == 4
    forgotten = next(topic for topic in numbers if topic not in log.heads)
    assert log.replay(forgotten, 1, numbers[forgotten])[:2] == (0, log.floor + 1)
    for topic, head in log.heads.items():
        if topic in numbers:
            lost, following, _ = log.replay(topic, 1, head)
            assert lost + 1 <= following <= head + 1


# -- answers


@pytest.mark.parametrize(
    "header",
    [
        [1, "gone_fishing", "no"],
        [1, None, None],
        [1],
        [1, "refused", "x" * 5000],
        [1, "refused", 7, {}],
    ],
)
def test_a_failure_that_cannot_be_read_reaches_the_asker_as_invalid(
    broker: CoreUnderTest, header: list[Any]
) -> None:
    broker.send(b"config_store", wire.ServeHeader(["config.request"]))
    broker.send(b"guest", wire.RequestHeader(7, "config.request", 1000), BODY)
    broker.raw(b"config_store", [b"FAILED", wire.encode(header)])
    failed = broker.last(b"guest")
    assert (failed.id, failed.kind) == (7, "invalid")
    assert broker.core.statistics(0.0).pending_requests == 0


def test_a_reply_with_a_header_that_cannot_be_read_reaches_the_asker_as_invalid(
    broker: CoreUnderTest,
) -> None:
    broker.send(b"config_store", wire.ServeHeader(["config.request"]))
    broker.send(b"guest", wire.RequestHeader(7, "config.request", 1000), BODY)
    broker.raw(b"config_store", [b"REPLY", wire.encode([1, "newest"]), BODY])
    assert (broker.last(b"guest").id, broker.last(b"guest").kind) == (7, "invalid")
    broker.raw(b"guest", [b"REPLY", wire.encode([1, "newest"]), BODY])
    broker.raw(b"stranger", [b"REPLY", wire.encode([1, "newest"]), BODY])


@pytest.mark.parametrize(("serial", "is_now"), [(None, True), (0, True), (2, True), (9, False), (1, False)])
def test_a_reply_holds_as_of_the_newest_event_only_if_its_server_published_nothing_since(
    broker: CoreUnderTest, serial: int | None, is_now: bool
) -> None:
    broker.send(b"config_store", wire.ServeHeader(["config.request"]))
    publish(broker, b"config_store", "config.settings_changed", 1)
    broker.send(b"guest", wire.RequestHeader(7, "config.request", 1000), BODY)
    asked_at = broker.core.event_log.sequence
    publish(broker, b"config_store", "config.settings_changed", 2)
    publish(broker, b"guest", "app.x", 1)
    newest = broker.core.event_log.sequence
    reply = wire.ReplyHeader(1) if serial is None else wire.ReplyHeader(1, serial)
    broker.send(b"config_store", reply, BODY)
    replied = broker.last(b"guest")
    assert replied == wire.RepliedHeader(7, "epoch", newest if is_now else asked_at, "config_store")
