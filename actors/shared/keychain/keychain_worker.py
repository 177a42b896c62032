"""Calls a keychain in a thread of its own, so that one that hangs costs its caller no more than a timeout."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotInTime
from typing import Final, TypeVar

from actors.shared.keychain.keychain import Keychain, KeychainFailed

TIMEOUT_SECONDS: Final = 5.0
ResultT = TypeVar("ResultT")


class KeychainWorker:
    """A keychain with a timeout. One call runs at a time: while one hangs, the next fails at once.

    The thread is a daemon and cannot be stopped. A call that hangs for ever keeps the thread, and nothing
    else, until the process ends.
    """

    def __init__(self, keychain: Keychain, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        self._keychain = keychain
        self._timeout_seconds = timeout_seconds
        self._lock = threading.Lock()
        self._hanging: Future[object] | None = None

    @property
    def name(self) -> str:
        """See `Keychain`."""
        return self._keychain.name

    def get(self, account: str) -> str | None:
        """See `Keychain`. Raises KeychainFailed("timed_out") if it does not answer."""
        return self._call(lambda: self._keychain.get(account))

    def put(self, account: str, secret: str) -> None:
        """See `Keychain`. After a timeout the secret may still be kept."""
        self._call(lambda: self._keychain.put(account, secret))

    def remove(self, account: str) -> None:
        """See `Keychain`. After a timeout the secret may still be removed."""
        self._call(lambda: self._keychain.remove(account))

    def _call(self, work: Callable[[], ResultT]) -> ResultT:
        with self._lock:
            if self._hanging is not None and not self._hanging.done():
                raise KeychainFailed("timed_out", "an earlier call is still waiting for its answer")
            future: Future[ResultT] = Future()
            self._hanging = future  # type: ignore[assignment]  # only asked whether it is done
            threading.Thread(target=_run, args=(work, future), name="keychain", daemon=True).start()
        try:
            return future.result(self._timeout_seconds)
        except NotInTime:
            raise KeychainFailed("timed_out", f"no answer within {self._timeout_seconds:g} s") from None


def _run(work: Callable[[], ResultT], future: Future[ResultT]) -> None:
    try:
        future.set_result(work())
    except BaseException as error:  # handed to the caller
        future.set_exception(error)
