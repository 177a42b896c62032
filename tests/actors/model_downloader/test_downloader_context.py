"""The world of an install: one client, which asks nobody when that is chosen, and sends tokens only where they belong."""

from __future__ import annotations

import pytest

from actors.model_downloader.downloader_context import World
from actors.model_downloader.transfer.cancel_token import CancelToken
from actors.shared.credentials import EnvironmentTokens, TokenProvider
from schemas.event import Event
from schemas.models import FilesVerifiedEvent, FilesVerifyRequestEvent
from tests.support.faulty_origin import FaultyOrigin
from tests.support.origin_content import BytesContent


async def publish(event: Event) -> None:
    """Nobody listens."""


async def verify(request: FilesVerifyRequestEvent) -> FilesVerifiedEvent:
    raise AssertionError("nobody asks")


def test_client_is_made_once_and_only_when_it_is_needed() -> None:
    world = World(publish=publish, verify=verify)
    world.close()
    assert world.client is world.client
    world.close()


@pytest.mark.parametrize(("value", "offline"), [("1", True), ("true", True), ("0", False), ("", False)])
def test_offline_is_a_choice_of_the_environment_or_of_the_settings(
    monkeypatch: pytest.MonkeyPatch, value: str, offline: bool
) -> None:
    monkeypatch.setenv("UNDERCROFT_OFFLINE", value)
    world = World(publish=publish, verify=verify)
    assert world.is_offline() is offline
    world.settings.follow({"models": {"offline": True}})
    assert world.is_offline()


def test_offline_choice_of_the_hubs_tools_counts_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert World(publish=publish, verify=verify).is_offline()


def test_token_of_the_environment_is_sent_to_its_origin_only() -> None:
    with FaultyOrigin() as hub, FaultyOrigin() as other:
        for origin in (hub, other):
            origin.serve("/m", BytesContent(b"model"))
        world = World(
            publish=publish,
            verify=verify,
            wallet=TokenProvider(EnvironmentTokens.read({"HF_TOKEN": "secret"}, hub=hub.url)),
        )
        for origin in (hub, other):
            answer = world.client.get(origin.url + "/m", {}, CancelToken(), "m/f")
            answer.drain()
        world.close()
        assert hub.requests[0].headers["authorization"] == "Bearer secret"
        assert "authorization" not in other.requests[0].headers


@pytest.mark.anyio
async def test_without_a_wallet_no_challenge_has_an_answer() -> None:
    assert not await World(publish=publish, verify=verify).answer_challenge(
        "https://models.example/m", ('Bearer realm="x"',)
    )
