"""The matter at hand: its id travels with everything that is published or requested about it."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Final

correlation: ContextVar[str | None] = ContextVar("correlation", default=None)
"""Id of the matter at hand. Everything that is published or requested carries it on."""

matter_at_hand: Final = correlation.get
"""Its id, or None."""


def matter_of(given: str | None) -> str | None:
    """The id that a message carries: the given one, or that of the matter at hand."""
    return given or matter_at_hand()
