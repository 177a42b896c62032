"""When written bytes are flushed: by time, by bytes, and sooner where a kill loses what is not durable."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from actors.model_downloader.transfer import flush_policy
from actors.model_downloader.transfer.flush_policy import must_wait, sync_due


def test_nothing_pending_is_never_due() -> None:
    assert not sync_due(0, 1e9, strict=True)


def test_due_by_time_or_by_bytes_and_sooner_where_a_kill_counts() -> None:
    assert sync_due(1, flush_policy.SYNC_INTERVAL_SECONDS, strict=False)
    assert sync_due(flush_policy.SYNC_STEP_BYTES, 0.0, strict=False)
    assert not sync_due(flush_policy.STRICT_LAG_BYTES, 0.0, strict=False)
    assert sync_due(flush_policy.STRICT_LAG_BYTES // 2, 0.0, strict=True)


@given(pending=st.integers(0, 10**12), strict=st.booleans())
def test_writer_that_waits_always_waits_for_a_sync_that_is_due(pending: int, strict: bool) -> None:
    if must_wait(pending, strict):
        assert sync_due(pending, 0.0, strict)
