"""Sockets and the memory twin offer a peer the same link."""

from __future__ import annotations

import inspect

import pytest

from bus.link import Link
from bus.memory import MemoryLink
from bus.sockets import SocketLink

METHODS = [name for name, value in vars(Link).items() if inspect.isfunction(value) and not name.startswith("_")]


@pytest.mark.parametrize("kind", [SocketLink, MemoryLink])
@pytest.mark.parametrize("method", METHODS)
def test_every_kind_of_link_has_every_method_with_the_same_signature(kind: type[object], method: str) -> None:
    assert inspect.signature(getattr(kind, method)) == inspect.signature(getattr(Link, method))
