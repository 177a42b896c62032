"""What all tests share."""

from __future__ import annotations

import signal

import pytest
from hypothesis import settings

settings.register_profile("undercroft", deadline=None)  # time says how busy the machine is
settings.load_profile("undercroft")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # Whoever starts the tests in the background hands this down to every command that they start and
    # interrupt.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def anyio_backend() -> str:
    """The bus lives on asyncio."""
    return "asyncio"
