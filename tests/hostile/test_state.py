"""State that belongs to a name belongs to who proves it."""

from __future__ import annotations

from tests.hostile.conftest import FRONTEND, GATEWAY, World


def test_a_namespace_of_state_is_open_to_its_owner_and_its_readers_alone(world: World) -> None:
    entry = {"key": "diary.today", "value": "private"}
    with world.peer("frontend", FRONTEND) as frontend:
        assert frontend.ask("state.save", entry)[0] == "REPLY"
    with world.peer("gateway", GATEWAY) as gateway:
        assert gateway.ask("state.load", {"key": "diary.today"})[1]["value"] == "private"
        assert gateway.ask("state.save", entry)[0] == "refused"
    for name, credential in (("", None), ("frontend-2", None), ("tray", world.credential_of_tray())):
        with world.peer(name, credential) as other:
            assert other.ask("state.load", {"key": "diary.today"})[0] == "refused"
            assert other.ask("state.save", entry)[0] == "refused"
            assert other.ask("state.delete", {"key": "diary.today"})[0] == "refused"
    with world.stranger() as thief:
        assert thief.hello("frontend").startswith("reserved_name: ")
