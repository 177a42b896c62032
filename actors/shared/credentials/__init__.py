"""Tokens for the servers that models come from, each bound to the one origin it belongs to.

It owns no file. It promises that a token goes to its own origin only, over https or within this machine,
and never behind a redirect to another origin. So clients follow redirects hop by hop
(`shared.http.redirects`) and ask for the headers of each hop.

Read `environment_tokens` first; it is pure:

    tokens = EnvironmentTokens.read(os.environ, hub=endpoints.hub)           # once
    headers = credentials_for(url, tokens)                        # {} or {"Authorization": "Bearer ..."}
    headers = credentials_for(next_url, tokens, asked_first=url)  # {} if a redirect led to another origin

`token_provider` also knows the keychain (`token_keychain`), and the tokens that registries lend for minutes
(`auth_challenge` reads what they ask for):

    provider = TokenProvider(tokens)
    headers = provider.headers(url, asked_first=...)
    headers = await provider.answer(client, url, response.headers.get_list("www-authenticate"))  # after a 401

`source_endpoints` knows which servers stand in for the public ones (HF_ENDPOINT), `tls_trust` which
certificates are trusted:

    endpoints = SourceEndpoints.read(os.environ, hub=profile.sources.hf, ollama=profile.sources.ollama)
    url = at_endpoint(url, endpoints)
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
