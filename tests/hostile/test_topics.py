"""Each topic of the contract is its owner's alone, each namespace whose the profile says."""

from __future__ import annotations

import time

import pytest

from schemas.contract.ownership import ASKED_BY_ACTORS, EVERYBODY, NAMED_PEERS, SECRETS, owner_of
from schemas.contract.registry import EVENTS, REQUESTS
from tests.hostile.conftest import FRONTEND, GATEWAY, World
from tests.hostile.hostile_peer import LIMIT_SECONDS, HostilePeer

FACTS = sorted(set(EVENTS) - set(REQUESTS))


def forged(peer: HostilePeer, topics: list[str]) -> list[str]:
    """The topics that it could publish after all."""
    return [topic for topic in topics if not peer.publish(topic, key="").startswith("not_yours: ")]


def test_a_guest_forges_no_event_of_the_contract(world: World) -> None:
    with world.peer() as guest:
        assert forged(guest, FACTS) == [topic for topic in FACTS if owner_of(topic) == EVERYBODY]


def test_a_request_of_the_contract_is_no_event(world: World) -> None:
    with world.peer() as guest, world.peer("frontend", FRONTEND) as frontend:
        for peer in (guest, frontend):
            assert [topic for topic in sorted(REQUESTS) if peer.publish(topic) == ""] == []


def test_a_named_peer_forges_no_event_of_an_actor(world: World) -> None:
    with world.peer("frontend", FRONTEND) as frontend, world.peer("tray", world.credential_of_tray()) as tray:
        for peer in (frontend, tray):
            others = [topic for topic in FACTS if owner_of(topic) not in (EVERYBODY, NAMED_PEERS)]
            assert forged(peer, others) == []


def test_what_was_true_stays_true_for_those_who_come_later(world: World) -> None:
    with world.peer() as guest:
        before = guest.retained("config.*", "readiness.*", "keys.*", "supervision.*")
        assert before
        for topic, key in before:
            assert guest.publish(topic, {"settings": {"number": 666}}, key=key).startswith("not_yours: ")
            assert guest.withdraw(topic, key).startswith("not_yours: ")
    with world.peer() as late:
        assert late.retained("config.*", "readiness.*", "keys.*", "supervision.*") == before


def test_nobody_speaks_for_the_broker(world: World) -> None:
    topics = [topic for topic in FACTS if topic.startswith("bus.")]
    assert "bus.gap" in topics
    tray = world.credential_of_tray()
    for name, credential in (("", None), ("frontend", FRONTEND), ("gateway", GATEWAY), ("tray", tray)):
        with world.peer(name, credential) as peer:
            assert forged(peer, topics) == []
            assert peer.publish("!heartbeat") != ""
            assert peer.publish("!welcome") != ""


def test_nobody_ends_the_runtime_by_saying_that_it_ends(world: World) -> None:
    with world.peer() as guest, world.peer("frontend", FRONTEND) as frontend:
        for peer in (guest, frontend):
            assert peer.publish("supervision.stopping", {"reason": "forged"}).startswith("not_yours: ")
    assert world.actors()["config_store"]["state"] == "ready"


def alert(source: str, message: str = "m") -> dict[str, object]:
    fields = {"name": "forged", "subject": "", "severity": "critical", "is_active": True, "count": 1}
    times = {"since": 1.0, "last_at": 1.0}
    return {
        "key": f"{source}/forged/",
        "alert": {"source": source, "message": message, "advice": "a", **fields, **times},
    }


def test_an_alert_is_raised_in_the_name_of_its_publisher_alone(world: World) -> None:
    with world.peer() as guest:
        assert guest.publish("alerts.changed", alert("config_store"), key="config_store/forged/") != ""
    with world.peer("frontend", FRONTEND) as frontend:
        refused = frontend.publish("alerts.changed", alert("config_store"), key="config_store/forged/")
        assert refused.startswith("not_yours: ")
        for key in (None, "", "frontend", "frontendx/forged/"):
            assert frontend.publish("alerts.changed", alert("frontend"), key=key) != ""
        in_disguise = {**alert("config_store", "in disguise"), "key": "frontend/forged/"}
        assert frontend.publish("alerts.changed", in_disguise, key="frontend/forged/") == ""
        try:
            shown = world.process.command("status").stdout
            assert "in disguise" not in shown
            assert frontend.publish("alerts.changed", alert("frontend", "mine"), key="frontend/forged/") == ""
            assert "mine" in world.process.command("status").stdout
        finally:
            assert frontend.withdraw("alerts.changed", "frontend/forged/") == ""
    assert "mine" not in world.process.command("status").stdout


