"""Signals of the operating system, delivered on the event loop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def handled_signals(
    loop: asyncio.AbstractEventLoop, stop: Callable[[], None], reload: Callable[[], None]
) -> Iterator[None]:
    """Within the block SIGTERM and SIGINT call `stop`, and SIGHUP (where it exists) calls `reload`."""
    handlers: dict[int, Callable[[], None]] = {signal.SIGTERM: stop, signal.SIGINT: stop}
    if os.name == "nt":
        former = {
            number: signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop)) for number in handlers
        }
        try:
            yield
        finally:
            for number, before in former.items():
                signal.signal(number, before)
        return
    handlers[signal.SIGHUP] = reload
    for number, handler in handlers.items():
        loop.add_signal_handler(number, handler)
    try:
        yield
    finally:
        for number in handlers:
            loop.remove_signal_handler(number)
