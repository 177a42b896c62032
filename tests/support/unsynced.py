"""Leaves syncing out, for tests with hundreds of histories or homes that are not about power cuts."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from unittest import mock


@contextlib.contextmanager
def unsynced() -> Iterator[None]:
    """Nothing is made durable inside the block: a disk of a busy machine takes most of the time for that."""
    with contextlib.ExitStack() as stack:
        for name in ("fsync", "fdatasync"):
            if hasattr(os, name):
                stack.enter_context(mock.patch.object(os, name, return_value=None))
        yield