def test_a_log_record_stands_under_the_name_of_its_publisher(world: World) -> None:
    record = {
        "actor": "config_store",
        "at": 1.0,
        "level": "error",
        "logger": "x",
        "message": "it was not me",
    }
    with world.peer("frontend", FRONTEND) as frontend:
        assert frontend.publish("logs.recorded", {"records": [record]}) == ""
        found: list[dict[str, object]] = []
        ends = time.monotonic() + LIMIT_SECONDS
        while not found:
            assert time.monotonic() < ends, "it was never kept"
            verb, ring = frontend.ask("logs.read_ring", {"limit": 1000})
            assert verb == "REPLY"
            found = [one for one in ring["records"] if one["message"] == "it was not me"]
    assert [one["actor"] for one in found] == ["frontend"]
    with world.peer() as guest:
        assert guest.publish("logs.recorded", {"records": [record]}).startswith("not_yours: ")


def test_a_namespace_of_certain_peers_is_theirs(world: World) -> None:
    with (
        world.peer() as guest,
        world.peer("frontend", FRONTEND) as frontend,
        world.peer("tray", world.credential_of_tray()) as tray,
    ):
        for peer in (guest, frontend, tray):
            assert peer.publish("hostile.engine.said").startswith("not_yours: ")
            assert peer.serve("hostile.engine.other").startswith("not_yours: ")
            assert peer.serve("hostile.engine.ask").startswith("not_yours: ")
            assert peer.ask("hostile.engine.ask")[1]["words"] == "it is the engine"
        assert guest.publish("hostile.window.moved").startswith("not_yours: ")
        assert guest.serve("hostile.window.move").startswith("not_yours: ")
        assert frontend.publish("hostile.window.moved") == ""
        assert tray.publish("hostile.window.moved") == ""
        assert frontend.serve("hostile.window.move") == ""


def test_a_namespace_of_everybody_and_app_are_everybodys(world: World) -> None:
    with world.peer() as guest, world.peer("frontend", FRONTEND) as frontend:
        for peer, name in ((guest, "guest"), (frontend, "frontend")):
            for topic in (f"app.{name}", f"hostile.{name}", f"hostile.{name}.deep.below"):
                assert peer.publish(topic) == ""
                assert peer.serve(topic) == ""


@pytest.mark.parametrize("topic", ["undeclared.topic", "config.new_topic", "hostile", "hostilex.a", "apps.a"])
def test_a_topic_that_nobody_declared_is_unknown(world: World, topic: str) -> None:
    with world.peer() as guest, world.peer("frontend", FRONTEND) as frontend:
        for peer in (guest, frontend):
            assert peer.publish(topic) != ""
            assert peer.serve(topic) != ""


def test_nobody_serves_a_request_of_the_contract_in_place_of_its_actor(world: World) -> None:
    with world.peer() as guest, world.peer("frontend", FRONTEND) as frontend:
        for peer in (guest, frontend):
            assert [topic for topic in sorted(REQUESTS) if peer.serve(topic) == ""] == []
            assert peer.serve("app.mine", "history.append").startswith("not_yours: "), "all or none"
        assert guest.ask("history.append", {"text": "private"})[0] == "no_responder", "nobody is there"


def test_what_the_commands_ask_is_for_guests_and_what_actors_ask_each_other_is_not(world: World) -> None:
    with world.peer() as guest, world.peer("tray", world.credential_of_tray()) as tray:
        for peer in (guest, tray):
            refused = set()
            for topic in sorted(REQUESTS):
                kind, message = peer.ask(topic, {"type": "nonsense"})  # no server takes it: nothing is done
                if kind == "refused" and str(message).startswith("not_yours: "):
                    refused.add(topic)
            assert refused == ASKED_BY_ACTORS | SECRETS
