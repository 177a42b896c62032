"""What all streams share: the cap and the rate are kept, and both may change meanwhile."""

from __future__ import annotations

import threading
import time

from actors.model_downloader.transfer.cancel_token import CancelToken
from actors.model_downloader.transfer.transfer_limits import TransferLimits


def test_streams_beyond_the_cap_wait_or_are_not_opened() -> None:
    limits = TransferLimits(1)
    assert limits.open_stream(CancelToken(), wait=True)
    assert not limits.open_stream(CancelToken(), wait=False)
    entered = threading.Event()

    def enter() -> None:
        if limits.open_stream(CancelToken(), wait=True):
            entered.set()

    waiting = threading.Thread(target=enter)
    waiting.start()
    assert not entered.is_set()
    limits.close_stream()
    assert entered.wait(10)
    waiting.join()


def test_cancelling_ends_the_wait_for_a_stream() -> None:
    limits, token = TransferLimits(1), CancelToken()
    limits.open_stream(CancelToken(), wait=True)
    token.cancel()
    assert not limits.open_stream(token, wait=True)


def test_limits_change_while_streams_are_open() -> None:
    limits = TransferLimits(4)
    for _ in range(3):
        limits.open_stream(CancelToken(), wait=True)
    assert not limits.is_over
    limits.change(most_streams=2, rate_bytes_per_second=80 * 1024)
    assert limits.is_over
    assert limits.most_streams == 2
    assert limits.step_bytes(1 << 20) == 10 * 1024


def test_same_rate_again_keeps_what_was_overdrawn() -> None:
    limits, token = TransferLimits(4, rate_bytes_per_second=1000), CancelToken()
    token.cancel()
    limits.spend(1_000_000, token)
    limits.change(4, 1000)
    started = time.monotonic()
    waiting = CancelToken()
    threading.Timer(0.2, waiting.cancel).start()
    limits.spend(1, waiting)
    assert time.monotonic() - started > 0.1


def test_wait_for_the_rate_ends_when_cancelled() -> None:
    limits, token = TransferLimits(4, rate_bytes_per_second=1), CancelToken()
    token.cancel()
    limits.spend(1 << 30, token)
