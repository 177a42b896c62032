"""What all streams share: the cap is kept, settings are followed, nonsense in them changes nothing."""

from __future__ import annotations

import threading

from actors.model_downloader.transfer.cancel_token import CancelToken
from actors.model_downloader.transfer.transfer_limits import KIB, TransferLimits


def test_streams_beyond_the_cap_wait_or_are_not_opened() -> None:
    traffic = TransferLimits(1)
    assert traffic.enter(CancelToken(), patient=True)
    assert not traffic.enter(CancelToken(), patient=False)
    entered = threading.Event()

    def enter() -> None:
        if traffic.enter(CancelToken(), patient=True):
            entered.set()

    waiting = threading.Thread(target=enter)
    waiting.start()
    assert not entered.is_set()
    traffic.leave()
    assert entered.wait(10)
    waiting.join()


def test_abort_ends_the_wait_for_a_stream() -> None:
    traffic, abort = TransferLimits(1), CancelToken()
    traffic.enter(CancelToken(), patient=True)
    abort.set()
    assert not traffic.enter(abort, patient=True)


def test_settings_are_followed_while_streams_are_open() -> None:
    traffic = TransferLimits(4)
    for _ in range(3):
        traffic.enter(CancelToken(), patient=True)
    settings = {
        "max_streams": 2,
        "rate_limit_kib_per_second": 80,
        "mirror_url": "https://mirror.example",
        "partials_keep_days": 9,
        "offline": True,
    }
    traffic.follow({"models": settings})
    assert traffic.is_over
    assert (traffic.most, traffic.mirror_url, traffic.keep_days, traffic.offline) == (
        2,
        "https://mirror.example",
        9,
        True,
    )
    assert traffic.step_bytes(1 << 20) == 10 * KIB


def test_settings_that_say_nothing_or_nonsense_change_nothing() -> None:
    traffic = TransferLimits(4)
    for settings in (
        {},
        {"models": None},
        {"models": {"max_streams": "many", "partials_keep_days": "x", "mirror_url": 3}},
    ):
        traffic.follow(settings)
    assert (traffic.most, traffic.mirror_url, traffic.keep_days, traffic.offline) == (4, "", 0, False)


def test_wait_for_the_rate_ends_with_an_abort() -> None:
    traffic, abort = TransferLimits(4, rate_bytes_per_second=1), CancelToken()
    abort.set()
    traffic.spend(1 << 30, abort)
