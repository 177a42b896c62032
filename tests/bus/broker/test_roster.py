"""What grants say, and that they travel."""

from __future__ import annotations

import msgspec

from bus.broker.roster import NamespaceRule, Roster, digest_of, generous_roster, grant_for


def test_a_grant_has_the_topics_of_its_owner_and_those_of_every_named_peer() -> None:
    grant = grant_for("history", "hidden", is_actor=True)
    assert "history.changed" in grant.publishes
    assert "alerts.changed" in grant.publishes
    assert "config.settings_changed" not in grant.publishes
    assert "history.append" in grant.serves
    assert "config.request" not in grant.serves
    assert grant.credential_sha256 == digest_of("hidden")
    assert "hidden" not in str(grant)


def test_a_name_without_a_credential_has_no_digest() -> None:
    assert grant_for("frontend", "").credential_sha256 == ""


def test_a_roster_travels_as_json() -> None:
    roster = Roster(
        peers={"engine": grant_for("engine", "secret", reveals_secrets=True)},
        namespaces=[NamespaceRule(namespace="myapp.*"), NamespaceRule(namespace="my.*", peers=["engine"])],
    )
    assert msgspec.convert(msgspec.to_builtins(roster), Roster) == roster
    assert msgspec.convert({}, Roster) == Roster()


def test_the_generous_roster_trusts_guests() -> None:
    roster = generous_roster(["mine.*"])
    assert roster.guests.publishes == ["*"]
    assert roster.namespaces == [NamespaceRule(namespace="mine.*")]
    assert not roster.peers
