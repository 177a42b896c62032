"""Tokens for the places that models come from, each bound to the one origin it belongs to.

For whoever fetches URLs of a model (pure, no network, no keychain):

    tokens = EnvironmentTokens.read(os.environ, hub=endpoints.hub)           # once
    headers = credentials_for(url, tokens)                        # {} or {"Authorization": "Bearer ..."}
    headers = credentials_for(next_url, tokens, asked_first=url)  # behind a redirect: {} unless it is the
    same origin

For whoever also wants the keychain and the tokens that registries lend for minutes (`wallet.TokenProvider`):

    wallet = TokenProvider(tokens)
    headers = wallet.headers(url, asked_first=...)                        # as above, and what is known by now
    headers = await wallet.answer(client, url, response.headers.get_list("www-authenticate"))  # after a 401:
    {} if there is nothing to say

Where a public server is stood in for (HF_ENDPOINT), its URLs are asked there:

    endpoints = SourceEndpoints.read(os.environ, hub=profile.sources.hf, ollama=profile.sources.ollama)
    url = at_endpoint(url, endpoints)

Redirects are followed by hand, one request a hop, so that this is asked for every hop.
"""

from actors.shared.credentials.environment_tokens import EnvironmentTokens, credentials_for
from actors.shared.credentials.source_endpoints import SourceEndpoints, at_endpoint, offline_by
from actors.shared.credentials.token_provider import TokenProvider
from actors.shared.http.urls import origin_of

__all__ = [
    "EnvironmentTokens",
    "SourceEndpoints",
    "TokenProvider",
    "at_endpoint",
    "credentials_for",
    "offline_by",
    "origin_of",
]
