"""Nobody gets in under the name of another, and nobody is pushed out who answers."""

from __future__ import annotations

import os
import signal

import pytest

from tests.hostile.conftest import FRONTEND, GATEWAY, World
from tests.hostile.hostile_peer import public_instance

RESERVED = ["supervisor", "config_store", "state_store", "engine", "tray", "frontend", "gateway", "absent"]
"""Children and named peers: connected, away, and such that never come."""


@pytest.mark.parametrize("name", RESERVED)
def test_a_guest_gets_no_name_of_the_profile(world: World, name: str) -> None:
    with world.stranger() as peer:
        assert peer.hello(name).startswith("reserved_name: ")


def test_the_name_of_the_broker_is_nobodys(world: World) -> None:
    with world.stranger() as peer:
        assert peer.hello("broker").startswith("invalid_name: ")


@pytest.mark.parametrize("credential", ["", "guessed", "A" * 43, "x" * 256])
def test_without_token_and_credential_nobody_gets_in(world: World, credential: str) -> None:
    for name in ("frontend", "stranger"):
        with world.stranger() as peer:
            assert peer.hello(name, credential).startswith("wrong_token: ")


def test_a_credential_is_good_for_its_own_name_alone(world: World) -> None:
    for name in ("gateway", "engine", "config_store", "supervisor", "tray", "absent", "stranger"):
        with world.stranger() as peer:
            assert peer.hello(name, FRONTEND).startswith("wrong_token: ")
    with world.stranger() as peer:
        assert peer.hello("frontend", FRONTEND) == ""
        assert peer.role == "named"


def test_a_name_without_a_credential_admits_nobody(world: World) -> None:
    for credential in ("", "absent", world.runtime["token"], FRONTEND, GATEWAY):
        with world.stranger() as peer:
            assert peer.hello("absent", credential) != ""


def test_the_instance_that_everybody_sees_is_good_for_nothing(world: World) -> None:
    before = world.actors()["config_store"]
    with world.peer() as watcher:
        (seen,) = watcher.instances_of("config_store")
        with world.stranger(instance=seen) as thief:
            assert thief.hello("config_store").startswith("reserved_name: ")
        with world.stranger(instance=seen) as thief:
            assert thief.hello("thief-of-instances") == ""
            assert thief.publish("app.stolen", key="k") == ""
        assert watcher.instances_of("thief-of-instances") == {public_instance("thief-of-instances", seen)}
        assert watcher.ask("config.request", {"operation": "get_effective"})[0] == "REPLY"
    assert world.actors()["config_store"]["pid"] == before["pid"]


def test_a_guest_who_answers_keeps_its_name_and_its_services(world: World) -> None:
    with world.peer("honest") as honest:
        assert honest.serve("app.honest") == ""
        for instance in (None, public_instance("honest", honest.instance)):
            with world.stranger(instance=instance) as thief:
                thief.send("HELLO", [2, "honest", thief.instance, world.runtime["token"]])
                told = None
                while told is None or told[0] == "PING":
                    honest.hear_lane(0.01)  # and answer
                    told = thief.hear_lane(0.01)
                assert told[0] == "FAILED"
                assert told[1][2].startswith("duplicate_name: ")
        with world.peer() as guest:
            guest.send("REQUEST", [99, "app.honest", 5000, None], b"\x80")
            verb, header, _ = honest.until("REQUEST")
            assert (verb, header[1]) == ("REQUEST", "app.honest")


def test_a_guest_who_is_silent_is_told_that_it_was_displaced(world: World) -> None:
    with world.peer("silent") as silent, world.stranger() as successor:
        silent.answers_pings = False
        assert successor.hello("silent") == ""
        verb, header, _ = silent.until("FAILED")
        assert (verb, header[2].partition(":")[0], header[3]) == ("FAILED", "displaced", "HELLO")
        silent.send("PUBLISH", [1, "app.silent", 1, 1], b"\x91\x80")
        assert silent.until("FAILED")[1][2].startswith("unknown_peer: ")


def test_a_named_peer_that_is_stopped_is_not_replaced_by_a_guest(world: World) -> None:
    pid = world.actors()["engine"]["pid"]
    os.kill(pid, signal.SIGSTOP)
    try:
        with world.stranger() as thief:
            assert thief.hello("engine").startswith("reserved_name: ")
    finally:
        os.kill(pid, signal.SIGCONT)


def test_who_has_the_credential_takes_the_name_back_from_a_guest(fresh: World) -> None:
    with fresh.peer("latecomer") as guest, fresh.peer() as watcher:
        assert guest.serve("app.latecomer") == ""
        watcher.listen()
        fresh.write_profile({"name": "latecomer", "entry": "hostile_engine:build_listener"})
        fresh.reload()
        verb, header, _ = guest.until("FAILED")
        assert (verb, header[2].partition(":")[0], header[3]) == ("FAILED", "displaced", "HELLO")
        fresh.wait_for_actors(lambda found: found.get("latecomer", {}).get("state") == "ready")
    with fresh.stranger() as again:
        assert again.hello("latecomer").startswith("reserved_name: ")


def test_a_credential_ends_with_the_place_in_the_profile(fresh: World) -> None:
    former = fresh.credential_of_tray()
    with fresh.peer("tray", former) as tray:
        assert tray.role == "named"
        fresh.write_profile(without=("tray",), tables="")
        fresh.reload()
        fresh.wait_for_actors(lambda found: "tray" not in found)
        assert tray.publish("metrics.reported", {"reading": "r", "actor": "tray", "samples": []}) != ""
    with fresh.stranger() as thief:
        assert thief.hello("tray", former).startswith("wrong_token: ")
    fresh.write_profile()
    fresh.reload()
    fresh.wait_for_actors(lambda found: found.get("tray", {}).get("state") == "ready")
    with fresh.stranger() as thief:
        assert thief.hello("tray", former).startswith("wrong_token: ")
    assert fresh.credential_of_tray() != former


def test_a_peer_of_protocol_1_is_told_what_to_update(world: World) -> None:
    for version in (0, 1, 3):
        with world.stranger() as old:
            refused = old.hello("old-timer", protocol=version)
            assert refused.startswith("wrong_version: ")
            assert "update" in refused


def test_a_greeting_that_is_repeated_costs_nobody_else_anything(world: World) -> None:
    with world.peer() as watcher, world.peer("greeter") as greeter:
        watcher.listen()
        for _ in range(500):
            greeter.send("HELLO", [2, "greeter", greeter.instance, world.runtime["token"]])
        for _ in range(500):
            greeter.until("WELCOME")
        assert greeter.publish("app.greeted") == ""
        told = 0
        for topic, _, events in watcher.heard():
            told += sum(topic == "bus.peer_joined" and event["peer"] == "greeter" for event in events)
            if topic == "app.greeted":
                break
        assert told <= 1


def test_one_connection_is_one_peer(world: World) -> None:
    with world.peer("first") as peer:
        for name in ("second", "config_store"):
            assert peer.hello(name) != ""
        assert peer.publish("app.first") == ""
