"""Memory and disk are one to the actor: each method of the protocol, with the same arguments."""

from __future__ import annotations

import inspect

import pytest

from actors.history.disk_store import DiskStore
from actors.history.history_store import HistoryStore
from actors.history.memory_store import MemoryStore


@pytest.mark.parametrize("kind", [MemoryStore, DiskStore])
def test_every_store_has_the_methods_of_the_protocol(kind: type) -> None:
    for name, wanted in vars(HistoryStore).items():
        if inspect.isfunction(wanted) and not name.startswith("_"):
            found = getattr(kind, name)
            assert inspect.iscoroutinefunction(found) == inspect.iscoroutinefunction(wanted), name
            assert inspect.signature(found) == inspect.signature(wanted), name
    assert hasattr(kind, "storage")
