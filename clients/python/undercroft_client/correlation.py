"""The id that follows one matter through all processes: set it once, and what is sent within carries it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

LIMIT_CHARACTERS: Final = 128

correlation: ContextVar[str | None] = ContextVar("correlation", default=None)
"""What is published and asked now belongs to this matter; None: to none."""


@contextmanager
def correlated(id: str | None = None) -> Iterator[str]:
    """Publish and ask as part of one matter within this block.

    Args:
        id: that of the matter, such as `subscription.correlation` of the event that is being handled; None: a
            new one.

    Raises:
        ValueError: the id is longer than the protocol allows.
    """
    chosen = os.urandom(8).hex() if id is None else id
    if len(chosen) > LIMIT_CHARACTERS:
        raise ValueError(f"a correlation has at most {LIMIT_CHARACTERS} characters; found {len(chosen)}")
    token = correlation.set(chosen)
    try:
        yield chosen
    finally:
        correlation.reset(token)
