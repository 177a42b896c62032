"""Numbers that leap, repeat or belong to another mute nobody and hide nothing."""

from __future__ import annotations

import os
import signal

import pytest

from tests.hostile.conftest import World

LEAP = 2**60


def test_a_serial_that_leaps_is_refused_and_mutes_nobody(world: World) -> None:
    with world.peer() as watcher:
        (seen,) = watcher.instances_of("config_store")
        watcher.listen()
        with world.peer("muter", instance=seen) as thief:
            assert thief.publish("app.x", serial=LEAP) != ""
            assert thief.publish("app.x", serial=1) == ""
            assert thief.publish("app.x", serial=3).startswith("leap: ")
            assert thief.publish("app.x", serial=2) == ""
        verb, reply = watcher.ask("config.request", {"operation": "update", "updates": {"number": 1}})
        assert (verb, reply["success"]) == ("REPLY", True)
        _, changed = watcher.next_event("config.settings_changed")
        assert changed["settings"]["number"] == 1
        late = watcher.retained("config.settings_changed")
        assert [event["settings"]["number"] for _, event in late.values()] == [1]


@pytest.mark.parametrize("first", [2**50, 3])
def test_a_number_that_leaps_is_refused(world: World, first: int) -> None:
    with world.peer() as guest:
        assert guest.publish("app.numbered") == ""
        assert guest.publish("app.numbered", first=first).startswith("leap: ")
        assert guest.publish("app.numbered", first=2, serial=guest.serial) == "", "it did not count"


def test_a_message_that_comes_twice_has_one_place(world: World) -> None:
    with world.peer() as guest, world.peer() as watcher:
        watcher.listen()
        for _ in range(5):
            assert guest.publish("app.twice", {"n": 1}, serial=1, first=1) == ""
        assert guest.publish("app.twice_over") == ""
        told = []
        for topic, _, events in watcher.heard():
            told += [event["n"] for event in events if topic == "app.twice"]
            if topic == "app.twice_over":
                break
        assert told == [1]


def test_after_a_restart_of_the_broker_everybody_is_heard_again_and_still_himself(fresh: World) -> None:
    with fresh.peer() as thief:
        (seen,) = thief.instances_of("config_store")
    with fresh.peer("muter", instance=seen) as thief:
        thief.publish("app.x", first=2**50)
        thief.publish("app.x", serial=LEAP)
    os.kill(fresh.actors()["broker"]["pid"], signal.SIGKILL)
    found = fresh.wait_for_actors(
        lambda actors: actors["broker"]["restarts"] == 1 and actors["broker"]["state"] == "ready"
    )
    restarts = {actor: status["restarts"] for actor, status in found.items()}
    assert restarts == {**dict.fromkeys(restarts, 0), "broker": 1}
    with fresh.peer() as watcher:
        watcher.listen()
        assert watcher.ask("config.request", {"operation": "update", "updates": {"number": 7}})[0] == "REPLY"
        while True:
            _, changed = watcher.next_event("config.settings_changed")
            if changed["settings"]["number"] == 7:
                break
    for name in ("config_store", "engine", "frontend", "supervisor"):
        with fresh.stranger() as thief:
            assert thief.hello(name).startswith("reserved_name: ")
    with fresh.stranger() as tray:
        assert tray.hello("tray", fresh.credential_of_tray()) == ""
