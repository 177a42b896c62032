"""Sockets and memory offer a peer the same transport."""

from __future__ import annotations

import inspect

import pytest

from bus.transport.memory_transport import MemoryTransport
from bus.transport.sockets.socket_transport import SocketTransport
from bus.transport.transport import Transport

METHODS = [
    name for name, value in vars(Transport).items() if inspect.isfunction(value) and not name.startswith("_")
]


@pytest.mark.parametrize("kind", [SocketTransport, MemoryTransport])
@pytest.mark.parametrize("method", METHODS)
def test_every_kind_of_transport_has_every_method_with_the_same_signature(
    kind: type[object], method: str
) -> None:
    assert inspect.signature(getattr(kind, method)) == inspect.signature(getattr(Transport, method))
