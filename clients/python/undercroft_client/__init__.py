"""A thin client for an Undercroft runtime. It needs pyzmq and msgspec, and nothing of Undercroft itself.

`connect` is for synchronous code, `undercroft_client.aio.connect` for asyncio. `events.py` has every event of
the contract. `protocol.py`, `outbox.py` and `ordering.py` decide what the client says and when it says it
again, without sockets; `sockets.py` carries their frames, and `base_client.py` is common to both clients.
"""

from undercroft_client.errors import (
    ClientError,
    HelloRefused,
    NotRunning,
    PublishRefused,
    Refused,
    RequestFailed,
)
from undercroft_client.event import Event, Request
from undercroft_client.runtime import CurveKeys, Runtime, read_runtime, runtime_path
from undercroft_client.sync import Client, Subscription, connect

__all__ = [
    "Client",
    "ClientError",
    "CurveKeys",
    "Event",
    "HelloRefused",
    "NotRunning",
    "PublishRefused",
    "Refused",
    "Request",
    "RequestFailed",
    "Runtime",
    "Subscription",
    "connect",
    "read_runtime",
    "runtime_path",
]
