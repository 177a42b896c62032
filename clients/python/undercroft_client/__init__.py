"""A thin client for an Undercroft runtime. It needs pyzmq and msgspec, and nothing of Undercroft itself.

`connect` is for synchronous code, `undercroft_client.aio.connect` for asyncio. `events.py` has every event of
the contract. What the client says, and when it says it again, is decided without sockets: `protocol.py` and
`outbox.py` for the lane, `feed_follower.py` and `ordering.py` for the feed, `reply_merge.py` for both
together; `values.py` knows what may stand in an event. `sockets.py` carries the frames, `own_places.py`
refuses what another user could have put in our places, and `base_client.py` is common to both clients.
"""

from undercroft_client.correlation import correlated
from undercroft_client.errors import (
    ClientError,
    HelloRefused,
    NotRunning,
    PublishRefused,
    Refused,
    RequestFailed,
    UnsafePlace,
)
from undercroft_client.event import Event, Request
from undercroft_client.reply_merge import Followed
from undercroft_client.runtime import CurveKeys, Runtime, read_runtime, runtime_path
from undercroft_client.sync import Client, Subscription, connect

__version__ = "0.1.0"

__all__ = [
    "Client",
    "ClientError",
    "CurveKeys",
    "Event",
    "Followed",
    "HelloRefused",
    "NotRunning",
    "PublishRefused",
    "Refused",
    "Request",
    "RequestFailed",
    "Runtime",
    "Subscription",
    "UnsafePlace",
    "connect",
    "correlated",
    "read_runtime",
    "runtime_path",
]
