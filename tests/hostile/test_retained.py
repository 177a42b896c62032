"""What is retained belongs to who published it, has a quota, and goes with guests that are gone for good."""

from __future__ import annotations

import contextlib

from tests.hostile.conftest import FRONTEND, World

GUEST_KEYS = 1024
ALL_GUESTS_KEYS = 8192
GUEST_TOPICS = 1024
GUEST_BYTES = 8 * 1024 * 1024


def test_nobody_replaces_or_withdraws_what_another_retains(world: World) -> None:
    with world.peer() as owner, world.peer() as thief, world.peer("frontend", FRONTEND) as frontend:
        assert owner.publish("app.kept", {"n": 1}, key="k") == ""
        for other in (thief, frontend):
            assert other.publish("app.kept", {"n": 666}, key="k").startswith("not_yours: ")
            assert other.withdraw("app.kept", "k").startswith("not_yours: ")
        assert [event["n"] for _, event in thief.retained("app.kept").values()] == [1]
        assert owner.withdraw("app.kept", "k") == ""
        assert thief.retained("app.kept") == {}
        assert thief.publish("app.kept", {"n": 2}, key="k") == "", "it is nobody's now"
        thief.send("BYE", [False])


def test_a_guest_fills_its_own_room_and_nobody_elses(world: World) -> None:
    with world.peer() as greedy, world.peer() as modest:
        assert greedy.retain_many("app.greedy", [str(number) for number in range(GUEST_KEYS)]) == []
        assert greedy.publish("app.greedy", key="one more").startswith("retained_full: ")
        assert greedy.publish("app.greedy", key="0") == "", "what is there can be replaced"
        assert greedy.publish("app.greedy") == "", "and events that are not retained go on"
        assert modest.publish("app.modest", key="k") == ""
        kind, reply = modest.ask("config.request", {"operation": "update", "updates": {"number": 3}})
        assert (kind, reply["success"]) == ("REPLY", True)
        greedy.send("BYE", [False])
        modest.send("BYE", [False])
    with world.peer() as late:
        assert late.retained("app.greedy", "app.modest") == {}, "guests that said so are gone for good"


def test_all_guests_together_leave_half_of_the_room_to_named_peers(world: World) -> None:
    crowd = ALL_GUESTS_KEYS // GUEST_KEYS + 1
    with contextlib.ExitStack() as stack:
        guests = [stack.enter_context(world.peer()) for _ in range(crowd)]
        refused = [
            guest.retain_many(f"app.crowd{at}", [str(number) for number in range(GUEST_KEYS)])
            for at, guest in enumerate(guests)
        ]
        assert sum(map(len, refused)) >= GUEST_KEYS
        assert all(reason.startswith("retained_full: ") for reasons in refused for reason in reasons)
        with world.peer("frontend", FRONTEND) as frontend:
            assert frontend.retain_many("app.front", [str(number) for number in range(GUEST_KEYS)]) == []
            for number in range(GUEST_KEYS):
                frontend.withdraw("app.front", str(number))
            kind, reply = frontend.ask("config.request", {"operation": "update", "updates": {"number": 4}})
            assert (kind, reply["success"]) == ("REPLY", True)
        for guest in guests:
            guest.send("BYE", [False])


def test_a_guest_retains_so_many_bytes_and_no_more(world: World) -> None:
    with world.peer() as greedy:
        filler = {"filler": "x" * (GUEST_BYTES // 8)}
        refused = [greedy.publish("app.large", filler, key=str(number)) for number in range(10)]
        assert refused[:7] == [""] * 7
        assert refused[8].startswith("retained_full: ")
        assert refused[9].startswith("retained_full: ")
        greedy.send("BYE", [False])


def test_a_guest_begins_so_many_topics_and_no_more(world: World) -> None:
    with world.peer() as greedy, world.peer() as modest:
        for number in range(GUEST_TOPICS):
            assert greedy.publish(f"app.topic{number}") == ""
        assert greedy.publish("app.one_more").startswith("topics_full: ")
        assert greedy.publish("app.topic0") == ""
        assert modest.publish("app.modest") == ""
        greedy.send("BYE", [False])
