"""What the downloader needs of the world outside, in one place, so that tests can hand in their own."""

from __future__ import annotations

import random
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import anyio

from actors.model_downloader.fetch import open_client
from schemas.event import Event
from schemas.models import FilesVerifiedEvent, FilesVerifyRequestEvent, ModelStatus

if TYPE_CHECKING:
    import httpx


@dataclass
class World:
    """What an install needs of the world; tests hand in their own.

    Attributes:
        publish: tells everybody.
        verify: has somebody else compare files with their promise; raises RequestFailed if nobody can now.
        open_client: makes the client for HTTP.
        sleep: waits for so many seconds.
        now: seconds since the Unix epoch.
        random_unit: a random number in [0, 1).
        alone: entered once nobody holds a lease on a model, and until it is left nobody is given one; whoever waits is told for whom.
        describe: adds to a status what is known of revisions and leases.
    """

    publish: Callable[[Event], Awaitable[None]]
    verify: Callable[[FilesVerifyRequestEvent], Awaitable[FilesVerifiedEvent]]
    open_client: Callable[[], httpx.Client] = open_client
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep
    now: Callable[[], float] = time.time
    random_unit: Callable[[], float] = random.random
    alone: Callable[[str, Callable[[list[str]], Awaitable[None]]], AbstractAsyncContextManager[None]] = lambda model_id, tell: nullcontext()
    describe: Callable[[ModelStatus], ModelStatus] = lambda status: status

    @cached_property
    def client(self) -> httpx.Client:
        """One for all installs; made when the first byte is fetched, since httpx is not worth its memory before."""
        return self.open_client()

    def close(self) -> None:
        """Close the client, if one was made."""
        if "client" in self.__dict__:
            self.client.close()
