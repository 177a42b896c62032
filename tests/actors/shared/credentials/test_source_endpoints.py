"""Where sources are asked: a person's environment first, then the profile, then the public servers."""

from __future__ import annotations

import pytest

from actors.shared.credentials.source_endpoints import (
    HUB,
    OLLAMA,
    SourceEndpointRefused,
    SourceEndpoints,
    at_endpoint,
    is_offline,
)


def test_without_a_word_the_public_servers_are_asked() -> None:
    assert SourceEndpoints.read({}) == SourceEndpoints(hub=HUB, ollama=OLLAMA, offline=False)


def test_the_environment_goes_before_the_profile() -> None:
    found = SourceEndpoints.read(
        {"HF_ENDPOINT": "https://mine.example.org/"},
        hub="https://apps.example.org",
        ollama="https://o.example.org",
    )
    assert found == SourceEndpoints(hub="https://mine.example.org", ollama="https://o.example.org")


@pytest.mark.parametrize(
    "url", ["mirror", "ftp://mirror", "https://", "https://user:secret@mirror", "https://mirror?x=1"]
)
def test_an_endpoint_is_the_url_of_a_server(url: str) -> None:
    with pytest.raises(SourceEndpointRefused) as caught:
        SourceEndpoints.read({"HF_ENDPOINT": url})
    assert "HF_ENDPOINT" in str(caught.value)
    assert "secret" not in str(caught.value)
    with pytest.raises(SourceEndpointRefused, match=r"\[sources\] ollama"):
        SourceEndpoints.read({}, ollama=url)


@pytest.mark.parametrize(
    ("environment", "offline"),
    [
        ({"UNDERCROFT_OFFLINE": "1"}, True),
        ({"HF_HUB_OFFLINE": "TRUE"}, True),
        ({"HF_HUB_OFFLINE": "0"}, False),
    ],
)
def test_either_variable_switches_the_network_off(environment: dict[str, str], offline: bool) -> None:
    assert SourceEndpoints.read(environment).offline is offline


def test_a_setting_of_the_app_switches_the_network_off() -> None:
    assert is_offline({"models": {"offline": True}})
    assert not is_offline({"models": {"offline": "yes"}})
    assert not is_offline({"models": 1})
    assert not is_offline({})


def test_a_public_url_is_found_on_the_server_that_stands_in_for_it() -> None:
    mirrored = SourceEndpoints(hub="https://mirror.example.org/hf", ollama="http://127.0.0.1:5000")
    assert (
        at_endpoint("https://huggingface.co/org/repo/resolve/main/a.bin", mirrored)
        == "https://mirror.example.org/hf/org/repo/resolve/main/a.bin"
    )
    assert (
        at_endpoint(f"{OLLAMA}/v2/library/a/blobs/sha256:0", mirrored)
        == "http://127.0.0.1:5000/v2/library/a/blobs/sha256:0"
    )
    for url in ("https://huggingface.co.evil.org/a", "https://github.com/a", "https://huggingface.co"):
        assert at_endpoint(url, mirrored) == url
    assert at_endpoint("https://huggingface.co/a", SourceEndpoints()) == "https://huggingface.co/a"
