"""Requests reach their actor and nobody else, and replies come from who was asked."""

from __future__ import annotations

import time

from tests.hostile.conftest import World
from tests.hostile.hostile_peer import LIMIT_SECONDS


def test_nobody_takes_the_place_of_an_actor_while_it_restarts(fresh: World) -> None:
    before = fresh.actors()["config_store"]
    with fresh.peer() as thief, fresh.peer() as client:
        fresh.kill("config_store")
        ends, replies = time.monotonic() + LIMIT_SECONDS, 0
        while replies < 3:
            assert time.monotonic() < ends, "it never came back"
            assert thief.serve("config.request").startswith("not_yours: ")
            kind, reply = client.ask("config.request", {"operation": "get_effective"})
            assert kind in ("REPLY", "restarting", "died", "deadline"), reply
            replies += kind == "REPLY"
    after = fresh.wait_for_actors(lambda found: found["config_store"]["state"] == "ready")["config_store"]
    assert (after["restarts"], after["pid"] != before["pid"]) == (1, True)


def test_a_service_of_a_guest_waits_a_moment_for_its_return(world: World) -> None:
    with world.peer("server") as server:
        assert server.serve("app.served") == ""
    with world.peer() as thief:
        assert thief.serve("app.served").startswith("duplicate_service: ")
        assert thief.ask("app.served")[0] == "restarting"
        with world.peer("server") as server:
            assert server.serve("app.served") == ""
            assert thief.serve("app.served").startswith("duplicate_service: ")


def test_who_asks_is_what_the_broker_says(world: World) -> None:
    with world.peer("victim") as victim, world.peer("asker") as asker:
        assert victim.serve("app.who") == ""
        asker.send("REQUEST", [7, "app.who", 5000, None, "config_store"], b"\x81\xa6source\xa1x")
        _, header, _ = victim.until("REQUEST")
        assert header[4] == "asker"


def test_nobody_answers_cancels_or_fails_the_request_of_another(world: World) -> None:
    with world.peer() as server, world.peer() as asker, world.peer() as thief:
        assert server.serve("app.private") == ""
        asker.send("REQUEST", [1, "app.private", 10_000, None], b"\x80")
        id = server.until("REQUEST")[1][0]
        for number in {id, 1}:
            thief.send("REPLY", [number], b"\x81\xa6forged\xc3")
            thief.send("FAILED", [number, "refused", "forged", "REQUEST"])
            thief.send("CANCEL", [number])
        assert thief.publish("app.done") == "", "the broker has read all of it"
        server.send("REPLY", [id], b"\x81\xa4true\xc3")
        verb, header, body = asker.until("REPLY", "FAILED")
        assert (verb, header[0], body) == ("REPLY", 1, [b"\x81\xa4true\xc3"])
