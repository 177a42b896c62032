"""How the places are reached that models come from: the client of all installs, and the tokens for it."""

from __future__ import annotations

import os
from collections.abc import Mapping

import anyio.to_thread

from actors.model_downloader.downloader_settings import DownloaderSettings
from actors.model_downloader.transfer.http.http_client import HttpClient
from actors.model_downloader.transfer.source_urls import source_urls
from actors.shared.credentials import EnvironmentTokens, SourceEndpoints, TokenProvider, offline_by
from actors.shared.credentials.tls_trust import CertificatesUnreadable, tls_context
from actors.shared.credentials.token_provider import RealmRefused
from actors.shared.http.answers.short_answers import open_client
from actors.shared.profile.profile_tables import SourcesTable
from bus.errors import OperatorError
from schemas.manifest import FilePromise


class SourceAccess:
    """Shared by all installs of one downloader.

    Attributes:
        client: for HTTP; makes no connection before it is used.
    """

    def __init__(
        self,
        settings: DownloaderSettings,
        endpoints: SourceEndpoints | None = None,
        tokens: TokenProvider | None = None,
        client: HttpClient | None = None,
    ) -> None:
        """Reach nothing yet.

        Args:
            settings: name a mirror, and may forbid the network.
            endpoints: servers that stand in for the public ones; None for none.
            tokens: for the origins of models; None for none.
            client: for HTTP; None for one with these tokens.
        """
        self._settings = settings
        self._endpoints = endpoints or SourceEndpoints()
        self._tokens = tokens
        self.client = client or HttpClient(credentials=self._headers, offline=self.is_offline)

    @classmethod
    def of(
        cls, settings: DownloaderSettings, sources: SourcesTable, environ: Mapping[str, str]
    ) -> SourceAccess:
        """Access with the tokens of the environment and of the keychain, each for its own origin."""
        try:
            endpoints = SourceEndpoints.read(environ, hub=sources.hf, ollama=sources.ollama)
        except OperatorError:  # the actor that resolves names reports it; without it no token goes to a hub
            return cls(settings, tokens=TokenProvider(EnvironmentTokens.read(environ, hub="")))
        return cls(settings, endpoints, TokenProvider(EnvironmentTokens.read(environ, hub=endpoints.hub)))

    def is_offline(self) -> bool:
        """Whether no server may be asked: by the settings, or by the environment."""
        return self._settings.offline or offline_by(os.environ)

    def urls_of(self, promise: FilePromise) -> list[str]:
        """Every source of a file, in the order of trying, as the settings are now."""
        return source_urls(promise, self._settings.mirror_url, self._endpoints)

    async def answer_challenge(self, url: str, challenges: tuple[str, ...]) -> bool:
        """Find credentials for a server that asked for them; returns whether there are new ones."""
        if self._tokens is None:
            return False
        try:
            trust = await anyio.to_thread.run_sync(tls_context, os.environ)
            async with open_client(trust) as client:
                return bool(await self._tokens.answer(client, url, challenges))
        except (RealmRefused, CertificatesUnreadable):
            return False

    def close(self) -> None:
        """Close every connection."""
        self.client.close()

    def _headers(self, url: str, asked_first: str) -> dict[str, str]:
        return self._tokens.headers(url, asked_first=asked_first) if self._tokens else {}
