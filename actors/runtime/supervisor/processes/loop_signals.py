"""Signals of the operating system, delivered on the event loop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def handled_signals(
    loop: asyncio.AbstractEventLoop,
    stop: Callable[[], None],
    interrupt: Callable[[], None],
    reload: Callable[[], None],
    *,
    ignores_later: bool = False,
) -> Iterator[None]:
    """Within the block SIGTERM, SIGINT and (where it exists) SIGHUP call `stop`, `interrupt` and `reload`.

    Args:
        loop: calls them.
        stop: SIGTERM.
        interrupt: SIGINT.
        reload: SIGHUP.
        ignores_later: after the block SIGTERM means nothing: the process is about to end with its own code.
    """
    handlers: dict[int, Callable[[], None]] = {signal.SIGTERM: stop, signal.SIGINT: interrupt}
    if os.name == "nt":
        former = {
            number: signal.signal(number, lambda *_, handler=handler: loop.call_soon_threadsafe(handler))
            for number, handler in handlers.items()
        }
        try:
            yield
        finally:
            for number, before in former.items():
                signal.signal(number, before)
        return
    handlers[signal.SIGHUP] = reload
    ignored = [number for number in handlers if signal.getsignal(number) is signal.SIG_IGN]
    for number, handler in handlers.items():
        loop.add_signal_handler(number, handler)
    try:
        yield
    finally:
        later = {*ignored, signal.SIGTERM} if ignores_later else set(ignored)
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, handlers)
        for number in handlers:
            loop.remove_signal_handler(number)
        for number in later:  # ignored before, as under nohup, or from now on; the loop leaves the default
            signal.signal(number, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
