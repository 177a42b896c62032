"""A token goes to the origin that it belongs to, and nowhere else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.shared.credentials.environment_tokens import (
    EnvironmentTokens,
    authorization,
    credentials_for,
    variable_of,
)
from actors.shared.http.urls import origin_of

SECRET = "hf_secret"
HUB = "https://huggingface.co"
TOKENS = EnvironmentTokens.read(
    {"HF_TOKEN": SECRET, "UNDERCROFT_TOKEN_GHCR_IO": "me:pass", "PATH": "/bin"}, hub=HUB
)


def test_the_token_of_the_hub_goes_to_the_hub() -> None:
    assert credentials_for(f"{HUB}/org/repo/resolve/main/a.bin", TOKENS) == {
        "Authorization": f"Bearer {SECRET}"
    }


@pytest.mark.parametrize(
    "url",
    [
        "https://cdn-lfs.huggingface.co/a",
        "https://huggingface.co.evil.org/a",
        "https://huggingface.co:8443/a",
        "http://huggingface.co/a",
        "https://evil.org/huggingface.co",
    ],
)
def test_the_token_of_the_hub_goes_to_no_other_host_port_or_scheme(url: str) -> None:
    assert credentials_for(url, TOKENS) == {}


def test_behind_a_redirect_to_another_origin_nothing_is_sent_even_if_there_is_a_token_for_it() -> None:
    assert credentials_for("https://ghcr.io/v2/", TOKENS) == {"Authorization": "Basic bWU6cGFzcw=="}
    assert credentials_for("https://ghcr.io/v2/", TOKENS, asked_first=f"{HUB}/a") == {}
    assert credentials_for(f"{HUB}/b", TOKENS, asked_first=f"{HUB}/a") == {
        "Authorization": f"Bearer {SECRET}"
    }


def test_a_token_goes_over_plain_http_to_this_machine_only() -> None:
    def tokens(hub: str) -> EnvironmentTokens:
        return EnvironmentTokens.read({"HF_TOKEN": SECRET}, hub=hub)

    assert credentials_for("http://127.0.0.1:9/a", tokens("http://127.0.0.1:9"))
    assert credentials_for("http://mirror.lan/a", tokens("http://mirror.lan")) == {}


def test_an_endpoint_that_stands_for_the_hub_gets_its_token_and_the_hub_does_not() -> None:
    tokens = EnvironmentTokens.read({"HF_TOKEN": SECRET}, hub="https://mirror.example.org/hf")
    assert credentials_for("https://mirror.example.org/hf/a", tokens)
    assert credentials_for(f"{HUB}/a", tokens) == {}


def test_a_host_has_a_variable_of_its_own() -> None:
    assert (
        variable_of("https://my-registry.example.org:5000")
        == "UNDERCROFT_TOKEN_MY__REGISTRY_EXAMPLE_ORG_5000"
    )
    own = EnvironmentTokens.read({"HF_TOKEN": "common", "UNDERCROFT_TOKEN_HUGGINGFACE_CO": "own"}, hub=HUB)
    assert own.of(HUB) == "own"


@pytest.mark.parametrize("value", ["two words", "line\nbreak", "x" * 9000, "\u00fcml\u00e4ut"])
def test_what_cannot_be_a_token_is_not_used_and_not_shown(value: str) -> None:
    tokens = EnvironmentTokens.read({"HF_TOKEN": value}, hub=HUB)
    assert tokens.of(HUB) == ""
    assert "HF_TOKEN" in tokens.problems[0]
    assert value not in tokens.problems[0]


def test_tokens_are_not_shown() -> None:
    assert SECRET not in repr(TOKENS)
    assert SECRET not in str(TOKENS)


@given(st.text(min_size=0, max_size=60))
def test_no_url_but_one_of_the_hub_gets_its_token(text: str) -> None:
    for url in (text, f"https://{text}", f"https://{text}/huggingface.co", f"https://huggingface.co{text}"):
        if credentials_for(url, EnvironmentTokens.read({"HF_TOKEN": SECRET}, hub=HUB)):
            assert origin_of(url) == HUB


def test_user_and_password_are_sent_as_basic_anything_else_as_bearer() -> None:
    assert authorization("Aladdin:open sesame") == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="  # RFC 7617 section 2
    assert authorization("abc") == "Bearer abc"
