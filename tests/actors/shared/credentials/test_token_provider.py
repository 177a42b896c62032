"""A registry gets the token that its realm lends, and no token reaches a host that it is not for."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from actors.shared.credentials.environment_tokens import EnvironmentTokens
from actors.shared.credentials.token_provider import (
    KNOWN_MOST,
    RealmRefused,
    TokenProvider,
    repository_of,
)
from actors.shared.http.answers.short_answers import open_client
from tests.support.http_servers import Answer, Site, add_image, add_realm, running_site

pytestmark = pytest.mark.anyio


@pytest.fixture
def registry() -> Iterator[Site]:
    with running_site() as site:
        yield site


@pytest.fixture
def elsewhere() -> Iterator[Site]:
    with running_site() as site:
        yield site


class Keychain:
    """A keychain of a few entries that counts how often it is asked."""

    def __init__(self, **held: str) -> None:
        self.held = held
        self.asked: list[str] = []

    async def __call__(self, origin: str) -> str:
        self.asked.append(origin)
        return self.held.get("token", "")


async def fetch(provider: TokenProvider, url: str) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False) as client:
        response = await client.get(url, headers=provider.headers(url))
        if response.status_code == 401 and (
            more := await provider.answer(client, url, response.headers.get_list("www-authenticate"))
        ):
            response = await client.get(url, headers=more)
        return response


async def test_a_registry_gets_the_token_that_its_realm_lends(registry: Site) -> None:
    add_image(registry, "library/tiny", "1", [], realm=add_realm(registry))
    provider = TokenProvider(EnvironmentTokens(), Keychain())
    url = f"{registry.url}/v2/library/tiny/manifests/1"
    assert (await fetch(provider, url)).status_code == 200
    assert provider.headers(f"{registry.url}/v2/library/tiny/blobs/sha256:0") == {
        "Authorization": "Bearer lent-repository:library/tiny:pull"
    }
    assert provider.headers(f"{registry.url}/v2/library/other/blobs/sha256:0") == {}
    assert (await fetch(provider, url)).status_code == 200
    assert len(registry.asked("/token")) == 1, "the second time the lent token is still good"


async def test_a_lent_token_ends(registry: Site) -> None:
    add_image(registry, "a", "1", [], realm=add_realm(registry))
    now = [0.0]
    provider = TokenProvider(EnvironmentTokens(), Keychain(), lambda: now[0])
    url = f"{registry.url}/v2/a/manifests/1"
    await fetch(provider, url)
    now[0] = 291.0
    assert provider.headers(url) == {}
    assert (await fetch(provider, url)).status_code == 200
    assert len(registry.asked("/token")) == 2


async def test_the_realm_gets_a_persons_token_if_it_is_on_the_same_host(registry: Site) -> None:
    add_image(registry, "a", "1", [], realm=add_realm(registry, wanted="Basic bWU6cGFzcw=="))
    port = registry.port
    provider = TokenProvider(
        EnvironmentTokens.read(
            {f"UNDERCROFT_TOKEN_127_0_0_1_{port}": "me:pass"}, hub="https://huggingface.co"
        ),
        Keychain(),
    )
    assert (await fetch(provider, f"{registry.url}/v2/a/manifests/1")).status_code == 200


async def test_a_realm_on_another_host_never_sees_the_token_of_the_registry(
    registry: Site, elsewhere: Site
) -> None:
    add_image(registry, "a", "1", [], realm=add_realm(elsewhere))
    provider = TokenProvider(
        EnvironmentTokens.read(
            {f"UNDERCROFT_TOKEN_127_0_0_1_{registry.port}": "secret"}, hub="https://huggingface.co"
        ),
        Keychain(),
    )
    assert (await fetch(provider, f"{registry.url}/v2/a/manifests/1")).status_code == 200
    assert registry.requests[0].authorization == "Bearer secret"
    assert [seen.authorization for seen in elsewhere.requests] == [""]


async def test_the_keychain_is_asked_once_and_only_after_a_refusal(registry: Site) -> None:
    registry.put("/open", b"x")
    registry.put("/closed", b"x")
    keychain = Keychain(token="kept")
    provider = TokenProvider(EnvironmentTokens(), keychain)
    await fetch(provider, f"{registry.url}/open")
    assert keychain.asked == []
    registry.token = "Bearer kept"
    assert (await fetch(provider, f"{registry.url}/closed")).status_code == 200
    assert (await fetch(provider, f"{registry.url}/closed")).status_code == 200
    assert keychain.asked == [registry.url]


async def test_a_token_that_is_refused_is_not_sent_again_and_again(registry: Site) -> None:
    registry.put("/closed", b"x")
    registry.token = "Bearer another"
    provider = TokenProvider(
        EnvironmentTokens.read({"HF_TOKEN": "wrong"}, hub=registry.url), Keychain(token="unused")
    )
    assert (await fetch(provider, f"{registry.url}/closed")).status_code == 401
    assert len(registry.requests) == 1


async def test_behind_a_redirect_nothing_is_sent_to_another_origin(registry: Site, elsewhere: Site) -> None:
    provider = TokenProvider(EnvironmentTokens.read({"HF_TOKEN": "secret"}, hub=elsewhere.url), Keychain())
    assert provider.headers(f"{elsewhere.url}/a", asked_first=f"{registry.url}/b") == {}
    assert provider.headers(f"{elsewhere.url}/a", asked_first=f"{elsewhere.url}/b") == {
        "Authorization": "Bearer secret"
    }


async def test_a_realm_whose_answer_is_too_long_is_named(registry: Site) -> None:
    add_image(registry, "a", "1", [], realm=registry.put("/token", b'{"token":"' + b"x" * 70_000 + b'"}'))
    with pytest.raises(RealmRefused, match="/token: no token was lent: expected an answer of at most 65536"):
        await fetch(TokenProvider(EnvironmentTokens(), Keychain()), f"{registry.url}/v2/a/manifests/1")


async def test_a_realm_that_answers_something_else_lends_nothing(registry: Site) -> None:
    add_image(registry, "a", "1", [], realm=registry.put("/token", b'{"token": 5}'))
    provider = TokenProvider(EnvironmentTokens(), Keychain())
    assert (await fetch(provider, f"{registry.url}/v2/a/manifests/1")).status_code == 401


async def test_a_realm_that_is_gone_is_named(registry: Site) -> None:
    add_image(registry, "a", "1", [], realm="http://127.0.0.1:1/token")
    with pytest.raises(RealmRefused, match="127.0.0.1:1/token: no token was lent: there is no connection"):
        await fetch(TokenProvider(EnvironmentTokens(), Keychain()), f"{registry.url}/v2/a/manifests/1")


def test_the_repository_is_read_from_the_url() -> None:
    assert repository_of("https://r/v2/library/tiny/blobs/sha256:00") == "library/tiny"
    assert repository_of("https://r/v2/tags/list") == ""


async def test_no_number_of_origins_and_repositories_fills_the_memory(registry: Site) -> None:
    registry.routes["/token"] = lambda seen: Answer(b'{"token": "lent"}')
    provider = TokenProvider(EnvironmentTokens(), Keychain())
    challenge = f'Bearer realm="{registry.url}/token"'
    async with open_client(False) as client:
        for number in range(KNOWN_MOST + 3):
            url = f"{registry.url}/v2/a{number}/manifests/1"
            assert await provider.answer(client, url, [challenge]) == {"Authorization": "Bearer lent"}
    assert len(provider._lent) == KNOWN_MOST
    assert provider.headers(url)
    assert not provider.headers(f"{registry.url}/v2/a0/manifests/1")


async def test_a_registry_elsewhere_can_not_have_this_machine_asked(registry: Site) -> None:
    provider = TokenProvider(EnvironmentTokens(), Keychain())
    async with open_client(False) as client:
        with pytest.raises(RealmRefused, match="another machine names this one as its realm"):
            await provider.answer(
                client, "https://registry.example/v2/a/manifests/1", [f'Bearer realm="{registry.url}/token"']
            )
    assert registry.requests == []
