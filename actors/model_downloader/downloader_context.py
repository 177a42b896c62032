"""What the downloader needs of the world outside, in one place, so that tests can hand in their own."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread

from actors.model_downloader.downloader_settings import DownloaderSettings
from actors.model_downloader.transfer.http.http_client import HttpClient
from actors.model_downloader.transfer.space_reservations import SpaceReservations
from actors.model_downloader.transfer.transfer_limits import TransferLimits
from actors.shared.credentials import SourceEndpoints, offline_by
from actors.shared.credentials.tls_trust import CertificatesUnreadable, tls_context
from schemas.event import Event
from schemas.manifest import ModelEntry
from schemas.models import FilesVerifiedEvent, FilesVerifyRequestEvent, ModelStatus

if TYPE_CHECKING:
    from actors.shared.credentials import TokenProvider


async def _nothing_to_do(entry: ModelEntry) -> None:
    """For those who keep no shelf."""


@dataclass
class World:
    """What an install needs of the world; tests hand in their own.

    Attributes:
        publish: tells everybody.
        verify: has somebody else compare files with their promise; raises RequestFailed if nobody can now.
        open_client: makes the client for HTTP; None for the real one.
        sleep: waits for so many seconds.
        now: seconds since the Unix epoch.
        random_unit: a random number in [0, 1).
        limits: what all streams share.
        settings: what the settings say.
        space: what the running installs have yet to write.
        alone: entered once nobody holds a lease on a model, and until it is left nobody is given one; whoever
            waits is told for whom.
        describe: adds to a status what is known of revisions and leases.
        installed: told of a model that was verified and activated.
        wallet: the tokens for the places that models come from; None for no tokens.
        endpoints: servers that stand in for the public ones.
    """

    publish: Callable[[Event], Awaitable[None]]
    verify: Callable[[FilesVerifyRequestEvent], Awaitable[FilesVerifiedEvent]]
    open_client: Callable[[], HttpClient] | None = None
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep
    now: Callable[[], float] = time.time
    random_unit: Callable[[], float] = random.random
    limits: TransferLimits = field(default_factory=TransferLimits)
    settings: DownloaderSettings = field(default_factory=DownloaderSettings)
    space: SpaceReservations = field(default_factory=SpaceReservations)
    alone: Callable[[str, Callable[[list[str]], Awaitable[None]]], AbstractAsyncContextManager[None]] = (
        lambda model_id, tell: nullcontext()
    )
    describe: Callable[[ModelStatus], ModelStatus] = lambda status: status
    installed: Callable[[ModelEntry], Awaitable[None]] = _nothing_to_do
    wallet: TokenProvider | None = None
    endpoints: SourceEndpoints = field(default_factory=SourceEndpoints)

    @cached_property
    def client(self) -> HttpClient:
        """One for all installs."""
        if self.open_client is not None:
            return self.open_client()
        wallet = self.wallet
        credentials = (
            (lambda url, asked_first: wallet.headers(url, asked_first=asked_first))
            if wallet
            else (lambda url, asked_first: {})
        )
        return HttpClient(credentials=credentials, offline=self.is_offline)

    def is_offline(self) -> bool:
        """Whether nobody is to be asked: by the settings, or by the environment."""
        return self.settings.offline or offline_by(os.environ)

    async def answer_challenge(self, url: str, challenges: tuple[str, ...]) -> bool:
        """Whether there is something new to say to a server that wants to know who asks."""
        if self.wallet is None:
            return False
        import httpx

        try:
            trust = await anyio.to_thread.run_sync(tls_context, os.environ)
            async with httpx.AsyncClient(verify=trust) as client:
                return bool(await self.wallet.answer(client, url, challenges))
        except (httpx.HTTPError, CertificatesUnreadable):
            return False

    def close(self) -> None:
        """Close the client, if one was made."""
        if "client" in self.__dict__:
            self.client.close()
