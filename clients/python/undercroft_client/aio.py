"""The client for asyncio: the same as the synchronous one, with `await`."""

from __future__ import annotations

import asyncio
import os
from types import TracebackType

from undercroft_client.aio_client import Client as Client
from undercroft_client.aio_client import Subscription as Subscription
from undercroft_client.base_client import CONNECT_TIMEOUT_SECONDS
from undercroft_client.errors import NotRunning
from undercroft_client.runtime import DEFAULT_APP, Runtime


class Connection:
    """What `connect` returns: `async with connect(...) as client`."""

    def __init__(
        self,
        name: str | None,
        app: str,
        home: str | os.PathLike[str] | None,
        runtime: Runtime | None,
        credential: str | None,
        timeout_seconds: float,
    ) -> None:
        self._arguments = (name, app, home, runtime, credential)
        self._timeout_seconds = timeout_seconds
        self._client: Client | None = None

    async def __aenter__(self) -> Client:
        client = self._client = Client(*self._arguments)
        protocol = client._protocol
        try:
            async with asyncio.timeout(self._timeout_seconds):
                await client.wait_for(lambda: protocol.is_welcome or protocol.refusal is not None)
            if protocol.refusal is not None:
                raise protocol.refusal
        except TimeoutError:
            await client.close()
            raise NotRunning(
                str(client._path),
                f"no answer at {client._runtime.lane} within {self._timeout_seconds} s",
            ) from None
        except BaseException:
            await client.close()
            raise
        return client

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._client is not None:
            await self._client.close()


def connect(
    name: str | None = None,
    *,
    app: str = DEFAULT_APP,
    home: str | os.PathLike[str] | None = None,
    runtime: Runtime | None = None,
    credential: str | None = None,
    timeout_seconds: float = CONNECT_TIMEOUT_SECONDS,
) -> Connection:
    """Connect to a runtime. The client reconnects by itself until the block ends.

    Args:
        name: unique among those connected; None: a random one.
        app: name of the app whose runtime is looked up.
        home: directory of that runtime, in place of `app`.
        runtime: connect to this one, in place of looking it up.
        credential: proves that this client is who its name says; None: that in UNDERCROFT_CREDENTIAL, if it
            was made for this name and this runtime, else the token of the runtime, which makes a guest.
        timeout_seconds: limit of the first connection.

    Raises:
        NotRunning: there is no runtime, or it does not answer.
        HelloRefused: it does not admit this client.
    """
    return Connection(name, app, home, runtime, credential, timeout_seconds)
