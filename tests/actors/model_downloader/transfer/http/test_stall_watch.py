"""A body that drips is found, and a slow line is not taken for one."""

from __future__ import annotations

import pytest

from actors.model_downloader.transfer.http.fetch_failure import BodyStalled
from actors.model_downloader.transfer.http.stall_watch import STALL_LEAST_BYTES, StallWatch


def test_drip_counts_as_a_stall_and_a_slow_line_does_not() -> None:
    watch = StallWatch(30.0)
    for _ in range(29):
        watch.received(1, 1.0)
    with pytest.raises(BodyStalled, match="only 30 bytes came in 30 s"):
        watch.received(1, 1.0)
    watch = StallWatch(30.0)
    for _ in range(100):
        watch.received(STALL_LEAST_BYTES, 29.0)
