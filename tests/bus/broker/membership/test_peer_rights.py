"""What guests and named peers may publish, serve and ask."""

from __future__ import annotations

import pytest

from bus.broker.membership.peer_rights import KNOWN_LIMIT, PeerRights
from bus.broker.membership.topic_rules import TopicRules
from bus.broker.roster import Grant, NamespaceRule, generous_roster, grant_for
from bus.errors import ProtocolError
from schemas.contract.ownership import EVERYBODY, NAMED_PEERS, owner_of
from schemas.contract.registry import EVENTS, REQUESTS

FACTS = sorted(set(EVENTS) - set(REQUESTS))
RULES = TopicRules(
    [NamespaceRule(namespace="mine.*"), NamespaceRule(namespace="mine.engine.*", peers=["engine"])]
)
GUEST = PeerRights(RULES)
HISTORY = PeerRights(RULES, grant_for("history", "secret", is_actor=True), "history")
ENGINE = PeerRights(RULES, grant_for("engine", "secret", reveals_secrets=True), "engine")
TRUSTED = PeerRights(RULES, generous_roster().guests)


def is_allowed(check, *what: object) -> bool:  # type: ignore[no-untyped-def]
    try:
        check(*what)
    except ProtocolError as error:
        assert error.reason == "not_yours", error
        return False
    return True


@pytest.mark.parametrize("topic", FACTS)
def test_an_event_of_the_contract_is_published_by_its_owner_alone(topic: str) -> None:
    assert is_allowed(GUEST.check_publish, topic) == (owner_of(topic) == EVERYBODY)
    expected = owner_of(topic) in ("history", NAMED_PEERS, EVERYBODY)
    assert is_allowed(HISTORY.check_publish, topic) == expected
    assert is_allowed(TRUSTED.check_publish, topic)
    for rights in (GUEST, HISTORY, TRUSTED):
        with pytest.raises(ProtocolError, match="unknown_topic"):
            rights.check_serve(topic)


@pytest.mark.parametrize("topic", sorted(REQUESTS))
def test_a_request_of_the_contract_is_served_by_its_owner_alone(topic: str) -> None:
    assert not is_allowed(GUEST.check_serve, topic)
    assert is_allowed(HISTORY.check_serve, topic) == (owner_of(topic) == "history")
    assert is_allowed(TRUSTED.check_serve, topic)
    for rights in (GUEST, HISTORY, TRUSTED):
        with pytest.raises(ProtocolError, match="unknown_topic"):
            rights.check_publish(topic)


@pytest.mark.parametrize(
    ("rights", "topic", "expected"),
    [
        (GUEST, "app.x", True),
        (GUEST, "mine.x", True),
        (GUEST, "mine.engine.x", False),
        (HISTORY, "mine.engine.x", False),
        (ENGINE, "mine.engine.x", True),
        (TRUSTED, "mine.engine.x", True),
    ],
)
def test_a_namespace_is_for_those_whom_it_names(rights: PeerRights, topic: str, expected: bool) -> None:
    for check in (rights.check_publish, rights.check_serve):
        assert is_allowed(check, topic) == expected
        assert is_allowed(check, topic) == expected


def test_a_refusal_says_who_may() -> None:
    with pytest.raises(ProtocolError, match="is a guest; only 'config_store' may publish config.sett"):
        GUEST.check_publish("config.settings_changed")
    with pytest.raises(ProtocolError, match="is 'history'; only 'engine' may serve mine.engine.x"):
        HISTORY.check_serve("mine.engine.x")
    with pytest.raises(ProtocolError, match="only peers with a credential of their own may publish alerts"):
        GUEST.check_publish("alerts.changed")


def test_keys_of_alerts_begin_with_the_name_of_their_publisher() -> None:
    assert is_allowed(HISTORY.check_key, "alerts.changed", "history/disk_full/")
    for key in ("config_store/disk_full/", "history", "historyx/disk_full/", "", None):
        assert not is_allowed(HISTORY.check_key, "alerts.changed", key)
    assert is_allowed(TRUSTED.check_key, "alerts.changed", "anybody/disk_full/")


@pytest.mark.parametrize(
    ("topic", "askers"),
    [
        ("config.request", {"guest", "history", "engine"}),
        ("app.ask", {"guest", "history", "engine"}),
        ("config.reveal_secret", {"engine"}),
        ("models.verify_files", {"history", "engine"}),
        ("paths.settle", {"history", "engine"}),
    ],
)
def test_secrets_are_for_those_whom_the_profile_names(topic: str, askers: set[str]) -> None:
    for name, rights in [("guest", GUEST), ("history", HISTORY), ("engine", ENGINE)]:
        assert is_allowed(rights.check_ask, topic) == (name in askers)


def test_what_is_remembered_as_allowed_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bus.broker.membership.peer_rights.KNOWN_LIMIT", 3)
    rights = PeerRights()
    for n in range(10):
        rights.check_publish(f"app.x{n}")
    assert len(rights.publishable) == 3
    assert KNOWN_LIMIT > 3


def test_a_pattern_in_a_grant_counts_as_its_topics() -> None:
    rights = PeerRights(RULES, Grant(publishes=["mine.engine.*"]), "helper")
    assert is_allowed(rights.check_publish, "mine.engine.x")
    assert not is_allowed(rights.check_serve, "mine.engine.x")
