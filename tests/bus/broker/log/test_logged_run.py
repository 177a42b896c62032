"""What a run weighs in the ring."""

from __future__ import annotations

from bus.broker.log.logged_run import LoggedRun


def test_header_and_body_count() -> None:
    assert LoggedRun("app.a", 1, 1, 1, (b"app.a", b"12", b"345")).size_bytes == 5
