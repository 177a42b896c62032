"""A thin client for an Undercroft runtime: `connect` for synchronous code, `undercroft_client.aio.connect` for asyncio."""

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
