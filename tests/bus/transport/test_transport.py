"""Sockets and the memory twin offer a peer the same link."""

from __future__ import annotations

import inspect

import pytest

from bus.transport.memory_bus import MemoryLink
from bus.transport.sockets import SocketLink
from bus.transport.transport import Link

METHODS = [
    name for name, value in vars(Link).items() if inspect.isfunction(value) and not name.startswith("_")
]


@pytest.mark.parametrize("kind", [SocketLink, MemoryLink])
@pytest.mark.parametrize("method", METHODS)
def test_every_kind_of_link_has_every_method_with_the_same_signature(kind: type[object], method: str) -> None:
    assert inspect.signature(getattr(kind, method)) == inspect.signature(getattr(Link, method))
