"""Access to the places of models: asks no server when offline, and sends tokens only where they belong."""

from __future__ import annotations

import pytest

from actors.model_downloader.downloader_settings import DownloaderSettings
from actors.model_downloader.installs.source_access import SourceAccess
from actors.model_downloader.transfer.cancel_token import CancelToken
from actors.shared.credentials import EnvironmentTokens, TokenProvider
from actors.shared.profile.profile_tables import SourcesTable
from schemas.manifest import FilePromise
from tests.support.faulty_origin import FaultyOrigin
from tests.support.origin_content import BytesContent

HUB_FILE = FilePromise(path="f", size_bytes=5, sha256="0" * 64, urls=["https://huggingface.co/m"])


def test_access_that_was_not_used_can_be_closed() -> None:
    access = SourceAccess(DownloaderSettings())
    access.close()
    access.close()


@pytest.mark.parametrize(("value", "offline"), [("1", True), ("true", True), ("0", False), ("", False)])
def test_offline_is_a_choice_of_the_environment_or_of_the_settings(
    monkeypatch: pytest.MonkeyPatch, value: str, offline: bool
) -> None:
    monkeypatch.setenv("UNDERCROFT_OFFLINE", value)
    settings = DownloaderSettings()
    access = SourceAccess(settings)
    assert access.is_offline() is offline
    settings.follow({"models": {"offline": True}})
    assert access.is_offline()


def test_offline_choice_of_the_hubs_tools_counts_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert SourceAccess(DownloaderSettings()).is_offline()


def test_token_of_the_environment_is_sent_to_its_origin_only() -> None:
    with FaultyOrigin() as hub, FaultyOrigin() as other:
        for origin in (hub, other):
            origin.serve("/m", BytesContent(b"model"))
        tokens = TokenProvider(EnvironmentTokens.read({"HF_TOKEN": "secret"}, hub=hub.url))
        access = SourceAccess(DownloaderSettings(), tokens=tokens)
        for origin in (hub, other):
            answer = access.client.get(origin.url + "/m", {}, CancelToken(), "m/f")
            answer.drain()
        access.close()
        assert hub.requests[0].headers["authorization"] == "Bearer secret"
        assert "authorization" not in other.requests[0].headers


def test_mirror_of_the_settings_comes_first_and_a_server_stands_in_for_the_hub() -> None:
    settings = DownloaderSettings()
    access = SourceAccess.of(settings, SourcesTable(hf="https://hub.example"), {})
    assert access.urls_of(HUB_FILE) == ["https://hub.example/m"]
    settings.mirror_url = "https://mirror.example"
    assert access.urls_of(HUB_FILE) == ["https://mirror.example/m", "https://hub.example/m"]


def test_servers_that_cannot_be_read_stand_in_for_nothing() -> None:
    access = SourceAccess.of(DownloaderSettings(), SourcesTable(hf="no url"), {})
    assert access.urls_of(HUB_FILE) == HUB_FILE.urls


@pytest.mark.anyio
async def test_without_tokens_no_challenge_has_an_answer() -> None:
    assert not await SourceAccess(DownloaderSettings()).answer_challenge(
        "https://models.example/m", ('Bearer realm="x"',)
    )
